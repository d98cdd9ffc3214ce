//! Two at once, in one process and in two.

use crate::house::{self, House, code, pay, record_in, unsigned};
use keys::{Order, Scope, Signed};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use testkit::on_each_engine;

/// A gate at which a transaction waits while others go on.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<(bool, bool)>, Condvar)>);

/// Opens the gate however the story ends.
struct Keeper(Gate);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl Gate {
    /// Called by the transaction: say that it is here, and wait.
    fn pass(&self) {
        let (state, bell) = &*self.0;
        let mut state = state.lock().unwrap();
        state.0 = true;
        bell.notify_all();
        drop(bell.wait_while(state, |(_, open)| !*open).unwrap());
    }

    /// Wait until a transaction is at the gate.
    async fn reached(&self) {
        let gate = self.clone();
        let wait = move || {
            let (state, bell) = &*gate.0;
            drop(
                bell.wait_while(state.lock().unwrap(), |(here, _)| !*here)
                    .unwrap(),
            );
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }

    fn open(&self) {
        let (state, bell) = &*self.0;
        state.lock().unwrap().1 = true;
        bell.notify_all();
    }
}

async fn signed(house: &House, from: &str, nonce: u64) -> Signed {
    let intent = pay(from, 5);
    let order = Order {
        permit: house.permit(&intent),
        unsigned: unsigned(&intent, nonce),
        supersedes: None,
    };
    house.sign(order).await.unwrap()
}

/// The record is first: the freeze waits for it, and nothing follows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_waits_for_a_record_that_is_under_way() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let (first, second) = (
            signed(&house, &from, 0).await,
            signed(&house, &from, 1).await,
        );
        let beside = match house.test.server() {
            Some(_) => Some(house.beside().await),
            None => None,
        };
        let gate = Gate::default();
        let _keeper = Keeper(gate.clone());
        let (at, who, one) = (gate.clone(), house.who.clone(), first.clone());
        let record = tokio::spawn(house.test.db.on(&house.lease).write(house.ns(), move |tx| {
            let recorded = keys::record(tx, &who, &[&one])?;
            at.pass();
            Ok::<_, keys::Error>(recorded)
        }));
        gate.reached().await;
        let engine = beside
            .as_ref()
            .map_or(house.keys.clone(), |(_, _, keys)| keys.clone());
        let who = house.who.clone();
        let freeze = tokio::spawn(async move {
            keys::freeze(&engine, &who, Scope::Namespace, true, "now").await
        });
        if let Some(server) = house.test.server() {
            // The judge is the server: somebody waits for a lock there.
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
        assert_eq!(code(&house.record(&second).await), "keys.frozen");
        assert!(house.bytes(*first.permit(), first.id()).await.is_some());
    })
    .await;
}

/// The freeze is first, while the record's transaction has looked at the database already.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_began_before_the_freeze_is_refused() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        if house.test.server().is_none() {
            return; // SQLite has one writer: nothing can come in between
        }
        let (_, from) = house.signer().await;
        let one = signed(&house, &from, 0).await;
        let (_db, _lease, beside) = house.beside().await;
        let (gate, once) = (Gate::default(), Arc::new(AtomicBool::new(false)));
        let _keeper = Keeper(gate.clone());
        let (at, who, late) = (gate.clone(), house.who.clone(), one.clone());
        let record = tokio::spawn(house.test.db.on(&house.lease).write(house.ns(), move |tx| {
            keys::signed_ids(tx, late.permit())?; // from here on the transaction sees the database as it is now
            if !once.swap(true, Ordering::SeqCst) {
                at.pass();
            }
            keys::record(tx, &who, &[&late])
        }));
        gate.reached().await;
        keys::freeze(&beside, &house.who, Scope::Namespace, false, "now")
            .await
            .unwrap();
        gate.open();
        assert_eq!(code(&record.await.unwrap().unwrap()[0]), "keys.frozen");
        assert_eq!(house.bytes(*one.permit(), one.id()).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_began_before_the_revocation_is_refused() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        if house.test.server().is_none() {
            return; // as above
        }
        let (_, from) = house.signer().await;
        let one = signed(&house, &from, 0).await;
        let (_db, _lease, beside) = house.beside().await;
        let (gate, once) = (Gate::default(), Arc::new(AtomicBool::new(false)));
        let _keeper = Keeper(gate.clone());
        let (at, who, late) = (gate.clone(), house.who.clone(), one.clone());
        let record = tokio::spawn(house.test.db.on(&house.lease).write(house.ns(), move |tx| {
            keys::signed_ids(tx, late.permit())?;
            if !once.swap(true, Ordering::SeqCst) {
                at.pass();
            }
            keys::record(tx, &who, &[&late])
        }));
        gate.reached().await;
        keys::revoke(&beside, &house.who, one.permit(), "now")
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

/// One permit, two witnesses, two processes: a chain could take both, so one must lose.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_use_one_permit_for_two_witnesses() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        if house.test.server().is_none() {
            return; // SQLite belongs to one process
        }
        let (_, from) = house.signer().await;
        let (db, lease, beside) = house.beside().await;
        for round in 0..20u64 {
            let intent = pay(&from, 5);
            let permit = house.permit(&intent);
            let order = |nonce| Order {
                permit: permit.clone(),
                unsigned: unsigned(&intent, nonce),
                supersedes: None,
            };
            let here = house.sign(order(1_000 + 2 * round)).await.unwrap();
            let there = keys::sign(&beside, &house.who, vec![order(1_001 + 2 * round)])
                .await
                .pop()
                .unwrap()
                .unwrap();
            let (a, b) = tokio::join!(
                record_in(&house.test.db, &house.lease, &house.who, vec![here.clone()]),
                record_in(&db, &lease, &house.who, vec![there.clone()])
            );
            let won = [a[0].is_ok(), b[0].is_ok()];
            assert_eq!(
                won.iter().filter(|won| **won).count(),
                1,
                "round {round}: {a:?} {b:?}"
            );
            let lost = if won[0] { &b[0] } else { &a[0] };
            assert_eq!(code(lost), "keys.other_witness");
            let out = [
                house.bytes(permit.body.id, here.id()).await,
                house.bytes(permit.body.id, there.id()).await,
            ];
            assert_eq!(out.map(|bytes| bytes.is_some()), won);
        }
    })
    .await;
}

/// Two permits, one witness: two lanes that both believe in the same nonce.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_take_one_witness_for_two_permits() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let beside = match house.test.server() {
            Some(_) => Some(house.beside().await),
            None => None,
        };
        let (db, lease) = beside
            .as_ref()
            .map_or((&house.test.db, &house.lease), |(db, lease, _)| (db, lease));
        for round in 0..20u64 {
            let (here, there) = (
                signed(&house, &from, round).await,
                signed(&house, &from, round).await,
            );
            let (a, b) = tokio::join!(
                record_in(&house.test.db, &house.lease, &house.who, vec![here]),
                record_in(db, lease, &house.who, vec![there])
            );
            assert!(a[0].is_ok() != b[0].is_ok(), "round {round}: {a:?} {b:?}");
            assert_eq!(
                code(if a[0].is_ok() { &b[0] } else { &a[0] }),
                "keys.witness_used"
            );
        }
    })
    .await;
}

/// The same key in two namespaces: the chain takes its nonce but once.
#[tokio::test(flavor = "multi_thread")]
async fn two_namespaces_with_one_key_cannot_both_use_its_nonce() {
    on_each_engine(|test| async move {
        let mut house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        house
            .send(&house.permit(&intent), &unsigned(&intent, 0))
            .await
            .unwrap();
        house.who = house::principal("other");
        house.signer().await;
        assert_eq!(
            code(
                &house
                    .send(&house.permit(&intent), &unsigned(&intent, 0))
                    .await
            ),
            "keys.witness_used"
        );
        assert!(
            house
                .send(&house.permit(&intent), &unsigned(&intent, 1))
                .await
                .is_ok()
        );
    })
    .await;
}

/// The freeze is a kill switch: it comes through while every partition records without a pause, and
/// nothing comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_comes_through_under_load() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (wallet, from) = house.signer().await;
        let other = house.wallet("other", keys::NewSecret::Fresh).await;
        let mut lanes = Vec::new();
        for lane in 0..6u64 {
            let list = lane_of(&house, &from, lane).await;
            let (db, who) = (house.test.db.clone(), house.who.clone());
            let lease = house.test.lease(&format!("lane/{lane}")).await;
            lanes.push(tokio::spawn(async move {
                let mut recorded = 0;
                for one in list {
                    recorded +=
                        usize::from(record_in(&db, &lease, &who, vec![one]).await[0].is_ok());
                }
                recorded
            }));
        }
        for _ in 0..5 {
            keys::freeze(
                &house.keys,
                &house.who,
                Scope::Wallet(other.id),
                true,
                "drill",
            )
            .await
            .unwrap();
        }
        keys::freeze(
            &house.keys,
            &house.who,
            Scope::Wallet(wallet.id),
            true,
            "now",
        )
        .await
        .unwrap();
        let at_the_freeze = recorded(&house).await;
        let mut all = 0;
        for lane in lanes {
            all += lane.await.unwrap();
        }
        assert_eq!(
            (recorded(&house).await, all),
            (at_the_freeze, at_the_freeze)
        );
        assert!(
            all < usize::try_from(6 * LANE).unwrap(),
            "the freeze came while they were at it"
        );
    })
    .await;
}

/// Signatures of a lane: more than are recorded by the time of the freeze.
const LANE: u64 = 500;

async fn lane_of(house: &House, from: &str, lane: u64) -> Vec<Signed> {
    let order = |nonce: u64| {
        let intent = pay(from, 5);
        Order {
            permit: house.permit(&intent),
            unsigned: unsigned(&intent, lane * LANE + nonce),
            supersedes: None,
        }
    };
    let signed = keys::sign(&house.keys, &house.who, (0..LANE).map(order).collect()).await;
    signed.into_iter().map(Result::unwrap).collect()
}

async fn recorded(house: &House) -> usize {
    let count = "SELECT COUNT(*) FROM signed_bytes WHERE namespace = ?ns";
    let read = house
        .test
        .db
        .read(house.ns(), move |tx| tx.row::<(i64,)>(count, ()));
    usize::try_from(read.await.map_err(|e: store::Error| e).unwrap().unwrap().0).unwrap()
}
