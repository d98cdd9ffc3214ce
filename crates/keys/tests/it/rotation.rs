//! New data keys, and another passphrase.

use crate::house::{House, chain, code, master, pay, unsigned};
use keys::{Keeper, NewSecret, Order, Rotation, RotationState, Rotator, Step};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use testkit::on_each_engine;

const WALLETS: u16 = 230; // more than one step

fn key(number: u16) -> [u8; 32] {
    let mut key = [7; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    key
}

async fn wallets(house: &House) {
    for number in 0..WALLETS {
        let secret = NewSecret::PrivateKey {
            key: key(number).into(),
            chain: chain(),
        };
        house.wallet(&format!("w{number}"), secret).await;
    }
}

async fn versions(house: &House) -> Vec<(i64, i64)> {
    let sql = "SELECT secret_version, COUNT(*) FROM wallet GROUP BY secret_version ORDER BY secret_version";
    house
        .test
        .db
        .read_unbound(move |tx| tx.rows(sql, ()))
        .await
        .map_err(|e: store::Error| e)
        .unwrap()
}

async fn signs(house: &House, nonce: u64) -> keys::Result<keys::Signed> {
    let wallet = keys::wallet_named(&house.keys, &house.who, "w5").await?;
    let from = keys::key_named(&house.keys, &house.who, &wallet.id, "w5")
        .await?
        .address;
    let intent = pay(&from, 1);
    house
        .sign(Order {
            permit: house.permit(&intent),
            unsigned: unsigned(&intent, nonce),
            supersedes: None,
        })
        .await
}

fn rotator(house: &House) -> Rotator {
    Rotator::new(house.keys.clone(), house.lease.clone(), Vec::new(), 0)
}

/// Turn until the rotation stands still.
async fn finish(rotator: &Rotator) -> Rotation {
    let mut last = None;
    while let Some(step) = rotator.turn().await.unwrap() {
        last = Some(step);
    }
    last.expect("a rotation was under way")
}

async fn rotated(house: &House) -> Rotation {
    keys::rotate(&house.keys, &house.who).await.unwrap();
    finish(&rotator(house)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_seals_everything_anew_and_a_crash_in_between_is_made_up_for() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        wallets(&house).await;
        let begun = keys::rotate(&house.keys, &house.who).await.unwrap();
        assert_eq!(
            (begun.version, begun.state, begun.total),
            (2, RotationState::Sealing, None)
        );
        let before = rotator(&house);
        before.turn().await.unwrap(); // counts
        let step = before.turn().await.unwrap().unwrap();
        assert_eq!((step.total, step.resealed), (Some(u64::from(WALLETS)), 200));
        drop(before);

        // It dies after the first step. Both data keys open, and the same rotation goes on.
        let house = house.restart().await;
        assert_eq!(versions(&house).await, [(1, 30), (2, 200)]);
        signs(&house, 0).await.unwrap();
        let joined = keys::rotate(&house.keys, &house.who).await.unwrap();
        assert_eq!(
            (joined.version, joined.resealed),
            (2, 200),
            "no third data key"
        );
        let done = finish(&rotator(&house)).await;
        assert_eq!(
            (done.state, done.resealed, done.broken),
            (RotationState::Done, u64::from(WALLETS), 0)
        );
        assert_eq!(versions(&house).await, [(2, i64::from(WALLETS))]);

        let next = rotated(&house).await;
        assert_eq!(
            (next.version, next.state, next.resealed),
            (3, RotationState::Done, u64::from(WALLETS))
        );
        signs(&house, 0).await.unwrap();
        assert_eq!(house.facts_of("keyring.rotated").await, 2);
        assert_eq!(house.facts_of("keyring.retired").await, 2);
        let house = house.restart().await;
        signs(&house, 0).await.unwrap();
        let shown = keys::keyring(&house.keys).await.unwrap();
        let retired: Vec<bool> = shown.keys.iter().map(|key| key.retired.is_some()).collect();
        assert_eq!((shown.version, retired), (3, vec![true, true, false]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_that_is_wrong_or_gone_begins_nothing() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        keys::change_master(
            &house.test.db,
            &house.lease,
            &house.who,
            master("one"),
            master("two"),
        )
        .await
        .unwrap();
        assert_eq!(
            code(&keys::rotate(&house.keys, &house.who).await),
            "store.secret"
        );
        assert_eq!(keys::keyring(&house.keys).await.unwrap().version, 1);
        assert_eq!(house.facts_of("keyring.rotated").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_stops_no_rotation_and_retires_no_key() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        wallets(&house).await;
        let spoil = house.test.db.on(&house.lease).write_unbound(|tx| {
            tx.execute(
                "UPDATE wallet SET secret = ?1 WHERE name = 'w3'",
                (vec![1u8; 80],),
            )
            .map(drop)
        });
        spoil.await.map_err(|e: store::Error| e).unwrap();
        let over = rotated(&house).await;
        assert_eq!(
            (over.state, over.resealed, over.broken),
            (RotationState::Broken, u64::from(WALLETS) - 1, 1)
        );
        assert_eq!(
            keys::keyring(&house.keys).await.unwrap().keys[0].retired,
            None
        );
        assert!(!rotator(&house).look_again().await.unwrap());
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
        house
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let (_db, _lease, beside) = house.beside().await;
        rotated(&house).await;
        let asked = beside.clone();
        let missed = tokio::spawn(async move { asked.missed().await });
        house.keys = beside;
        assert_eq!(code(&signs(&house, 0).await), "keys.keyring");
        missed.await.unwrap();
        assert!(keys::refresh(&house.keys).await.unwrap());
        signs(&house, 0).await.unwrap();
        assert!(!keys::refresh(&house.keys).await.unwrap());
    })
    .await;
}

/// Somebody beside the wallets, of whose one secret a story says how it goes.
struct Other {
    sealed: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait::async_trait]
impl Keeper for Other {
    fn name(&self) -> &'static str {
        "other"
    }

    async fn left(&self) -> keys::Result<u64> {
        Ok(u64::from(!self.sealed.load(Ordering::SeqCst)))
    }

    async fn step(&self, after: &str) -> keys::Result<Step> {
        self.asked.lock().unwrap().push(after.to_owned());
        match after {
            "" => Ok(Step {
                after: Some("half".to_owned()),
                ..Step::default()
            }),
            _ => Ok(Step {
                resealed: u64::from(!self.sealed.swap(true, Ordering::SeqCst)),
                ..Step::default()
            }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_retired_before_all_who_keep_secrets_are_through() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        house
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let (sealed, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let other = Arc::new(Other {
            sealed: sealed.clone(),
            asked: asked.clone(),
        });
        let rotator = Rotator::new(house.keys.clone(), house.lease.clone(), vec![other], 5_000);
        keys::rotate(&house.keys, &house.who).await.unwrap();
        while rotator.turn().await.unwrap().is_some() {}
        // All is sealed anew, but other processes may not know the new data key yet.
        assert_eq!(*asked.lock().unwrap(), ["", "half"]);
        let waits = keys::keyring(&house.keys).await.unwrap();
        assert_eq!(
            (waits.rotation.unwrap().state, waits.keys[0].retired),
            (RotationState::Sealing, None)
        );
        // One of them has sealed under the old one meanwhile: another round.
        sealed.store(false, Ordering::SeqCst);
        house.test.clock.advance_millis(5_000);
        let done = finish(&rotator).await;
        assert_eq!((done.state, done.resealed), (RotationState::Done, 3));
        assert_eq!(asked.lock().unwrap().len(), 4);
        // And one that had slept for long: found again.
        assert!(!rotator.look_again().await.unwrap());
        sealed.store(false, Ordering::SeqCst);
        assert!(rotator.look_again().await.unwrap());
        assert_eq!(finish(&rotator).await.state, RotationState::Done);
        assert!(sealed.load(Ordering::SeqCst));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_passphrase_opens_what_the_first_has_sealed() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        house
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let wrong = keys::change_master(
            &house.test.db,
            &house.lease,
            &house.who,
            master("wrong"),
            master("two"),
        )
        .await;
        assert_eq!(code(&wrong), "store.secret");
        keys::change_master(
            &house.test.db,
            &house.lease,
            &house.who,
            master("one"),
            master("two"),
        )
        .await
        .unwrap();
        let open =
            |text: &'static str| keys::open_keyring(&house.test.db, &house.lease, master(text));
        assert_eq!(code(&open("one").await.map(|_| ())), "store.secret");
        assert!(open("two").await.is_ok());
        signs(&house, 0).await.unwrap();
    })
    .await;
}

/// Two at once: one begins the next data key, the other finds that out; nothing is sealed under a
/// key that nobody kept.
#[tokio::test(flavor = "multi_thread")]
async fn two_rotations_and_a_new_passphrase_at_once_lose_nothing() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        house
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let beside = match house.test.server() {
            Some(_) => Some(house.beside().await),
            None => None,
        };
        let other = beside
            .as_ref()
            .map_or(house.keys.clone(), |(_, _, keys)| keys.clone());
        for _ in 0..5 {
            let (a, b) = tokio::join!(
                keys::rotate(&house.keys, &house.who),
                keys::rotate(&other, &house.who)
            );
            assert!(a.is_ok() || b.is_ok());
            finish(&rotator(&house)).await;
            for one in [a, b].iter().filter(|one| one.is_err()) {
                assert_eq!(code(one), "store.contended");
            }
        }
        let (db, lease) = beside
            .as_ref()
            .map_or((&house.test.db, &house.lease), |(db, lease, _)| (db, lease));
        let (a, b) = tokio::join!(
            keys::rotate(&house.keys, &house.who),
            keys::change_master(db, lease, &house.who, master("one"), master("one"))
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
            let there = beside
                .lease("keys/1", testkit::LEASE_MS)
                .await
                .unwrap()
                .unwrap();
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
        let place = store::secret::Place {
            table: "t",
            row: "r",
            column: "c",
        };
        let sealed = opened[0]
            .seal(&place, b"secret", test.entropy.as_ref())
            .unwrap();
        assert_eq!(
            opened[1].open(&place, &sealed).unwrap().as_slice(),
            b"secret"
        );
    })
    .await;
}
