//! Permits: what they are bound to, and the key that signs them.

use crate::world::{ALLOW_ALL, World, pay};
use intent::{FeeLimits, verify};
use policy::{DecisionRequest, LocalSigner, PermitSigner, Verdict};
use secrets::{KdfCost, Keyring, MasterKey, Secrets};
use std::sync::Arc;
use testkit::{TestDb, namespace, on_each_engine};
use types::{Digest, Namespace, Principal};
use zeroize::Zeroizing;

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_is_bound_to_its_request() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let request = pay("5");
        let Verdict::Permit {
            permit, decision, ..
        } = world.decide(&request).await
        else {
            panic!("denied")
        };
        let key = world.signer.public();
        verify(&permit, &key).unwrap();
        let body = &permit.body;
        assert_eq!(
            (&body.namespace, body.decision),
            (&namespace("ns"), decision)
        );
        assert_eq!(body.intent_hash, request.intent.hash());
        assert_eq!(body.not_after, testkit::START.plus_millis(600_000));
        assert!(body.envelope.allows(&request.quote).is_ok());

        let mut moved = permit.clone();
        moved.body.namespace = namespace("other");
        assert!(verify(&moved, &key).is_err());
        let mut swapped = permit.clone();
        swapped.body.intent_hash = pay("6").intent.hash();
        assert!(verify(&swapped, &key).is_err());
        let mut wider = permit.clone();
        wider.body.envelope.signatures += 1;
        assert!(verify(&wider, &key).is_err());
        let other_signer = LocalSigner::from_seed(&Zeroizing::new([8; 32])).unwrap();
        assert!(verify(&permit, &other_signer.public()).is_err());

        let stored = policy::decision(&world.policy, &world.principal, decision)
            .await
            .unwrap();
        assert_eq!(stored.permit, Some(*permit));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_hash_depends_on_every_document() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let first = world.permit(&pay("5")).await.body.bundle_hash;
        assert_eq!(world.permit(&pay("6")).await.body.bundle_hash, first);
        world
            .upload(
                "yes",
                &format!("{ALLOW_ALL}\n# another text of the same rule"),
            )
            .await;
        let second = world.permit(&pay("5")).await.body.bundle_hash;
        world
            .attach("more", "package florin.more\nallow := true")
            .await;
        let third = world.permit(&pay("5")).await.body.bundle_hash;
        assert!(first != second && second != third && first != third);
        assert_ne!(first, Digest::default());
    })
    .await;
}

fn capped(limit: u64) -> DecisionRequest {
    let mut request = pay("5");
    request.limits.max_total_fee = limit.into();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_chain_apply() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let permit = world.permit(&capped(210_000)).await;
        assert_eq!(permit.body.envelope.total_fee, 210_000u64.into());
        let denial = world.denial(&capped(209_999)).await;
        assert!(denial[0].text.contains("fees.max_total_fee"), "{denial:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_of_the_chain_no_fee_is_permitted() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let mut request = pay("5");
        request.limits = FeeLimits::default();
        let denial = world.denial(&request).await;
        assert!(
            denial[0].text.contains("fees.max_fee_per_gas"),
            "{denial:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stays_below_the_limits_of_its_chain() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let mut request = crate::world::cancel();
        request.limits.max_fee_per_gas = 30u64.into();
        request.limits.max_tip = 2u64.into();
        request.limits.max_total_fee = 700_000u64.into();
        let envelope = world.permit(&request).await.body.envelope;
        assert_eq!(
            (envelope.fee_per_gas, envelope.tip, envelope.total_fee),
            (30u64.into(), 2u64.into(), 700_000u64.into())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_leaves_the_l1_fee_out_of_what_the_bytes_may_spend() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let text = "package florin.l1\nallow if input.fee.l1 == \"90000\"\n\
                    allow if input.fee.quote.total_fee == \"210000\"\n\
                    deny contains \"no l1\" if not input.fee.quote.total_fee == \"300000\"";
        world.attach("l1", text).await;
        let mut request = capped(500_000);
        request.quote.l1_fee = 90_000u64.into();
        let envelope = world.permit(&request).await.body.envelope;
        assert_eq!(envelope.total_fee, 410_000u64.into());
    })
    .await;
}

fn master() -> MasterKey {
    MasterKey::Passphrase(Zeroizing::new("a phrase".into()), KdfCost::TEST)
}

async fn keyring(test: &TestDb) -> Keyring {
    let lease = test.lease("secrets/0").await;
    secrets::open_keyring(&test.db, &lease, master())
        .await
        .unwrap()
}

/// Rotate the data key of this keyring.
async fn rotate(test: &TestDb, keyring: &Keyring) {
    let parts = secrets::Parts {
        db: test.db.clone(),
        lease: test.lease("secrets/1").await,
        keyring: keyring.clone(),
        master_source: Some(Arc::new(|| Ok(master()))),
    };
    let secrets = Secrets::new(parts, secrets::Settings::default());
    let principal = Principal::system("test", Namespace::installation());
    secrets::rotate(&secrets, &principal).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_key_survives_a_restart_and_a_rotation() {
    on_each_engine(|test| async move {
        let lease = test.lease("policy/0").await;
        let old_keyring = keyring(&test).await;
        let first = LocalSigner::load_or_create(&test.db, &lease, &old_keyring)
            .await
            .unwrap()
            .public();
        assert_eq!(
            LocalSigner::load_or_create(&test.db, &lease, &old_keyring)
                .await
                .unwrap()
                .public(),
            first,
            "the key is created once"
        );

        let rotated = secrets::open_keyring(&test.db, &lease, master())
            .await
            .unwrap();
        rotate(&test, &rotated).await;
        assert!(
            LocalSigner::reencrypt(&test.db, &lease, &rotated)
                .await
                .unwrap()
        );
        assert!(
            !LocalSigner::reencrypt(&test.db, &lease, &rotated)
                .await
                .unwrap()
        );
        assert!(
            LocalSigner::load_or_create(&test.db, &lease, &old_keyring)
                .await
                .is_err(),
            "encrypted under the new data key"
        );

        let test = test.reopen().await;
        let lease = test.lease("policy/0").await;
        let again = keyring(&test).await;
        assert_eq!(
            LocalSigner::load_or_create(&test.db, &lease, &again)
                .await
                .unwrap()
                .public(),
            first
        );
    })
    .await;
}

/// A second implementation of the canonical form: see `types::Canon`.
mod by_hand {
    pub(super) fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
    }

    pub(super) fn sha(parts: &[&[u8]]) -> [u8; 32] {
        types::Digest::of(&parts.concat()).0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_follow_the_canonical_form() {
    use by_hand::{sha, text};
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.lookups.label(crate::world::BOB, "allowed");
        world.attach("allowlist", crate::world::LABELLED).await;
        world.attach("yes", ALLOW_ALL).await;
        let mut request = pay("5");
        let at = types::Time::from_micros(1_700_000_000_123_456);
        let roles = vec![types::Role::Controller, types::Role::KeyExporter];
        request.approvals = vec![policy::Approval {
            by: "ben".into(),
            roles,
            at,
        }];
        let decided = world.decide(&request).await.decision();
        let logged = policy::decision(&world.policy, &world.principal, decided)
            .await
            .unwrap();

        let (one, two) = (1u32.to_be_bytes(), 2u32.to_be_bytes());
        let words = [text("controller"), text("keyexporter")].concat();
        let approvals = sha(&[
            b"florin/approvals/v1\n",
            &one,
            &text("ben"),
            &two,
            &words,
            &at.micros().to_be_bytes(),
        ]);
        assert_eq!(logged.approvals_hash, Digest(approvals));

        let lookups = sha(&[
            b"florin/policy-lookups/v1\n",
            &text(logged.lookups.as_str()),
        ]);
        assert_eq!(logged.lookups_hash, Digest(lookups));

        let mut bundle = b"florin/policy-bundle/v1\n".to_vec();
        bundle.extend(5u32.to_be_bytes());
        for name in ["amount", "effects", "limits", "listed", "units"] {
            let file = testkit::workspace_root().join(format!("policies/lib/{name}.rego"));
            bundle.extend(text(&format!("florin.{name}")));
            bundle.extend(sha(&[&std::fs::read(file).unwrap()]));
        }
        let mut documents = [
            sha(&[crate::world::LABELLED.as_bytes()]),
            sha(&[ALLOW_ALL.as_bytes()]),
        ];
        documents.sort_unstable();
        bundle.extend([two.as_slice(), &documents[0], &documents[1]].concat());
        assert_eq!(logged.bundle_hash, Digest(sha(&[&bundle])));
    })
    .await;
}
