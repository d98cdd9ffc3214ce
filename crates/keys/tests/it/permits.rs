//! Attempts to sign without a valid permit; each must fail.

use crate::world::{self, World, code, envelope, pay, priced, terms, unsigned};
use intent::evm::Price;
use intent::{Envelope, Intent, Permit, Unsigned};
use keys::SigningJob;
use testkit::{namespace, on_each_engine};
use types::{Amount, ChainId};

fn job(permit: &Permit, unsigned: &Unsigned) -> SigningJob {
    SigningJob {
        permit: permit.clone(),
        unsigned: unsigned.clone(),
        supersedes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn permitted_bytes_are_signed_and_readable_only_after_recording() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let permit = world.permit(&intent);
        let signed = world
            .sign(job(&permit, &unsigned(&intent, 0)))
            .await
            .unwrap();
        assert_eq!(signed.replay_keys()[0].as_nonce(), Some(0));
        assert_eq!(
            world.bytes(permit.body.id, signed.id()).await,
            None,
            "nothing is recorded yet"
        );

        let recorded = world.record(&signed).await.unwrap();
        let raw = world.bytes(permit.body.id, &recorded.id).await.unwrap();
        assert_eq!(raw[0], 2, "an EIP-1559 transaction");
        assert!(!recorded.already_recorded);
        assert!(
            world.record(&signed).await.unwrap().already_recorded,
            "recording the same signature again is no further use"
        );
        assert_eq!(world.facts_of("signature.recorded").await, 1);
        let elsewhere = world.test.db.read(&namespace("other"), move |tx| {
            keys::bytes(tx, &[(recorded.permit, recorded.id.as_str())])
        });
        assert_eq!(
            elsewhere.await.unwrap(),
            vec![None],
            "another namespace sees nothing of it"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_must_match_the_permitted_intent() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let permit = world.permit(&pay(&from, 5));
        let to_other = Intent::call(
            world::chain(),
            from.clone(),
            Some(from.clone()),
            Amount::from(5),
            Vec::new(),
        );
        let with_data = Intent::call(
            world::chain(),
            from.clone(),
            Some(world::SECOND.into()),
            Amount::from(5),
            vec![1],
        );
        let elsewhere = Intent {
            chain: ChainId::evm(1),
            ..pay(&from, 5)
        };
        for other in [
            pay(&from, 6),
            to_other,
            with_data,
            elsewhere,
            Intent::cancel(world::chain(), from.clone()),
        ] {
            assert_eq!(
                code(&world.send(&permit, &unsigned(&other, 0)).await),
                "keys.intent_mismatch"
            );
        }
        // Claims about the bytes are not trusted either.
        let good = unsigned(&pay(&from, 5), 0);
        let claimed = Unsigned {
            signer: world::SECOND.into(),
            ..good.clone()
        };
        assert_eq!(
            code(&world.send(&permit, &claimed).await),
            "keys.intent_mismatch"
        );
        let moved = Unsigned {
            chain: ChainId::evm(1),
            ..good.clone()
        };
        assert!(world.send(&permit, &moved).await.is_err());
        for index in 0..good.bytes.len() {
            let mut bytes = good.bytes.clone();
            bytes[index] ^= 1;
            if let Ok(signed) = world
                .sign(job(
                    &permit,
                    &Unsigned {
                        bytes,
                        ..good.clone()
                    },
                ))
                .await
            {
                // Only what the intent does not contain may differ: nonce and fees, within the
                // envelope.
                assert_ne!(signed.id(), "", "byte {index}");
                let read = intent::decode(&Unsigned {
                    bytes: flipped(&good.bytes, index),
                    ..good.clone()
                })
                .unwrap();
                assert_eq!(read.intent, pay(&from, 5));
            }
        }
        assert!(world.send(&permit, &good).await.is_ok());
    })
    .await;
}

fn flipped(bytes: &[u8], index: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[index] ^= 1;
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_above_each_cap_of_the_envelope_are_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let bytes = unsigned(&intent, 0); // 21,000 gas, cap 100, tip 10
        let tight = Envelope {
            gas: 21_000,
            fee_per_gas: Amount::from(100),
            tip: Amount::from(10),
            total_fee: Amount::from(2_100_000),
            signatures: 1,
        };
        let with = |envelope: Envelope| {
            world.sign_permit(intent::PermitBody {
                envelope,
                ..world.body(&intent)
            })
        };
        for beyond in [
            Envelope {
                gas: 20_999,
                ..tight
            },
            Envelope {
                fee_per_gas: Amount::from(99),
                ..tight
            },
            Envelope {
                tip: Amount::from(9),
                ..tight
            },
            Envelope {
                total_fee: Amount::from(2_099_999),
                ..tight
            },
        ] {
            assert_eq!(
                code(&world.send(&with(beyond), &bytes).await),
                "keys.envelope_exceeded",
                "{beyond:?}"
            );
        }
        let legacy = intent::evm::build_unsigned(
            &intent,
            &intent::evm::Terms {
                price: Price::Legacy {
                    gas_price: Amount::from(11),
                },
                ..terms(0)
            },
        )
        .unwrap();
        assert_eq!(
            code(&world.send(&with(tight), &legacy).await),
            "keys.envelope_exceeded",
            "a legacy gas price also counts as the tip"
        );
        assert!(world.send(&with(tight), &bytes).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_cannot_use_a_second_replay_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let permit = world.permit(&intent);
        world.send(&permit, &unsigned(&intent, 0)).await.unwrap();
        assert_eq!(
            code(&world.send(&permit, &unsigned(&intent, 1)).await),
            "keys.replay_key_mismatch"
        );
        // A replay key that another permit has used is rejected, too.
        let second = world.permit(&intent);
        assert_eq!(
            code(&world.send(&second, &unsigned(&intent, 0)).await),
            "keys.replay_key_used"
        );
        assert!(world.send(&second, &unsigned(&intent, 1)).await.is_ok());
        assert!(
            world.send(&permit, &priced(&intent, 0, 110)).await.is_ok(),
            "a bump keeps the replay key"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signatures_made_before_recording_share_one_replay_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let permit = world.permit(&intent);
        let first = world
            .sign(job(&permit, &unsigned(&intent, 0)))
            .await
            .unwrap();
        let second = world
            .sign(job(&permit, &unsigned(&intent, 1)))
            .await
            .unwrap();
        let both = world::record_in(
            &world.test.db,
            &world.lease,
            &world.principal,
            vec![first, second.clone()],
        )
        .await;
        assert!(both[0].is_ok());
        assert_eq!(
            code(&both[1]),
            "keys.replay_key_mismatch",
            "in the same call"
        );
        assert_eq!(
            code(&world.record(&second).await),
            "keys.replay_key_mismatch",
            "in a later call"
        );
        assert_eq!(world.bytes(permit.body.id, second.id()).await, None);
        // One batch cannot sign for two replay keys either.
        let fresh = world.permit(&intent);
        let jobs = vec![
            job(&fresh, &unsigned(&intent, 7)),
            job(&fresh, &unsigned(&intent, 8)),
        ];
        let results = keys::sign(&world.keys, &world.principal, jobs).await;
        assert!(results[0].is_ok());
        assert_eq!(code(&results[1]), "keys.replay_key_mismatch");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_of_another_namespace_is_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let foreign = world.sign_permit(intent::PermitBody {
            namespace: namespace("other"),
            ..world.body(&intent)
        });
        assert_eq!(
            code(&world.send(&foreign, &unsigned(&intent, 0)).await),
            "keys.foreign_permit"
        );
        // The other namespace cannot use the key either.
        let other = world::principal("other");
        let result = keys::sign(
            &world.keys,
            &other,
            vec![job(&foreign, &unsigned(&intent, 0))],
        )
        .await
        .pop()
        .unwrap();
        assert_eq!(code(&result), "keys.unknown_signer");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_permit_signs_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let permit = world.permit(&intent);
        let signed = world
            .sign(job(&permit, &unsigned(&intent, 0)))
            .await
            .unwrap();
        assert!(
            keys::revoke(
                &world.keys,
                &world.principal,
                &permit.body.id,
                "the customer called"
            )
            .await
            .unwrap()
        );
        assert!(
            !keys::revoke(&world.keys, &world.principal, &permit.body.id, "again")
                .await
                .unwrap()
        );
        assert_eq!(
            code(&world.record(&signed).await),
            "keys.permit_revoked",
            "it was signed before the revocation"
        );
        assert_eq!(
            code(&world.send(&permit, &unsigned(&intent, 0)).await),
            "keys.permit_revoked"
        );
        assert_eq!(world.bytes(permit.body.id, signed.id()).await, None);

        // An earlier signature can still be cancelled, under a permit of the cancel's own.
        let used = world.permit(&intent);
        world.send(&used, &unsigned(&intent, 0)).await.unwrap();
        keys::revoke(&world.keys, &world.principal, &used.body.id, "")
            .await
            .unwrap();
        assert_eq!(
            code(&world.send(&used, &priced(&intent, 0, 120)).await),
            "keys.permit_revoked"
        );
        let cancel = Intent::cancel(world::chain(), from);
        let stop = world.permit(&cancel);
        assert!(
            world
                .send_superseding(&stop, &priced(&cancel, 0, 130), Some(used.body.id))
                .await
                .is_ok()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_permit_is_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let good = world.permit(&intent);
        let widened = Permit {
            body: intent::PermitBody {
                envelope: Envelope {
                    signatures: 99,
                    ..envelope()
                },
                ..good.body.clone()
            },
            ..good.clone()
        };
        let unsigned_by_policy = Permit {
            signature: vec![0; 64],
            ..good.clone()
        };
        let impostor = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
        let by_impostor = Permit {
            signature: ed25519_dalek::Signer::sign(&impostor, &good.body.canonical_bytes())
                .to_bytes()
                .to_vec(),
            ..good.clone()
        };
        for forged in [
            widened,
            unsigned_by_policy,
            by_impostor,
            Permit {
                signature: Vec::new(),
                ..good.clone()
            },
        ] {
            assert_eq!(
                code(&world.send(&forged, &unsigned(&intent, 0)).await),
                "intent.invalid_permit_signature"
            );
        }
        assert!(world.send(&good, &unsigned(&intent, 0)).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_permit_allows_no_first_signature_and_no_bump() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let (used, fresh) = (world.permit(&intent), world.permit(&intent));
        let in_time = world
            .sign(job(&fresh, &unsigned(&intent, 1)))
            .await
            .unwrap();
        world.send(&used, &unsigned(&intent, 0)).await.unwrap();
        let cancel = Intent::cancel(world::chain(), from);
        let stop = world.superseding(&world.permit(&cancel), Some(used.body.id));
        world.later(60_000);
        assert!(
            world.send(&used, &priced(&intent, 0, 120)).await.is_ok(),
            "the expiry time itself is still valid"
        );
        world.send(&stop, &priced(&cancel, 0, 130)).await.unwrap();
        world.later(1);
        assert_eq!(
            code(&world.record(&in_time).await),
            "keys.permit_expired",
            "signed before expiry, recorded after it"
        );
        assert_eq!(
            code(&world.send(&fresh, &unsigned(&intent, 1)).await),
            "keys.permit_expired"
        );
        assert_eq!(
            code(&world.send(&used, &priced(&intent, 0, 140)).await),
            "keys.superseded"
        );
        assert!(
            world.send(&stop, &priced(&cancel, 0, 150)).await.is_ok(),
            "a cancel may still be bumped"
        );
        let late = world.permit(&intent);
        world.send(&late, &unsigned(&intent, 2)).await.unwrap();
        world.later(60_001);
        assert_eq!(
            code(&world.send(&late, &priced(&intent, 2, 120)).await),
            "keys.permit_expired"
        );
        let renewed = world.permit(&intent);
        let bumped = priced(&intent, 2, 120);
        assert!(
            world
                .send_superseding(&renewed, &bumped, Some(late.body.id))
                .await
                .is_ok(),
            "policy may issue a new permit"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_survive_a_restart() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let permit = world.permit(&intent);
        let first = world.send(&permit, &unsigned(&intent, 0)).await.unwrap();
        let raw = world.bytes(permit.body.id, &first.id).await.unwrap();
        let world = world.restart().await;
        assert_eq!(
            code(&world.send(&permit, &unsigned(&intent, 1)).await),
            "keys.replay_key_mismatch"
        );
        let again = world.send(&permit, &unsigned(&intent, 0)).await.unwrap();
        assert!(
            again.already_recorded && again.id == first.id,
            "signing is deterministic"
        );
        assert_eq!(world.bytes(permit.body.id, &first.id).await, Some(raw));
        let another = world.sign_permit(intent::PermitBody {
            id: types::PermitId::from_ulid(types::Ulid::from_bits(77)),
            ..world.body(&intent)
        });
        assert_eq!(
            code(&world.send(&another, &unsigned(&intent, 0)).await),
            "keys.replay_key_used"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_beyond_the_limit_are_rejected() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let intent = pay(&from, 5);
        let permit = world.permit(&intent);
        for cap in [100, 110, 121] {
            world.send(&permit, &priced(&intent, 0, cap)).await.unwrap();
        }
        assert_eq!(
            code(&world.send(&permit, &priced(&intent, 0, 134)).await),
            "keys.permit_spent"
        );
        assert!(
            world
                .send(&permit, &priced(&intent, 0, 110))
                .await
                .unwrap()
                .already_recorded,
            "the same bytes do not count again"
        );
        // The rejected signature is not among them.
        assert_eq!(world.facts_of("signature.recorded").await, 3);
        let none = world.sign_permit(intent::PermitBody {
            envelope: Envelope {
                signatures: 0,
                ..envelope()
            },
            ..world.body(&intent)
        });
        assert_eq!(
            code(&world.send(&none, &unsigned(&intent, 1)).await),
            "keys.permit_spent"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_supersedes_only_on_the_same_replay_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let (intent, other) = (pay(&from, 5), pay(&from, 6));
        let first = world.permit(&intent);
        let supersede = |permit: Permit, unsigned: Unsigned, of: types::PermitId| {
            let world = &world;
            async move { world.send_superseding(&permit, &unsigned, Some(of)).await }
        };
        let never = supersede(world.permit(&intent), unsigned(&intent, 0), first.body.id).await;
        assert_eq!(
            code(&never),
            "keys.cannot_supersede",
            "there is nothing to supersede"
        );
        world.send(&first, &unsigned(&intent, 0)).await.unwrap();

        let foreign = supersede(world.permit(&other), unsigned(&other, 0), first.body.id).await;
        assert_eq!(code(&foreign), "keys.cannot_supersede", "another intent");
        let elsewhere = supersede(world.permit(&intent), unsigned(&intent, 1), first.body.id).await;
        assert_eq!(
            code(&elsewhere),
            "keys.replay_key_mismatch",
            "another replay key would pay twice"
        );
        let cancel = Intent::cancel(world::chain(), from.clone());
        assert_eq!(
            code(
                &world
                    .send(&world.permit(&cancel), &unsigned(&cancel, 0))
                    .await
            ),
            "keys.replay_key_used",
            "a cancel must name the permit that it supersedes"
        );

        let second = world.permit(&intent);
        world
            .send_superseding(&second, &priced(&intent, 0, 120), Some(first.body.id))
            .await
            .unwrap();
        assert_eq!(
            code(&world.send(&first, &priced(&intent, 0, 130)).await),
            "keys.superseded"
        );
        let twice = supersede(
            world.permit(&cancel),
            priced(&cancel, 0, 140),
            first.body.id,
        )
        .await;
        assert_eq!(
            code(&twice),
            "keys.cannot_supersede",
            "a permit has one successor"
        );
        let stop = world.superseding(&world.permit(&cancel), Some(second.body.id));
        world.send(&stop, &priced(&cancel, 0, 140)).await.unwrap();
        let back = supersede(world.permit(&intent), priced(&intent, 0, 150), stop.body.id).await;
        assert_eq!(
            code(&back),
            "keys.cannot_supersede",
            "a cancel cannot be superseded by the intent"
        );
        let changed = world
            .send_superseding(&stop, &priced(&cancel, 0, 150), Some(first.body.id))
            .await;
        assert_eq!(
            code(&changed),
            "keys.cannot_supersede",
            "a permit cannot move to another permit chain"
        );
        // What looks like a cancel and supersedes nothing is an ordinary transaction.
        let ordinary = world.permit(&cancel);
        assert!(world.send(&ordinary, &unsigned(&cancel, 1)).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_job_does_not_affect_the_others() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let jobs: Vec<SigningJob> = (0..40u64)
            .map(|nonce| {
                let intent = pay(&from, nonce + 1);
                let permit = world.permit(if nonce % 4 == 3 {
                    Box::leak(Box::new(pay(&from, 999)))
                } else {
                    &intent
                });
                job(&permit, &unsigned(&intent, nonce))
            })
            .collect();
        let results = keys::sign(&world.keys, &world.principal, jobs).await;
        for (index, result) in results.iter().enumerate() {
            assert_eq!(result.is_err(), index % 4 == 3, "{index}");
        }
        let signed: Vec<_> = results.into_iter().flatten().collect();
        let recorded =
            world::record_in(&world.test.db, &world.lease, &world.principal, signed).await;
        assert_eq!(recorded.iter().filter(|result| result.is_ok()).count(), 30);
        let too_many = vec![
            job(&world.permit(&pay(&from, 1)), &unsigned(&pay(&from, 1), 0));
            keys::MAX_JOBS + 1
        ];
        assert!(
            keys::sign(&world.keys, &world.principal, too_many)
                .await
                .iter()
                .all(|result| code(result) == "keys.limit_exceeded")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_for_a_cancel_signs_nothing_but_the_cancel_of_a_used_replay_key() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let (intent, cancel) = (pay(&from, 5), Intent::cancel(world::chain(), from));
        let (used, unused) = (world.permit(&intent), world.permit(&intent));
        world.send(&used, &unsigned(&intent, 0)).await.unwrap();
        let permit_for = |earlier: &Permit| {
            let earlier = Some(earlier.body.id);
            world.superseding(&world.permit(&cancel), earlier)
        };
        let of_nothing = world
            .send(&permit_for(&unused), &unsigned(&cancel, 1))
            .await;
        assert_eq!(code(&of_nothing), "keys.cannot_supersede");
        let elsewhere = world.send(&permit_for(&used), &unsigned(&cancel, 1)).await;
        assert_eq!(code(&elsewhere), "keys.replay_key_mismatch");
        // The permit itself says what it supersedes, so that this cannot be left out or changed.
        let stop = permit_for(&used);
        let stripped = Permit {
            body: intent::PermitBody {
                supersedes: None,
                ..stop.body.clone()
            },
            ..stop.clone()
        };
        let stripped = world.send(&stripped, &unsigned(&cancel, 1)).await;
        assert_eq!(code(&stripped), "intent.invalid_permit_signature");
        assert!(world.send(&stop, &priced(&cancel, 0, 130)).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_only_looks_like_a_cancel_has_none_of_its_exceptions() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let lookalike = Intent::cancel(world::chain(), from);
        let permit = world.permit(&lookalike);
        world.send(&permit, &unsigned(&lookalike, 0)).await.unwrap();
        keys::freeze(
            &world.keys,
            &world.principal,
            keys::Scope::Namespace,
            false,
            "",
        )
        .await
        .unwrap();
        let frozen = world.send(&permit, &priced(&lookalike, 0, 120)).await;
        assert_eq!(
            code(&frozen),
            "keys.frozen",
            "a soft freeze lets cancels through"
        );
        keys::unfreeze(&world.keys, &world.principal, keys::Scope::Namespace, "")
            .await
            .unwrap();
        world.later(60_001);
        let late = world.send(&permit, &priced(&lookalike, 0, 120)).await;
        assert_eq!(
            code(&late),
            "keys.permit_expired",
            "a cancel may be signed again"
        );
    })
    .await;
}
