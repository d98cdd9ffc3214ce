//! Addresses by the thousand, each once, without a look at the secret.

use crate::house::{self, FIRST, House, SECOND, WORDS, chain, code, object, pay, unsigned};
use keys::{KeyAddress, NewKey, NewSecret, NewWallet, Order, WalletKind};
use std::collections::HashSet;
use testkit::{namespace, on_each_engine};
use types::{ChainId, Page, WalletId};

const ABANDON: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

fn bitcoin() -> ChainId {
    "bip122:000000000019d6689c085ae165831e93".parse().unwrap()
}

async fn take(house: &House, wallet: &WalletId, chain: &ChainId, count: u32) -> Vec<KeyAddress> {
    keys::addresses(&house.keys, &house.who, wallet, chain, count)
        .await
        .unwrap()
}

/// Spoil the sealed secrets of the database, all but the number of their data key: whatever still
/// works does not need them.
async fn spoil_secrets(house: &House) {
    let spoil = house.test.db.on(&house.lease).write_unbound(|tx| {
        tx.execute(
            "UPDATE wallet SET secret = ?1",
            ([vec![1, 0, 0, 0], vec![1; 56]].concat(),),
        )
        .map(drop)
    });
    spoil.await.map_err(|e: store::Error| e).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_those_that_every_other_wallet_derives() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        let list = take(&house, &wallet.id, &chain(), 2).await;
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
        let wallet = house.wallet("coins", mnemonic).await;
        let list = take(&house, &wallet.id, &bitcoin(), 2).await;
        assert_eq!(
            list[0].address,
            "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
        );
        assert_eq!(
            list[1].address,
            "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"
        );
        assert_eq!(list[0].path, "m/84'/0'/0'/0/0");
        let test_coins = take(&house, &wallet.id, &"bip122:private".parse().unwrap(), 1).await;
        assert!(
            test_coins[0].address.starts_with("bcrt1q") && test_coins[0].path == "m/84'/1'/0'/0/0"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_without_the_secret_and_each_leads_back_to_its_key() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        spoil_secrets(&house).await;
        let mut list = take(&house, &wallet.id, &chain(), 10_000).await;
        list.extend(take(&house, &wallet.id, &chain(), 10_000).await);
        assert!(
            list.iter()
                .enumerate()
                .all(|(place, one)| one.index as usize == place)
        );
        assert_eq!(
            list.iter()
                .map(|one| &one.address)
                .collect::<HashSet<_>>()
                .len(),
            20_000
        );

        let (last, from) = (list[12_345].clone(), list[12_345].address.clone());
        let found = house
            .test
            .db
            .read(house.ns(), move |tx| keys::find(tx, &chain(), &from))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.wallet, found.index, found.path),
            (wallet.id, 12_345, last.path.clone())
        );
        assert_eq!(
            house.facts_of("wallet.addresses").await,
            2,
            "one fact for each hand-out"
        );
        let page = Page {
            limit: 3,
            skip: 1,
            after: Some("12344".into()),
        };
        let shown = keys::handed_out(&house.keys, &house.who, &wallet.id, &chain(), &page)
            .await
            .unwrap();
        assert_eq!(shown, list[12_346..12_349]);

        // Only a signature needs the secret.
        let intent = pay(&last.address, 1);
        let order = Order {
            permit: house.permit(&intent),
            unsigned: unsigned(&intent, 0),
            supersedes: None,
        };
        assert_eq!(code(&house.sign(order).await), "store.secret");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_signs() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.wallet("users", NewSecret::Fresh).await;
        for one in take(&house, &wallet.id, &chain(), 100)
            .await
            .iter()
            .step_by(33)
        {
            let intent = pay(&one.address, 1);
            house
                .send(&house.permit(&intent), &unsigned(&intent, 0))
                .await
                .unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_get_different_addresses() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        let sizes: Vec<u32> = (0..100).map(|n| [1, 3, 64, 65, 300][n % 5]).collect();
        let total: u32 = sizes.iter().sum();
        let chain = chain();
        let calls = sizes
            .iter()
            .map(|count| take(&house, &wallet.id, &chain, *count));
        let mut all: Vec<KeyAddress> = futures::future::join_all(calls).await.concat();
        if house.test.server().is_some() {
            let (_db, _lease, beside) = house.beside().await;
            let there = |n: u32| keys::addresses(&beside, &house.who, &wallet.id, &chain, 10 + n);
            let here =
                |n: u32| keys::addresses(&house.keys, &house.who, &wallet.id, &chain, 90 + n);
            let (a, b) = tokio::join!(
                futures::future::join_all((0..10).map(there)),
                futures::future::join_all((0..10).map(here))
            );
            all.extend(a.into_iter().chain(b).flat_map(Result::unwrap));
        }
        all.sort_by_key(|one| one.index);
        assert!(all.len() >= total as usize);
        assert!(
            all.iter()
                .enumerate()
                .all(|(place, one)| one.index as usize == place),
            "no gap and nothing twice"
        );
        assert_eq!(
            all.iter()
                .map(|one| &one.address)
                .collect::<HashSet<_>>()
                .len(),
            all.len()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_hand_outs_repeats_no_index() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        let before = take(&house, &wallet.id, &chain(), 70).await;
        // A hand-out that fails half-way takes its numbers back.
        let failing = house.test.db.on(&house.lease).write(house.ns(), move |tx| {
            tx.execute(
                "UPDATE wallet_branch SET next = next + 9 WHERE namespace = ?ns",
                (),
            )?;
            Err::<(), _>(store::Error::Nul)
        });
        assert!(failing.await.is_err());
        let house = house.restart().await;
        let after = take(&house, &wallet.id, &chain(), 2).await;
        assert_eq!(
            (before[69].index, after[0].index, after[1].index),
            (69, 70, 71)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_imported_singly_is_not_handed_out_again() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        // The second account of the well-known words, published with every development node.
        let key = hex::decode("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
            .unwrap();
        let key: [u8; 32] = key.try_into().unwrap();
        let single = house
            .wallet(
                "single",
                NewSecret::PrivateKey {
                    key: key.into(),
                    chain: chain(),
                },
            )
            .await;
        let wallet = house.import(WORDS).await;
        let list = take(&house, &wallet.id, &chain(), 3).await;
        assert_eq!(
            list.iter().map(|one| one.index).collect::<Vec<_>>(),
            [0, 2, 3]
        );
        let found = house
            .test
            .db
            .read(house.ns(), |tx| keys::find(tx, &chain(), SECOND))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.wallet, found.path.as_str(), found.name.as_deref()),
            (single.id, "m", Some("single"))
        );
        let intent = pay(SECOND, 1);
        assert!(
            house
                .send(&house.permit(&intent), &unsigned(&intent, 0))
                .await
                .is_ok(),
            "it signs, too"
        );
        assert_eq!(
            code(&keys::addresses(&house.keys, &house.who, &single.id, &chain(), 1).await),
            "keys.single_key"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_found_however_it_is_written_and_only_at_home() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (wallet, _) = house.signer().await;
        let mixed = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        let found = house
            .test
            .db
            .read(house.ns(), move |tx| {
                keys::find(tx, &ChainId::evm(1), mixed)
            })
            .await
            .unwrap();
        let found = found.expect("on every chain of the family");
        assert_eq!(
            (found.wallet, found.address.as_str(), found.name.as_deref()),
            (wallet.id, FIRST, Some("main"))
        );
        let elsewhere = house
            .test
            .db
            .read(&namespace("other"), |tx| keys::find(tx, &chain(), FIRST))
            .await
            .unwrap();
        assert_eq!(elsewhere, None);
        let wrong = house.test.db.read(house.ns(), |tx| {
            keys::find(tx, &chain(), "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266")
        });
        assert_eq!(code(&wrong.await), "intent.address");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_handed_out() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        for count in [0, keys::MAX_ADDRESSES + 1, 100_000] {
            let result =
                keys::addresses(&house.keys, &house.who, &wallet.id, &chain(), count).await;
            assert_eq!(code(&result), "keys.limit");
        }
        let other = house::principal("other");
        let result = keys::addresses(&house.keys, &other, &wallet.id, &chain(), 1).await;
        assert_eq!(code(&result), "keys.wallet_unknown");
        let strange: ChainId = "cosmos:hub".parse().unwrap();
        let result = keys::addresses(&house.keys, &house.who, &wallet.id, &strange, 1).await;
        assert_eq!(code(&result), "intent.unknown_family");
        // The last index there is.
        let end = house.test.db.on(&house.lease).write(house.ns(), |tx| {
            tx.execute(
                "UPDATE wallet_branch SET next = ?1 WHERE namespace = ?ns",
                ((1i64 << 31) - 2,),
            )
            .map(drop)
        });
        end.await.map_err(|e: store::Error| e).unwrap();
        assert_eq!(
            code(&keys::addresses(&house.keys, &house.who, &wallet.id, &chain(), 3).await),
            "keys.exhausted"
        );
        assert_eq!(
            take(&house, &wallet.id, &chain(), 2).await[1].index,
            (1 << 31) - 1
        );
        assert_eq!(
            code(&keys::addresses(&house.keys, &house.who, &wallet.id, &chain(), 1).await),
            "keys.exhausted"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_was_configured_later_gets_its_branch_from_the_secret_once() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let wallet = house.import(WORDS).await;
        take(&house, &wallet.id, &chain(), 1).await;
        let mut settings = keys::Settings::default();
        settings.paths.insert(
            ChainId::evm(7),
            keys::Template::parse("m/44'/7'/{account}'/0").unwrap(),
        );
        let House {
            test, keys, lease, ..
        } = house;
        drop((keys, lease));
        let house = House::with(test.reopen().await, settings).await;
        let first = take(&house, &wallet.id, &ChainId::evm(7), 1).await;
        assert_eq!(first[0].path, "m/44'/7'/0'/0/0");
        assert_ne!(first[0].address, FIRST);
        spoil_secrets(&house).await;
        assert_eq!(
            take(&house, &wallet.id, &ChainId::evm(7), 1).await[0].index,
            1
        );
        assert_eq!(
            take(&house, &wallet.id, &chain(), 1).await[0].index,
            1,
            "the usual path goes on"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_of_the_same_words_is_another_wallet() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let first = house.import(WORDS).await;
        let secret = NewSecret::Mnemonic {
            words: WORDS.to_owned().into(),
            passphrase: String::new().into(),
        };
        let new = NewWallet {
            name: "second".into(),
            kind: WalletKind::User,
            metadata: object("{}"),
            account: 1,
            secret,
        };
        let second = keys::create_wallet(&house.keys, &house.who, new)
            .await
            .unwrap();
        let one = take(&house, &second.id, &chain(), 1).await;
        assert_eq!(one[0].path, "m/44'/60'/1'/0/0");
        assert_ne!(
            one[0].address,
            take(&house, &first.id, &chain(), 1).await[0].address
        );
        let new = NewKey {
            name: "k".into(),
            chain: chain(),
            metadata: object("{}"),
        };
        assert_eq!(
            code(&keys::create_key(&house.keys, &house.who, &second.id, new).await),
            "keys.user_wallet"
        );
    })
    .await;
}
