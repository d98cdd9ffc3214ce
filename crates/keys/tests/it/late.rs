//! Late answers: after expiry, after another permit has taken over, and from back ends that hang or
//! panic.

use crate::requests::{fetch, fetch_all, job, request, request_all};
use crate::world::{self, World, code, pay, priced, unsigned};
use intent::{Intent, Permit, PermitBody, PolicyKey, Unsigned};
use keys::{RequestState, Settings, SignOutcome, SigningJob, Worker};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use testkit::on_each_engine;
use types::{PermitId, Principal, SignatureRequestId};

fn superseding(world: &World, permit: &Permit, unsigned: Unsigned, earlier: &Permit) -> SigningJob {
    SigningJob {
        permit: world.superseding(permit, Some(earlier.body.id)),
        unsigned,
        supersedes: None,
    }
}

fn plain(permit: &Permit, unsigned: Unsigned) -> SigningJob {
    SigningJob {
        permit: permit.clone(),
        unsigned,
        supersedes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_ends_with_its_permit() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let job = job(&world, &from, 0);
        let id = request(&world, job.clone()).await.unwrap();
        world.later(60_000);
        assert_eq!(world.worker_turn().await, 0, "the expiry time itself");
        assert_eq!(fetch(&world, id).await.state, RequestState::Waiting);
        world.scripted.follow(world::sign_as_first);
        world.later(1);
        assert_eq!(world.worker_turn().await, 1, "it is due when it expires");
        let closed = fetch(&world, id).await;
        assert_eq!(closed.state, RequestState::Refused);
        assert!(closed.note.unwrap().ends_with("has expired"));
        assert!(closed.signed_id.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_arrives_after_expiry_is_not_recorded() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let id = request(&world, job(&world, &from, 0)).await.unwrap();
        let clock = world.test.clock.clone();
        world.scripted.follow(move |task| {
            clock.advance_millis(60_001);
            world::sign_as_first(task)
        });
        assert_eq!(world.worker_turn().await, 1);
        let closed = fetch(&world, id).await;
        assert_eq!(closed.state, RequestState::Refused);
        assert!(closed.note.unwrap().ends_with("has expired"));
        assert_eq!(world.facts_of("signature.answered").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_cancel_leaves_its_target_in_force() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let (payment, stop) = (pay(&from, 5), Intent::cancel(world::chain(), from));
        let (target, cancel, second) = (
            world.permit(&payment),
            world.permit(&stop),
            world.permit(&stop),
        );
        world.scripted.follow(world::sign_as_first);
        let first = plain(&target, unsigned(&payment, 0));
        request(&world, first).await.unwrap();
        assert_eq!(world.worker_turn().await, 1);

        world.scripted.answer(SignOutcome::Pending);
        let cancel = superseding(&world, &cancel, priced(&stop, 0, 150), &target);
        request(&world, cancel.clone()).await.unwrap();
        let second = superseding(&world, &second, priced(&stop, 0, 160), &target);
        let bump = plain(&target, priced(&payment, 0, 140));
        assert_eq!(
            code(&request(&world, second.clone()).await),
            "keys.cannot_supersede",
            "one at a time"
        );
        assert_eq!(
            code(&request(&world, bump.clone()).await),
            "keys.superseded"
        );
        world
            .scripted
            .answer(SignOutcome::Refused("not today".into()));
        assert_eq!(world.worker_turn().await, 1);

        let world = world.restart().await;
        let bump = request(&world, bump).await.unwrap();
        let second_id = request(&world, second.clone()).await.unwrap();
        let again = SigningJob {
            unsigned: priced(&stop, 0, 170),
            ..cancel
        };
        assert_eq!(
            code(&request(&world, again).await),
            "keys.cannot_supersede",
            "the refused one has lost its place"
        );
        // The cancel is answered first: the older replacement must not be released after it.
        let only: PermitId = second.permit.body.id;
        world.scripted.follow(move |task| {
            if task.permit.body.id == only {
                world::sign_as_first(task)
            } else {
                SignOutcome::Pending
            }
        });
        assert_eq!(world.worker_turn().await, 1);
        assert_eq!(fetch(&world, second_id).await.state, RequestState::Answered);
        world.scripted.follow(world::sign_as_first);
        world.later(5_000);
        assert_eq!(world.worker_turn().await, 1);
        let older = fetch(&world, bump).await;
        assert_eq!(older.state, RequestState::Refused);
        assert!(older.note.unwrap().contains("was superseded by"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_supersedes_all_permits_before_it() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let payment = pay(&from, 5);
        let (first, second, third) = (
            world.permit(&payment),
            world.permit(&payment),
            world.permit(&payment),
        );
        let waiting = request(&world, plain(&first, unsigned(&payment, 0))).await;
        let waiting = waiting.unwrap();
        let refused = superseding(&world, &second, priced(&payment, 0, 120), &first);
        let refused = request(&world, refused).await.unwrap();
        let only = second.body.id;
        world.scripted.follow(move |task| {
            if task.permit.body.id == only {
                SignOutcome::Refused("no".into())
            } else {
                SignOutcome::Pending
            }
        });
        assert_eq!(world.worker_turn().await, 1);
        assert_eq!(fetch(&world, refused).await.state, RequestState::Refused);
        let last = superseding(&world, &third, priced(&payment, 0, 140), &second);
        request(&world, last).await.unwrap();
        let only = third.body.id;
        world.scripted.follow(move |task| {
            if task.permit.body.id == only {
                world::sign_as_first(task)
            } else {
                SignOutcome::Pending
            }
        });
        world.later(5_000);
        assert_eq!(world.worker_turn().await, 1);
        world.scripted.follow(world::sign_as_first);
        world.later(5_000);
        assert_eq!(world.worker_turn().await, 1);
        let closed = fetch(&world, waiting).await;
        assert_eq!(closed.state, RequestState::Refused);
        assert!(closed.note.unwrap().contains("was superseded by"));
        let renewed = world.permit(&payment);
        let fork = superseding(&world, &renewed, priced(&payment, 0, 160), &first);
        assert_eq!(code(&request(&world, fork).await), "keys.cannot_supersede");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_can_verify_the_permit_itself() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let job = job(&world, &from, 0);
        request(&world, job.clone()).await.unwrap();
        let pinned = PolicyKey::from_bytes(&world.policy.verifying_key().to_bytes()).unwrap();
        let seen = Arc::new(Mutex::new(None));
        let sees = seen.clone();
        world.scripted.follow(move |task| {
            intent::verify(&task.permit, &pinned).unwrap();
            *sees.lock().unwrap() = Some(task.unsigned.as_ref().clone());
            world::sign_as_first(task)
        });
        assert_eq!(world.worker_turn().await, 1);
        assert_eq!(seen.lock().unwrap().take(), Some(job.unsigned));
    })
    .await;
}

fn impatient() -> Settings {
    Settings {
        backend_deadline_ms: 3_000, // a panic prints its backtrace first
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_panics_or_hangs_stops_only_its_own_request() {
    on_each_engine(|test| async move {
        let world = World::with(test, impatient()).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let (panics, hangs, good) = (
            job(&world, &from, 0),
            job(&world, &from, 1),
            job(&world, &from, 2),
        );
        let (panics_id, hangs_id) = (panics.permit.body.id, hangs.permit.body.id);
        let panics = request(&world, panics).await.unwrap();
        world.later(1);
        let hangs = request(&world, hangs).await.unwrap();
        world.later(1);
        let good = request(&world, good).await.unwrap();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        world.scripted.follow(move |task| {
            let permit = task.permit.body.id;
            assert!(permit != panics_id, "the back end panics");
            if permit == hangs_id {
                released.lock().unwrap().recv().unwrap_err();
            }
            world::sign_as_first(task)
        });
        let lease = world.test.lease(Worker::PARTITION).await;
        let mut worker = Worker::new(world.keys.clone(), lease.clone());
        assert_eq!(worker.turn().await.unwrap().closed, 0);
        let notes = ["panicked", "has not returned within", "takes long"];
        for (id, note) in [panics, hangs, good].into_iter().zip(notes) {
            let waiting = fetch(&world, id).await;
            assert_eq!(waiting.state, RequestState::Waiting);
            let stored = waiting.note.unwrap();
            assert!(stored.contains(note), "{stored}");
        }
        world.scripted.follow(world::sign_as_first);
        world.later(1_000);
        assert_eq!(worker.turn().await.unwrap().closed, 2);
        for id in [panics, good] {
            assert_eq!(fetch(&world, id).await.state, RequestState::Answered);
        }
        let note = fetch(&world, hangs).await.note.unwrap();
        assert!(note.contains("an earlier call"), "it has one call: {note}");
        world.test.db.release(&lease).await.unwrap();
        drop(release);
        world.later(5_000);
        assert_eq!(world.worker_turn().await, 1, "a new worker");
    })
    .await;
}

/// The requests of another namespace, made after those of `ns`.
async fn request_in_another(world: &World) -> (Principal, SignatureRequestId) {
    let other = world::principal("other");
    let (_, from) = world.signer_on(&other, "scripted").await;
    let intent = pay(&from, 5);
    let body = world.body(&intent);
    let permit = world.sign_permit(PermitBody {
        namespace: other.namespace,
        ..body
    });
    let ids = request_all(world, &other, vec![plain(&permit, unsigned(&intent, 100))]).await;
    (other, ids.unwrap()[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_namespace_that_hang_leave_slots_to_others() {
    on_each_engine(|test| async move {
        let settings = Settings {
            backend_deadline_ms: 200,
            ..Settings::default()
        };
        let world = World::with(test, settings).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let jobs = (0..40).map(|nonce| job(&world, &from, nonce)).collect();
        request_all(&world, &world.principal, jobs).await.unwrap();
        let (release, released) = mpsc::channel::<()>();
        let (released, own) = (Mutex::new(released), *world.ns());
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        world.scripted.follow(move |task| {
            if task.namespace == own {
                counted.fetch_add(1, Ordering::SeqCst);
                released.lock().unwrap().recv().unwrap_err();
            }
            world::sign_as_first(task)
        });
        let lease = world.test.lease(Worker::PARTITION).await;
        let mut worker = Worker::new(world.keys.clone(), lease.clone());
        for _ in 0..7 {
            assert_eq!(worker.turn().await.unwrap().closed, 0);
            world.later(2_000);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 4);
        let (other, id) = request_in_another(&world).await;
        assert_eq!(worker.turn().await.unwrap().closed, 1);
        let answered = fetch_all(&world, &other, vec![id]).await.remove(0);
        assert_eq!(answered.state, RequestState::Answered);

        world.scripted.follow(world::sign_as_first);
        world.test.db.release(&lease).await.unwrap();
        drop(release);
        world.later(1_000);
        let closed = world.worker_turn().await;
        assert!(closed >= 36, "what was not asked waits no longer: {closed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_call_of_one_namespace_does_not_delay_another() {
    on_each_engine(|test| async move {
        let world = World::with(test, impatient()).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        request(&world, job(&world, &from, 0)).await.unwrap();
        request_in_another(&world).await;
        // The call of the first namespace returns after that of the second.
        let (returned, returns) = mpsc::channel::<()>();
        let (returns, first) = (Mutex::new(returns), *world.ns());
        world.scripted.follow(move |task| {
            match task.namespace == first {
                true => returns.lock().unwrap().recv().unwrap(),
                false => returned.send(()).unwrap(),
            }
            world::sign_as_first(task)
        });
        assert_eq!(world.worker_turn().await, 2);
    })
    .await;
}
