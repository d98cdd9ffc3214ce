//! Signature requests: requested first, answered later.

use crate::world::{self, World, code, pay, unsigned};
use intent::Signature;
use keys::{Error, RequestState, Result, Scope, SignOutcome, SigningJob};
use testkit::on_each_engine;
use types::{Principal, SignatureRequestId};

pub(crate) async fn request_all(
    world: &World,
    principal: &Principal,
    jobs: Vec<SigningJob>,
) -> Result<Vec<SignatureRequestId>> {
    let verify = |job| keys::verify_job(&world.keys, principal, job);
    let checked: Vec<_> = jobs.into_iter().map(verify).collect::<Result<_>>()?;
    let (db, actor) = (world.test.db.on(&world.lease), principal.clone());
    let write = db.write(&principal.namespace, move |tx| {
        for allowed in keys::check_requests(tx, &checked)? {
            allowed?;
        }
        keys::request_signatures(tx, &actor, &checked)
    });
    write.await
}

pub(crate) async fn request(world: &World, job: SigningJob) -> Result<SignatureRequestId> {
    let ids = request_all(world, &world.principal, vec![job]).await?;
    Ok(ids[0])
}

pub(crate) async fn fetch(world: &World, id: SignatureRequestId) -> keys::SignatureRequest {
    fetch_all(world, &world.principal, vec![id]).await.remove(0)
}

pub(crate) async fn fetch_all(
    world: &World,
    principal: &Principal,
    ids: Vec<SignatureRequestId>,
) -> Vec<keys::SignatureRequest> {
    let read = move |tx: &mut store::Tx| keys::signature_requests(tx, &ids);
    let db = &world.test.db;
    db.read(&principal.namespace, read).await.unwrap()
}

async fn withdraw(world: &World, id: SignatureRequestId) -> bool {
    let (db, principal) = (world.test.db.on(&world.lease), world.principal.clone());
    db.write(world.ns(), move |tx| {
        keys::withdraw_request(tx, &principal, &id, "no longer needed")
    })
    .await
    .unwrap()
}

pub(crate) fn job(world: &World, from: &str, nonce: u64) -> SigningJob {
    let intent = pay(from, 5);
    SigningJob {
        permit: world.permit(&intent),
        unsigned: unsigned(&intent, nonce),
        supersedes: None,
    }
}

/// A payment under a new permit, on a nonce that was requested before.
async fn same_nonce(world: &World, from: &str, nonce: u64) -> Result<SignatureRequestId> {
    request(world, job(world, from, nonce)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_claims_the_replay_key_and_its_answer_names_a_row() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "deferred").await;
        let job = job(&world, &from, 0);
        assert_eq!(
            code(&world.sign(job.clone()).await),
            "keys.backend_unavailable",
            "a back end that answers later does not sign at once"
        );
        let id = request(&world, job.clone()).await.unwrap();
        assert_eq!(
            request(&world, job.clone()).await.unwrap(),
            id,
            "the same bytes give the same request"
        );
        let waiting = fetch(&world, id).await;
        assert_eq!(
            (waiting.state, waiting.backend.as_str(), waiting.signed_id),
            (RequestState::Waiting, "deferred", None)
        );
        let other = same_nonce(&world, &from, 0).await;
        assert_eq!(code(&other), "keys.replay_key_used");

        let world = world.restart().await;
        assert_eq!(
            (world.worker_turn().await, world.worker_turn().await),
            (1, 0)
        );
        let answered = fetch(&world, id).await;
        assert_eq!(answered.state, RequestState::Answered);
        let signed_id = answered.signed_id.unwrap();
        assert!(world.bytes(job.permit.body.id, &signed_id).await.is_some());
        let facts = world.facts().await;
        let mut facts = facts.iter();
        let fact = facts.find(|fact| fact.contains("signature.answered"));
        let fact = fact.unwrap();
        assert!(fact.contains(&signed_id) && fact.contains(&id.to_string()));
        assert!(!fact.contains("raw"), "a fact never contains bytes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_must_be_the_signature_of_the_signer() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let id = request(&world, job(&world, &from, 0)).await.unwrap();
        let nonsense = Signature {
            rs: [7; 64],
            recovery: 0,
        };
        for wrong in [vec![nonsense], Vec::new()] {
            world.scripted.answer(SignOutcome::Signed(wrong));
            world.later(5_000);
            assert_eq!(world.worker_turn().await, 0);
            let request = fetch(&world, id).await;
            assert_eq!(request.state, RequestState::Waiting);
            assert!(request.note.unwrap().starts_with("its answer is wrong"));
        }
        world.scripted.answer(SignOutcome::Pending);
        world.later(5_000);
        assert_eq!(world.worker_turn().await, 0);
        assert_eq!(fetch(&world, id).await.state, RequestState::Waiting);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_keeps_its_replay_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let refused = job(&world, &from, 0);
        let id = request(&world, refused.clone()).await.unwrap();
        world
            .scripted
            .answer(SignOutcome::Refused("beyond the daily limit".into()));
        assert_eq!(
            (world.worker_turn().await, world.worker_turn().await),
            (1, 0)
        );
        let closed = fetch(&world, id).await;
        assert_eq!(
            (closed.state, closed.note.as_deref()),
            (RequestState::Refused, Some("beyond the daily limit"))
        );
        let again = request(&world, refused).await;
        assert_eq!(code(&again), "keys.signing_refused");
        assert_eq!(
            code(&same_nonce(&world, &from, 0).await),
            "keys.replay_key_used",
            "the back end may have signed, so the replay key stays claimed"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_request_is_not_answered_and_keeps_its_replay_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "deferred").await;
        let id = request(&world, job(&world, &from, 0)).await.unwrap();
        assert!(withdraw(&world, id).await);
        assert!(!withdraw(&world, id).await, "it no longer waits");
        assert_eq!(world.worker_turn().await, 0);
        assert_eq!(fetch(&world, id).await.state, RequestState::Withdrawn);
        assert_eq!(
            code(&same_nonce(&world, &from, 0).await),
            "keys.replay_key_used"
        );
        assert_eq!(world.facts_of("signature.withdrawn").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_delays_the_answer_and_a_revocation_refuses_it() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "deferred").await;
        let (first, second) = (job(&world, &from, 0), job(&world, &from, 1));
        let frozen = request(&world, first).await.unwrap();
        let revoked = request(&world, second.clone()).await.unwrap();
        keys::freeze(&world.keys, &world.principal, Scope::Namespace, false, "")
            .await
            .unwrap();
        assert_eq!(world.worker_turn().await, 0);
        let note = fetch(&world, frozen).await.note.unwrap();
        assert_eq!(note, "signing is frozen for namespace");
        assert_eq!(
            code(&request(&world, job(&world, &from, 2)).await),
            "keys.frozen"
        );
        keys::unfreeze(&world.keys, &world.principal, Scope::Namespace, "")
            .await
            .unwrap();
        keys::revoke(&world.keys, &world.principal, &second.permit.body.id, "")
            .await
            .unwrap();
        assert_eq!(
            world.worker_turn().await,
            0,
            "it is asked again after a pause"
        );
        world.later(1_000);
        assert_eq!(world.worker_turn().await, 2);
        assert_eq!(fetch(&world, frozen).await.state, RequestState::Answered);
        let refused = fetch(&world, revoked).await;
        assert_eq!(refused.state, RequestState::Refused);
        assert!(refused.note.unwrap().ends_with("was revoked"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_passes_the_same_checks_as_a_signature() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "deferred").await;
        let good = job(&world, &from, 0);
        let other = SigningJob {
            unsigned: unsigned(&pay(&from, 6), 0),
            ..good.clone()
        };
        assert_eq!(code(&request(&world, other).await), "keys.intent_mismatch");
        let mut forged = good.clone();
        forged.permit.body.envelope.signatures = 9;
        assert_eq!(
            code(&request(&world, forged).await),
            "intent.invalid_permit_signature"
        );
        let unknown = job(&world, world::SECOND, 0);
        let one_is_bad = vec![good.clone(), unknown];
        let refused = request_all(&world, &world.principal, one_is_bad).await;
        assert_eq!(code(&refused), "keys.unknown_signer");
        world.later(60_001);
        assert_eq!(code(&request(&world, good).await), "keys.permit_expired");
        assert_eq!(world.facts_of("signature.requested").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_with_many_requests_does_not_delay_another() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "deferred").await;
        let many = (0..150).map(|nonce| job(&world, &from, nonce)).collect();
        let many = request_all(&world, &world.principal, many).await.unwrap();
        let other = world::principal("other");
        world.signer_on(&other, "deferred").await;
        let intent = pay(&from, 7);
        let mut body = world.body(&intent);
        body.namespace = other.namespace;
        let single = SigningJob {
            permit: world.sign_permit(body),
            unsigned: unsigned(&intent, 150),
            supersedes: None,
        };
        let single = request_all(&world, &other, vec![single]).await.unwrap();
        assert_eq!(world.worker_turn().await, 101);
        let answered = fetch_all(&world, &other, single).await;
        assert_eq!(answered[0].state, RequestState::Answered);
        assert_eq!(
            (world.worker_turn().await, world.worker_turn().await),
            (50, 0)
        );
        let all = fetch_all(&world, &world.principal, many).await;
        assert!(all.iter().all(|one| one.state == RequestState::Answered));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_is_gone_signs_nothing_and_stops_only_its_own_requests() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (wallet, from) = world.signer_on(&world.principal, "deferred").await;
        let other = world::principal("other");
        let generated = keys::NewSecret::Generated;
        let gone = world.wallet_on(&other, "gone", generated, "scripted").await;
        let new = keys::NewKey {
            name: "main".into(),
            chain: world::chain(),
            metadata: world::object("{}"),
        };
        let key = keys::create_key(&world.keys, &other, &gone.id, new);
        let account = key.await.unwrap().address;
        let intent = pay(&account, 7);
        let mut body = world.body(&intent);
        body.namespace = other.namespace;
        let job_of_gone = SigningJob {
            permit: world.sign_permit(body),
            unsigned: unsigned(&intent, 0), supersedes: None };
        let id = request_all(&world, &other, vec![job_of_gone.clone()]).await;
        let id = id.unwrap()[0];
        let good = request(&world, job(&world, &from, 0)).await.unwrap();
        world
            .execute("UPDATE wallet SET backend = 'gone' WHERE name = 'gone'")
            .await;
        assert_eq!(world.worker_turn().await, 1);
        assert_eq!(fetch(&world, good).await.state, RequestState::Answered);
        let waiting = fetch_all(&world, &other, vec![id]).await.remove(0);
        assert_eq!(waiting.state, RequestState::Waiting);
        assert_eq!(
            waiting.note.as_deref(),
            Some("there is no signing back end \"gone\"; there are deferred, scripted, software")
        );
        let signed = keys::sign(&world.keys, &other, vec![job_of_gone]).await;
        assert!(matches!(&signed[0], Err(Error::BackendUnavailable { backend, .. }) if backend == "gone"));
        assert!(world.keys.answers_later(&wallet.backend));
        assert!(!world.keys.answers_later("gone"));
    })
    .await;
}
