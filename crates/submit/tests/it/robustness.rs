//! Lanes under operator actions, faulty nodes, concurrency and foreign use of their keys.

use crate::world::{BOB, World};
use futures::future::join_all;
use serde_json::json;
use submit::{Enqueue, Error, Filter, Outcome, State};
use testkit::{Fault, namespace, on_each_engine};
use types::{ExecutionStatus, Page, Principal};

fn keyed(new: Enqueue, key: &str) -> Enqueue {
    Enqueue {
        idempotency_key: Some(key.into()),
        ..new
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_passes_a_blocked_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(world.enqueue(world.payment(1)).await);
        }
        world.run_until_idle().await;
        let cancel = submit::cancel(&world.submit, &world.principal, ids[0])
            .await
            .unwrap();
        let again = submit::cancel(&world.submit, &world.principal, ids[0])
            .await
            .unwrap();
        assert_eq!(again.id, cancel.id, "a cancel in progress is reused");
        world.run_until_idle().await;
        assert_eq!(
            world.state(cancel.id).await,
            State::Accepted,
            "{:?}",
            world.get(cancel.id).await.reason
        );
        for _ in 0..8 {
            world.mine(1).await;
        }
        assert_eq!(
            (world.state(ids[0]).await, world.state(cancel.id).await),
            (State::Cancelled, State::Final)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (20, 19));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_a_node_refuses_can_be_cancelled_in_their_paused_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let refusal = json!({ "code": -32000, "message": "exceeds block gas limit" });
        world
            .proxy
            .fail_next("eth_sendRawTransaction", Fault::Error(refusal));
        let id = world.enqueue(world.payment(5)).await;
        let behind = world.enqueue(world.payment(7)).await;
        world.run_until_idle().await;
        assert_eq!(
            world.state(id).await,
            State::Paused,
            "{:?}",
            world.get(id).await.reason
        );
        assert!(world.lane().await.paused.is_some());
        let cancel = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel.id).await),
            (State::Cancelled, State::Final)
        );
        assert!(
            world.lane().await.paused.is_some(),
            "the lane waits for an operator"
        );
        submit::resume_lane(
            &world.submit,
            &world.principal,
            &world.chain(),
            &world.signer,
            "cancelled",
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (
                world.state(behind).await,
                world.nonce(),
                world.bob_balance()
            ),
            (State::Final, 2, 7)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_a_lane_resumes_its_paused_submissions() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let refusal = json!({ "code": -32000, "message": "transaction fee cap exceeded" });
        world
            .proxy
            .fail_next("eth_sendRawTransaction", Fault::Error(refusal));
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        assert_eq!(
            world.state(id).await,
            State::Paused,
            "{:?}",
            world.get(id).await.reason
        );
        submit::resume_lane(
            &world.submit,
            &world.principal,
            &world.chain(),
            &world.signer,
            "cap raised",
        )
        .await
        .unwrap();
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_in_force_is_prolonged_and_not_reported_again() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let refuse = || {
            for cost in [1, 2] {
                let message =
                    format!("insufficient funds for gas * price + value: have 0 want {cost}");
                let error = json!({ "code": -32000, "message": message });
                let fault = Fault::Error(error);
                world.proxy.fail_next("eth_sendRawTransaction", fault);
            }
        };
        refuse();
        world.enqueue(world.payment(1)).await;
        world.enqueue(world.payment(2)).await;
        world.run_until_idle().await;
        let first = world.lane().await;
        refuse();
        world.wait(30_000).await;
        world.run_until_idle().await;
        let second = world.lane().await;
        assert!(first.paused.is_some() && second.paused.is_some());
        assert!(first.paused_until < second.paused_until);
        let mut facts = world.facts().await;
        facts.retain(|fact| fact.kind == "lane.paused");
        assert_eq!(facts.len(), 1, "two reasons that alternate are one pause");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_for_an_operator_outlives_a_pause_for_funds() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let first = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(first).await, State::Final);
        world
            .proxy
            .fail_next("eth_sendRawTransaction", Fault::LoseCall);
        let waiting = world.enqueue(world.payment(2)).await;
        world.turn().await;
        assert_eq!(world.state(waiting).await, State::Signed);
        world.pay_outside_florin(4);
        let insufficient_funds =
            json!({ "code": -32000, "message": "insufficient funds for gas * price + value" });
        world
            .proxy
            .fail_next("eth_sendRawTransaction", Fault::Error(insufficient_funds));
        world.mine(1).await;
        world.wait(5_000).await;
        world.run_until_idle().await;
        world.wait(40_000).await;
        world.run_until_idle().await;
        let lane = world.lane().await;
        assert!(
            lane.paused
                .as_deref()
                .is_some_and(|reason| reason.contains("foreign use")),
            "{lane:?}"
        );
        let stuck = world.enqueue(world.payment(3)).await;
        world.run_until_idle().await;
        assert_eq!(world.state(stuck).await, State::Permitted);
        world.mine(3).await;
        assert_eq!(
            world.state(waiting).await,
            State::Replaced,
            "the foreign transaction used its nonce"
        );
        assert_eq!((world.nonce(), world.bob_balance()), (2, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_from_before_the_first_use_of_a_key_do_not_pause_its_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        for wei in [1, 2] {
            world.pay_outside_florin(wei);
            world.node.mine(1);
        }
        let id = world.enqueue(world.payment(4)).await; // the signer is watched from here on
        world.pay_outside_florin(8);
        world.node.mine(1);
        world.turn().await; // signs before the index has read a block
        assert_eq!(
            world.state(id).await,
            State::Accepted,
            "{:?}",
            world.get(id).await.reason
        );
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.lane().await.paused),
            (State::Final, None)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (4, 15));
        world.pay_outside_florin(16);
        world.mine(1).await;
        assert!(
            world.lane().await.paused.is_some(),
            "foreign use after the first use pauses the lane"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_has_one_lane_whatever_its_spelling() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut other_spelling = world.payment_to("0x00000000000000000000000000000000000B0B00", 1);
        other_spelling.intent.signer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".into();
        let ids = [
            world.enqueue(other_spelling).await,
            world.enqueue(world.payment(2)).await,
        ];
        world.run_until_idle().await;
        world.mine(3).await;
        for id in ids {
            let submission = world.get(id).await;
            assert_eq!(
                (submission.state, &submission.signer),
                (State::Final, &world.signer),
                "{:?}",
                submission.reason
            );
        }
        assert_eq!((world.nonce(), world.bob_balance()), (2, 3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_namespaces_that_hold_one_key_share_its_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let other = Principal {
            namespace: namespace("other"),
            ..world.principal.clone()
        };
        assert_eq!(world.set_up_treasury(&other).await, world.signer);
        let mut ids = Vec::new();
        for wei in 1..=6 {
            let principal = if wei % 2 == 0 {
                &world.principal
            } else {
                &other
            };
            let outcome = submit::enqueue(&world.submit, principal, world.payment(wei))
                .await
                .unwrap();
            ids.push((principal, outcome.submission().id));
        }
        for _ in 0..6 {
            world.mine(1).await;
        }
        for (principal, id) in ids {
            let submission = submit::submission(&world.submit, principal, id)
                .await
                .unwrap();
            assert_eq!(submission.state, State::Final, "{:?}", submission.reason);
        }
        assert_eq!((world.nonce(), world.bob_balance()), (6, 21));
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_lane_replays_repeats_and_releases_rejected_keys() {
    on_each_engine(|test| async move {
        let settings = submit::Settings {
            waiting_per_lane: 2,
            in_flight_per_lane: 4,
            ..submit::Settings::default()
        };
        let Some(world) = World::with(test, settings).await else {
            return;
        };
        let first = world.enqueue(keyed(world.payment(1), "a")).await;
        world.enqueue(keyed(world.payment(2), "b")).await;
        let third = keyed(world.payment(3), "c");
        let full = join_all([third.clone(), third.clone()].map(|new| world.try_enqueue(new))).await;
        for outcome in full {
            assert!(
                matches!(outcome, Err(Error::LaneFull { .. })),
                "{outcome:?}"
            );
        }
        let again = world.try_enqueue(keyed(world.payment(1), "a")).await;
        assert!(
            matches!(&again, Ok(Outcome::Replayed(replayed)) if replayed.id == first),
            "{again:?}"
        );
        world.run_until_idle().await;
        world.mine(3).await;
        let outcome = submit::enqueue(&world.submit, &world.principal, third)
            .await
            .unwrap();
        assert!(
            matches!(outcome, Outcome::Created(_)),
            "the key was consumed: {outcome:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_commands_are_rejected_and_affect_no_other() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut labeled = world.payment(2);
        labeled.context.labels.insert("order".into(), "7\0".into());
        let mut too_many_policies = world.payment(3);
        too_many_policies.policies = vec!["small".into(); 65];
        let batch = vec![
            keyed(world.payment(1), &"k".repeat(257)),
            keyed(world.payment(1), "k\0"),
            labeled,
            too_many_policies,
            world.payment_to("nobody", 4),
            world.payment(5),
        ];
        let outcomes = join_all(batch.into_iter().map(|new| world.try_enqueue(new))).await;
        for outcome in &outcomes[..4] {
            assert!(
                matches!(outcome, Err(Error::InvalidField { .. })),
                "{outcome:?}"
            );
        }
        assert!(
            matches!(&outcomes[4], Err(Error::Intent(_))),
            "{:?}",
            outcomes[4]
        );
        assert!(outcomes[5].is_ok());
        // Labels are part of the command, since policy reads them.
        let first = keyed(world.payment(6), "labels");
        let mut second = first.clone();
        second.context.labels.insert("order".into(), "8".into());
        world.enqueue(first).await;
        assert!(matches!(
            submit::enqueue(&world.submit, &world.principal, second).await,
            Err(Error::IdempotencyKeyReused { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_nonce_is_assigned_on_a_halted_chain() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let before = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        world.mine(8).await;
        assert_eq!(world.state(before).await, State::Final);
        world.node.reorg(7, &[]);
        world.mine(2).await;
        let id = world.enqueue(world.payment(2)).await;
        world.run_until_idle().await;
        assert_eq!(world.state(id).await, State::Permitted);
        assert_eq!(
            submit::transactions(&world.submit, &world.principal, id)
                .await
                .unwrap(),
            []
        );
        assert_eq!(
            world.state(before).await,
            State::Final,
            "a terminal state never changes"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_withdrawals_do_not_block_the_worker() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut ids = Vec::new();
        for _ in 0..24 {
            ids.push(world.enqueue(world.payment(1)).await);
        }
        let (submit, principal, to_withdraw) =
            (world.submit.clone(), world.principal.clone(), ids.clone());
        let withdrawals = tokio::spawn(async move {
            let mut withdrawn = 0;
            for id in to_withdraw.into_iter().rev().step_by(2) {
                let result = submit::cancel(&submit, &principal, id).await;
                withdrawn +=
                    usize::from(result.is_ok_and(|submission| submission.state == State::Failed));
            }
            withdrawn
        });
        while !withdrawals.is_finished() {
            world.turn().await;
        }
        withdrawals.await.unwrap();
        for _ in 0..14 {
            world.mine(1).await;
        }
        let (mut paid, mut ended) = (0, 0);
        for id in &ids {
            let submission = world.get(*id).await;
            assert!(
                submission.state.is_terminal(),
                "{:?} {:?}",
                submission.state,
                submission.reason
            );
            assert!(submission.state != State::Failed || submission.transaction.is_none());
            paid += u64::from(submission.state == State::Final);
            ended += 1;
        }
        assert_eq!((world.bob_balance(), ended), (paid, 24));
        assert!(paid >= 12);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_mined_before_its_cancel_wins() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        let cancel = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        world.mine(3).await;
        world.wait(6_000).await;
        world.run_until_idle().await;
        let late = world.get(cancel.id).await;
        let states = (world.state(id).await, late.state);
        assert!(
            [
                (State::Final, State::Failed),
                (State::Final, State::Replaced)
            ]
            .contains(&states),
            "{states:?} {:?}",
            late.reason
        );
        assert_eq!((world.nonce(), world.bob_balance()), (1, 5));
        assert!(matches!(
            submit::cancel(&world.submit, &world.principal, id).await,
            Err(Error::WrongState { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_submission_is_not_rebroadcast_and_does_not_outbid_its_cancel() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        let cancel = submit::cancel(&world.submit, &world.principal, id)
            .await
            .unwrap();
        world.run_until_idle().await;
        for _ in 0..4 {
            world.wait(40_000).await;
            world.run_until_idle().await;
        }
        assert_eq!(
            submit::transactions(&world.submit, &world.principal, id)
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            submit::transactions(&world.submit, &world.principal, cancel.id)
                .await
                .unwrap()
                .len(),
            1
        );
        // A cancel of the cancel uses the same nonce too; all of them end.
        let third = submit::cancel(&world.submit, &world.principal, cancel.id)
            .await
            .unwrap();
        world.run_until_idle().await;
        assert_eq!(
            world.state(third.id).await,
            State::Accepted,
            "{:?}",
            world.get(third.id).await.reason
        );
        world.mine(3).await;
        let states = (
            world.state(id).await,
            world.state(cancel.id).await,
            world.state(third.id).await,
        );
        assert_eq!(states, (State::Cancelled, State::Cancelled, State::Final));
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lane_belongs_to_one_shard() {
    on_each_engine(|test| async move {
        let settings = submit::Settings {
            shards: 3,
            ..submit::Settings::default()
        };
        let Some(world) = World::with(test, settings).await else {
            return;
        };
        let mut ids = Vec::new();
        for wei in 1..=5 {
            ids.push(world.enqueue(world.payment(wei)).await);
        }
        world.run_until_idle().await;
        world.mine(4).await;
        for id in &ids {
            assert_eq!(world.state(*id).await, State::Final);
        }
        assert_eq!((world.nonce(), world.bob_balance()), (5, 15));
        let filter = Filter {
            state: Some(State::Final),
            signer: Some(world.signer.clone()),
            chain: Some(world.chain()),
        };
        let page = Page {
            limit: 3,
            ..Page::default()
        };
        let listed = submit::submissions(&world.submit, &world.principal, filter, page)
            .await
            .unwrap();
        assert_eq!(
            listed
                .iter()
                .map(|submission| submission.id)
                .collect::<Vec<_>>(),
            ids[2..].iter().rev().copied().collect::<Vec<_>>()
        );
        assert!(
            listed
                .iter()
                .all(|submission| submission.outcome == Some(ExecutionStatus::Succeeded))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_node_messages_are_truncated_and_sanitized() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let message = format!("nonsense \0 {}", "x".repeat(100_000));
        world.proxy.fail_next(
            "eth_sendRawTransaction",
            Fault::Error(json!({ "code": -32000, "message": message })),
        );
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        let submission = world.get(id).await;
        assert!(
            submission
                .reason
                .as_deref()
                .is_some_and(|reason| reason.len() < 5_000 && !reason.contains('\0')),
            "{:?}",
            submission.state
        );
        world.wait(3_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.balance(BOB)),
            (State::Final, 1, 5)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_signs_nothing() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let next = world.enqueue(world.payment(1)).await;
        world
            .test
            .clock
            .advance_millis(testkit::LEASE_MS as i64 + 1);
        let Ok(Some(lease)) = world
            .test
            .db
            .lease(&submit::shard_partition(0), testkit::LEASE_MS)
            .await
        else {
            return; // SQLite grants leases to a single process
        };
        let new_owner = submit::Worker::new(world.submit.clone(), 0, lease);
        assert!(world.workers[0].turn().await.is_err());
        assert_eq!(world.state(next).await, State::Received);
        for _ in 0..3 {
            new_owner.turn().await.unwrap();
        }
        world.node.mine(1);
        assert_eq!((world.nonce(), world.bob_balance()), (2, 6));
        assert_eq!(world.state(id).await, State::Accepted);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_lowest_stale_nonce_is_repriced() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let ids = [
            world.enqueue(world.payment(1)).await,
            world.enqueue(world.payment(2)).await,
        ];
        world.run_until_idle().await;
        let block = world
            .node
            .rpc("eth_getBlockByNumber", json!(["latest", false]));
        let base = u64::from_str_radix(
            block["baseFeePerGas"]
                .as_str()
                .unwrap()
                .trim_start_matches("0x"),
            16,
        )
        .unwrap();
        world.proxy.fail_always(
            "eth_feeHistory",
            Fault::modify_result(move |result| {
                let higher = json!(format!("{:#x}", base * 3 / 2));
                let fees = result["baseFeePerGas"].as_array_mut().unwrap();
                fees.iter_mut().for_each(|fee| *fee = higher.clone());
            }),
        );
        world.wait(400_000).await;
        world.run_until_idle().await;
        let mut sent = Vec::new();
        for id in ids {
            sent.push(
                submit::transactions(&world.submit, &world.principal, id)
                    .await
                    .unwrap()
                    .len(),
            );
        }
        assert_eq!(sent, [2, 1], "{:?}", world.get(ids[0]).await.reason);
        world.proxy.clear_faults();
        world.run_until_idle().await;
        world.mine(3).await;
        for id in ids {
            assert_eq!(world.state(id).await, State::Final);
        }
        assert_eq!((world.nonce(), world.bob_balance()), (2, 3));
    })
    .await;
}
