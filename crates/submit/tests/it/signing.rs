//! Signers whose back end answers later.

use crate::world::World;
use keys::{Scope, SignOutcome};
use serde_json::json;
use submit::State;
use testkit::{Fault, namespace, on_each_engine};
use types::Principal;

fn refused() -> SignOutcome {
    SignOutcome::Refused("not today".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_signature_survives_a_crash_after_every_stage() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "deferred").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let reserved = world.get(id).await;
        assert_eq!(
            (reserved.state, reserved.reason.as_deref()),
            (
                State::Signing,
                Some("waits for the signature of the back end \"deferred\"")
            )
        );
        assert_eq!(reserved.next_check(), None);
        let since = format!("of the back end \"deferred\" since {}", reserved.updated);
        let explained = world.explain(id).await;
        assert!(explained.summary.contains(&since), "{}", explained.summary);
        let metrics = submit::metrics(&world.submit).await.unwrap();
        let count = (world.chain(), State::Signing, 1);
        assert!(metrics.states.contains(&count));

        let world = world.crash_and_restart().await; // after the reservation
        assert_eq!((world.turn().await, world.lane().await.next_nonce), (0, 1));
        assert_eq!(world.answer_requests().await, 1);
        let world = world.crash_and_restart().await; // after the answer
        assert_eq!(world.answer_requests().await, 0);
        assert_eq!(world.state(id).await, State::Signing);
        let lost = Fault::LoseCall;
        world.proxy.fail_next("eth_sendRawTransaction", lost);
        world.turn().await;
        assert_eq!(world.state(id).await, State::Signed);
        let world = world.crash_and_restart().await; // after the collection
        world.wait(2_000).await;
        world.run_until_idle().await;
        assert_eq!(world.state(id).await, State::Accepted);
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
        assert_eq!(world.transactions(id).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_signatures_are_sent_in_the_order_of_their_nonces() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let mut ids = Vec::new();
        for wei in 1..=6 {
            ids.push(world.enqueue(world.payment(wei)).await);
        }
        world.scripted.answer([SignOutcome::Pending]);
        world.run_until_idle().await;
        for id in &ids[..4] {
            assert_eq!(world.state(*id).await, State::Signing);
        }
        assert_eq!(
            world.state(ids[4]).await,
            State::Permitted,
            "four are in flight"
        );
        let explained = world.explain(ids[1]).await;
        assert!(explained.summary.contains("has signed it"));
        assert!(explained.next_step.contains("lower nonces"));
        let first = world.explain(ids[0]).await.reason.unwrap();
        assert!(first.ends_with("has not answered"), "{first}");
        world.wait(1_000).await;
        world.run_until_idle().await;
        for id in &ids[..4] {
            assert_eq!(world.state(*id).await, State::Accepted);
        }
        for _ in 0..4 {
            world.mine(1).await;
        }
        assert_eq!((world.nonce(), world.bob_balance()), (6, 21));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nonce_of_a_refused_signature_is_filled_before_later_ones_are_sent() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        let behind = world.enqueue(world.payment(7)).await;
        world.turn().await;
        world.scripted.answer([refused()]);
        assert_eq!(world.answer_requests().await, 2);
        let world = world.crash_and_restart().await;
        world.turn().await;
        let reason = world.get(id).await.reason.unwrap();
        assert!(
            reason.starts_with("the back end \"scripted\" refused to sign it: not today; sub:"),
            "{reason}"
        );
        assert!(reason.ends_with("fills its nonce"), "{reason}");
        assert_eq!(
            (world.state(id).await, world.state(behind).await),
            (State::Signing, State::Signing)
        );
        let explained = world.explain(id).await;
        assert!(explained.summary.contains("refused to sign it"));
        world.run_until_idle().await;
        assert_eq!(world.state(behind).await, State::Accepted);
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(behind).await),
            (State::Cancelled, State::Final)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (2, 7));
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_whose_nonce_cannot_be_filled_waits_for_an_operator() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        let behind = world.enqueue(world.payment(7)).await;
        world.turn().await;
        world.scripted.answer([refused()]);
        world.answer_requests().await;
        world.turn().await; // enqueues the cancel, or decides it
        world.turn().await;
        world.scripted.answer([refused()]);
        world.run_until_idle().await;
        let paused = world.lane().await.paused.unwrap();
        assert!(paused.contains(&id.to_string()), "{paused}");
        assert!(paused.contains("refused to sign it: not today"), "{paused}");
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(behind).await),
            (State::Signing, State::Signing)
        );
        assert_eq!(world.nonce(), 0, "nothing is sent ahead of the hole");

        let cancel = world.cancel(id).await;
        world.run_until_idle().await;
        let (chain, principal) = (world.chain(), &world.principal);
        submit::resume_lane(&world.submit, principal, &chain, &world.signer, "filled")
            .await
            .unwrap();
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (
                world.state(id).await,
                world.state(cancel).await,
                world.state(behind).await
            ),
            (State::Cancelled, State::Final, State::Final)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (2, 7));
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_signing_withdraws_the_request() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "deferred").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let cancel = world.cancel(id).await;
        assert_eq!(world.answer_requests().await, 0, "nothing waits any more");
        let world = world.crash_and_restart().await;
        world.run_until_idle().await;
        assert_eq!(world.state(cancel).await, State::Accepted);
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel).await),
            (State::Cancelled, State::Final)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
        assert_eq!(world.transactions(id).await, 0, "it was never signed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_after_the_answer_outbids_what_was_signed() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "deferred").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        assert_eq!(world.answer_requests().await, 1);
        let cancel = world.cancel(id).await;
        world.run_until_idle().await;
        world.wait(6_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(cancel).await),
            (State::Cancelled, State::Final),
            "{:?}",
            world.get(cancel).await.reason
        );
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
        assert_eq!(world.transactions(id).await, 1, "its hash stays watched");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_is_signed_later_too() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let refusal = json!({ "code": -32000, "message": "transaction underpriced" });
        let fault = Fault::Error(refusal);
        world.proxy.fail_next("eth_sendRawTransaction", fault);
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        world.answer_requests().await;
        world.scripted.answer([SignOutcome::Pending]);
        world.turn().await;
        let waiting = world.get(id).await;
        assert_eq!(
            (waiting.state, waiting.reason.as_deref()),
            (
                State::Signed,
                Some("its replacement waits for the signature of the back end \"scripted\"")
            )
        );
        world.answer_requests().await;
        world.wait(2_000).await;
        world.turn().await;
        assert_eq!(
            world.state(id).await,
            State::Accepted,
            "the first bytes are sent while the replacement is not signed"
        );
        let first = world.get(id).await.transaction;
        world.run_until_idle().await;
        let second = world.get(id).await.transaction;
        assert_ne!(first, second);
        assert_eq!(world.transactions(id).await, 2);
        world.mine(3).await;
        let done = world.get(id).await;
        assert_eq!((done.state, done.transaction), (State::Final, second));
        assert_eq!((world.nonce(), world.bob_balance()), (1, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_is_signed_after_the_end_changes_nothing() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let refusal = json!({ "code": -32000, "message": "transaction underpriced" });
        let fault = Fault::Error(refusal);
        world.proxy.fail_next("eth_sendRawTransaction", fault);
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        world.answer_requests().await;
        world.turn().await; // requests the replacement
        world.wait(2_000).await;
        world.turn().await; // sends the first bytes
        world.node.mine(1);
        assert_eq!(world.answer_requests().await, 1);
        world.run_until_idle().await;
        let mined = world.get(id).await;
        assert_eq!(mined.state, State::Mined, "{:?}", mined.reason);
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.nonce(), world.bob_balance()),
            (State::Final, 1, 5)
        );
        assert_eq!(world.transactions(id).await, 2, "every hash stays watched");
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_between_request_and_answer_delays_the_signature() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "deferred").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let scope = Scope::Namespace;
        keys::freeze(&world.keys, &world.principal, scope, false, "audit")
            .await
            .unwrap();
        world.run_until_idle().await;
        let explained = world.explain(id).await;
        let reason = explained.reason.unwrap();
        assert_eq!(explained.state, State::Signing);
        assert!(reason.contains("signing is frozen"), "{reason}");
        // A request in the freeze reserves nothing.
        let second = world.enqueue(world.payment(7)).await;
        world.run_until_idle().await;
        assert_eq!(world.state(second).await, State::Permitted);
        assert_eq!(world.lane().await.next_nonce, 1);
        keys::unfreeze(&world.keys, &world.principal, scope, "done")
            .await
            .unwrap();
        world.wait(6_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(second).await),
            (State::Final, State::Final)
        );
        assert_eq!((world.nonce(), world.bob_balance()), (2, 12));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_nonce_that_is_used_elsewhere_ends_its_submission() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "deferred").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let scope = Scope::Namespace;
        keys::freeze(&world.keys, &world.principal, scope, false, "")
            .await
            .unwrap();
        world.pay_outside_florin(3);
        world.mine(1).await;
        assert!(world.lane().await.paused.is_some());
        world.mine(3).await;
        assert_eq!(world.state(id).await, State::Replaced);
        keys::unfreeze(&world.keys, &world.principal, scope, "")
            .await
            .unwrap();
        world.wait(60_000).await;
        assert_eq!(
            world.answer_requests().await,
            0,
            "its signature is no longer requested"
        );
        assert_eq!((world.nonce(), world.bob_balance()), (1, 3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_requested_recorded_or_sent_on_a_halted_chain() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let sending = "eth_sendRawTransaction";
        let accepted = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        world.proxy.fail_always(sending, Fault::LoseCall);
        let unsent = world.enqueue(world.payment(2)).await;
        world.run_until_idle().await;
        world.proxy.clear_faults();
        let refused_one = world.enqueue(world.payment(4)).await;
        let answered = world.enqueue(world.payment(8)).await;
        world.turn().await;
        world.scripted.answer([refused()]);
        assert_eq!(world.answer_requests().await, 2);
        world
            .execute("UPDATE chain_cursor SET halted = 'a final block was undone'")
            .await;

        let refusal = json!({ "code": -32000, "message": "transaction underpriced" });
        world.proxy.fail_next(sending, Fault::Error(refusal));
        world.wait(31_000).await;
        world.run_until_idle().await;
        let states = [
            world.state(accepted).await,
            world.state(unsent).await,
            world.state(refused_one).await,
            world.state(answered).await,
        ];
        let unchanged = [
            State::Accepted,
            State::Signed,
            State::Signing,
            State::Signing,
        ];
        assert_eq!(states, unchanged);
        assert_eq!(world.transactions(accepted).await, 1, "no higher price");
        assert_eq!(world.transactions(answered).await, 0, "not collected");
        let reason = world.get(refused_one).await.reason.unwrap();
        assert!(reason.starts_with("waits for the signature"), "{reason}");

        world.execute("UPDATE chain_cursor SET halted = NULL").await;
        world.wait(61_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        let states = [
            world.state(accepted).await,
            world.state(unsent).await,
            world.state(refused_one).await,
            world.state(answered).await,
        ];
        let ended = [State::Final, State::Final, State::Cancelled, State::Final];
        assert_eq!(states, ended);
        assert_eq!((world.nonce(), world.bob_balance()), (4, 11));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_shows_that_it_waits_for_the_signature_of_another() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let other = Principal {
            namespace: namespace("other"),
            ..world.principal.clone()
        };
        assert_eq!(world.set_up_treasury(&other).await, world.signer);
        let first = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let waiting = submit::enqueue(&world.submit, &other, world.payment(7))
            .await
            .unwrap();
        let waiting = waiting.submission().id;
        world.turn().await;
        let explain = async || {
            let explained = submit::explain(&world.submit, &other, waiting).await;
            explained.unwrap()
        };
        let status = async || {
            let (chain, signer) = (world.chain(), &world.signer);
            let status = submit::lane_status(&world.submit, &other, &chain, signer).await;
            status.unwrap()
        };
        let explained = explain().await;
        assert_eq!(explained.state, State::Permitted);
        let reason = explained.reason.unwrap();
        assert!(reason.contains("wait for their signatures"), "{reason}");
        assert!(explained.next_step.contains("lower nonces"));
        let lane = status().await;
        assert_eq!((lane.paused, lane.held), (None, Some(reason.clone())));
        assert!(!reason.contains(&first.to_string()));
        assert_eq!(world.explain(first).await.state, State::Signing);

        world.run_until_idle().await;
        let explained = explain().await;
        assert_eq!((explained.state, explained.reason), (State::Accepted, None));
        assert_eq!(status().await.held, None);
        world.mine(3).await;
        assert_eq!((world.nonce(), world.bob_balance()), (2, 12));
    })
    .await;
}
