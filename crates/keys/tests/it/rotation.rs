//! Rotation of the data key, and change of the passphrase.

use crate::world::{World, chain, code, master, pay, unsigned};
use keys::{NewSecret, SigningJob, WalletTarget};
use secrets::{ReencryptionStep, Rotation, RotationState, RotationTarget, Worker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use testkit::on_each_engine;

const WALLETS: u16 = 230; // more than one step

fn key(number: u16) -> [u8; 32] {
    let mut key = [7; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    key
}

async fn wallets(world: &World) {
    for number in 0..WALLETS {
        let secret = NewSecret::PrivateKey {
            key: key(number).into(),
            chain: chain(),
        };
        world.wallet(&format!("w{number}"), secret).await;
    }
}

async fn versions(world: &World) -> Vec<(i64, i64)> {
    let sql = "SELECT secret_version, COUNT(*) FROM wallet GROUP BY secret_version ORDER BY secret_version";
    world
        .test
        .db
        .read_unscoped(move |tx| tx.rows(sql, ()))
        .await
        .map_err(|e: store::Error| e)
        .unwrap()
}

async fn sign_once(world: &World, nonce: u64) -> keys::Result<keys::Signed> {
    let wallet = keys::wallet(&world.keys, &world.principal, "w5").await?;
    let from = keys::named_key(&world.keys, &world.principal, &wallet.id, "w5")
        .await?
        .address;
    let intent = pay(&from, 1);
    world
        .sign(SigningJob {
            permit: world.permit(&intent),
            unsigned: unsigned(&intent, nonce),
            supersedes: None,
        })
        .await
}

fn wallet_target(world: &World) -> Arc<dyn RotationTarget> {
    Arc::new(WalletTarget {
        keys: world.keys.clone(),
        lease: world.lease.clone(),
    })
}

fn rotation_worker(world: &World) -> Worker {
    let targets = vec![wallet_target(world)];
    Worker::new(world.secrets.clone(), world.lease.clone(), targets)
}

/// Take turns until the rotation has nothing to do.
async fn finish(rotation_worker: &Worker) -> Rotation {
    let mut last = None;
    while let Some(step) = rotation_worker.turn().await.unwrap() {
        last = Some(step);
    }
    last.expect("a rotation is running")
}

async fn rotate_fully(world: &World) -> Rotation {
    secrets::rotate(&world.secrets, &world.principal)
        .await
        .unwrap();
    finish(&rotation_worker(world)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_reencrypts_everything_and_survives_a_crash() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        wallets(&world).await;
        let started = secrets::rotate(&world.secrets, &world.principal)
            .await
            .unwrap();
        assert_eq!(
            (started.version, started.state, started.total),
            (2, RotationState::Reencrypting, None)
        );
        let before = rotation_worker(&world);
        before.turn().await.unwrap(); // counts
        let step = before.turn().await.unwrap().unwrap();
        assert_eq!(
            (step.total, step.reencrypted),
            (Some(u64::from(WALLETS)), 200)
        );
        drop(before);

        // The process crashes after the first step. Both data keys decrypt, and the same rotation
        // resumes.
        let world = world.restart().await;
        assert_eq!(versions(&world).await, [(1, 30), (2, 200)]);
        sign_once(&world, 0).await.unwrap();
        let joined = secrets::rotate(&world.secrets, &world.principal)
            .await
            .unwrap();
        assert_eq!(
            (joined.version, joined.reencrypted),
            (2, 200),
            "the running rotation is returned"
        );
        let done = finish(&rotation_worker(&world)).await;
        assert_eq!(
            (done.state, done.reencrypted, done.broken),
            (RotationState::Done, u64::from(WALLETS), 0)
        );
        assert_eq!(versions(&world).await, [(2, i64::from(WALLETS))]);

        let next = rotate_fully(&world).await;
        assert_eq!(
            (next.version, next.state, next.reencrypted),
            (3, RotationState::Done, u64::from(WALLETS))
        );
        sign_once(&world, 0).await.unwrap();
        assert_eq!(world.facts_of("keyring.rotated").await, 2);
        assert_eq!(world.facts_of("keyring.retired").await, 2);
        let world = world.restart().await;
        sign_once(&world, 0).await.unwrap();
        let shown = secrets::keyring(&world.secrets).await.unwrap();
        let retired: Vec<bool> = shown.keys.iter().map(|key| key.retired.is_some()).collect();
        assert_eq!((shown.version, retired), (3, vec![true, true, false]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_starts_no_rotation() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        secrets::change_master(
            &world.test.db,
            &world.lease,
            &world.principal,
            master("one"),
            master("two"),
        )
        .await
        .unwrap();
        assert_eq!(
            code(&secrets::rotate(&world.secrets, &world.principal).await),
            "secrets.undecryptable"
        );
        assert_eq!(secrets::keyring(&world.secrets).await.unwrap().version, 1);
        assert_eq!(world.facts_of("keyring.rotated").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecryptable_secret_does_not_stop_a_rotation_but_no_key_is_retired() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        wallets(&world).await;
        let spoil = world.test.db.on(&world.lease).write_unscoped(|tx| {
            tx.execute(
                "UPDATE wallet SET secret = ?1 WHERE name = 'w3'",
                (vec![1u8; 80],),
            )
            .map(drop)
        });
        spoil.await.map_err(|e: store::Error| e).unwrap();
        let finished = rotate_fully(&world).await;
        assert_eq!(
            (finished.state, finished.reencrypted, finished.broken),
            (RotationState::Broken, u64::from(WALLETS) - 1, 1)
        );
        assert_eq!(
            secrets::keyring(&world.secrets).await.unwrap().keys[0].retired,
            None
        );
        assert!(!rotation_worker(&world).recheck().await.unwrap());
        sign_once(&world, 0).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_loads_the_new_data_key_when_it_needs_it() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        if world.test.server().is_none() {
            return; // SQLite belongs to one process
        }
        world
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let (_db, _lease, beside) = world.engines_beside().await;
        rotate_fully(&world).await;
        let waiting = beside.secrets.clone();
        let missed = tokio::spawn(async move { waiting.wait_for_unknown_key().await });
        (world.keys, world.secrets) = (beside.keys, beside.secrets);
        assert_eq!(code(&sign_once(&world, 0).await), "keys.keyring_locked");
        missed.await.unwrap();
        assert!(secrets::refresh(&world.secrets).await.unwrap());
        sign_once(&world, 0).await.unwrap();
        assert!(!secrets::refresh(&world.secrets).await.unwrap());
    })
    .await;
}

/// A rotation target with one secret, whose state the test controls.
struct Other {
    current: Arc<AtomicBool>,
    positions: Arc<Mutex<Vec<String>>>,
}

#[async_trait::async_trait]
impl RotationTarget for Other {
    fn name(&self) -> &'static str {
        "other"
    }

    async fn remaining(&self) -> secrets::Result<u64> {
        Ok(u64::from(!self.current.load(Ordering::SeqCst)))
    }

    async fn step(&self, after: &str) -> secrets::Result<ReencryptionStep> {
        self.positions.lock().unwrap().push(after.to_owned());
        match after {
            "" => Ok(ReencryptionStep {
                after: Some("half".to_owned()),
                ..ReencryptionStep::default()
            }),
            _ => Ok(ReencryptionStep {
                reencrypted: u64::from(!self.current.swap(true, Ordering::SeqCst)),
                ..ReencryptionStep::default()
            }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_retired_before_all_targets_are_done() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let (current, positions) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let other = Arc::new(Other {
            current: current.clone(),
            positions: positions.clone(),
        });
        let patient = world.secrets_with_retire_delay(5_000);
        let targets = vec![wallet_target(&world), other];
        let rotation_worker = Worker::new(patient, world.lease.clone(), targets);
        secrets::rotate(&world.secrets, &world.principal)
            .await
            .unwrap();
        while rotation_worker.turn().await.unwrap().is_some() {}
        // Everything is re-encrypted, but other processes may not have loaded the new data key yet.
        assert_eq!(*positions.lock().unwrap(), ["", "half"]);
        let waits = secrets::keyring(&world.secrets).await.unwrap();
        assert_eq!(
            (waits.rotation.unwrap().state, waits.keys[0].retired),
            (RotationState::Reencrypting, None)
        );
        // One of them has encrypted under the old one meanwhile: another round is needed.
        current.store(false, Ordering::SeqCst);
        world.test.clock.advance_millis(5_000);
        let done = finish(&rotation_worker).await;
        assert_eq!((done.state, done.reencrypted), (RotationState::Done, 3));
        assert_eq!(positions.lock().unwrap().len(), 4);
        // A process that was suspended for long is detected later.
        assert!(!rotation_worker.recheck().await.unwrap());
        current.store(false, Ordering::SeqCst);
        assert!(rotation_worker.recheck().await.unwrap());
        assert_eq!(finish(&rotation_worker).await.state, RotationState::Done);
        assert!(current.load(Ordering::SeqCst));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_passphrase_unlocks_the_same_keyring() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let wrong = secrets::change_master(
            &world.test.db,
            &world.lease,
            &world.principal,
            master("wrong"),
            master("two"),
        )
        .await;
        assert_eq!(code(&wrong), "secrets.undecryptable");
        secrets::change_master(
            &world.test.db,
            &world.lease,
            &world.principal,
            master("one"),
            master("two"),
        )
        .await
        .unwrap();
        let open =
            |text: &'static str| secrets::open_keyring(&world.test.db, &world.lease, master(text));
        assert_eq!(
            code(&open("one").await.map(|_| ())),
            "secrets.undecryptable"
        );
        assert!(open("two").await.is_ok());
        sign_once(&world, 0).await.unwrap();
    })
    .await;
}

/// Two concurrent rotations: one creates the next data key, the other fails with a conflict.
/// Nothing is encrypted under a data key that was not stored.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rotations_and_passphrase_changes_lose_nothing() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .wallet(
                "w5",
                NewSecret::PrivateKey {
                    key: key(5).into(),
                    chain: chain(),
                },
            )
            .await;
        let beside = match world.test.server() {
            Some(_) => Some(world.engines_beside().await),
            None => None,
        };
        let other = beside
            .as_ref()
            .map_or(world.secrets.clone(), |(_, _, beside)| {
                beside.secrets.clone()
            });
        for _ in 0..5 {
            let (a, b) = tokio::join!(
                secrets::rotate(&world.secrets, &world.principal),
                secrets::rotate(&other, &world.principal)
            );
            assert!(a.is_ok() || b.is_ok());
            finish(&rotation_worker(&world)).await;
            for result in [a, b].iter().filter(|result| result.is_err()) {
                assert_eq!(code(result), "store.contended");
            }
        }
        let (db, lease) = beside
            .as_ref()
            .map_or((&world.test.db, &world.lease), |(db, lease, _)| (db, lease));
        let (a, b) = tokio::join!(
            secrets::rotate(&world.secrets, &world.principal),
            secrets::change_master(db, lease, &world.principal, master("one"), master("one"))
        );
        assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
        drop((beside, other));
        world = world.restart().await;
        sign_once(&world, 0).await.unwrap();
    })
    .await;
}
