//! Replacements and cancels of one submission, signed late: the cancel always outbids.

use crate::world::World;
use intent::FeeTerms;
use keys::SignOutcome;
use serde_json::json;
use submit::State;
use testkit::{Fault, on_each_engine};
use types::{Clock as _, SubmissionId};

/// The pause between two broadcasts of the same bytes, with room.
const REBROADCAST_MS: i64 = 31_000;

/// The pause after which a price that is too low is tried again, with room.
const PRICE_RETRY_MS: i64 = 61_000;

/// Longer than a permit is valid.
const EXPIRY_MS: i64 = 11 * 60_000;

/// Longer than the permit of a cancel is valid.
const CANCEL_EXPIRY_MS: i64 = 61 * 60_000;

/// A payment that a node has accepted.
async fn accepted(world: &World) -> SubmissionId {
    let id = world.enqueue(world.payment(5)).await;
    world.run_until_idle().await;
    assert_eq!(world.state(id).await, State::Accepted);
    id
}

/// The node refuses what is sent next, because its price is too low.
fn refuse_next_price(world: &World) {
    let refusal = json!({ "code": -32000, "message": "transaction underpriced" });
    let fault = Fault::Error(refusal);
    world.proxy.fail_next("eth_sendRawTransaction", fault);
}

async fn terms(world: &World, id: SubmissionId) -> Vec<FeeTerms> {
    let signed = submit::transactions(&world.submit, &world.principal, id).await;
    signed.unwrap().into_iter().map(|one| one.terms).collect()
}

/// Only the cancel takes effect.
async fn assert_cancelled(world: &World, id: SubmissionId, cancel: SubmissionId) {
    world.mine(3).await;
    assert_eq!(
        (world.state(id).await, world.state(cancel).await),
        (State::Cancelled, State::Final),
        "{:?}",
        world.get(cancel).await.reason
    );
    assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_not_raised_while_a_cancel_is_undecided() {
    for backend in ["scripted", keys::DEFAULT_BACKEND] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, backend).await else {
                return;
            };
            let id = accepted(&world).await;
            let cancel = world.cancel(id).await;
            let delay = format!(
                "UPDATE submission SET next_at = {} WHERE supersedes IS NOT NULL",
                i64::MAX
            );
            world.execute(&delay).await;
            refuse_next_price(&world);
            world.wait(REBROADCAST_MS).await;
            world.turn().await;
            assert_eq!(world.state(cancel).await, State::Received);
            let reason = world.get(id).await.reason.unwrap();
            let expected =
                format!("its price is not raised while its cancel {cancel} is in progress");
            assert_eq!(reason, expected);
            assert_eq!(world.answer_requests().await, 0, "nothing was requested");
            world.run_until_idle().await;
            assert_eq!(world.transactions(id).await, 1);

            world.cancel(cancel).await;
            refuse_next_price(&world);
            world.wait(REBROADCAST_MS).await;
            world.run_until_idle().await;
            assert_eq!(world.transactions(id).await, 2);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_outbids_a_replacement_whose_signature_has_arrived() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let id = accepted(&world).await;
        let first = world.get(id).await.transaction;
        refuse_next_price(&world);
        world.wait(REBROADCAST_MS).await;
        world.turn().await; // requests the replacement
        assert_eq!(world.answer_requests().await, 1);
        let cancel = world.cancel(id).await;
        world.turn().await;
        let current = world.get(id).await;
        assert_eq!(world.transactions(id).await, 2, "every hash stays watched");
        assert_eq!(current.transaction, first, "the replacement is not sent");
        world.run_until_idle().await;
        let (of_payment, of_cancel) = (terms(&world, id).await, terms(&world, cancel).await);
        for lower in of_payment {
            assert!(
                lower.fee_per_gas < of_cancel[0].fee_per_gas,
                "{lower:?} {of_cancel:?}"
            );
        }
        assert_cancelled(&world, id, cancel).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_withdraws_the_requested_replacement_and_outbids_it() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let id = accepted(&world).await;
        let cancel = world.cancel(id).await;
        // The replacement was requested in the moment before the cancel was enqueued.
        let hide = "UPDATE submission SET state = 'failed' WHERE supersedes IS NOT NULL";
        world.execute(hide).await;
        refuse_next_price(&world);
        world.wait(REBROADCAST_MS).await;
        world.turn().await;
        let reason = world.get(id).await.reason.unwrap();
        assert!(reason.starts_with("its replacement waits"), "{reason}");
        let show = "UPDATE submission SET state = 'received' WHERE supersedes IS NOT NULL";
        world.execute(show).await;
        world.turn().await;
        assert_eq!(world.state(cancel).await, State::Signing);
        // The request of the replacement is older: it would be answered first or second.
        world.scripted.answer([SignOutcome::Pending]);
        assert_eq!(
            world.answer_requests().await,
            0,
            "only the cancel is wanted"
        );
        world.wait(1_000).await;
        world.run_until_idle().await;
        assert_eq!(world.transactions(id).await, 1);
        let (of_payment, of_cancel) = (terms(&world, id).await, terms(&world, cancel).await);
        let twice = |amount: types::Amount| amount.checked_mul(types::Amount::from(100u64));
        let raised = of_payment[0]
            .fee_per_gas
            .checked_mul(types::Amount::from(121u64));
        assert!(
            twice(of_cancel[0].fee_per_gas) >= raised,
            "{of_payment:?} {of_cancel:?}"
        );
        assert_cancelled(&world, id, cancel).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_no_permit_allows_to_raise_pauses_the_lane_until_it_suffices() {
    for backend in ["scripted", keys::DEFAULT_BACKEND] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, backend).await else {
                return;
            };
            let id = accepted(&world).await;
            world.wait(EXPIRY_MS).await;
            refuse_next_price(&world);
            world.turn().await;
            let behind = world.enqueue(world.payment(7)).await;
            world.run_until_idle().await;
            let expected = format!("the price of {id} is too low and cannot be raised: permit");
            let paused = world.lane().await.paused.unwrap();
            assert!(paused.starts_with(&expected), "{paused}");
            let refused = world.explain(id).await;
            let reason = refused.reason.unwrap();
            assert!(reason.contains("has expired; waiting"), "{reason}");
            assert!(reason.contains(&format!("cancel {id}")), "{reason}");
            let in_a_minute = world.test.clock.now().plus_millis(59_000);
            assert!(refused.next_at.unwrap() > in_a_minute, "not at once");
            assert_eq!(world.transactions(id).await, 1);
            let explained = world.explain(behind).await;
            assert_eq!(explained.state, State::Permitted);
            assert!(explained.reason.unwrap().contains(&expected));

            refuse_next_price(&world);
            world.wait(PRICE_RETRY_MS).await;
            world.turn().await;
            let mut facts = world.facts().await;
            facts.retain(|fact| fact.kind == "lane.paused");
            assert_eq!(facts.len(), 1, "a prolonged pause is reported once");
            assert_eq!(
                world.state(behind).await,
                State::Permitted,
                "nothing is signed before the price is tried again"
            );

            world.wait(EXPIRY_MS / 10).await; // the price has fallen
            world.run_until_idle().await;
            world.mine(3).await;
            world.wait(REBROADCAST_MS).await;
            world.run_until_idle().await;
            world.mine(3).await;
            assert_eq!(
                (world.state(id).await, world.state(behind).await),
                (State::Final, State::Final)
            );
            assert_eq!((world.nonce(), world.bob_balance()), (2, 12));
            assert_eq!(world.lane().await.paused, None);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_fills_the_nonce_of_a_signature_whose_permit_expired() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        world.scripted.answer([SignOutcome::Pending]);
        assert_eq!(world.answer_requests().await, 0);
        world.wait(EXPIRY_MS).await;
        let expired = SignOutcome::Refused("its permit has expired".into());
        world.scripted.answer([expired]);
        assert_eq!(world.answer_requests().await, 1);
        world.scripted.sign_everything();
        world.turn().await;
        let reason = world.get(id).await.reason.unwrap();
        assert!(
            reason.contains("expired") && reason.ends_with("fills its nonce"),
            "{reason}"
        );
        assert_eq!(reason.matches("fills").count(), 1, "{reason}");
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(id).await, State::Cancelled);
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
        assert_eq!(world.lane().await.paused, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_cannot_be_planned_ends_with_its_permit() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = accepted(&world).await;
        world.execute("DELETE FROM submission_replay_key").await; // no nonce to plan with
        let cancel = world.cancel(id).await;
        world.run_until_idle().await;
        assert_eq!(world.state(cancel).await, State::Permitted);
        world.wait(CANCEL_EXPIRY_MS).await;
        world.run_until_idle().await;
        assert_eq!(world.state(cancel).await, State::Expired);
    })
    .await;
}

/// A refused payment, and the cancel that is to fill its nonce.
async fn refused(world: &World) -> (SubmissionId, SubmissionId) {
    let id = world.enqueue(world.payment(5)).await;
    world.turn().await;
    let refusal = SignOutcome::Refused("not today".into());
    world.scripted.answer([refusal]);
    assert_eq!(world.answer_requests().await, 1);
    freeze(world).await;
    (id, open_cancel(world).await.unwrap())
}

/// Freezes all signing, also of cancels.
async fn freeze(world: &World) {
    let scope = keys::Scope::Namespace;
    keys::freeze(&world.keys, &world.principal, scope, true, "audit")
        .await
        .unwrap();
    world.run_until_idle().await;
}

/// The cancel that waits for the end of the freeze.
async fn open_cancel(world: &World) -> Option<SubmissionId> {
    let filter = submit::Filter {
        state: Some(State::Permitted),
        ..submit::Filter::default()
    };
    let page = types::Page::default();
    let open = submit::submissions(&world.submit, &world.principal, filter, page).await;
    open.unwrap().first().map(|cancel| cancel.id)
}

async fn lift_freeze(world: &World) {
    let scope = keys::Scope::Namespace;
    keys::unfreeze(&world.keys, &world.principal, scope, "done")
        .await
        .unwrap();
}

async fn unfreeze(world: &World) {
    lift_freeze(world).await;
    world.wait(6_000).await;
    world.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_was_withdrawn_or_expired_does_not_leave_its_nonce_unfilled() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let (id, first) = refused(&world).await;
        world.cancel(first).await;
        world.run_until_idle().await;
        let second = open_cancel(&world).await.unwrap();
        assert_ne!(first, second);
        world.wait(CANCEL_EXPIRY_MS).await;
        unfreeze(&world).await;
        assert_eq!(world.lane().await.paused, None);
        world.mine(3).await;
        assert_eq!(
            (world.state(id).await, world.state(first).await),
            (State::Cancelled, State::Failed)
        );
        assert_eq!(world.state(second).await, State::Expired);
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_whose_cancels_keep_ending_pauses_the_lane() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let (id, first) = refused(&world).await;
        let mut cancel = Some(first);
        let mut attempts = 0;
        while let Some(open) = cancel {
            attempts += 1;
            assert!(attempts <= 5, "it ends");
            world.cancel(open).await;
            world.run_until_idle().await;
            cancel = open_cancel(&world).await;
        }
        assert_eq!(attempts, 5);
        let paused = world.lane().await.paused.unwrap();
        assert!(
            paused.contains(&id.to_string()) && paused.contains("5 cancels have ended"),
            "{paused}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_whose_cancels_expire_is_filled_after_any_number_of_freezes() {
    on_each_engine(|test| async move {
        let Some(world) = World::on(test, "scripted").await else {
            return;
        };
        let (id, _) = refused(&world).await;
        for _ in 0..6 {
            let cancel = open_cancel(&world).await.unwrap();
            world.wait(CANCEL_EXPIRY_MS).await;
            lift_freeze(&world).await;
            world.turn().await;
            assert_eq!(world.state(cancel).await, State::Expired);
            freeze(&world).await;
        }
        unfreeze(&world).await;
        world.mine(3).await;
        assert_eq!(world.lane().await.paused, None);
        assert_eq!(world.state(id).await, State::Cancelled);
        assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
    })
    .await;
}
