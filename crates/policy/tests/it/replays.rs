//! The log of decisions, and what a replay of it shows.

use crate::world::{BOB, World, YES, ask, chain, pay};
use policy::{Against, Error, Filter, Outcome, Source, Target, Verdict, Why, replay};
use testkit::on_each_engine;
use types::{DecisionId, Page, Ulid};

const LIMIT: &str = include_str!("../../../../policies/limit.rego");
const ALLOWLIST: &str = include_str!("../../../../policies/allowlist.rego");

fn all() -> Filter {
    Filter::default()
}

/// A day of decisions of every kind.
async fn a_day(world: &World) -> Vec<Verdict> {
    world.attach("limit", LIMIT).await;
    world.attach("allowlist", ALLOWLIST).await;
    world.book.label(BOB, "allowed");
    let mut questions: Vec<_> = (0..300u64)
        .map(|n| pay(&format!("{n}000000000000000000000000")))
        .collect();
    questions.push(ask(intent::Intent::cancel(
        chain(),
        crate::world::SELF.into(),
    )));
    let mut missing = pay("1");
    missing.policies = vec!["nowhere".into()];
    questions.push(missing);
    questions.push(ask(intent::Intent::cancel(
        "solana:mainnet".parse().unwrap(),
        "x".into(),
    )));
    policy::decide(&world.policy, &questions).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_versions_say_the_same() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        a_day(&world).await;
        // What the world says now must not matter.
        world.book.unlabel(BOB);
        world
            .upload("limit", "package florin.no\nallow := false")
            .await;
        policy::detach(&world.policy, &world.who, "allowlist", Target::Namespace)
            .await
            .unwrap();
        let mut steps = Vec::new();
        let replayed = replay(
            &world.policy,
            &world.who,
            &all(),
            Against::SameVersion,
            |at| steps.push(at.judged + at.skipped),
        )
        .await
        .unwrap();
        assert!(
            replayed.differences.is_empty(),
            "{:?}",
            replayed.differences[0]
        );
        assert_eq!((replayed.total.judged, replayed.total.skipped), (302, 1));
        assert_eq!(steps, [200, 303]);
        // Page by page the same, for who asks from outside.
        let (mut page, mut seen) = (
            types::Page {
                limit: 100,
                skip: 0,
                after: None,
            },
            Vec::new(),
        );
        loop {
            let (part, next) = policy::replay_page(
                &world.policy,
                &world.who,
                &all(),
                Against::SameVersion,
                &page,
            )
            .await
            .unwrap();
            seen.push(part.total.judged + part.total.skipped);
            let Some(next) = next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, [100, 100, 100, 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_shows_what_it_would_change() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let verdicts = a_day(&world).await;
        let permitted = verdicts
            .iter()
            .filter(|verdict| matches!(verdict, Verdict::Permit { .. }))
            .count();
        assert_eq!(permitted, 3, "nothing, a million, and the cancel");
        let wider = world
            .upload("limit", &LIMIT.replace("\"1000000\"", "\"2000000\""))
            .await;
        let against = Against::Version(wider.id);
        let replayed = replay(&world.policy, &world.who, &all(), against, |_| {})
            .await
            .unwrap();
        assert_eq!(
            (replayed.total.different, replayed.total.judged),
            (298, 301)
        );
        let eased = replayed
            .differences
            .iter()
            .filter(|one| matches!(one.now, Outcome::Permit { .. }))
            .count();
        assert_eq!(
            eased, 1,
            "two millions pass now; of the others only the words differ"
        );
        let now_silent = world
            .upload(
                "allowlist",
                "package florin.x\nallow := true\nlookups := {\"x\": {\"from\": \"price\"}}",
            )
            .await;
        let replayed = replay(
            &world.policy,
            &world.who,
            &all(),
            Against::Version(now_silent.id),
            |_| {},
        )
        .await
        .unwrap();
        let Outcome::Denied { reasons } = &replayed.differences[0].now else {
            panic!("{replayed:?}")
        };
        assert!(
            reasons.iter().any(|reason| reason.code == Why::Lookup),
            "{reasons:?}"
        );
        let unknown = Against::Version(types::VersionId::from_ulid(Ulid::from_bits(9)));
        assert!(matches!(
            replay(&world.policy, &world.who, &all(), unknown, |_| {}).await,
            Err(Error::UnknownVersion { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_exactly_what_was_asked() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let limit = world.upload("limit", LIMIT).await;
        policy::attach(&world.policy, &world.who, "limit", Target::Namespace).await.unwrap();
        world.attach("allowlist", ALLOWLIST).await;
        world.book.label(BOB, "allowed");
        let question = pay("1");
        let verdict = world.decide(&question).await;
        let found = policy::decision(&world.policy, &world.who, verdict.decision()).await.unwrap();
        assert_eq!((found.subject.as_str(), found.initiator.id.as_str()), ("sub:1", "ops"));
        let names: Vec<_> = found.documents.iter().map(Source::name).collect();
        assert_eq!(names, ["allowlist", "limit"]);
        assert!(matches!(&found.documents[1], Source::Version { version, hash, .. } if (*version, *hash) == (limit.id, limit.hash)));
        let input = found.input.to_value();
        assert_eq!(input["intent"]["value"], "1");
        assert_eq!(input["effects"]["moves"][0]["to"], BOB);
        assert_eq!(input["time"]["at"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(types::canonical_json(&input), found.input.as_str());
        let told = format!(r#"[{{"answer":["allowed"],"args":{{"address":"{BOB}","chain":"eip155:1337"}},"from":"address.labels"}}]"#);
        assert_eq!(found.lookups.as_str(), told);
        let unknown = DecisionId::from_ulid(Ulid::from_bits(1));
        assert!(matches!(policy::decision(&world.policy, &world.who, unknown).await, Err(Error::UnknownDecision { .. })));
        let stranger = crate::world::controller("other");
        assert!(policy::decision(&world.policy, &stranger, found.id).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_in_pages_and_by_filters() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("limit", LIMIT).await;
        for n in 0..7u32 {
            let amount = if n % 2 == 0 {
                "1"
            } else {
                "9000000000000000000000000"
            };
            let mut question = pay(amount);
            question.subject = format!("sub:{n}");
            policy::decide(&world.policy, &[question]).await.unwrap();
            test.clock.advance_millis(1_000);
        }
        world.upload("other", YES).await;
        let read = async |filter: Filter| {
            let mut page = Page {
                limit: 2,
                skip: 0,
                after: None,
            };
            let mut subjects = String::new();
            loop {
                let found = policy::decisions(&world.policy, &world.who, &filter, &page)
                    .await
                    .unwrap();
                found
                    .items
                    .iter()
                    .for_each(|one| subjects.push_str(one.subject.trim_start_matches("sub:")));
                match found.next {
                    Some(next) => page.after = Some(next),
                    None => return subjects,
                }
            }
        };
        assert_eq!(read(all()).await, "6543210");
        assert_eq!(
            read(Filter {
                result: Some("denied".into()),
                ..all()
            })
            .await,
            "531"
        );
        assert_eq!(
            read(Filter {
                policy: Some("limit".into()),
                ..all()
            })
            .await,
            "6543210"
        );
        assert_eq!(
            read(Filter {
                policy: Some("other".into()),
                ..all()
            })
            .await,
            ""
        );
        assert_eq!(
            read(Filter {
                subject: Some("sub:4".into()),
                ..all()
            })
            .await,
            "4"
        );
        let signer = Filter {
            signer: Some("nobody".into()),
            ..all()
        };
        assert_eq!(read(signer).await, "");
        let (since, until) = (
            testkit::START.plus_millis(2_000),
            testkit::START.plus_millis(5_000),
        );
        let between = Filter {
            since: Some(since),
            until: Some(until),
            ..all()
        };
        assert_eq!(read(between.clone()).await, "432");
        assert_eq!(
            read(Filter {
                policy: Some("limit".into()),
                ..between
            })
            .await,
            "432"
        );
        let nonsense = Page {
            limit: 2,
            skip: 0,
            after: Some("x".into()),
        };
        assert!(matches!(
            policy::decisions(&world.policy, &world.who, &all(), &nonsense).await,
            Err(Error::Cursor)
        ));
    })
    .await;
}
