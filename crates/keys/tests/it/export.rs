//! What leaves, and what never does.

use crate::house::{House, WORDS, chain, code};
use keys::{Exported, NewSecret, Settings};
use testkit::on_each_engine;
use types::{Principal, Role};

fn exporter(house: &House) -> Principal {
    Principal {
        id: "eve".into(),
        roles: vec![Role::KeyExporter],
        ..house.who.clone()
    }
}

fn open() -> Settings {
    Settings {
        export_allowed: true,
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_exported_unless_the_configuration_allows_it() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        assert_eq!(
            code(&keys::export(&house.keys, &exporter(&house), &wallet.id).await),
            "keys.export_off"
        );
        assert_eq!(house.facts_of("wallet.exported").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_leaves_whole_on_the_record_and_for_whoever_may() {
    on_each_engine(|test| async move {
        let house = House::with(test, open()).await;
        let wallet = house.import(WORDS).await;
        assert_eq!(
            code(&keys::export(&house.keys, &house.who, &wallet.id).await),
            "keys.forbidden",
            "not even an admin"
        );
        let system = Principal::system("worker", house.ns().clone());
        assert_eq!(
            code(&keys::export(&house.keys, &system, &wallet.id).await),
            "keys.forbidden"
        );
        let elsewhere = Principal {
            namespace: testkit::namespace("other"),
            ..exporter(&house)
        };
        assert_eq!(
            code(&keys::export(&house.keys, &elsewhere, &wallet.id).await),
            "keys.wallet_unknown"
        );
        assert_eq!(house.facts_of("wallet.exported").await, 0);

        let exported = keys::export(&house.keys, &exporter(&house), &wallet.id)
            .await
            .unwrap();
        assert!(!format!("{exported:?}").contains("junk"));
        let Exported::Mnemonic { words, .. } = exported else {
            panic!("words")
        };
        assert_eq!(words.as_str(), WORDS);
        let fact = house
            .facts()
            .await
            .into_iter()
            .find(|fact| fact.contains("wallet.exported"))
            .unwrap();
        assert!(fact.contains("eve") && !fact.contains("junk"), "{fact}");
        assert_eq!(
            keys::wallet(&house.keys, &house.who, &wallet.id)
                .await
                .unwrap()
                .version,
            2
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_single_child_never_leaves() {
    on_each_engine(|test| async move {
        let house = House::with(test, open()).await;
        let (wallet, _) = house.signer().await;
        let child = keys::key_named(&house.keys, &house.who, &wallet.id, "main")
            .await
            .unwrap();
        assert_eq!(
            code(&keys::export_key(&house.keys, &exporter(&house), &child.id).await),
            "keys.export_child"
        );

        let secret = NewSecret::PrivateKey {
            key: [7; 32].into(),
            chain: chain(),
        };
        let single = house.wallet("single", secret).await;
        let key = keys::key_named(&house.keys, &house.who, &single.id, "single")
            .await
            .unwrap();
        let exported = keys::export_key(&house.keys, &exporter(&house), &key.id)
            .await
            .unwrap();
        assert!(
            matches!(exported, Exported::PrivateKey(key) if *key == [7; 32]),
            "an imported key is its whole wallet"
        );
        assert_eq!(house.facts_of("wallet.exported").await, 1);
    })
    .await;
}
