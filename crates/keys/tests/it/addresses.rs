//! Addresses: each is issued once, in bulk, without reading the secret.

use crate::world::{self, FIRST, SECOND, WORDS, World, chain, code, object, pay, unsigned};
use keys::{KeyAddress, NewKey, NewSecret, NewWallet, SigningJob, WalletKind};
use std::collections::HashSet;
use testkit::{namespace, on_each_engine};
use types::{ChainId, Page, WalletId};

const ABANDON: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

fn bitcoin() -> ChainId {
    "bip122:000000000019d6689c085ae165831e93".parse().unwrap()
}

async fn issue(world: &World, wallet: &WalletId, chain: &ChainId, count: u32) -> Vec<KeyAddress> {
    keys::addresses(&world.keys, &world.principal, wallet, chain, count)
        .await
        .unwrap()
}

/// Overwrite all encrypted secrets in the database, except the version of their data key: whatever
/// still works does not need them.
async fn spoil_secrets(world: &World) {
    let spoil = world.test.db.on(&world.lease).write_unscoped(|tx| {
        tx.execute(
            "UPDATE wallet SET secret = ?1",
            ([vec![1, 0, 0, 0], vec![1; 56]].concat(),),
        )
        .map(drop)
    });
    spoil.await.map_err(|e: store::Error| e).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_match_those_of_other_wallet_software() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        let list = issue(&world, &wallet.id, &chain(), 2).await;
        assert_eq!(
            (list[0].address.as_str(), list[1].address.as_str()),
            (FIRST, SECOND)
        );
        assert_eq!(
            (list[1].index, list[1].path.as_str()),
            (1, "m/44'/60'/0'/0/1")
        );

        // The vectors of BIP-84.
        let mnemonic = NewSecret::Mnemonic {
            words: ABANDON.to_owned().into(),
            passphrase: String::new().into(),
        };
        let wallet = world.wallet("coins", mnemonic).await;
        let list = issue(&world, &wallet.id, &bitcoin(), 2).await;
        assert_eq!(
            list[0].address,
            "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
        );
        assert_eq!(
            list[1].address,
            "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"
        );
        assert_eq!(list[0].path, "m/84'/0'/0'/0/0");
        let test_coins = issue(&world, &wallet.id, &"bip122:private".parse().unwrap(), 1).await;
        assert!(
            test_coins[0].address.starts_with("bcrt1q") && test_coins[0].path == "m/84'/1'/0'/0/0"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_addresses_are_issued_without_the_secret_and_found_again() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        spoil_secrets(&world).await;
        let mut list = issue(&world, &wallet.id, &chain(), 10_000).await;
        list.extend(issue(&world, &wallet.id, &chain(), 10_000).await);
        assert!(
            list.iter()
                .enumerate()
                .all(|(index, address)| address.index as usize == index)
        );
        assert_eq!(
            list.iter()
                .map(|issued| &issued.address)
                .collect::<HashSet<_>>()
                .len(),
            20_000
        );

        let (last, from) = (list[12_345].clone(), list[12_345].address.clone());
        let location = world
            .test
            .db
            .read(world.ns(), move |tx| keys::find(tx, &chain(), &from))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (location.wallet, location.index, location.path),
            (wallet.id, 12_345, last.path.clone())
        );
        assert_eq!(
            world.facts_of("wallet.addresses_issued").await,
            2,
            "one fact per call"
        );
        let page = Page {
            limit: 3,
            skip: 1,
            after: Some("12344".into()),
        };
        let shown =
            keys::issued_addresses(&world.keys, &world.principal, &wallet.id, &chain(), &page)
                .await
                .unwrap();
        assert_eq!(shown, list[12_346..12_349]);

        // Only signing needs the secret.
        let intent = pay(&last.address, 1);
        let job = SigningJob {
            permit: world.permit(&intent),
            unsigned: unsigned(&intent, 0),
            supersedes: None,
        };
        assert_eq!(code(&world.sign(job).await), "secrets.undecryptable");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_signs() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.wallet("users", NewSecret::Generated).await;
        for issued in issue(&world, &wallet.id, &chain(), 100)
            .await
            .iter()
            .step_by(33)
        {
            let intent = pay(&issued.address, 1);
            world
                .send(&world.permit(&intent), &unsigned(&intent, 0))
                .await
                .unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_get_different_addresses() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        let sizes: Vec<u32> = (0..100).map(|n| [1, 3, 64, 65, 300][n % 5]).collect();
        let total: u32 = sizes.iter().sum();
        let chain = chain();
        let calls = sizes
            .iter()
            .map(|count| issue(&world, &wallet.id, &chain, *count));
        let mut all: Vec<KeyAddress> = futures::future::join_all(calls).await.concat();
        if world.test.server().is_some() {
            let (_db, _lease, beside) = world.beside().await;
            let there =
                |n: u32| keys::addresses(&beside, &world.principal, &wallet.id, &chain, 10 + n);
            let here =
                |n: u32| keys::addresses(&world.keys, &world.principal, &wallet.id, &chain, 90 + n);
            let (a, b) = tokio::join!(
                futures::future::join_all((0..10).map(there)),
                futures::future::join_all((0..10).map(here))
            );
            all.extend(a.into_iter().chain(b).flat_map(Result::unwrap));
        }
        all.sort_by_key(|issued| issued.index);
        assert!(all.len() >= total as usize);
        assert!(
            all.iter()
                .enumerate()
                .all(|(index, issued)| issued.index as usize == index),
            "no gaps and no duplicates"
        );
        assert_eq!(
            all.iter()
                .map(|issued| &issued.address)
                .collect::<HashSet<_>>()
                .len(),
            all.len()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_index_is_repeated_after_a_crash() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        let before = issue(&world, &wallet.id, &chain(), 70).await;
        // A failed transaction releases its indices.
        let failing = world.test.db.on(&world.lease).write(world.ns(), move |tx| {
            tx.execute(
                "UPDATE wallet_branch SET next = next + 9 WHERE namespace = ?ns",
                (),
            )?;
            Err::<(), _>(store::Error::NulCharacter)
        });
        assert!(failing.await.is_err());
        let world = world.restart().await;
        let after = issue(&world, &wallet.id, &chain(), 2).await;
        assert_eq!(
            (before[69].index, after[0].index, after[1].index),
            (69, 70, 71)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_imported_as_a_single_key_is_not_issued_again() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        // The second account of the well-known mnemonic, published with every development node.
        let key = hex::decode("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
            .unwrap();
        let key: [u8; 32] = key.try_into().unwrap();
        let single = world
            .wallet(
                "single",
                NewSecret::PrivateKey {
                    key: key.into(),
                    chain: chain(),
                },
            )
            .await;
        let wallet = world.import(WORDS).await;
        let list = issue(&world, &wallet.id, &chain(), 3).await;
        assert_eq!(
            list.iter().map(|issued| issued.index).collect::<Vec<_>>(),
            [0, 2, 3]
        );
        let location = world
            .test
            .db
            .read(world.ns(), |tx| keys::find(tx, &chain(), SECOND))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                location.wallet,
                location.path.as_str(),
                location.name.as_deref()
            ),
            (single.id, "m", Some("single"))
        );
        let intent = pay(SECOND, 1);
        assert!(
            world
                .send(&world.permit(&intent), &unsigned(&intent, 0))
                .await
                .is_ok(),
            "the imported key signs"
        );
        assert_eq!(
            code(&keys::addresses(&world.keys, &world.principal, &single.id, &chain(), 1).await),
            "keys.not_hierarchical"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_found_in_any_form_and_only_in_its_namespace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (wallet, _) = world.signer().await;
        let mixed = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        let location = world
            .test
            .db
            .read(world.ns(), move |tx| {
                keys::find(tx, &ChainId::evm(1), mixed)
            })
            .await
            .unwrap();
        let location = location.expect("on every chain of the family");
        assert_eq!(
            (
                location.wallet,
                location.address.as_str(),
                location.name.as_deref()
            ),
            (wallet.id, FIRST, Some("main"))
        );
        let elsewhere = world
            .test
            .db
            .read(&namespace("other"), |tx| keys::find(tx, &chain(), FIRST))
            .await
            .unwrap();
        assert_eq!(elsewhere, None);
        let wrong = world.test.db.read(world.ns(), |tx| {
            keys::find(tx, &chain(), "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266")
        });
        assert_eq!(code(&wrong.await), "intent.invalid_address");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_address_requests_are_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        for count in [0, keys::MAX_ADDRESSES + 1, 100_000] {
            let result =
                keys::addresses(&world.keys, &world.principal, &wallet.id, &chain(), count).await;
            assert_eq!(code(&result), "keys.limit_exceeded");
        }
        let other = world::principal("other");
        let result = keys::addresses(&world.keys, &other, &wallet.id, &chain(), 1).await;
        assert_eq!(code(&result), "keys.unknown_wallet");
        let strange: ChainId = "cosmos:hub".parse().unwrap();
        let result = keys::addresses(&world.keys, &world.principal, &wallet.id, &strange, 1).await;
        assert_eq!(code(&result), "intent.unknown_family");
        // The last index of a branch.
        let end = world.test.db.on(&world.lease).write(world.ns(), |tx| {
            tx.execute(
                "UPDATE wallet_branch SET next = ?1 WHERE namespace = ?ns",
                ((1i64 << 31) - 2,),
            )
            .map(drop)
        });
        end.await.map_err(|e: store::Error| e).unwrap();
        assert_eq!(
            code(&keys::addresses(&world.keys, &world.principal, &wallet.id, &chain(), 3).await),
            "keys.exhausted"
        );
        assert_eq!(
            issue(&world, &wallet.id, &chain(), 2).await[1].index,
            (1 << 31) - 1
        );
        assert_eq!(
            code(&keys::addresses(&world.keys, &world.principal, &wallet.id, &chain(), 1).await),
            "keys.exhausted"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_configured_later_reads_the_secret_once() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        issue(&world, &wallet.id, &chain(), 1).await;
        let mut settings = keys::Settings::default();
        settings.paths.insert(
            ChainId::evm(7),
            keys::Template::parse("m/44'/7'/{account}'/0").unwrap(),
        );
        let World {
            test,
            keys,
            secrets,
            lease,
            ..
        } = world;
        drop((keys, secrets, lease));
        let world = World::with(test.reopen().await, settings).await;
        let first = issue(&world, &wallet.id, &ChainId::evm(7), 1).await;
        assert_eq!(first[0].path, "m/44'/7'/0'/0/0");
        assert_ne!(first[0].address, FIRST);
        spoil_secrets(&world).await;
        assert_eq!(
            issue(&world, &wallet.id, &ChainId::evm(7), 1).await[0].index,
            1
        );
        assert_eq!(
            issue(&world, &wallet.id, &chain(), 1).await[0].index,
            1,
            "the default branch continues"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_of_the_same_mnemonic_is_another_wallet() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let first = world.import(WORDS).await;
        let secret = NewSecret::Mnemonic {
            words: WORDS.to_owned().into(),
            passphrase: String::new().into(),
        };
        let new = NewWallet {
            name: "second".into(),
            kind: WalletKind::User,
            metadata: object("{}"),
            account: 1,
            backend: keys::DEFAULT_BACKEND.into(),
            secret,
        };
        let second = keys::create_wallet(&world.keys, &world.principal, new)
            .await
            .unwrap();
        let issued = issue(&world, &second.id, &chain(), 1).await;
        assert_eq!(issued[0].path, "m/44'/60'/1'/0/0");
        assert_ne!(
            issued[0].address,
            issue(&world, &first.id, &chain(), 1).await[0].address
        );
        let new = NewKey {
            name: "k".into(),
            chain: chain(),
            metadata: object("{}"),
        };
        assert_eq!(
            code(&keys::create_key(&world.keys, &world.principal, &second.id, new).await),
            "keys.named_key_not_allowed"
        );
    })
    .await;
}
