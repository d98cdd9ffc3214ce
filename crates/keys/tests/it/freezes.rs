//! Freezes: one call stops all signing of a scope.

use crate::world::{self, World, chain, code, pay, priced, unsigned};
use intent::Intent;
use keys::{NewKey, NewSecret, Scope, SigningJob};
use testkit::{namespace, on_each_engine};
use types::Principal;

/// A sent payment, a second one that is signed but not recorded, and then a freeze of the scope.
async fn check_scope(
    world: &World,
    scope: Scope,
    principal: &Principal,
    wallet_name: &'static str,
) {
    let wallet = world.wallet(wallet_name, NewSecret::Generated).await;
    let new = NewKey {
        name: "k".into(),
        chain: chain(),
        metadata: world::object("{}"),
    };
    let from = keys::create_key(&world.keys, &world.principal, &wallet.id, new)
        .await
        .unwrap()
        .address;
    let scope = if matches!(scope, Scope::Wallet(_)) {
        Scope::Wallet(wallet.id)
    } else {
        scope
    };
    let (intent, cancel) = (pay(&from, 5), Intent::cancel(chain(), from.clone()));
    let sent = world.permit(&intent);
    world.send(&sent, &unsigned(&intent, 0)).await.unwrap();
    let late = world.permit(&intent);
    let job = SigningJob {
        permit: late.clone(),
        unsigned: unsigned(&intent, 1),
        supersedes: None,
    };
    let in_progress = world.sign(job).await.unwrap();

    keys::freeze(&world.keys, principal, scope, false, "drill")
        .await
        .unwrap();
    assert_eq!(
        code(&world.record(&in_progress).await),
        "keys.frozen",
        "it was signed before the freeze"
    );
    assert_eq!(
        code(&world.send(&late, &unsigned(&intent, 1)).await),
        "keys.frozen"
    );
    assert_eq!(
        code(&world.send(&sent, &priced(&intent, 0, 120)).await),
        "keys.frozen",
        "a bump is blocked, too"
    );
    let fill = world.permit(&cancel);
    assert_eq!(
        code(&world.send(&fill, &unsigned(&cancel, 1)).await),
        "keys.frozen",
        "a fill starts a new permit chain"
    );
    let stop = world.superseding(&world.permit(&cancel), Some(sent.body.id));
    world
        .send(&stop, &priced(&cancel, 0, 120))
        .await
        .expect("a cancel of the sent payment");

    keys::freeze(&world.keys, principal, scope, true, "worse")
        .await
        .unwrap();
    assert_eq!(
        code(&world.send(&stop, &priced(&cancel, 0, 140)).await),
        "keys.frozen",
        "a hard freeze blocks cancels, too"
    );
    let shown = keys::freezes(&world.keys, &world.principal).await.unwrap();
    assert!(shown.iter().any(|freeze| freeze.scope == scope
        && freeze.hard
        && freeze.reason == "worse"
        && freeze.by == principal.id));

    keys::unfreeze(&world.keys, principal, scope, "over")
        .await
        .unwrap();
    assert!(
        keys::freezes(&world.keys, &world.principal)
            .await
            .unwrap()
            .is_empty()
    );
    world
        .record(&in_progress)
        .await
        .expect("the permit has not expired");
    world.send(&stop, &priced(&cancel, 0, 140)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_namespaces_and_the_installation_can_be_frozen() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let system = Principal::system("operator", *world.ns());
        let wallet = Scope::Wallet(world.wallet("any", NewSecret::Generated).await.id);
        check_scope(&world, wallet, &world.principal, "one").await;
        check_scope(&world, Scope::Namespace, &world.principal, "two").await;
        check_scope(&world, Scope::Installation, &system, "three").await;
        assert_eq!(world.facts_of("signing.frozen").await, 6);
        assert_eq!(world.facts_of("signing.unfrozen").await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_affects_only_its_scope() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (wallet, from) = world.signer().await;
        let other = world.wallet("other", NewSecret::Generated).await;
        keys::freeze(
            &world.keys,
            &world.principal,
            Scope::Wallet(other.id),
            true,
            "",
        )
        .await
        .unwrap();
        let elsewhere = Principal {
            namespace: namespace("other"),
            ..world.principal.clone()
        };
        keys::freeze(&world.keys, &elsewhere, Scope::Namespace, true, "")
            .await
            .unwrap();
        let intent = pay(&from, 5);
        world
            .send(&world.permit(&intent), &unsigned(&intent, 0))
            .await
            .unwrap();
        assert_eq!(
            code(&keys::freeze(&world.keys, &world.principal, Scope::Installation, true, "").await),
            "keys.forbidden"
        );
        keys::freeze(
            &world.keys,
            &world.principal,
            Scope::Wallet(wallet.id),
            false,
            "",
        )
        .await
        .unwrap();
        assert_eq!(
            code(
                &world
                    .send(&world.permit(&intent), &unsigned(&intent, 1))
                    .await
            ),
            "keys.frozen"
        );
        let world = world.restart().await;
        let again = world.sign_permit(intent::PermitBody {
            id: types::PermitId::from_ulid(types::Ulid::from_bits(99)),
            ..world.body(&intent)
        });
        assert_eq!(
            code(&world.send(&again, &unsigned(&intent, 1)).await),
            "keys.frozen",
            "a freeze survives a restart"
        );
    })
    .await;
}
