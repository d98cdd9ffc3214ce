//! Signers whose back end answers later: what belongs to one of them does not concern the others.

use crate::world::World;
use submit::{Enqueue, State};
use testkit::on_each_engine;

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
