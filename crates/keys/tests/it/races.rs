//! Concurrent signing, freezing and revocation, in one process and in two.

use crate::world::{self, World, code, pay, record_in, unsigned};
use keys::{Scope, Signed, SigningJob};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use testkit::on_each_engine;

/// A gate at which a transaction waits while others proceed.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<(bool, bool)>, Condvar)>);

/// Opens the gate when the test ends, also by a panic.
struct OpenOnDrop(Gate);

impl Drop for OpenOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl Gate {
    /// Called by the transaction: signal its arrival, and wait.
    fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.0 = true;
        changed.notify_all();
        drop(changed.wait_while(state, |(_, open)| !*open).unwrap());
    }

    /// Wait until a transaction is at the gate.
    async fn reached(&self) {
        let gate = self.clone();
        let wait = move || {
            let (state, changed) = &*gate.0;
            drop(
                changed
                    .wait_while(state.lock().unwrap(), |(here, _)| !*here)
                    .unwrap(),
            );
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }

    fn open(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().1 = true;
        changed.notify_all();
    }
}

async fn signed(world: &World, from: &str, nonce: u64) -> Signed {
    let intent = pay(from, 5);
    let job = SigningJob {
        permit: world.permit(&intent),
        unsigned: unsigned(&intent, nonce),
        supersedes: None,
    };
    world.sign(job).await.unwrap()
}

/// The record is first: the freeze waits for it, and nothing is recorded after the freeze.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_waits_for_a_record_in_progress() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let (first, second) = (
            signed(&world, &from, 0).await,
            signed(&world, &from, 1).await,
        );
        let beside = match world.test.server() {
            Some(_) => Some(world.beside().await),
            None => None,
        };
        let gate = Gate::default();
        let _open_on_drop = OpenOnDrop(gate.clone());
        let (gate_in_tx, principal, signature) =
            (gate.clone(), world.principal.clone(), first.clone());
        let record = tokio::spawn(world.test.db.on(&world.lease).write(world.ns(), move |tx| {
            let recorded = keys::record(tx, &principal, &[&signature])?;
            gate_in_tx.pass();
            Ok::<_, keys::Error>(recorded)
        }));
        gate.reached().await;
        let engine = beside
            .as_ref()
            .map_or(world.keys.clone(), |(_, _, keys)| keys.clone());
        let principal = world.principal.clone();
        let freeze = tokio::spawn(async move {
            keys::freeze(&engine, &principal, Scope::Namespace, true, "now").await
        });
        if let Some(server) = world.test.server() {
            // The server is the judge: some session waits for a lock.
            let waits = || server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0";
            assert!(
                tokio::task::block_in_place(|| testkit::wait_until(20_000, waits)),
                "the freeze waits"
            );
        }
        assert!(!freeze.is_finished());
        gate.open();
        assert!(record.await.unwrap().unwrap()[0].is_ok(), "it was first");
        freeze.await.unwrap().unwrap();
        assert_eq!(code(&world.record(&second).await), "keys.frozen");
        assert!(world.bytes(*first.permit(), first.id()).await.is_some());
    })
    .await;
}

/// The freeze is first, while the record's transaction has already read the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_began_before_the_freeze_is_refused() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        if world.test.server().is_none() {
            return; // SQLite has one writer: no other transaction can interleave
        }
        let (_, from) = world.signer().await;
        let signature = signed(&world, &from, 0).await;
        let (_db, _lease, beside) = world.beside().await;
        let (gate, once) = (Gate::default(), Arc::new(AtomicBool::new(false)));
        let _open_on_drop = OpenOnDrop(gate.clone());
        let (gate_in_tx, principal, late) =
            (gate.clone(), world.principal.clone(), signature.clone());
        let record = tokio::spawn(world.test.db.on(&world.lease).write(world.ns(), move |tx| {
            keys::bytes(tx, &[(*late.permit(), late.id())])?; // fixes the transaction's snapshot
            if !once.swap(true, Ordering::SeqCst) {
                gate_in_tx.pass();
            }
            keys::record(tx, &principal, &[&late])
        }));
        gate.reached().await;
        keys::freeze(&beside, &world.principal, Scope::Namespace, false, "now")
            .await
            .unwrap();
        gate.open();
        assert_eq!(code(&record.await.unwrap().unwrap()[0]), "keys.frozen");
        assert_eq!(world.bytes(*signature.permit(), signature.id()).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_began_before_the_revocation_is_refused() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        if world.test.server().is_none() {
            return; // as above
        }
        let (_, from) = world.signer().await;
        let signature = signed(&world, &from, 0).await;
        let (_db, _lease, beside) = world.beside().await;
        let (gate, once) = (Gate::default(), Arc::new(AtomicBool::new(false)));
        let _open_on_drop = OpenOnDrop(gate.clone());
        let (gate_in_tx, principal, late) =
            (gate.clone(), world.principal.clone(), signature.clone());
        let record = tokio::spawn(world.test.db.on(&world.lease).write(world.ns(), move |tx| {
            keys::bytes(tx, &[(*late.permit(), late.id())])?;
            if !once.swap(true, Ordering::SeqCst) {
                gate_in_tx.pass();
            }
            keys::record(tx, &principal, &[&late])
        }));
        gate.reached().await;
        keys::revoke(&beside, &world.principal, signature.permit(), "now")
            .await
            .unwrap();
        gate.open();
        assert_eq!(
            code(&record.await.unwrap().unwrap()[0]),
            "keys.permit_revoked"
        );
    })
    .await;
}

/// One permit, two replay keys, two processes: the chain could accept both, so one must fail.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_use_one_permit_for_two_replay_keys() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        if world.test.server().is_none() {
            return; // SQLite belongs to signature process
        }
        let (_, from) = world.signer().await;
        let (db, lease, beside) = world.beside().await;
        for round in 0..20u64 {
            let intent = pay(&from, 5);
            let permit = world.permit(&intent);
            let job = |nonce| SigningJob {
                permit: permit.clone(),
                unsigned: unsigned(&intent, nonce),
                supersedes: None,
            };
            let here = world.sign(job(1_000 + 2 * round)).await.unwrap();
            let there = keys::sign(&beside, &world.principal, vec![job(1_001 + 2 * round)])
                .await
                .pop()
                .unwrap()
                .unwrap();
            let (a, b) = tokio::join!(
                record_in(
                    &world.test.db,
                    &world.lease,
                    &world.principal,
                    vec![here.clone()]
                ),
                record_in(&db, &lease, &world.principal, vec![there.clone()])
            );
            let won = [a[0].is_ok(), b[0].is_ok()];
            assert_eq!(
                won.iter().filter(|won| **won).count(),
                1,
                "round {round}: {a:?} {b:?}"
            );
            let lost = if won[0] { &b[0] } else { &a[0] };
            assert_eq!(code(lost), "keys.replay_key_mismatch");
            let out = [
                world.bytes(permit.body.id, here.id()).await,
                world.bytes(permit.body.id, there.id()).await,
            ];
            assert_eq!(out.map(|bytes| bytes.is_some()), won);
        }
    })
    .await;
}

/// Two permits, one replay key: two lanes that assign the same nonce.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_use_one_replay_key_for_two_permits() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let beside = match world.test.server() {
            Some(_) => Some(world.beside().await),
            None => None,
        };
        let (db, lease) = beside
            .as_ref()
            .map_or((&world.test.db, &world.lease), |(db, lease, _)| (db, lease));
        for round in 0..20u64 {
            let (here, there) = (
                signed(&world, &from, round).await,
                signed(&world, &from, round).await,
            );
            let (a, b) = tokio::join!(
                record_in(&world.test.db, &world.lease, &world.principal, vec![here]),
                record_in(db, lease, &world.principal, vec![there])
            );
            assert!(a[0].is_ok() != b[0].is_ok(), "round {round}: {a:?} {b:?}");
            assert_eq!(
                code(if a[0].is_ok() { &b[0] } else { &a[0] }),
                "keys.replay_key_used"
            );
        }
    })
    .await;
}

/// The same key in two namespaces: the chain accepts each nonce only once.
#[tokio::test(flavor = "multi_thread")]
async fn two_namespaces_with_one_key_cannot_both_use_its_nonce() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        world
            .send(&world.permit(&intent), &unsigned(&intent, 0))
            .await
            .unwrap();
        world.principal = world::principal("other");
        world.signer().await;
        assert_eq!(
            code(
                &world
                    .send(&world.permit(&intent), &unsigned(&intent, 0))
                    .await
            ),
            "keys.replay_key_used"
        );
        assert!(
            world
                .send(&world.permit(&intent), &unsigned(&intent, 1))
                .await
                .is_ok()
        );
    })
    .await;
}

/// A freeze completes while every partition records without a pause, and nothing is recorded after
/// it.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_completes_under_load() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (wallet, from) = world.signer().await;
        let other = world.wallet("other", keys::NewSecret::Generated).await;
        let mut lanes = Vec::new();
        for lane in 0..6u64 {
            let list = lane_of(&world, &from, lane).await;
            let (db, principal) = (world.test.db.clone(), world.principal.clone());
            let lease = world.test.lease(&format!("lane/{lane}")).await;
            lanes.push(tokio::spawn(async move {
                let mut recorded = 0;
                for signature in list {
                    recorded += usize::from(
                        record_in(&db, &lease, &principal, vec![signature]).await[0].is_ok(),
                    );
                }
                recorded
            }));
        }
        for _ in 0..5 {
            keys::freeze(
                &world.keys,
                &world.principal,
                Scope::Wallet(other.id),
                true,
                "drill",
            )
            .await
            .unwrap();
        }
        keys::freeze(
            &world.keys,
            &world.principal,
            Scope::Wallet(wallet.id),
            true,
            "now",
        )
        .await
        .unwrap();
        let at_freeze = recorded(&world).await;
        let mut all = 0;
        for lane in lanes {
            all += lane.await.unwrap();
        }
        assert_eq!((recorded(&world).await, all), (at_freeze, at_freeze));
        assert!(
            all < usize::try_from(6 * LANE).unwrap(),
            "the freeze interrupted the lanes"
        );
    })
    .await;
}

/// Signatures per lane: more than can be recorded before the freeze.
const LANE: u64 = 500;

async fn lane_of(world: &World, from: &str, lane: u64) -> Vec<Signed> {
    let job = |nonce: u64| {
        let intent = pay(from, 5);
        SigningJob {
            permit: world.permit(&intent),
            unsigned: unsigned(&intent, lane * LANE + nonce),
            supersedes: None,
        }
    };
    let signed = keys::sign(&world.keys, &world.principal, (0..LANE).map(job).collect()).await;
    signed.into_iter().map(Result::unwrap).collect()
}

async fn recorded(world: &World) -> usize {
    let count = "SELECT COUNT(*) FROM signed_bytes WHERE namespace = ?ns";
    let read = world
        .test
        .db
        .read(world.ns(), move |tx| tx.row::<(i64,)>(count, ()));
    usize::try_from(read.await.map_err(|e: store::Error| e).unwrap().unwrap().0).unwrap()
}
