//! The decision log, and replays of it.

use crate::world::{ALLOW_ALL, BOB, World, pay, request};
use policy::{
    DecisionFilter, DocumentSource, Error, Outcome, ReasonCode, ReplayTarget, Target, Verdict,
    replay,
};
use testkit::on_each_engine;
use types::{DecisionId, Page, Ulid};

const LIMIT: &str = include_str!("../../../../policies/limit.rego");
const ALLOWLIST: &str = crate::world::LABELLED;

fn all() -> DecisionFilter {
    DecisionFilter::default()
}

/// Decisions of every kind.
async fn log_decisions(world: &World) -> Vec<Verdict> {
    world.attach("limit", LIMIT).await;
    world.attach("allowlist", ALLOWLIST).await;
    world.lookups.label(BOB, "allowed");
    let mut requests: Vec<_> = (0..300u64)
        .map(|n| pay(&format!("{n}00000000000000000000")))
        .collect();
    requests.push(crate::world::cancel());
    let mut missing = pay("1");
    missing.policies = vec!["nowhere".into()];
    requests.push(missing);
    requests.push(request(intent::Intent::cancel(
        "solana:mainnet".parse().unwrap(),
        "x".into(),
    )));
    policy::decide(&world.policy, &requests).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_versions_give_the_same_outcomes() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        log_decisions(&world).await;
        // The current labels and policies must not matter.
        world.lookups.unlabel(BOB);
        world
            .upload("limit", "package florin.no\nallow := false")
            .await;
        policy::detach(
            &world.policy,
            &world.principal,
            "allowlist",
            Target::Namespace,
        )
        .await
        .unwrap();
        let mut steps = Vec::new();
        let replayed = replay(
            &world.policy,
            &world.principal,
            &all(),
            ReplayTarget::SameVersion,
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
        // The same, page by page.
        let (mut page, mut counts) = (
            types::Page {
                limit: 100,
                skip: 0,
                after: None,
            },
            Vec::new(),
        );
        loop {
            let (page_result, next) = policy::replay_page(
                &world.policy,
                &world.principal,
                &all(),
                ReplayTarget::SameVersion,
                &page,
            )
            .await
            .unwrap();
            counts.push(page_result.total.judged + page_result.total.skipped);
            let Some(next) = next else { break };
            page.after = Some(next);
        }
        assert_eq!(counts, [100, 100, 100, 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_on_another_version_shows_the_differences() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let verdicts = log_decisions(&world).await;
        let permitted = verdicts
            .iter()
            .filter(|verdict| matches!(verdict, Verdict::Permit { .. }))
            .count();
        assert_eq!(permitted, 3, "zero, one hundred, and the cancel");
        let wider = world
            .upload("limit", &LIMIT.replace("\"100\"", "\"200\""))
            .await;
        let against = ReplayTarget::Version(wider.id);
        let replayed = replay(&world.policy, &world.principal, &all(), against, |_| {})
            .await
            .unwrap();
        assert_eq!(
            (replayed.total.different, replayed.total.judged),
            (298, 301)
        );
        let now_permitted = replayed
            .differences
            .iter()
            .filter(|difference| matches!(difference.now, Outcome::Permit { .. }))
            .count();
        assert_eq!(
            now_permitted, 1,
            "two hundred are permitted now; the others only differ in their messages"
        );
        let failing_lookup = world
            .upload(
                "allowlist",
                "package florin.x\nallow := true\nlookups := {\"x\": {\"from\": \"price\"}}",
            )
            .await;
        let replayed = replay(
            &world.policy,
            &world.principal,
            &all(),
            ReplayTarget::Version(failing_lookup.id),
            |_| {},
        )
        .await
        .unwrap();
        let Outcome::Denied { reasons } = &replayed.differences[0].now else {
            panic!("{replayed:?}")
        };
        assert!(
            reasons
                .iter()
                .any(|reason| reason.code == ReasonCode::Lookup),
            "{reasons:?}"
        );
        let unknown = ReplayTarget::Version(types::VersionId::from_ulid(Ulid::from_bits(9)));
        assert!(matches!(
            replay(&world.policy, &world.principal, &all(), unknown, |_| {}).await,
            Err(Error::UnknownVersion { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_contains_the_exact_request() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let limit = world.upload("limit", LIMIT).await;
        policy::attach(&world.policy, &world.principal, "limit", Target::Namespace).await.unwrap();
        world.attach("allowlist", ALLOWLIST).await;
        world.lookups.label(BOB, "allowed");
        let request = pay("1");
        let verdict = world.decide(&request).await;
        let logged = policy::decision(&world.policy, &world.principal, verdict.decision()).await.unwrap();
        assert_eq!((logged.subject.as_str(), logged.initiator.id.as_str()), ("sub:1", "ops"));
        let names: Vec<_> = logged.documents.iter().map(DocumentSource::name).collect();
        assert_eq!(names, ["allowlist", "limit"]);
        assert!(matches!(&logged.documents[1], DocumentSource::Version { version, hash, .. } if (*version, *hash) == (limit.id, limit.hash)));
        let input = logged.input.to_value();
        assert_eq!(input["intent"]["value"], "1");
        assert_eq!(input["effects"]["moves"][0]["to"], BOB);
        assert_eq!(input["time"]["at"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(types::canonical_json(&input), logged.input.as_str());
        let expected = format!(r#"[{{"answer":["allowed"],"args":{{"address":"{BOB}","chain":"eip155:1337"}},"from":"address.labels"}}]"#);
        assert_eq!(logged.lookups.as_str(), expected);
        let unknown = DecisionId::from_ulid(Ulid::from_bits(1));
        assert!(matches!(policy::decision(&world.policy, &world.principal, unknown).await, Err(Error::UnknownDecision { .. })));
        let stranger = crate::world::controller("other");
        assert!(policy::decision(&world.policy, &stranger, logged.id).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_in_pages_and_with_filters() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("limit", LIMIT).await;
        for n in 0..7u32 {
            let amount = if n % 2 == 0 {
                "1"
            } else {
                "9000000000000000000000000"
            };
            let mut request = pay(amount);
            request.subject = format!("sub:{n}");
            policy::decide(&world.policy, &[request]).await.unwrap();
            test.clock.advance_millis(1_000);
        }
        world.upload("other", ALLOW_ALL).await;
        let read = async |filter: DecisionFilter| {
            let mut page = Page {
                limit: 2,
                skip: 0,
                after: None,
            };
            let mut subjects = String::new();
            loop {
                let listed = policy::decisions(&world.policy, &world.principal, &filter, &page)
                    .await
                    .unwrap();
                listed.items.iter().for_each(|decision| {
                    subjects.push_str(decision.subject.trim_start_matches("sub:"))
                });
                match listed.next {
                    Some(next) => page.after = Some(next),
                    None => return subjects,
                }
            }
        };
        assert_eq!(read(all()).await, "6543210");
        assert_eq!(
            read(DecisionFilter {
                result: Some("denied".into()),
                ..all()
            })
            .await,
            "531"
        );
        assert_eq!(
            read(DecisionFilter {
                policy: Some("limit".into()),
                ..all()
            })
            .await,
            "6543210"
        );
        assert_eq!(
            read(DecisionFilter {
                policy: Some("other".into()),
                ..all()
            })
            .await,
            ""
        );
        assert_eq!(
            read(DecisionFilter {
                subject: Some("sub:4".into()),
                ..all()
            })
            .await,
            "4"
        );
        let signer = DecisionFilter {
            signer: Some("nobody".into()),
            ..all()
        };
        assert_eq!(read(signer).await, "");
        let (since, until) = (
            testkit::START.plus_millis(2_000),
            testkit::START.plus_millis(5_000),
        );
        let between = DecisionFilter {
            since: Some(since),
            until: Some(until),
            ..all()
        };
        assert_eq!(read(between.clone()).await, "432");
        assert_eq!(
            read(DecisionFilter {
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
            policy::decisions(&world.policy, &world.principal, &all(), &nonsense).await,
            Err(Error::InvalidCursor)
        ));
    })
    .await;
}
