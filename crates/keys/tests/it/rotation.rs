//! New data keys, and another passphrase.

use crate::house::{House, chain, code, master, pay, unsigned};
use futures::FutureExt;
use keys::{NewSecret, Order};
use std::panic::AssertUnwindSafe;
use testkit::on_each_engine;

const WALLETS: u16 = 230; // more than one step

fn key(number: u16) -> [u8; 32] {
    let mut key = [7; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    key
}

async fn wallets(house: &House) {
    for number in 0..WALLETS {
        let secret = NewSecret::PrivateKey { key: key(number).into(), chain: chain() };
        house.wallet(&format!("w{number}"), secret).await;
    }
}

async fn versions(house: &House) -> Vec<(i64, i64)> {
    let sql = "SELECT secret_version, COUNT(*) FROM wallet GROUP BY secret_version ORDER BY secret_version";
    house.test.db.read_unbound(move |tx| tx.rows(sql, ())).await.map_err(|e: store::Error| e).unwrap()
}

async fn signs(house: &House, nonce: u64) -> keys::Result<keys::Signed> {
    let wallet = keys::wallet_named(&house.keys, &house.who, "w5").await?;
    let from = keys::key_named(&house.keys, &house.who, &wallet.id, "w5").await?.address;
    let intent = pay(&from, 1);
    house.sign(Order { permit: house.permit(&intent), unsigned: unsigned(&intent, nonce), supersedes: None }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_seals_everything_anew_and_a_crash_in_between_is_made_up_for() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        wallets(&house).await;
        let wrong = keys::rotate(&house.keys, &house.who, master("wrong"), |_| ()).await;
        assert_eq!(code(&wrong), "store.secret");

        // It dies after the first step.
        let dies = keys::rotate(&house.keys, &house.who, master("one"), |_| panic!("killed"));
        assert!(AssertUnwindSafe(dies).catch_unwind().await.is_err());
        assert_eq!(versions(&house).await, [(1, 30), (2, 200)]);
        signs(&house, 0).await.unwrap();

        let house = house.restart().await;
        signs(&house, 0).await.unwrap();
        let mut steps = 0;
        let finished = keys::rotate(&house.keys, &house.who, master("one"), |_| steps += 1).await.unwrap();
        assert_eq!((finished.version, finished.resealed, finished.left), (2, 30, 0), "no third data key");
        assert_eq!(versions(&house).await, [(2, i64::from(WALLETS))]);
        let next = keys::rotate(&house.keys, &house.who, master("one"), |_| steps += 1).await.unwrap();
        assert_eq!((next.version, next.resealed, steps), (3, u64::from(WALLETS), 3));
        signs(&house, 0).await.unwrap();
        assert_eq!(house.facts_of("keyring.rotated").await, 2);
        let house = house.restart().await;
        signs(&house, 0).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_stops_no_rotation() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        wallets(&house).await;
        let spoil = house.test.db.on(&house.lease).write_unbound(|tx| {
            tx.execute("UPDATE wallet SET secret = ?1 WHERE name = 'w3'", (vec![1u8; 80],)).map(drop)
        });
        spoil.await.map_err(|e: store::Error| e).unwrap();
        let done = keys::rotate(&house.keys, &house.who, master("one"), |_| ()).await.unwrap();
        assert_eq!((done.resealed, done.broken, done.left), (u64::from(WALLETS) - 1, 1, 1));
        signs(&house, 0).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_learns_of_a_rotation_when_it_matters() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        if house.test.server().is_none() {
            return; // SQLite belongs to one process
        }
        house.wallet("w5", NewSecret::PrivateKey { key: key(5).into(), chain: chain() }).await;
        let (_db, _lease, beside) = house.beside().await;
        keys::rotate(&house.keys, &house.who, master("one"), |_| ()).await.unwrap();
        house.keys = beside;
        assert_eq!(code(&signs(&house, 0).await), "keys.keyring");
        keys::reload(&house.keys, master("one")).await.unwrap();
        signs(&house, 0).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_passphrase_opens_what_the_first_has_sealed() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        house.wallet("w5", NewSecret::PrivateKey { key: key(5).into(), chain: chain() }).await;
        let wrong = keys::change_master(&house.keys, &house.who, master("wrong"), master("two")).await;
        assert_eq!(code(&wrong), "store.secret");
        keys::change_master(&house.keys, &house.who, master("one"), master("two")).await.unwrap();
        let open = |text: &'static str| keys::open_keyring(&house.test.db, &house.lease, master(text));
        assert_eq!(code(&open("one").await.map(|_| ())), "store.secret");
        assert!(open("two").await.is_ok());
        signs(&house, 0).await.unwrap();
    })
    .await;
}

/// Two at once: one begins the next data key, the other finds that out; nothing is sealed under a key that nobody kept.
#[tokio::test(flavor = "multi_thread")]
async fn two_rotations_and_a_new_passphrase_at_once_lose_nothing() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        house.wallet("w5", NewSecret::PrivateKey { key: key(5).into(), chain: chain() }).await;
        let beside = match house.test.server() {
            Some(_) => Some(house.beside().await),
            None => None,
        };
        let other = beside.as_ref().map_or(house.keys.clone(), |(_, _, keys)| keys.clone());
        for _ in 0..5 {
            let (a, b) = tokio::join!(
                keys::rotate(&house.keys, &house.who, master("one"), |_| ()),
                keys::rotate(&other, &house.who, master("one"), |_| ())
            );
            assert!(a.is_ok() || b.is_ok());
            for one in [a, b].iter().filter(|one| one.is_err()) {
                assert_eq!(code(one), "store.contended");
            }
        }
        let (a, b) = tokio::join!(
            keys::rotate(&house.keys, &house.who, master("one"), |_| ()),
            keys::change_master(&other, &house.who, master("one"), master("one"))
        );
        assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
        drop((beside, other));
        house = house.restart().await;
        signs(&house, 0).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_start_together_begin_one_keyring() {
    on_each_engine(|test| async move {
        let lease = test.lease("keys/0").await;
        let opened = if test.server().is_some() {
            let beside = test.open_beside().await;
            let there = beside.lease("keys/1", testkit::LEASE_MS).await.unwrap().unwrap();
            let (a, b) = tokio::join!(
                keys::open_keyring(&test.db, &lease, master("one")),
                keys::open_keyring(&beside, &there, master("one"))
            );
            vec![a.unwrap(), b.unwrap()]
        } else {
            let (a, b) = tokio::join!(
                keys::open_keyring(&test.db, &lease, master("one")),
                keys::open_keyring(&test.db, &lease, master("one"))
            );
            vec![a.unwrap(), b.unwrap()]
        };
        let place = store::secret::Place { table: "t", row: "r", column: "c" };
        let sealed = opened[0].seal(&place, b"secret", test.entropy.as_ref()).unwrap();
        assert_eq!(opened[1].open(&place, &sealed).unwrap().as_slice(), b"secret");
    })
    .await;
}
