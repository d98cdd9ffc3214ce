//! One call, and nothing is signed any more.

use crate::house::{self, House, chain, code, pay, priced, unsigned};
use intent::Intent;
use keys::{NewKey, NewSecret, Order, Scope};
use testkit::{namespace, on_each_engine};
use types::Principal;

/// A payment sent before, another signed and not recorded, and then a freeze of this scope.
async fn story(house: &House, scope: Scope, who: &Principal, wallet_name: &'static str) {
    let wallet = house.wallet(wallet_name, NewSecret::Fresh).await;
    let new = NewKey {
        name: "k".into(),
        chain: chain(),
        metadata: house::object("{}"),
    };
    let from = keys::create_key(&house.keys, &house.who, &wallet.id, new)
        .await
        .unwrap()
        .address;
    let scope = if matches!(scope, Scope::Wallet(_)) {
        Scope::Wallet(wallet.id)
    } else {
        scope
    };
    let (intent, cancel) = (pay(&from, 5), Intent::cancel(chain(), from.clone()));
    let sent = house.permit(&intent);
    house.send(&sent, &unsigned(&intent, 0)).await.unwrap();
    let late = house.permit(&intent);
    let order = Order {
        permit: late.clone(),
        unsigned: unsigned(&intent, 1),
        supersedes: None,
    };
    let under_way = house.sign(order).await.unwrap();

    keys::freeze(&house.keys, who, scope, false, "drill")
        .await
        .unwrap();
    assert_eq!(
        code(&house.record(&under_way).await),
        "keys.frozen",
        "although it was signed before"
    );
    assert_eq!(
        code(&house.send(&late, &unsigned(&intent, 1)).await),
        "keys.frozen"
    );
    assert_eq!(
        code(&house.send(&sent, &priced(&intent, 0, 120)).await),
        "keys.frozen",
        "no bump either"
    );
    let fill = house.permit(&cancel);
    assert_eq!(
        code(&house.send(&fill, &unsigned(&cancel, 1)).await),
        "keys.frozen",
        "a fill begins something"
    );
    let stop = house.permit(&cancel);
    house
        .send_instead(&stop, &priced(&cancel, 0, 120), Some(sent.body.id))
        .await
        .expect("a cancel of what was sent");

    keys::freeze(&house.keys, who, scope, true, "worse")
        .await
        .unwrap();
    assert_eq!(
        code(&house.send(&stop, &priced(&cancel, 0, 140)).await),
        "keys.frozen",
        "hard stops cancels, too"
    );
    let shown = keys::freezes(&house.keys, &house.who).await.unwrap();
    assert!(
        shown
            .iter()
            .any(|one| one.scope == scope && one.hard && one.reason == "worse" && one.by == who.id)
    );

    keys::unfreeze(&house.keys, who, scope, "over")
        .await
        .unwrap();
    assert!(
        keys::freezes(&house.keys, &house.who)
            .await
            .unwrap()
            .is_empty()
    );
    house.record(&under_way).await.expect("it is in time still");
    house.send(&stop, &priced(&cancel, 0, 140)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_a_namespace_and_an_installation_freeze() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let system = Principal::system("operator", house.ns().clone());
        let wallet = Scope::Wallet(house.wallet("any", NewSecret::Fresh).await.id);
        story(&house, wallet, &house.who, "one").await;
        story(&house, Scope::Namespace, &house.who, "two").await;
        story(&house, Scope::Installation, &system, "three").await;
        assert_eq!(house.facts_of("signing.frozen").await, 6);
        assert_eq!(house.facts_of("signing.unfrozen").await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_reaches_no_further_than_its_scope() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (wallet, from) = house.signer().await;
        let other = house.wallet("other", NewSecret::Fresh).await;
        keys::freeze(&house.keys, &house.who, Scope::Wallet(other.id), true, "")
            .await
            .unwrap();
        let elsewhere = Principal {
            namespace: namespace("other"),
            ..house.who.clone()
        };
        keys::freeze(&house.keys, &elsewhere, Scope::Namespace, true, "")
            .await
            .unwrap();
        let intent = pay(&from, 5);
        house
            .send(&house.permit(&intent), &unsigned(&intent, 0))
            .await
            .unwrap();
        assert_eq!(
            code(&keys::freeze(&house.keys, &house.who, Scope::Installation, true, "").await),
            "keys.forbidden"
        );
        keys::freeze(&house.keys, &house.who, Scope::Wallet(wallet.id), false, "")
            .await
            .unwrap();
        assert_eq!(
            code(
                &house
                    .send(&house.permit(&intent), &unsigned(&intent, 1))
                    .await
            ),
            "keys.frozen"
        );
        let house = house.restart().await;
        let again = house.seal(intent::PermitBody {
            id: types::PermitId::from_ulid(types::Ulid::from_bits(99)),
            ..house.body(&intent)
        });
        assert_eq!(
            code(&house.send(&again, &unsigned(&intent, 1)).await),
            "keys.frozen",
            "a restart does not thaw"
        );
    })
    .await;
}
