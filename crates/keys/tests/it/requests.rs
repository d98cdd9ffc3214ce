//! Signature requests: requested first, completed later.

use crate::world::{self, World, code, pay, unsigned};
use intent::Signature;
use keys::{RequestState, Result, Scope, SigningJob};
use testkit::on_each_engine;
use types::SignatureRequestId;

async fn request(world: &World, job: SigningJob) -> Result<SignatureRequestId> {
    let (principal, checked) = (
        world.principal.clone(),
        keys::verify_job(&world.keys, &world.principal, job)?,
    );
    world
        .test
        .db
        .on(&world.lease)
        .write(world.ns(), move |tx| {
            keys::request_signature(tx, &principal, &checked)
        })
        .await
}

async fn fetch(world: &World, id: SignatureRequestId) -> keys::SignatureRequest {
    world
        .test
        .db
        .read(world.ns(), move |tx| keys::signature_request(tx, &id))
        .await
        .unwrap()
}

fn job(world: &World, from: &str, nonce: u64) -> SigningJob {
    let intent = pay(from, 5);
    SigningJob {
        permit: world.permit(&intent),
        unsigned: unsigned(&intent, nonce),
        supersedes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_claims_the_replay_key_and_its_completion_names_a_row() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let job = job(&world, &from, 0);
        let id = request(&world, job.clone()).await.unwrap();
        assert_eq!(
            request(&world, job.clone()).await.unwrap(),
            id,
            "the same bytes give the same request"
        );
        let waiting = fetch(&world, id).await;
        assert_eq!(
            (waiting.state, waiting.backend.as_str(), waiting.signed_id),
            (RequestState::Waiting, "software", None)
        );
        let other = world.permit(&pay(&from, 5));
        assert_eq!(
            code(&world.send(&other, &unsigned(&pay(&from, 5), 0)).await),
            "keys.replay_key_used"
        );

        let world = world.restart().await;
        assert_eq!(
            keys::process_requests(&world.keys, &world.principal)
                .await
                .unwrap(),
            1
        );
        assert_eq!(
            keys::process_requests(&world.keys, &world.principal)
                .await
                .unwrap(),
            0
        );
        let answered = fetch(&world, id).await;
        assert_eq!(answered.state, RequestState::Answered);
        let signed_id = answered.signed_id.unwrap();
        assert!(world.bytes(job.permit.body.id, &signed_id).await.is_some());
        let fact = world
            .facts()
            .await
            .into_iter()
            .find(|fact| fact.contains("signature.answered"))
            .unwrap();
        assert!(fact.contains(&id.to_string()) && fact.contains(&signed_id));
        assert!(
            world
                .send(&job.permit, &job.unsigned)
                .await
                .unwrap()
                .already_recorded,
            "signing the same job directly gives the same bytes"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_signature_of_the_signer_completes_a_request() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let id = request(&world, job(&world, &from, 0)).await.unwrap();
        let nonsense = vec![Signature {
            rs: [7; 64],
            recovery: 0,
        }];
        let wrong =
            keys::complete_request(&world.keys, &world.principal, &id, nonsense.clone()).await;
        assert_eq!(code(&wrong), "intent.wrong_signature");
        assert_eq!(
            code(&keys::complete_request(&world.keys, &world.principal, &id, Vec::new()).await),
            "intent.wrong_signature"
        );
        assert_eq!(fetch(&world, id).await.state, RequestState::Waiting);
        let elsewhere = world::principal("other");
        assert_eq!(
            code(&keys::complete_request(&world.keys, &elsewhere, &id, nonsense).await),
            "keys.unknown_request"
        );
        keys::process_requests(&world.keys, &world.principal)
            .await
            .unwrap();
        assert_eq!(
            code(&keys::decline_request(&world.keys, &world.principal, &id, "late").await),
            "keys.request_closed"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_or_a_revocation_blocks_the_completion() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let (first, second) = (job(&world, &from, 0), job(&world, &from, 1));
        let blocked = request(&world, first).await.unwrap();
        let revoked = request(&world, second.clone()).await.unwrap();
        keys::freeze(&world.keys, &world.principal, Scope::Namespace, false, "")
            .await
            .unwrap();
        assert_eq!(
            keys::process_requests(&world.keys, &world.principal)
                .await
                .unwrap(),
            0
        );
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
            keys::process_requests(&world.keys, &world.principal)
                .await
                .unwrap(),
            1,
            "a failed request does not affect the others"
        );
        assert_eq!(fetch(&world, blocked).await.state, RequestState::Answered);
        assert_eq!(fetch(&world, revoked).await.state, RequestState::Waiting);
        keys::decline_request(
            &world.keys,
            &world.principal,
            &revoked,
            "its permit was revoked",
        )
        .await
        .unwrap();
        let closed = fetch(&world, revoked).await;
        assert_eq!(
            (closed.state, closed.note.as_deref()),
            (RequestState::Refused, Some("its permit was revoked"))
        );
        let again = world.permit(&pay(&from, 5));
        let taken = world.send(&again, &unsigned(&pay(&from, 5), 1)).await;
        assert_eq!(
            code(&taken),
            "keys.replay_key_used",
            "the back end may have signed, so the replay key stays claimed"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_passes_the_same_checks_as_a_signature() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
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
            "intent.permit_signature_invalid"
        );
        world.later(60_001);
        assert_eq!(code(&request(&world, good).await), "keys.permit_expired");
        let unknown = job(&world, world::SECOND, 0);
        assert_eq!(code(&request(&world, unknown).await), "keys.unknown_signer");
        assert_eq!(world.facts_of("signature.requested").await, 0);
    })
    .await;
}
