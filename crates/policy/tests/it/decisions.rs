//! Decisions: which policies are evaluated, and how their opinions are combined.

use crate::world::{ALLOW_ALL, BOB, SELF, World, chain, pay, request, wallet};
use policy::{DecisionFilter, ReasonCode, Target, Verdict, decide};
use std::sync::atomic::Ordering;
use store::{Cursor, facts_after};
use testkit::{namespace, on_each_engine};
use types::{Amount, Page};

const LIMIT: &str = include_str!("../../../../policies/limit.rego");
const ALLOWLIST: &str = crate::world::LABELLED;
/// The limit of `limit.rego` for the coin.
const HUNDRED: &str = "100000000000000000000";
const HUNDRED_AND_ONE: &str = "100000000000000000001";

#[tokio::test(flavor = "multi_thread")]
async fn what_no_policy_allows_is_denied() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        assert_eq!(world.denial(&pay("1")).await[0].code, ReasonCode::NoPolicy);
        world.upload("yes", ALLOW_ALL).await;
        assert_eq!(
            world.denial(&pay("1")).await[0].code,
            ReasonCode::NoPolicy,
            "an uploaded policy is not attached"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_to_the_last_unit() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("limit", LIMIT).await;
        world.permit(&pay(HUNDRED)).await;
        let reasons = world.denial(&pay(HUNDRED_AND_ONE)).await;
        assert_eq!(reasons[0].code, ReasonCode::Denied);
        assert_eq!(
            reasons[0].to_string(),
            format!("limit: native: {HUNDRED_AND_ONE} base units are above the limit of {HUNDRED}")
        );
        world.denial(&pay(&Amount::MAX.to_string())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_policies_must_allow_and_the_narrowest_caps_apply() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let caps = "package florin.caps\nallow := true\nenvelope := {\"total_fee\": \"300000\", \"signatures\": 2}";
        world.attach("caps", caps).await;
        let envelope = world.permit(&pay("1")).await.body.envelope;
        assert_eq!((envelope.total_fee, envelope.signatures), (Amount::from(300_000), 2));
        assert_eq!((envelope.gas, envelope.fee_per_gas), (31_500, Amount::from(40)));
        world.attach("no", "package florin.no\ndefault allow := false\nallow if input.labels.why == \"because\"").await;
        let reasons = world.denial(&pay("1")).await;
        assert_eq!(
            reasons.iter().map(|r| (r.code, r.policy.as_deref())).collect::<Vec<_>>(),
            [(ReasonCode::NotAllowed, Some("no"))]
        );
        let mut labeled = pay("1");
        labeled.labels.insert("why".into(), "because".into());
        world.permit(&labeled).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_target_selects_its_policies() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        world
            .upload("no", "package florin.no\nallow := false")
            .await;
        let mut request = pay("1");
        request.assets = vec!["gold".into()];
        request.key = Some(types::KeyId::from_ulid(types::Ulid::from_bits(5)));
        request.task = Some(policy::TaskRef {
            name: "payout".into(),
            version: "1".into(),
            run: types::RunId::from_ulid(types::Ulid::from_bits(6)),
            step: "pay".into(),
        });
        // Another spelling of the same account.
        let bob = "0xB0b0000000000000000000000000000000000b0b";
        let parsed = intent::parse_recipient(&chain(), &bob.to_lowercase())
            .unwrap()
            .account;
        assert_eq!(parsed, BOB);
        for target in [
            Target::Wallet { id: wallet().id },
            Target::Key {
                id: request.key.unwrap(),
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
            world.permit(&request).await;
            policy::attach(&world.policy, &world.principal, "no", target.clone())
                .await
                .unwrap();
            assert_eq!(
                world.denial(&request).await[0].policy.as_deref(),
                Some("no"),
                "{target:?}"
            );
            assert!(
                policy::detach(&world.policy, &world.principal, "no", target)
                    .await
                    .unwrap()
            );
        }
        request.policies = vec!["no".into()];
        world.denial(&request).await;
        request.policies = vec!["nowhere".into()];
        assert_eq!(world.denial(&request).await[0].code, ReasonCode::Missing);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allow_list_uses_labels_of_the_data_model() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("allowlist", ALLOWLIST).await;
        assert_eq!(
            world.denial(&pay("1")).await[0].text,
            format!("{BOB} is not on the allow list")
        );
        world.lookups.label(BOB, "allowed");
        world.permit(&pay("1")).await;
        world.lookups.unlabel(BOB);
        world.denial(&pay("1")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_is_answered_once_for_all_requests() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.lookups.label(BOB, "allowed");
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
        assert_eq!(world.lookups.calls.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_decided_by_the_shipped_document_alone() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world
            .attach("no", "package florin.no\nallow := false")
            .await;
        let cancel = crate::world::cancel();
        let permit = world.permit(&cancel).await;
        assert_eq!(
            permit.body.envelope.fee_per_gas,
            Amount::from(200),
            "wide enough to outbid the replaced transaction"
        );
        let stranger = policy::DecisionRequest {
            wallet: None,
            ..cancel
        };
        world.denial(&stranger).await;
        world
            .denial(&request(intent::Intent::call(
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
async fn a_thousand_requests_are_decided_and_logged() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("limit", LIMIT).await;
        let requests: Vec<_> = (0..1_000u32)
            .map(|n| {
                let amount = if n % 4 == 0 {
                    HUNDRED_AND_ONE.to_owned()
                } else {
                    n.to_string()
                };
                let mut request = pay(&amount);
                request.subject = format!("sub:{n}");
                request.initiator.namespace = namespace(if n % 4 == 1 { "other" } else { "ns" });
                request
            })
            .collect();
        let verdicts = decide(&world.policy, &requests).await.unwrap();
        assert_eq!(verdicts.len(), 1_000);
        for (n, verdict) in verdicts.iter().enumerate() {
            assert_eq!(
                matches!(verdict, Verdict::Permit { .. }),
                n % 4 > 1,
                "{n}: {verdict:?}"
            );
        }
        let filter = DecisionFilter {
            subject: Some("sub:4".into()),
            ..DecisionFilter::default()
        };
        let page = policy::decisions(&world.policy, &world.principal, &filter, &Page::default())
            .await
            .unwrap();
        assert_eq!(
            page.items.iter().map(|d| d.id).collect::<Vec<_>>(),
            [verdicts[4].decision()]
        );
        let facts = test
            .db
            .read_unscoped(|tx| {
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
async fn no_decision_is_based_on_a_replaced_version() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        world.attach("allowlist", ALLOWLIST).await;
        world.lookups.label(BOB, "allowed");
        let (reached, lookup_started) = tokio::sync::oneshot::channel();
        let (done, resume) = tokio::sync::oneshot::channel();
        *world.lookups.pause.lock().unwrap() = Some((reached, resume));
        let engine = world.policy.clone();
        let decision = tokio::spawn(async move { decide(&engine, &[pay("1")]).await });
        lookup_started.await.unwrap();
        world
            .upload("yes", "package florin.no\nallow := false")
            .await;
        done.send(()).unwrap();
        let verdict = decision.await.unwrap().unwrap().remove(0);
        let Verdict::Denied { reasons, .. } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(reasons[0].policy.as_deref(), Some("yes"));
        let log = policy::decisions(
            &world.policy,
            &world.principal,
            &DecisionFilter::default(),
            &Page::default(),
        )
        .await
        .unwrap();
        assert_eq!(log.items.len(), 1, "only the second evaluation is logged");
    })
    .await;
}

/// Another process may change the policies between selection and logging: then one of the two waits
/// for the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_waits_for_a_concurrent_policy_change() {
    on_each_engine(|test| async move {
        // SQLite has one writer: no other transaction can interleave.
        let Some(server) = test.server() else { return };
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let beside = test.open_another().await;
        let lease = beside
            .lease("policy/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let (reached, is_changing) = std::sync::mpsc::channel();
        let (done, resume) = std::sync::mpsc::channel();
        let change = tokio::spawn(
            beside
                .on(&lease)
                .write(&world.principal.namespace, move |tx| {
                    tx.execute(
                        "UPDATE policy_revision SET revision = revision + 1 WHERE namespace = ?ns",
                        (),
                    )?;
                    reached.send(()).unwrap();
                    let _: Result<(), _> = resume.recv();
                    Ok::<_, store::Error>(())
                }),
        );
        tokio::task::block_in_place(|| is_changing.recv()).unwrap();
        let engine = world.policy.clone();
        let decision = tokio::spawn(async move { decide(&engine, &[pay("1")]).await });
        // The server is the judge: some session waits for a lock.
        let waits = || server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0";
        let waited = tokio::task::block_in_place(|| {
            testkit::wait_until(20_000, || decision.is_finished() || waits())
        });
        assert!(
            waited && !decision.is_finished(),
            "a decision was logged while the policies were changing"
        );
        done.send(()).unwrap();
        change.await.unwrap().unwrap();
        assert!(matches!(
            decision.await.unwrap().unwrap()[..],
            [Verdict::Permit { .. }]
        ));
    })
    .await;
}

/// The caller chooses its trace, so that documents must not see it.
#[tokio::test(flavor = "multi_thread")]
async fn the_input_does_not_contain_the_trace() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut traced = pay("1");
        traced.initiator.trace = Some(trace.parse().unwrap());
        let mut inputs = Vec::new();
        for request in [pay("1"), traced] {
            let id = world.decide(&request).await.decision();
            let logged = policy::decision(&world.policy, &world.principal, id).await;
            inputs.push(logged.unwrap().input.to_value());
        }
        assert_eq!(inputs[0], inputs[1]);
    })
    .await;
}

/// Permits what pays one unit, and is silent about the rest.
struct Voice;

#[async_trait::async_trait]
impl policy::SecondVoice for Voice {
    async fn permits(&self, input: &str) -> Result<(), String> {
        match input.contains("\"amount\":\"1\"") {
            true => Ok(()),
            false => Err("no answer".to_owned()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_voice_can_only_deny() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", crate::world::ALLOW_ALL).await;
        let voiced = world
            .policy
            .clone()
            .with_second_voice(std::sync::Arc::new(Voice));
        let verdicts = decide(&voiced, &[pay("1"), pay("2")]).await.unwrap();
        assert!(matches!(verdicts[0], Verdict::Permit { .. }));
        let Verdict::Denied { reasons, .. } = &verdicts[1] else {
            panic!("permitted")
        };
        assert_eq!(
            reasons[0].text,
            "the second voice does not permit it: no answer"
        );
        world
            .upload("yes", "package florin.no\nallow := false")
            .await;
        let verdicts = decide(&voiced, &[pay("1")]).await.unwrap();
        assert!(matches!(verdicts[0], Verdict::Denied { .. }));
    })
    .await;
}
