//! Wallets and named keys: create, import, change, list, isolation between namespaces.

use crate::world::{self, FIRST, WORDS, World, chain, code, object};
use keys::{NewKey, NewSecret, NewWallet, Origin, Patch, WalletKind};
use testkit::on_each_engine;
use types::Page;

fn fresh(name: &str) -> NewWallet {
    let secret = NewSecret::Generated;
    NewWallet {
        name: name.into(),
        kind: WalletKind::User,
        metadata: object("{\"team\":1}"),
        account: 0,
        backend: keys::DEFAULT_BACKEND.into(),
        secret,
    }
}

fn words(name: &str, words: &str) -> NewWallet {
    let secret = NewSecret::Mnemonic {
        words: words.to_owned().into(),
        passphrase: String::new().into(),
    };
    NewWallet {
        secret,
        ..fresh(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_created_changed_and_listed() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let made = keys::create_wallet(&world.keys, &world.principal, fresh("users"))
            .await
            .unwrap();
        assert_eq!(
            (made.kind, made.origin, made.version),
            (WalletKind::User, Origin::Generated, 1)
        );
        assert_eq!(
            keys::wallet(&world.keys, &world.principal, &made.id.to_string())
                .await
                .unwrap(),
            made
        );
        assert_eq!(
            keys::wallet(&world.keys, &world.principal, "users")
                .await
                .unwrap(),
            made
        );

        let rename = Patch {
            name: Some("clients".into()),
            version: Some(1),
            ..Patch::default()
        };
        let changed = keys::patch_wallet(
            &world.keys,
            &world.principal,
            &made.id.to_string(),
            rename.clone(),
        )
        .await
        .unwrap();
        assert_eq!((changed.name.as_str(), changed.version), ("clients", 2));
        assert_eq!(
            changed.metadata, made.metadata,
            "fields that are not given stay unchanged"
        );
        assert_eq!(
            code(
                &keys::patch_wallet(&world.keys, &world.principal, &made.id.to_string(), rename)
                    .await
            ),
            "keys.version_conflict"
        );
        assert_eq!(
            world.facts_of("wallet.changed").await,
            1,
            "a rejected change appends no fact"
        );

        for name in ["a", "b", "c"] {
            keys::create_wallet(&world.keys, &world.principal, fresh(name))
                .await
                .unwrap();
        }
        let page = |after| Page {
            limit: 2,
            skip: 0,
            after,
        };
        let first = keys::wallets(&world.keys, &world.principal, &page(None))
            .await
            .unwrap();
        let rest = keys::wallets(
            &world.keys,
            &world.principal,
            &page(Some(first[1].id.to_string())),
        )
        .await
        .unwrap();
        let mut names: Vec<_> = first
            .iter()
            .chain(&rest)
            .map(|wallet| wallet.name.clone())
            .collect();
        names.sort();
        assert_eq!(names, ["a", "b", "c", "clients"]);
        let branches = keys::branches(&world.keys, &world.principal, &made.id)
            .await
            .unwrap();
        assert_eq!(branches.len(), 3);
        assert!(
            branches
                .iter()
                .all(|branch| branch.xpub.starts_with("xpub") && branch.issued == 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_secrets_are_unique_in_a_namespace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let create = |new| keys::create_wallet(&world.keys, &world.principal, new);
        create(words("treasury", WORDS)).await.unwrap();
        assert_eq!(code(&create(fresh("treasury")).await), "keys.name_taken");
        assert_eq!(
            code(&create(words("again", WORDS)).await),
            "keys.wallet_exists"
        );
        let spaced = WORDS.to_uppercase().replace(' ', "  ");
        assert_eq!(
            code(&create(words("again", &spaced)).await),
            "keys.wallet_exists",
            "case and spacing do not matter"
        );
        let many = futures::future::join_all((0..8).map(|_| create(fresh("one of many")))).await;
        assert_eq!(many.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(
            many.iter()
                .filter(|result| result.is_err())
                .all(|result| code(result) == "keys.name_taken")
        );
        let other = world::principal("other");
        assert!(
            keys::create_wallet(&world.keys, &other, words("treasury", WORDS))
                .await
                .is_ok(),
            "another namespace"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_wallets_are_rejected_and_leave_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let long = "x".repeat(129);
        let names = ["", " a", "a ", "a\nb", "wal:1", "key:x", &long];
        let mut refused: Vec<(NewWallet, &str)> = names
            .iter()
            .map(|name| (fresh(name), "keys.invalid_name"))
            .collect();
        refused.push((words("w", "letter advice cage"), "keys.invalid_mnemonic"));
        for metadata in [
            "[]",
            "1",
            &format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)),
            "{\"a\":\"\\u0000\"}",
        ] {
            refused.push((
                NewWallet {
                    metadata: object(metadata),
                    ..fresh("w")
                },
                "keys.invalid_metadata",
            ));
        }
        let key = |byte: u8| NewSecret::PrivateKey {
            key: [byte; 32].into(),
            chain: chain(),
        };
        refused.push((
            NewWallet {
                secret: key(0),
                ..fresh("w")
            },
            "keys.invalid_private_key",
        ));
        refused.push((
            NewWallet {
                secret: key(255),
                ..fresh("w")
            },
            "keys.invalid_private_key",
        ));
        refused.push((
            NewWallet {
                account: 1 << 31,
                ..fresh("w")
            },
            "keys.invalid_path",
        ));
        refused.push((
            NewWallet {
                backend: "paper".into(),
                ..fresh("w")
            },
            "keys.unknown_backend",
        ));
        for (new, expected) in refused {
            let shown = format!("{new:?}");
            assert_eq!(
                code(&keys::create_wallet(&world.keys, &world.principal, new).await),
                expected,
                "{shown}"
            );
        }
        let all = keys::wallets(&world.keys, &world.principal, &Page::default())
            .await
            .unwrap();
        assert!(all.is_empty());
        assert_eq!(world.facts_of("wallet.created").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_names_are_unique_in_their_wallet() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (wallet, address) = world.signer().await;
        assert_eq!(address, FIRST);
        let new = |name: &str| NewKey {
            name: name.into(),
            chain: chain(),
            metadata: object("{}"),
        };
        let create = |name| keys::create_key(&world.keys, &world.principal, &wallet.id, new(name));
        assert_eq!(code(&create("main").await), "keys.name_taken");
        let fees = create("fees").await.unwrap();
        assert_eq!(
            fees.path, "m/44'/60'/0'/0/1",
            "a rejected request uses no index"
        );
        assert_eq!(
            keys::named_key(
                &world.keys,
                &world.principal,
                &wallet.id,
                &fees.id.to_string()
            )
            .await
            .unwrap(),
            fees
        );
        assert_eq!(
            keys::named_key(&world.keys, &world.principal, &wallet.id, "fees")
                .await
                .unwrap(),
            fees
        );
        let taken = Patch {
            name: Some("main".into()),
            ..Patch::default()
        };
        assert_eq!(
            code(&keys::patch_key(&world.keys, &world.principal, &wallet.id, "fees", taken).await),
            "keys.name_taken"
        );
        let patch = Patch {
            metadata: Some(object("{\"use\":\"gas\"}")),
            version: Some(1),
            ..Patch::default()
        };
        let patched = keys::patch_key(
            &world.keys,
            &world.principal,
            &wallet.id,
            "fees",
            patch.clone(),
        )
        .await
        .unwrap();
        assert_eq!(
            (patched.metadata.as_str(), patched.version),
            ("{\"use\":\"gas\"}", 2)
        );
        assert_eq!(
            code(&keys::patch_key(&world.keys, &world.principal, &wallet.id, "fees", patch).await),
            "keys.version_conflict"
        );
        let listed = keys::named_keys(&world.keys, &world.principal, &wallet.id, &Page::default())
            .await
            .unwrap();
        assert_eq!(listed.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_namespace_sees_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (wallet, _) = world.signer().await;
        let key = keys::named_key(&world.keys, &world.principal, &wallet.id, "main")
            .await
            .unwrap();
        let other = world::principal("other");
        let patch = Patch {
            name: Some("mine".into()),
            ..Patch::default()
        };
        let page = Page::default();
        assert!(
            keys::wallets(&world.keys, &other, &page)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            code(&keys::wallet(&world.keys, &other, &wallet.id.to_string()).await),
            "keys.unknown_wallet"
        );
        assert_eq!(
            code(&keys::wallet(&world.keys, &other, "treasury").await),
            "keys.unknown_wallet"
        );
        assert_eq!(
            code(&keys::branches(&world.keys, &other, &wallet.id).await),
            "keys.unknown_wallet"
        );
        assert_eq!(
            code(
                &keys::patch_wallet(&world.keys, &other, &wallet.id.to_string(), patch.clone())
                    .await
            ),
            "keys.unknown_wallet"
        );
        assert_eq!(
            code(&keys::named_keys(&world.keys, &other, &wallet.id, &page).await),
            "keys.unknown_wallet"
        );
        assert_eq!(
            code(&keys::issued_addresses(&world.keys, &other, &wallet.id, &chain(), &page).await),
            "keys.unknown_wallet"
        );
        assert_eq!(
            code(&keys::named_key(&world.keys, &other, &wallet.id, &key.id.to_string()).await),
            "keys.unknown_key"
        );
        assert_eq!(
            code(&keys::patch_key(&world.keys, &other, &wallet.id, "main", patch).await),
            "keys.unknown_key"
        );
        assert_eq!(
            code(&keys::named_key(&world.keys, &other, &wallet.id, "main").await),
            "keys.unknown_key"
        );
        let new = NewKey {
            name: "k".into(),
            chain: chain(),
            metadata: object("{}"),
        };
        assert_eq!(
            code(&keys::create_key(&world.keys, &other, &wallet.id, new).await),
            "keys.unknown_wallet"
        );
        let scope = keys::Scope::Wallet(wallet.id);
        assert_eq!(
            code(&keys::freeze(&world.keys, &other, scope, false, "").await),
            "keys.unknown_wallet"
        );
        assert_eq!(
            keys::wallet(&world.keys, &world.principal, &wallet.id.to_string())
                .await
                .unwrap(),
            wallet,
            "unchanged"
        );
    })
    .await;
}
