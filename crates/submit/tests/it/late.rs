//! Signers whose back end answers later: what belongs to one of them does not concern the others.

use crate::world::{World, registry};
use keys::SignOutcome;
use serde_json::json;
use store::EngineKind;
use submit::{Enqueue, State, Submit};
use testkit::on_each_engine;
use types::SubmissionId;

/// A payment of another key of the treasury.
async fn payment_of_another_key(world: &World, wei: u64) -> Enqueue {
    let page = types::Page::default();
    let wallets = keys::wallets(&world.keys, &world.principal, &page).await;
    let wallet = wallets.unwrap()[0].id;
    let (keys, chain) = (&world.keys, world.chain());
    let addresses = keys::addresses(keys, &world.principal, &wallet, &chain, 1);
    let mut payment = world.payment(wei);
    payment.intent.signer = addresses.await.unwrap()[0].address.clone();
    payment
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_delays_no_other_and_can_be_cancelled() {
    for damage in [
        "UPDATE signature_request SET version = -1",
        "UPDATE submission_request SET terms = '[]'",
        "UPDATE submission_replay_key SET namespace = '?'",
    ] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, "deferred").await else {
                return;
            };
            let id = world.enqueue(world.payment(5)).await;
            let other = payment_of_another_key(&world, 7).await;
            assert_ne!(other.intent.signer, world.signer);
            let other = world.enqueue(other).await;
            world.turn().await;
            assert_eq!(world.answer_requests().await, 2);
            let signer = &world.signer;
            world
                .execute(&format!("{damage} WHERE signer = '{signer}'"))
                .await;
            world.run_until_idle().await;
            assert_eq!(world.state(other).await, State::Accepted, "{damage}");
            assert_eq!(world.state(id).await, State::Signing);
            if damage.contains("namespace") {
                return; // nothing tells which nonce a cancel is to fill
            }
            let cancel = world.cancel(id).await;
            world.run_until_idle().await;
            world.mine(3).await;
            assert_eq!(
                (world.state(id).await, world.state(cancel).await),
                (State::Cancelled, State::Final),
                "{damage}: {:?}",
                world.get(cancel).await.reason
            );
            assert_eq!((world.nonce(), world.bob_balance()), (1, 7));
        })
        .await;
    }
}

/// A payment whose signature has arrived, behind one whose signature has not.
async fn answered_behind_a_hole(world: &World) -> [SubmissionId; 2] {
    let first = world.enqueue(world.payment(1)).await;
    let behind = world.enqueue(world.payment(2)).await;
    world.turn().await;
    world.scripted.answer([SignOutcome::Pending]);
    assert_eq!(world.answer_requests().await, 1);
    [first, behind]
}

/// The number of the signer's transactions on the chain and in the node's pool.
fn sent(world: &World) -> u64 {
    let params = json!([world.signer, "pending"]);
    let count = world.node.rpc("eth_getTransactionCount", params);
    u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_before_it_is_sent_is_sent_only_if_its_cancel_is_refused() {
    for refuse in [false, true] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, "scripted").await else {
                return;
            };
            let [first, target] = answered_behind_a_hole(&world).await;
            let cancel = world.cancel(target).await;
            world.wait(1_000).await;
            assert_eq!(world.answer_requests().await, 1);
            world.turn().await; // collects both
            assert_eq!(world.state(first).await, State::Accepted);
            assert_eq!(world.state(target).await, State::Signed);
            assert_eq!(world.transactions(target).await, 1, "its hash is watched");
            world.wait(6_000).await;
            world.scripted.answer([SignOutcome::Pending]);
            world.run_until_idle().await;
            assert_eq!(world.state(cancel).await, State::Signing);
            let explained = world.explain(target).await;
            assert_eq!(explained.state, State::Signed);
            let reason = explained.reason.unwrap();
            assert!(reason.contains(&format!("its cancel {cancel}")), "{reason}");
            assert_eq!(sent(&world), 1, "only the first is sent");

            if refuse {
                let refused = SignOutcome::Refused("not today".into());
                world.scripted.answer([refused]);
            }
            world.wait(1_000).await;
            world.run_until_idle().await;
            world.mine(3).await;
            let ended = match refuse {
                false => (State::Cancelled, State::Final, 1),
                true => (State::Final, State::Failed, 3),
            };
            let states = (world.state(target).await, world.state(cancel).await);
            assert_eq!((states.0, states.1, world.bob_balance()), ended);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_nonce_is_taken_behind_transactions_that_only_the_node_knows() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        world.pay_outside_florin(1);
        let mut ids = vec![world.enqueue(world.payment(2)).await];
        ids.push(world.enqueue(world.payment(3)).await);
        world.run_until_idle().await;
        let reason = world.explain(ids[1]).await.reason.unwrap();
        assert!(reason.contains("pending transaction"), "{reason}");
        let facts = world.facts().await.len();
        for _ in 0..5 {
            world.wait(6_000).await;
            world.run_until_idle().await;
        }
        assert_eq!(world.facts().await.len(), facts);
        world.mine(1).await;
        world.wait(2_000).await;
        ids.push(world.enqueue(world.payment(4)).await);
        world.run_until_idle().await;
        world.wait(6_000).await;
        world.run_until_idle().await;
        for (id, nonce) in ids.iter().zip(["0x1", "0x2", "0x3"]) {
            let hash = world.get(*id).await.transaction.unwrap();
            let sent = world.node.rpc("eth_getTransactionByHash", json!([hash]));
            assert_eq!(sent["nonce"], nonce, "in lane order");
        }
        world.mine(3).await;
        assert_eq!((world.nonce(), world.bob_balance()), (4, 10));
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

/// The submissions as another process on the same database, where that is possible.
async fn beside(world: &World) -> Submit {
    if world.test.engine() == EngineKind::Sqlite {
        return world.submit.clone();
    }
    let db = world.test.open_another().await;
    let lease = db.lease("api/1", testkit::LEASE_MS).await.unwrap().unwrap();
    let chains: Vec<_> = world.submit.chains().cloned().collect();
    let parts = submit::Parts {
        contracts: registry(&db, &lease, &chains),
        db,
        lease,
        keys: world.keys.clone(),
        policy: world.policy.clone(),
        chains,
    };
    Submit::new(parts, world.settings.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_cancel_one_submission_create_one_cancel() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let other = beside(&world).await;
        for wei in 1..=20 {
            let id = world.enqueue(world.payment(wei)).await;
            world.run_until_idle().await;
            let cancel = |submit| submit::cancel(submit, &world.principal, id);
            let (one, two) = tokio::join!(cancel(&world.submit), cancel(&other));
            assert_eq!(one.unwrap().id, two.unwrap().id);
            world.run_until_idle().await;
            world.mine(3).await;
        }
        assert_eq!((world.nonce(), world.bob_balance()), (20, 0));
    })
    .await;
}
