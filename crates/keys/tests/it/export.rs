//! Export of secrets: what is exported, and what never is.

use crate::world::{WORDS, World, chain, code};
use keys::{Exported, NewSecret, Settings};
use testkit::on_each_engine;
use types::{Principal, Role};

fn exporter(world: &World) -> Principal {
    Principal {
        id: "eve".into(),
        roles: vec![Role::KeyExporter],
        ..world.principal.clone()
    }
}

fn export_allowed() -> Settings {
    Settings {
        allow_export: true,
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_exported_unless_the_configuration_allows_it() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        assert_eq!(
            code(&keys::export(&world.keys, &exporter(&world), &wallet.id).await),
            "keys.export_disabled"
        );
        assert_eq!(world.facts_of("wallet.exported").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn export_requires_the_permission_and_appends_a_fact() {
    on_each_engine(|test| async move {
        let world = World::with(test, export_allowed()).await;
        let wallet = world.import(WORDS).await;
        assert_eq!(
            code(&keys::export(&world.keys, &world.principal, &wallet.id).await),
            "keys.forbidden",
            "an admin does not have the permission either"
        );
        let system = Principal::system("worker", *world.ns());
        assert_eq!(
            code(&keys::export(&world.keys, &system, &wallet.id).await),
            "keys.forbidden"
        );
        let elsewhere = Principal {
            namespace: testkit::namespace("other"),
            ..exporter(&world)
        };
        assert_eq!(
            code(&keys::export(&world.keys, &elsewhere, &wallet.id).await),
            "keys.unknown_wallet"
        );
        assert_eq!(world.facts_of("wallet.exported").await, 0);

        let exported = keys::export(&world.keys, &exporter(&world), &wallet.id)
            .await
            .unwrap();
        assert!(!format!("{exported:?}").contains("junk"));
        let json = serde_json::to_value(&exported).unwrap();
        assert_eq!(
            (&json["kind"], &json["words"]),
            (&"mnemonic".into(), &WORDS.into())
        );
        let Exported::Mnemonic { words, .. } = exported else {
            panic!("words")
        };
        assert_eq!(words.as_str(), WORDS);
        let fact = world
            .facts()
            .await
            .into_iter()
            .find(|fact| fact.contains("wallet.exported"))
            .unwrap();
        assert!(fact.contains("eve") && !fact.contains("junk"), "{fact}");
        assert_eq!(
            keys::wallet(&world.keys, &world.principal, &wallet.id.to_string())
                .await
                .unwrap()
                .version,
            2
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_single_child_is_never_exported() {
    on_each_engine(|test| async move {
        let world = World::with(test, export_allowed()).await;
        let (wallet, _) = world.signer().await;
        let child = keys::export_key(&world.keys, &exporter(&world), &wallet.id, "main").await;
        assert_eq!(code(&child), "keys.child_export_not_allowed");

        let secret = NewSecret::PrivateKey {
            key: [7; 32].into(),
            chain: chain(),
        };
        let single = world.wallet("single", secret).await;
        let exported = keys::export_key(&world.keys, &exporter(&world), &single.id, "single")
            .await
            .unwrap();
        let key = format!("0x{}", "07".repeat(32));
        assert_eq!(
            serde_json::to_value(&exported).unwrap(),
            serde_json::json!({ "kind": "privateKey", "key": key }),
            "an imported key is its whole wallet"
        );
        assert_eq!(world.facts_of("wallet.exported").await, 1);
    })
    .await;
}
