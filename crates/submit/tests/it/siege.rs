//! What people, nodes and accidents do to a lane that it must survive.

use crate::world::{BOB, World};
use serde_json::json;
use submit::{Enqueue, Error, Filter, Outcome, State};
use testkit::{Fault, namespace, on_each_engine};
use types::{Page, Principal, Status};

fn keyed(new: Enqueue, key: &str) -> Enqueue {
    Enqueue {
        key: Some(key.into()),
        ..new
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_gets_past_a_queue_that_does_not_move() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(world.enqueue(world.payment(1)).await);
        }
        world.settle().await;
        let cancel = submit::cancel(&world.submit, &world.who, ids[0])
            .await
            .unwrap();
        let again = submit::cancel(&world.submit, &world.who, ids[0])
            .await
            .unwrap();
        assert_eq!(again.id, cancel.id, "one that is under way is enough");
        world.settle().await;
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
        assert_eq!((world.nonce(), world.bobs()), (20, 19));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_a_node_never_takes_can_be_cancelled_in_the_lane_that_they_stopped() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let no = json!({ "code": -32000, "message": "exceeds block gas limit" });
        world.proxy.next("eth_sendRawTransaction", Fault::Error(no));
        let id = world.enqueue(world.payment(5)).await;
        let behind = world.enqueue(world.payment(7)).await;
        world.settle().await;
        assert_eq!(
            world.state(id).await,
            State::Paused,
            "{:?}",
            world.get(id).await.reason
        );
        assert!(world.lane().await.paused.is_some());
        let cancel = submit::cancel(&world.submit, &world.who, id).await.unwrap();
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel.id).await),
            (State::Cancelled, State::Final)
        );
        assert!(
            world.lane().await.paused.is_some(),
            "the lane waits for a person"
        );
        submit::resume_lane(
            &world.submit,
            &world.who,
            &world.chain(),
            &world.signer,
            "cancelled",
        )
        .await
        .unwrap();
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(behind).await, world.nonce(), world.bobs()),
            (State::Final, 2, 7)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lets_go_on_what_was_paused_with_its_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let no = json!({ "code": -32000, "message": "transaction fee cap exceeded" });
        world.proxy.next("eth_sendRawTransaction", Fault::Error(no));
        let id = world.enqueue(world.payment(5)).await;
        world.settle().await;
        assert_eq!(
            world.state(id).await,
            State::Paused,
            "{:?}",
            world.get(id).await.reason
        );
        submit::resume_lane(
            &world.submit,
            &world.who,
            &world.chain(),
            &world.signer,
            "cap raised",
        )
        .await
        .unwrap();
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bobs()),
            (State::Final, 1, 5)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_for_a_person_outlives_a_pause_for_funds() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let first = world.enqueue(world.payment(1)).await;
        world.settle().await;
        world.mine(3).await;
        assert_eq!(world.state(first).await, State::Final);
        world.proxy.next("eth_sendRawTransaction", Fault::LoseCall);
        let waiting = world.enqueue(world.payment(2)).await;
        world.work().await;
        assert_eq!(world.state(waiting).await, State::Signed);
        world.somebody_else_pays(4);
        let poor =
            json!({ "code": -32000, "message": "insufficient funds for gas * price + value" });
        world
            .proxy
            .next("eth_sendRawTransaction", Fault::Error(poor));
        world.mine(1).await;
        world.wait(5_000).await;
        world.settle().await;
        world.wait(40_000).await;
        world.settle().await;
        let lane = world.lane().await;
        assert!(
            lane.paused
                .as_deref()
                .is_some_and(|why| why.contains("foreign use")),
            "{lane:?}"
        );
        let stuck = world.enqueue(world.payment(3)).await;
        world.settle().await;
        assert_eq!(world.state(stuck).await, State::Permitted);
        world.mine(3).await;
        assert_eq!(
            world.state(waiting).await,
            State::Replaced,
            "the other one took its nonce"
        );
        assert_eq!((world.nonce(), world.bobs()), (2, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_did_before_it_came_to_us_is_no_alarm() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        for wei in [1, 2] {
            world.somebody_else_pays(wei);
            world.node.mine(1);
        }
        let id = world.enqueue(world.payment(4)).await; // watched from here on
        world.somebody_else_pays(8);
        world.node.mine(1);
        world.work().await; // signs before the index has read anything
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
        assert_eq!((world.nonce(), world.bobs()), (4, 15));
        world.somebody_else_pays(16);
        world.mine(1).await;
        assert!(world.lane().await.paused.is_some(), "after that it is");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_has_one_lane_however_it_is_written() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut shouted = world.payment_to("0x00000000000000000000000000000000000B0B00", 1);
        shouted.intent.signer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".into();
        let ids = [
            world.enqueue(shouted).await,
            world.enqueue(world.payment(2)).await,
        ];
        world.settle().await;
        world.mine(3).await;
        for id in ids {
            let one = world.get(id).await;
            assert_eq!(
                (one.state, &one.signer),
                (State::Final, &world.signer),
                "{:?}",
                one.reason
            );
        }
        assert_eq!((world.nonce(), world.bobs()), (2, 3));
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
            ..world.who.clone()
        };
        assert_eq!(world.settle_in(&other).await, world.signer);
        let mut ids = Vec::new();
        for wei in 1..=6 {
            let who = if wei % 2 == 0 { &world.who } else { &other };
            let made = submit::enqueue(&world.submit, who, world.payment(wei))
                .await
                .unwrap();
            ids.push((who, made.submission().id));
        }
        for _ in 0..6 {
            world.mine(1).await;
        }
        for (who, id) in ids {
            let one = submit::get(&world.submit, who, id).await.unwrap();
            assert_eq!(one.state, State::Final, "{:?}", one.reason);
        }
        assert_eq!((world.nonce(), world.bobs()), (6, 21));
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_lane_still_answers_repeats_and_burns_no_key() {
    on_each_engine(|test| async move {
        let settings = submit::Settings {
            lane_limit: 2,
            window: 4,
            ..submit::Settings::default()
        };
        let Some(world) = World::with(test, settings).await else {
            return;
        };
        let first = world.enqueue(keyed(world.payment(1), "a")).await;
        world.enqueue(keyed(world.payment(2), "b")).await;
        let third = keyed(world.payment(3), "c");
        let batch = vec![third.clone(), third.clone(), keyed(world.payment(1), "a")];
        let outcomes = submit::enqueue_all(&world.submit, &world.who, batch)
            .await
            .unwrap();
        assert!(
            matches!(&outcomes[0], Err(Error::LaneFull { .. })),
            "{outcomes:?}"
        );
        assert!(
            matches!(&outcomes[1], Err(Error::LaneFull { .. })),
            "{outcomes:?}"
        );
        assert!(
            matches!(&outcomes[2], Ok(Outcome::Replayed(one)) if one.id == first),
            "{outcomes:?}"
        );
        world.settle().await;
        world.mine(3).await;
        let made = submit::enqueue(&world.submit, &world.who, third)
            .await
            .unwrap();
        assert!(
            matches!(made, Outcome::Created(_)),
            "the key was not burnt: {made:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_command_of_a_batch_stops_only_itself() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut labelled = world.payment(2);
        labelled.context.labels.insert("order".into(), "7\0".into());
        let mut crowded = world.payment(3);
        crowded.policies = vec!["small".into(); 65];
        let batch = vec![
            keyed(world.payment(1), &"k".repeat(257)),
            keyed(world.payment(1), "k\0"),
            labelled,
            crowded,
            world.payment_to("nobody", 4),
            world.payment(5),
        ];
        let outcomes = submit::enqueue_all(&world.submit, &world.who, batch)
            .await
            .unwrap();
        for outcome in &outcomes[..4] {
            assert!(matches!(outcome, Err(Error::Invalid { .. })), "{outcome:?}");
        }
        assert!(
            matches!(&outcomes[4], Err(Error::Intent(_))),
            "{:?}",
            outcomes[4]
        );
        assert!(outcomes[5].is_ok());
        let many = vec![world.payment(1); submit::MAX_BATCH + 1];
        assert!(matches!(
            submit::enqueue_all(&world.submit, &world.who, many).await,
            Err(Error::Invalid { .. })
        ));
        // What a policy sees belongs to the command.
        let first = keyed(world.payment(6), "labels");
        let mut second = first.clone();
        second.context.labels.insert("order".into(), "8".into());
        world.enqueue(first).await;
        assert!(matches!(
            submit::enqueue(&world.submit, &world.who, second).await,
            Err(Error::KeyReused { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_chain_takes_no_new_nonce() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let before = world.enqueue(world.payment(1)).await;
        world.settle().await;
        world.mine(8).await;
        assert_eq!(world.state(before).await, State::Final);
        world.node.reorg(7, &[]);
        world.mine(2).await;
        let id = world.enqueue(world.payment(2)).await;
        world.settle().await;
        assert_eq!(world.state(id).await, State::Permitted);
        assert_eq!(
            submit::sent(&world.submit, &world.who, id).await.unwrap(),
            []
        );
        assert_eq!(world.state(before).await, State::Final, "an end is an end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_withdraw_while_the_worker_works_stop_nothing() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let mut ids = Vec::new();
        for _ in 0..24 {
            ids.push(world.enqueue(world.payment(1)).await);
        }
        let (submit, who, doomed) = (world.submit.clone(), world.who.clone(), ids.clone());
        let people = tokio::spawn(async move {
            let mut withdrawn = 0;
            for id in doomed.into_iter().rev().step_by(2) {
                let done = submit::cancel(&submit, &who, id).await;
                withdrawn += usize::from(done.is_ok_and(|one| one.state == State::Failed));
            }
            withdrawn
        });
        while !people.is_finished() {
            world.work().await;
        }
        people.await.unwrap();
        for _ in 0..14 {
            world.mine(1).await;
        }
        let (mut paid, mut ended) = (0, 0);
        for id in &ids {
            let one = world.get(*id).await;
            assert!(one.state.is_terminal(), "{:?} {:?}", one.state, one.reason);
            assert!(one.state != State::Failed || one.transaction.is_none());
            paid += u64::from(one.state == State::Final);
            ended += 1;
        }
        assert_eq!((world.bobs(), ended), (paid, 24));
        assert!(paid >= 12);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_mined_before_his_cancel_is_paid() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.settle().await;
        let cancel = submit::cancel(&world.submit, &world.who, id).await.unwrap();
        world.mine(3).await;
        world.wait(6_000).await;
        world.settle().await;
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
        assert_eq!((world.nonce(), world.bobs()), (1, 5));
        assert!(matches!(
            submit::cancel(&world.submit, &world.who, id).await,
            Err(Error::WrongState { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_not_sent_again_and_the_two_do_not_outbid_each_other() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.settle().await;
        let cancel = submit::cancel(&world.submit, &world.who, id).await.unwrap();
        world.settle().await;
        for _ in 0..4 {
            world.wait(40_000).await;
            world.settle().await;
        }
        assert_eq!(
            submit::sent(&world.submit, &world.who, id)
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            submit::sent(&world.submit, &world.who, cancel.id)
                .await
                .unwrap()
                .len(),
            1
        );
        // A cancel of the cancel is one more on the same nonce; all of them end.
        let third = submit::cancel(&world.submit, &world.who, cancel.id)
            .await
            .unwrap();
        world.settle().await;
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
        assert_eq!((world.nonce(), world.bobs()), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_part_the_lanes_and_lose_none() {
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
        world.settle().await;
        world.mine(4).await;
        for id in &ids {
            assert_eq!(world.state(*id).await, State::Final);
        }
        assert_eq!((world.nonce(), world.bobs()), (5, 15));
        let filter = Filter {
            state: Some(State::Final),
            signer: Some(world.signer.clone()),
            chain: Some(world.chain()),
        };
        let page = Page {
            limit: 3,
            ..Page::default()
        };
        let listed = submit::list(&world.submit, &world.who, filter, page)
            .await
            .unwrap();
        assert_eq!(
            listed.iter().map(|one| one.id).collect::<Vec<_>>(),
            ids[2..].iter().rev().copied().collect::<Vec<_>>()
        );
        assert!(
            listed
                .iter()
                .all(|one| one.outcome == Some(Status::Succeeded))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_words_of_a_node_are_kept_short_and_harmless() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let words = format!("nonsense \0 {}", "x".repeat(100_000));
        world.proxy.next(
            "eth_sendRawTransaction",
            Fault::Error(json!({ "code": -32000, "message": words })),
        );
        let id = world.enqueue(world.payment(5)).await;
        world.settle().await;
        let one = world.get(id).await;
        assert!(
            one.reason
                .as_deref()
                .is_some_and(|why| why.len() < 5_000 && !why.contains('\0')),
            "{:?}",
            one.state
        );
        world.wait(3_000).await;
        world.settle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.balance(BOB)),
            (State::Final, 1, 5)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_went_to_another_signs_nothing() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.work().await;
        let next = world.enqueue(world.payment(1)).await;
        world
            .test
            .clock
            .advance_millis(testkit::LEASE_MS as i64 + 1);
        let Ok(Some(lease)) = world.test.db.lease("lanes/0", testkit::LEASE_MS).await else {
            return; // this engine gives a lease to its process alone
        };
        let heir = submit::Worker::new(world.submit.clone(), 0, lease);
        assert!(world.workers[0].turn().await.is_err());
        assert_eq!(world.state(next).await, State::Received);
        for _ in 0..3 {
            heir.turn().await.unwrap();
        }
        world.node.mine(1);
        assert_eq!((world.nonce(), world.bobs()), (2, 6));
        assert_eq!(world.state(id).await, State::Accepted);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_lowest_of_what_waits_for_long_offers_more() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let ids = [
            world.enqueue(world.payment(1)).await,
            world.enqueue(world.payment(2)).await,
        ];
        world.settle().await;
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
        world.proxy.always(
            "eth_feeHistory",
            Fault::alter_result(move |result| {
                let risen = json!(format!("{:#x}", base * 3 / 2));
                let fees = result["baseFeePerGas"].as_array_mut().unwrap();
                fees.iter_mut().for_each(|fee| *fee = risen.clone());
            }),
        );
        world.wait(400_000).await;
        world.settle().await;
        let mut sent = Vec::new();
        for id in ids {
            sent.push(
                submit::sent(&world.submit, &world.who, id)
                    .await
                    .unwrap()
                    .len(),
            );
        }
        assert_eq!(sent, [2, 1], "{:?}", world.get(ids[0]).await.reason);
        world.proxy.heal();
        world.settle().await;
        world.mine(3).await;
        for id in ids {
            assert_eq!(world.state(id).await, State::Final);
        }
        assert_eq!((world.nonce(), world.bobs()), (2, 3));
    })
    .await;
}
