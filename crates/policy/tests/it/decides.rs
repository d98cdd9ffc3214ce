//! Who is asked, and how answers add up.

use crate::world::{BOB, SELF, World, YES, ask, chain, pay, wallet};
use policy::{Approval, Filter, Obligation, Target, Verdict, Why, decide};
use std::sync::atomic::Ordering;
use store::{Cursor, facts_after};
use testkit::{namespace, on_each_engine};
use types::{Amount, Page, Role, Time};

const LIMIT: &str = include_str!("../../../../policies/limit.rego");
const ALLOWLIST: &str = include_str!("../../../../policies/allowlist.rego");
const APPROVALS: &str = include_str!("../../../../policies/approvals.rego");
const MILLION: &str = "1000000000000000000000000";
const MILLION_AND_ONE: &str = "1000000000000000000000001";

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_allowed_is_denied() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        assert_eq!(world.denial(&pay("1")).await[0].code, Why::NoPolicy);
        world.upload("yes", YES).await;
        assert_eq!(
            world.denial(&pay("1")).await[0].code,
            Why::NoPolicy,
            "uploaded is not attached"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_to_the_last_unit() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("limit", LIMIT).await;
        world.permit(&pay(MILLION)).await;
        let reasons = world.denial(&pay(MILLION_AND_ONE)).await;
        assert_eq!(reasons[0].code, Why::Denied);
        assert_eq!(
            reasons[0].to_string(),
            format!("limit: a transfer of {MILLION_AND_ONE} is above the limit of {MILLION}")
        );
        world.denial(&pay(&Amount::MAX.to_string())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_have_to_allow_and_the_narrowest_cap_holds() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", YES).await;
        let caps = "package florin.caps\nallow := true\nenvelope := {\"total_fee\": \"300000\", \"signatures\": 2}";
        world.attach("caps", caps).await;
        let envelope = world.permit(&pay("1")).await.body.envelope;
        assert_eq!((envelope.total_fee, envelope.signatures), (Amount::from(300_000), 2));
        assert_eq!((envelope.gas, envelope.fee_per_gas), (31_500, Amount::from(40)));
        world.attach("no", "package florin.no\ndefault allow := false\nallow if input.labels.why == \"because\"").await;
        let reasons = world.denial(&pay("1")).await;
        assert_eq!(
            reasons.iter().map(|r| (r.code, r.policy.as_deref())).collect::<Vec<_>>(),
            [(Why::NotAllowed, Some("no"))]
        );
        let mut labelled = pay("1");
        labelled.labels.insert("why".into(), "because".into());
        world.permit(&labelled).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_target_is_found() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", YES).await;
        world
            .upload("no", "package florin.no\nallow := false")
            .await;
        let mut question = pay("1");
        question.assets = vec!["gold".into()];
        question.key = Some(types::KeyId::from_ulid(types::Ulid::from_bits(5)));
        question.task = Some(policy::TaskRef {
            name: "payout".into(),
            version: "1".into(),
            run: types::RunId::from_ulid(types::Ulid::from_bits(6)),
            step: "pay".into(),
        });
        let bob = "0xB0b0000000000000000000000000000000000b0b"; // another spelling of the same account
        let shouted = intent::parse_recipient(&chain(), &bob.to_lowercase())
            .unwrap()
            .account;
        assert_eq!(shouted, BOB);
        for target in [
            Target::Wallet { id: wallet().id },
            Target::Key {
                id: question.key.unwrap(),
            },
            Target::Account {
                chain: chain(),
                account: SELF.to_uppercase().replace("0X", "0x"),
            },
            Target::Contract {
                chain: chain(),
                account: BOB.into(),
            },
            Target::Asset {
                name: "gold".into(),
            },
            Target::Task {
                name: "payout".into(),
            },
            Target::Namespace,
        ] {
            world.permit(&question).await;
            policy::attach(&world.policy, &world.who, "no", target.clone())
                .await
                .unwrap();
            assert_eq!(
                world.denial(&question).await[0].policy.as_deref(),
                Some("no"),
                "{target:?}"
            );
            assert!(
                policy::detach(&world.policy, &world.who, "no", target)
                    .await
                    .unwrap()
            );
        }
        question.policies = vec!["no".into()];
        world.denial(&question).await;
        question.policies = vec!["nowhere".into()];
        assert_eq!(world.denial(&question).await[0].code, Why::Missing);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allow_list_lives_in_the_data_model() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("allowlist", ALLOWLIST).await;
        assert_eq!(
            world.denial(&pay("1")).await[0].text,
            format!("{BOB} is not on the allow list")
        );
        world.book.label(BOB, "allowed");
        world.permit(&pay("1")).await;
        world.book.unlabel(BOB);
        world.denial(&pay("1")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_is_asked_once_for_all_that_want_it() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.book.label(BOB, "allowed");
        world.attach("allowlist", ALLOWLIST).await;
        world
            .attach(
                "again",
                &ALLOWLIST.replace("florin.allowlist", "florin.again"),
            )
            .await;
        let verdicts = decide(&world.policy, &vec![pay("1"); 50]).await.unwrap();
        assert!(
            verdicts
                .iter()
                .all(|verdict| matches!(verdict, Verdict::Permit { .. }))
        );
        assert_eq!(world.book.asked.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_needed_and_then_counted() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("approvals", APPROVALS).await;
        world.permit(&pay(MILLION)).await;
        let mut question = pay(MILLION_AND_ONE);
        let Verdict::Needs { obligations, .. } = world.decide(&question).await else {
            panic!("not needed")
        };
        assert_eq!(
            obligations,
            [Obligation::Approval {
                count: 2,
                role: None
            }]
        );
        let yes = |by: &str| Approval {
            by: by.into(),
            roles: vec![Role::Controller],
            at: Time::from_secs(1),
        };
        question.approvals = vec![yes("ops"), yes("ben")];
        assert!(
            matches!(world.decide(&question).await, Verdict::Needs { .. }),
            "the initiator's own does not count"
        );
        question.approvals = vec![yes("cleo"), yes("ben")];
        let permit = world.permit(&question).await;
        assert_eq!(
            permit.body.approvals_hash,
            policy::approvals_hash(&question.approvals)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_asked_of_its_own_rule_alone() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world
            .attach("no", "package florin.no\nallow := false")
            .await;
        let cancel = ask(intent::Intent::cancel(chain(), SELF.into()));
        let permit = world.permit(&cancel).await;
        assert_eq!(
            permit.body.envelope.fee_per_gas,
            Amount::from(200),
            "wide enough to outbid what it replaces"
        );
        let stranger = policy::Question {
            wallet: None,
            ..cancel
        };
        world.denial(&stranger).await;
        world
            .denial(&ask(intent::Intent::call(
                chain(),
                SELF.into(),
                Some(SELF.into()),
                Amount::from(1),
                vec![],
            )))
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_each_in_the_log() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("limit", LIMIT).await;
        let questions: Vec<_> = (0..1_000u32)
            .map(|n| {
                let amount = if n % 4 == 0 {
                    MILLION_AND_ONE.to_owned()
                } else {
                    n.to_string()
                };
                let mut question = pay(&amount);
                question.subject = format!("sub:{n}");
                question.initiator.namespace = namespace(if n % 4 == 1 { "other" } else { "ns" });
                question
            })
            .collect();
        let verdicts = decide(&world.policy, &questions).await.unwrap();
        assert_eq!(verdicts.len(), 1_000);
        for (n, verdict) in verdicts.iter().enumerate() {
            assert_eq!(
                matches!(verdict, Verdict::Permit { .. }),
                n % 4 > 1,
                "{n}: {verdict:?}"
            );
        }
        let filter = Filter {
            subject: Some("sub:4".into()),
            ..Filter::default()
        };
        let found = policy::decisions(&world.policy, &world.who, &filter, &Page::default())
            .await
            .unwrap();
        assert_eq!(
            found.items.iter().map(|d| d.id).collect::<Vec<_>>(),
            [verdicts[4].decision()]
        );
        let facts = test
            .db
            .read_unbound(|tx| {
                facts_after(
                    tx,
                    &Cursor {
                        partition: "policy/0".into(),
                        seq: 0,
                    },
                    5_000,
                )
            })
            .await
            .unwrap();
        assert_eq!(
            facts
                .iter()
                .filter(|fact| fact.kind == "policy.decided")
                .count(),
            1_000
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_stands_on_a_version_that_was_replaced_meanwhile() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", YES).await;
        world.attach("allowlist", ALLOWLIST).await;
        world.book.label(BOB, "allowed");
        let (reached, is_asked) = tokio::sync::oneshot::channel();
        let (done, go_on) = tokio::sync::oneshot::channel();
        *world.book.meanwhile.lock().unwrap() = Some((reached, go_on));
        let engine = world.policy.clone();
        let deciding = tokio::spawn(async move { decide(&engine, &[pay("1")]).await });
        is_asked.await.unwrap();
        world
            .upload("yes", "package florin.no\nallow := false")
            .await;
        done.send(()).unwrap();
        let verdict = deciding.await.unwrap().unwrap().remove(0);
        let Verdict::Denied { reasons, .. } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(reasons[0].policy.as_deref(), Some("yes"));
        let log = policy::decisions(
            &world.policy,
            &world.who,
            &Filter::default(),
            &Page::default(),
        )
        .await
        .unwrap();
        assert_eq!(log.items.len(), 1, "what was not written is not in the log");
    })
    .await;
}

/// Between the look at the policies and the log another process may change them: then one of the
/// two waits for the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_waits_for_a_change_of_policies_that_is_under_way() {
    on_each_engine(|test| async move {
        let Some(server) = test.server() else { return }; // SQLite has one writer: nothing can come in between
        let world = World::new(&test).await;
        world.attach("yes", YES).await;
        let beside = test.open_beside().await;
        let lease = beside
            .lease("policy/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let (reached, is_changing) = std::sync::mpsc::channel();
        let (done, go_on) = std::sync::mpsc::channel();
        let change = tokio::spawn(beside.on(&lease).write(&world.who.namespace, move |tx| {
            tx.execute(
                "UPDATE policy_standing SET version = version + 1 WHERE namespace = ?ns",
                (),
            )?;
            reached.send(()).unwrap();
            let _: Result<(), _> = go_on.recv();
            Ok::<_, store::Error>(())
        }));
        tokio::task::block_in_place(|| is_changing.recv()).unwrap();
        let engine = world.policy.clone();
        let deciding = tokio::spawn(async move { decide(&engine, &[pay("1")]).await });
        // The judge is the server: somebody waits for a lock there.
        let waits = || server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0";
        let waited = tokio::task::block_in_place(|| {
            testkit::wait_until(20_000, || deciding.is_finished() || waits())
        });
        assert!(
            waited && !deciding.is_finished(),
            "a decision was written while the policies were changing"
        );
        done.send(()).unwrap();
        change.await.unwrap().unwrap();
        assert!(matches!(
            deciding.await.unwrap().unwrap()[..],
            [Verdict::Permit { .. }]
        ));
    })
    .await;
}
