//! Rows of signature requests that someone with access to the database has changed or inserted.

use crate::requests::{fetch, job, request};
use crate::world::{self, World, pay, unsigned};
use keys::{RequestState, SigningJob};
use testkit::on_each_engine;
use types::{Digest, Json, SignatureRequestId};

const BYTES: &str = "UPDATE signature_request SET bytes = ?1, unsigned_hash = ?2";
const PERMIT: &str = "UPDATE signature_request SET signed_permit = ?1";

/// A valid request that waits for a back end that signs all it is asked to.
async fn requested(world: &World) -> (SignatureRequestId, SigningJob, String) {
    let (_, from) = world.signer_on(&world.principal, "deferred").await;
    let job = job(world, &from, 0);
    let id = request(world, job.clone()).await.unwrap();
    (id, job, from)
}

/// The worker closes the request as refused, with a note that contains `note`; nothing is signed.
async fn is_refused(world: &World, id: SignatureRequestId, note: &str) {
    assert_eq!(world.worker_turn().await, 1);
    let closed = fetch(world, id).await;
    assert_eq!(
        (closed.state, closed.signed_id),
        (RequestState::Refused, None)
    );
    let stored = closed.note.unwrap();
    assert!(stored.contains(note), "{stored}");
    assert_eq!(world.facts_of("signature.refused").await, 1);
    assert_eq!(signatures(world).await, 0);
    assert_eq!(world.worker_turn().await, 0);
}

async fn signatures(world: &World) -> usize {
    let read = world.test.db.read_unscoped(|tx| {
        let signed: Vec<String> = tx.values("SELECT id FROM signed_bytes", ())?;
        Ok::<_, store::Error>(signed.len())
    });
    read.await.unwrap()
}

fn text(permit: &intent::Permit) -> String {
    Json::of(permit).unwrap().as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_the_permit_does_not_allow_are_not_signed() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, _, from) = requested(&world).await;
        let other = unsigned(&pay(&from, 1_000_000), 0).bytes;
        let hash = Digest::of(&other);
        world.tamper(BYTES, (other, hash)).await;
        is_refused(&world, id, "other than what permit").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_payment_on_another_nonce_is_not_signed() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, _, from) = requested(&world).await;
        let twice = unsigned(&pay(&from, 5), 1).bytes;
        let hash = Digest::of(&twice);
        world.tamper(BYTES, (twice, hash)).await;
        is_refused(&world, id, "is bound to the replay key").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_another_hash_are_not_signed() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, job, _) = requested(&world).await;
        let hash = Digest::of(b"other");
        world.tamper(BYTES, (job.unsigned.bytes, hash)).await;
        is_refused(&world, id, "its bytes have another hash").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_signer_does_not_sign() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, _, _) = requested(&world).await;
        let wallet = keys::wallet(&world.keys, &world.principal, "treasury").await;
        let new = keys::NewKey {
            name: "second".into(),
            chain: world::chain(),
            metadata: world::object("{}"),
        };
        let wallet = wallet.unwrap().id;
        let second = keys::create_key(&world.keys, &world.principal, &wallet, new).await;
        let sql = "UPDATE signature_request SET signer = ?1";
        world.tamper(sql, (second.unwrap().address,)).await;
        is_refused(&world, id, "other than what permit").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_or_foreign_permit_signs_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, job, from) = requested(&world).await;
        let mut forged = job.permit.clone();
        forged.body.not_after = forged.body.not_after.plus_millis(1);
        world.tamper(PERMIT, (text(&forged),)).await;
        is_refused(&world, id, "not signed by this installation").await;

        let second = crate::requests::job(&world, &from, 1);
        let id = request(&world, second.clone()).await.unwrap();
        let mut body = second.permit.body.clone();
        body.namespace = world::principal("other").namespace;
        let foreign = world.sign_permit(body);
        world.tamper(PERMIT, (text(&foreign),)).await;
        assert_eq!(world.worker_turn().await, 1);
        let note = fetch(&world, id).await.note.unwrap();
        assert!(note.contains("belongs to another namespace"), "{note}");
        assert_eq!(signatures(&world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_answers_at_once_is_not_asked() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, ..) = requested(&world).await;
        world
            .execute("UPDATE wallet SET backend = 'software'")
            .await;
        is_refused(&world, id, "answers at once").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_names_the_back_end_of_the_wallet() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (id, ..) = requested(&world).await;
        let sql = "UPDATE signature_request SET backend = 'scripted'";
        world.execute(sql).await;
        is_refused(&world, id, "another back end").await;
    })
    .await;
}

/// A copy of the request in the database under another id and permit, which waits.
const INSERT: &str = "INSERT INTO signature_request (namespace, id, state, backend, permit, chain,
    signer, bytes, unsigned_hash, signed_permit, attempts, next_at, version, created_at, updated_at)
  SELECT namespace, ?1, 'waiting', backend, ?2, chain, signer, ?3, ?4, signed_permit, 0, next_at, 1,
    created_at, updated_at FROM signature_request";
const SET_PERMIT: &str = "UPDATE signature_request SET signed_permit = ?2 WHERE id = ?1";

#[tokio::test(flavor = "multi_thread")]
async fn an_inserted_row_signs_nothing_whatever_its_permit() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (first, used, from) = requested(&world).await;
        assert_eq!(world.worker_turn().await, 1);
        assert_eq!(fetch(&world, first).await.state, RequestState::Answered);
        // A genuine permit that was never used.
        let unused = crate::requests::job(&world, &from, 1);
        // A permit of another policy key.
        let mut forged = crate::requests::job(&world, &from, 2);
        forged.permit.signature.reverse();
        // The permit of the first request for another nonce, and beyond its recorded uses.
        let mut again = crate::requests::job(&world, &from, 3);
        again.permit = used.permit.clone();
        let mut bumped = again.clone();
        bumped.unsigned = world::priced(&pay(&from, 5), 0, 120);
        for (index, job) in [unused, forged, again, bumped].into_iter().enumerate() {
            let (id, permit) = (request_id(index), job.permit.body.id);
            let hash = Digest::of(&job.unsigned.bytes);
            let row = (id, permit, job.unsigned.bytes, hash);
            let only_one = "DELETE FROM signature_request WHERE state <> 'answered'";
            world.execute(only_one).await;
            assert_eq!(world.tamper(INSERT, row).await, 1);
            assert_eq!(world.tamper(SET_PERMIT, (id, text(&job.permit))).await, 1);
            assert_eq!(world.worker_turn().await, 1);
            assert_eq!(fetch(&world, id).await.state, RequestState::Refused);
            assert_eq!(signatures(&world).await, 1, "only the first request");
        }
    })
    .await;
}

fn request_id(index: usize) -> SignatureRequestId {
    SignatureRequestId::from_ulid(types::Ulid::from_bits(index as u128 + 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changes_while_the_back_end_signs_is_not_recorded() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "scripted").await;
        let job = job(&world, &from, 0);
        let id = request(&world, job.clone()).await.unwrap();
        let (db, lease) = (world.test.db.clone(), world.lease.clone());
        let runtime = tokio::runtime::Handle::current();
        let other = world::priced(&pay(&from, 5), 0, 120).bytes;
        world.scripted.follow(move |task| {
            let (bytes, hash) = (other.clone(), Digest::of(&other));
            let change = db
                .on(&lease)
                .write_unscoped(move |tx| tx.execute(BYTES, (&bytes, &hash)));
            runtime.block_on(change).unwrap();
            world::sign_as_first(task)
        });
        is_refused(&world, id, "changed while the back end signed").await;
        assert_eq!(world.bytes(job.permit.body.id, "").await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_do_not_delay_others() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer_on(&world.principal, "deferred").await;
        for nonce in 0..101 {
            request(&world, job(&world, &from, nonce)).await.unwrap();
        }
        let unreadable = "UPDATE signature_request SET chain = 'nonsense'";
        world.execute(unreadable).await;
        world.later(10);
        let good = request(&world, job(&world, &from, 101)).await.unwrap();
        assert_eq!(world.worker_turn().await, 0);
        assert_eq!(world.worker_turn().await, 1);
        assert_eq!(fetch(&world, good).await.state, RequestState::Answered);
        let noted: Vec<String> = world
            .test
            .db
            .read_unscoped(|tx| {
                tx.values(
                    "SELECT note FROM signature_request WHERE state = 'waiting'",
                    (),
                )
            })
            .await
            .unwrap();
        assert_eq!(noted.len(), 101);
        assert!(noted[0].contains("cannot be read"), "{}", noted[0]);
    })
    .await;
}
