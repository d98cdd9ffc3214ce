//! Permits: what they are bound to, and the key that signs them.

use crate::world::{World, YES, pay};
use intent::verify;
use policy::{Config, EnvelopeRules, LocalSigner, PermitSigner, Verdict};
use std::sync::Arc;
use store::secret::{self, Cost, Keyring, Master};
use testkit::{TestDb, namespace, on_each_engine};
use types::Digest;
use zeroize::Zeroizing;

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_is_bound_to_what_was_asked() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", YES).await;
        let question = pay("5");
        let Verdict::Permit { permit, decision } = world.decide(&question).await else { panic!("denied") };
        let key = world.signer.public();
        verify(&permit, &key).unwrap();
        let body = &permit.body;
        assert_eq!((&body.namespace, body.decision), (&namespace("ns"), decision));
        assert_eq!(body.intent_hash, question.intent.hash());
        assert_eq!(body.not_after, testkit::START.plus_millis(600_000));
        assert!(body.envelope.allows(&question.quote).is_ok());

        let mut moved = permit.clone();
        moved.body.namespace = namespace("other");
        assert!(verify(&moved, &key).is_err());
        let mut swapped = permit.clone();
        swapped.body.intent_hash = pay("6").intent.hash();
        assert!(verify(&swapped, &key).is_err());
        let mut wider = permit.clone();
        wider.body.envelope.signatures += 1;
        assert!(verify(&wider, &key).is_err());
        let stranger = LocalSigner::from_seed(&Zeroizing::new([8; 32])).unwrap();
        assert!(verify(&permit, &stranger.public()).is_err());

        let stored = policy::decision(&world.policy, &world.who, decision).await.unwrap();
        assert_eq!(stored.permit, Some(*permit));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_hash_tells_every_document_apart() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", YES).await;
        let first = world.permit(&pay("5")).await.body.bundle_hash;
        assert_eq!(world.permit(&pay("6")).await.body.bundle_hash, first);
        world.upload("yes", &format!("{YES}\n# the same, otherwise")).await;
        let second = world.permit(&pay("5")).await.body.bundle_hash;
        world.attach("more", "package florin.more\nallow := true").await;
        let third = world.permit(&pay("5")).await.body.bundle_hash;
        assert!(first != second && second != third && first != third);
        assert_ne!(first, Digest::default());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chains_cap_on_fees_holds() {
    on_each_engine(|test| async move {
        let capped = |most: u64| Config {
            envelope: EnvelopeRules {
                max_total_fee: [(crate::world::chain(), most.into())].into(),
                ..EnvelopeRules::default()
            },
            ..Config::default()
        };
        let world = World::with(&test, capped(210_000)).await;
        world.attach("yes", YES).await;
        assert_eq!(world.permit(&pay("5")).await.body.envelope.total_fee, 210_000u64.into());
        let lease = test.lease("policy/1").await;
        let strict =
            policy::Policy::new(test.db.clone(), lease, world.signer.clone(), world.book.clone(), capped(209_999));
        let verdict = policy::decide(&strict, &[pay("5")]).await.unwrap().remove(0);
        assert!(matches!(verdict, Verdict::Denied { .. }), "{verdict:?}");
    })
    .await;
}

async fn keyring(test: &TestDb, master: &Master) -> Keyring {
    let loaded = test.db.read_unbound(|tx| secret::load(tx, "policy")).await.unwrap();
    if !loaded.is_empty() {
        return loaded.unlock(master).unwrap();
    }
    let keyring = loaded.begin(test.entropy.as_ref());
    keep(test, &keyring, master).await;
    keyring
}

async fn keep(test: &TestDb, keyring: &Keyring, master: &Master) {
    let wrapped = Arc::new(keyring.wrap(master, test.entropy.as_ref()).unwrap());
    let lease = test.lease(&format!("secrets/{}", keyring.version())).await;
    test.db.on(&lease).write_unbound(move |tx| secret::store(tx, &wrapped)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_key_outlives_a_restart_and_a_rotation() {
    on_each_engine(|test| async move {
        let master = Master::Passphrase(Zeroizing::new("a phrase".into()), Cost::TEST);
        let lease = test.lease("policy/0").await;
        let first_ring = keyring(&test, &master).await;
        let first = LocalSigner::open(&test.db, &lease, &first_ring).await.unwrap().public();
        assert_eq!(LocalSigner::open(&test.db, &lease, &first_ring).await.unwrap().public(), first, "made once");

        let rotated = first_ring.rotated(test.entropy.as_ref());
        keep(&test, &rotated, &master).await;
        assert!(LocalSigner::reseal(&test.db, &lease, &rotated).await.unwrap());
        assert!(!LocalSigner::reseal(&test.db, &lease, &rotated).await.unwrap());
        assert!(LocalSigner::open(&test.db, &lease, &first_ring).await.is_err(), "sealed under the new data key");

        let test = test.reopen().await;
        let lease = test.lease("policy/0").await;
        let again = keyring(&test, &master).await;
        assert_eq!(LocalSigner::open(&test.db, &lease, &again).await.unwrap().public(), first);
    })
    .await;
}
