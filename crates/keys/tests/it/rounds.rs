//! Every way round a permit is tried, and none leads to a signature.

use crate::house::{self, House, code, envelope, pay, priced, terms, unsigned};
use intent::evm::Price;
use intent::{Envelope, Intent, Permit, Unsigned};
use keys::Order;
use testkit::{namespace, on_each_engine};
use types::{Amount, ChainId};

fn order(permit: &Permit, unsigned: &Unsigned) -> Order {
    Order {
        permit: permit.clone(),
        unsigned: unsigned.clone(),
        supersedes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_permitted_is_signed_and_its_bytes_come_out_after_the_record_alone() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let permit = house.permit(&intent);
        let signed = house
            .sign(order(&permit, &unsigned(&intent, 0)))
            .await
            .unwrap();
        assert_eq!(signed.witnesses()[0].as_nonce(), Some(0));
        assert_eq!(
            house.bytes(permit.body.id, signed.id()).await,
            None,
            "nothing is recorded yet"
        );

        let recorded = house.record(&signed).await.unwrap();
        let raw = house.bytes(permit.body.id, &recorded.id).await.unwrap();
        assert_eq!(raw[0], 2, "an EIP-1559 transaction");
        assert!(!recorded.again);
        assert!(
            house.record(&signed).await.unwrap().again,
            "the same once more is no further use"
        );
        assert_eq!(house.facts_of("signature.recorded").await, 1);
        let elsewhere = house.test.db.read(&namespace("other"), move |tx| {
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
async fn other_bytes_than_were_permitted() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let permit = house.permit(&pay(&from, 5));
        let to_other = Intent::call(
            house::chain(),
            from.clone(),
            Some(from.clone()),
            Amount::from(5),
            Vec::new(),
        );
        let with_data = Intent::call(
            house::chain(),
            from.clone(),
            Some(house::SECOND.into()),
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
            Intent::cancel(house::chain(), from.clone()),
        ] {
            assert_eq!(
                code(&house.send(&permit, &unsigned(&other, 0)).await),
                "keys.other_intent"
            );
        }
        // The claims beside the bytes are not believed either.
        let good = unsigned(&pay(&from, 5), 0);
        let claimed = Unsigned {
            signer: house::SECOND.into(),
            ..good.clone()
        };
        assert_eq!(
            code(&house.send(&permit, &claimed).await),
            "keys.other_intent"
        );
        let moved = Unsigned {
            chain: ChainId::evm(1),
            ..good.clone()
        };
        assert!(house.send(&permit, &moved).await.is_err());
        for place in 0..good.bytes.len() {
            let mut bytes = good.bytes.clone();
            bytes[place] ^= 1;
            if let Ok(signed) = house
                .sign(order(
                    &permit,
                    &Unsigned {
                        bytes,
                        ..good.clone()
                    },
                ))
                .await
            {
                // Only what the intent does not name may differ: nonce and fees, and those within
                // the envelope.
                assert_ne!(signed.id(), "", "byte {place}");
                let read = intent::decode(&Unsigned {
                    bytes: flipped(&good.bytes, place),
                    ..good.clone()
                })
                .unwrap();
                assert_eq!(read.intent, pay(&from, 5));
            }
        }
        assert!(house.send(&permit, &good).await.is_ok());
    })
    .await;
}

fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1;
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_beyond_each_cap_of_the_envelope() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
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
            house.seal(intent::PermitBody {
                envelope,
                ..house.body(&intent)
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
                code(&house.send(&with(beyond), &bytes).await),
                "keys.over_envelope",
                "{beyond:?}"
            );
        }
        let legacy = intent::evm::unsigned(
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
            code(&house.send(&with(tight), &legacy).await),
            "keys.over_envelope",
            "a legacy price is a tip, too"
        );
        assert!(house.send(&with(tight), &bytes).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_witness() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let permit = house.permit(&intent);
        house.send(&permit, &unsigned(&intent, 0)).await.unwrap();
        assert_eq!(
            code(&house.send(&permit, &unsigned(&intent, 1)).await),
            "keys.other_witness"
        );
        // And a witness that another permit has used.
        let second = house.permit(&intent);
        assert_eq!(
            code(&house.send(&second, &unsigned(&intent, 0)).await),
            "keys.witness_used"
        );
        assert!(house.send(&second, &unsigned(&intent, 1)).await.is_ok());
        assert!(
            house.send(&permit, &priced(&intent, 0, 110)).await.is_ok(),
            "a bump keeps the witness"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signatures_made_before_either_was_recorded() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let permit = house.permit(&intent);
        let first = house
            .sign(order(&permit, &unsigned(&intent, 0)))
            .await
            .unwrap();
        let second = house
            .sign(order(&permit, &unsigned(&intent, 1)))
            .await
            .unwrap();
        let both = house::record_in(
            &house.test.db,
            &house.lease,
            &house.who,
            vec![first, second.clone()],
        )
        .await;
        assert!(both[0].is_ok());
        assert_eq!(code(&both[1]), "keys.other_witness", "in one record");
        assert_eq!(
            code(&house.record(&second).await),
            "keys.other_witness",
            "and in the next"
        );
        assert_eq!(house.bytes(permit.body.id, second.id()).await, None);
        // One batch cannot sign for two witnesses either.
        let fresh = house.permit(&intent);
        let orders = vec![
            order(&fresh, &unsigned(&intent, 7)),
            order(&fresh, &unsigned(&intent, 8)),
        ];
        let results = keys::sign(&house.keys, &house.who, orders).await;
        assert!(results[0].is_ok());
        assert_eq!(code(&results[1]), "keys.other_witness");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_of_another_namespace() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let foreign = house.seal(intent::PermitBody {
            namespace: namespace("other"),
            ..house.body(&intent)
        });
        assert_eq!(
            code(&house.send(&foreign, &unsigned(&intent, 0)).await),
            "keys.foreign_permit"
        );
        // Nor does the other namespace get at the key.
        let other = house::principal("other");
        let result = keys::sign(
            &house.keys,
            &other,
            vec![order(&foreign, &unsigned(&intent, 0))],
        )
        .await
        .pop()
        .unwrap();
        assert_eq!(code(&result), "keys.signer_unknown");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_permit() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let permit = house.permit(&intent);
        let signed = house
            .sign(order(&permit, &unsigned(&intent, 0)))
            .await
            .unwrap();
        assert!(
            keys::revoke(
                &house.keys,
                &house.who,
                &permit.body.id,
                "the customer called"
            )
            .await
            .unwrap()
        );
        assert!(
            !keys::revoke(&house.keys, &house.who, &permit.body.id, "again")
                .await
                .unwrap()
        );
        assert_eq!(
            code(&house.record(&signed).await),
            "keys.permit_revoked",
            "although it was signed before"
        );
        assert_eq!(
            code(&house.send(&permit, &unsigned(&intent, 0)).await),
            "keys.permit_revoked"
        );
        assert_eq!(house.bytes(permit.body.id, signed.id()).await, None);

        // What was sent before stays cancellable, by a permit of the cancel's own.
        let used = house.permit(&intent);
        house.send(&used, &unsigned(&intent, 0)).await.unwrap();
        keys::revoke(&house.keys, &house.who, &used.body.id, "")
            .await
            .unwrap();
        assert_eq!(
            code(&house.send(&used, &priced(&intent, 0, 120)).await),
            "keys.permit_revoked"
        );
        let cancel = Intent::cancel(house::chain(), from);
        let stop = house.permit(&cancel);
        assert!(
            house
                .send_instead(&stop, &priced(&cancel, 0, 130), Some(used.body.id))
                .await
                .is_ok()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_permit() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let good = house.permit(&intent);
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
                code(&house.send(&forged, &unsigned(&intent, 0)).await),
                "intent.forged_permit"
            );
        }
        assert!(house.send(&good, &unsigned(&intent, 0)).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_time_a_permit_begins_nothing_and_bumps_nothing() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let (used, fresh) = (house.permit(&intent), house.permit(&intent));
        let in_time = house
            .sign(order(&fresh, &unsigned(&intent, 1)))
            .await
            .unwrap();
        house.send(&used, &unsigned(&intent, 0)).await.unwrap();
        let cancel = Intent::cancel(house::chain(), from);
        let stop = house.permit(&cancel);
        house.later(60_000);
        assert!(
            house.send(&used, &priced(&intent, 0, 120)).await.is_ok(),
            "the last moment counts"
        );
        house
            .send_instead(&stop, &priced(&cancel, 0, 130), Some(used.body.id))
            .await
            .unwrap();
        house.later(1);
        assert_eq!(
            code(&house.record(&in_time).await),
            "keys.permit_expired",
            "signed in time, recorded too late"
        );
        assert_eq!(
            code(&house.send(&fresh, &unsigned(&intent, 1)).await),
            "keys.permit_expired"
        );
        assert_eq!(
            code(&house.send(&used, &priced(&intent, 0, 140)).await),
            "keys.superseded"
        );
        assert!(
            house.send(&stop, &priced(&cancel, 0, 150)).await.is_ok(),
            "a cancel goes on, so that it can outbid"
        );
        let late = house.permit(&intent);
        house.send(&late, &unsigned(&intent, 2)).await.unwrap();
        house.later(60_001);
        assert_eq!(
            code(&house.send(&late, &priced(&intent, 2, 120)).await),
            "keys.permit_expired"
        );
        let renewed = house.permit(&intent);
        let bumped = priced(&intent, 2, 120);
        assert!(
            house
                .send_instead(&renewed, &bumped, Some(late.body.id))
                .await
                .is_ok(),
            "policy may permit it anew"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_use_is_remembered() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let permit = house.permit(&intent);
        let first = house.send(&permit, &unsigned(&intent, 0)).await.unwrap();
        let raw = house.bytes(permit.body.id, &first.id).await.unwrap();
        let house = house.restart().await;
        assert_eq!(
            code(&house.send(&permit, &unsigned(&intent, 1)).await),
            "keys.other_witness"
        );
        let again = house.send(&permit, &unsigned(&intent, 0)).await.unwrap();
        assert!(
            again.again && again.id == first.id,
            "signing is deterministic"
        );
        assert_eq!(house.bytes(permit.body.id, &first.id).await, Some(raw));
        let another = house.seal(intent::PermitBody {
            id: types::PermitId::from_ulid(types::Ulid::from_bits(77)),
            ..house.body(&intent)
        });
        assert_eq!(
            code(&house.send(&another, &unsigned(&intent, 0)).await),
            "keys.witness_used"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_signatures_than_permitted() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let intent = pay(&from, 5);
        let permit = house.permit(&intent);
        for cap in [100, 110, 121] {
            house.send(&permit, &priced(&intent, 0, cap)).await.unwrap();
        }
        assert_eq!(
            code(&house.send(&permit, &priced(&intent, 0, 134)).await),
            "keys.permit_spent"
        );
        assert!(
            house
                .send(&permit, &priced(&intent, 0, 110))
                .await
                .unwrap()
                .again,
            "the same bytes are no further one"
        );
        let signed: Vec<_> = [0u8; 3].to_vec();
        assert_eq!(
            house
                .test
                .db
                .read(house.ns(), move |tx| keys::signed_ids(tx, &permit.body.id))
                .await
                .unwrap()
                .len(),
            signed.len()
        );
        let none = house.seal(intent::PermitBody {
            envelope: Envelope {
                signatures: 0,
                ..envelope()
            },
            ..house.body(&intent)
        });
        assert_eq!(
            code(&house.send(&none, &unsigned(&intent, 1)).await),
            "keys.permit_spent"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_supersede_what() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let (intent, other) = (pay(&from, 5), pay(&from, 6));
        let first = house.permit(&intent);
        let instead = |permit: Permit, unsigned: Unsigned, of: types::PermitId| {
            let house = &house;
            async move { house.send_instead(&permit, &unsigned, Some(of)).await }
        };
        let never = instead(house.permit(&intent), unsigned(&intent, 0), first.body.id).await;
        assert_eq!(
            code(&never),
            "keys.cannot_supersede",
            "there is nothing to supersede"
        );
        house.send(&first, &unsigned(&intent, 0)).await.unwrap();

        let foreign = instead(house.permit(&other), unsigned(&other, 0), first.body.id).await;
        assert_eq!(code(&foreign), "keys.cannot_supersede", "another intent");
        let elsewhere = instead(house.permit(&intent), unsigned(&intent, 1), first.body.id).await;
        assert_eq!(
            code(&elsewhere),
            "keys.other_witness",
            "another witness would pay twice"
        );
        let cancel = Intent::cancel(house::chain(), from.clone());
        assert_eq!(
            code(
                &house
                    .send(&house.permit(&cancel), &unsigned(&cancel, 0))
                    .await
            ),
            "keys.witness_used",
            "it must say what it supersedes"
        );

        let second = house.permit(&intent);
        house
            .send_instead(&second, &priced(&intent, 0, 120), Some(first.body.id))
            .await
            .unwrap();
        assert_eq!(
            code(&house.send(&first, &priced(&intent, 0, 130)).await),
            "keys.superseded"
        );
        let twice = instead(
            house.permit(&cancel),
            priced(&cancel, 0, 140),
            first.body.id,
        )
        .await;
        assert_eq!(code(&twice), "keys.cannot_supersede", "one successor each");
        let stop = house.permit(&cancel);
        house
            .send_instead(&stop, &priced(&cancel, 0, 140), Some(second.body.id))
            .await
            .unwrap();
        let back = instead(house.permit(&intent), priced(&intent, 0, 150), stop.body.id).await;
        assert_eq!(
            code(&back),
            "keys.cannot_supersede",
            "a cancel is not undone"
        );
        let changed = house
            .send_instead(&stop, &priced(&cancel, 0, 150), Some(first.body.id))
            .await;
        assert_eq!(
            code(&changed),
            "keys.cannot_supersede",
            "nor moved to another line"
        );
        // A fill of a gap supersedes nothing.
        assert!(
            house
                .send(&house.permit(&cancel), &unsigned(&cancel, 1))
                .await
                .is_ok()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refusal_stops_no_other() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let orders: Vec<Order> = (0..40u64)
            .map(|nonce| {
                let intent = pay(&from, nonce + 1);
                let permit = house.permit(if nonce % 4 == 3 {
                    Box::leak(Box::new(pay(&from, 999)))
                } else {
                    &intent
                });
                order(&permit, &unsigned(&intent, nonce))
            })
            .collect();
        let results = keys::sign(&house.keys, &house.who, orders).await;
        for (place, result) in results.iter().enumerate() {
            assert_eq!(result.is_err(), place % 4 == 3, "{place}");
        }
        let signed: Vec<_> = results.into_iter().flatten().collect();
        let recorded = house::record_in(&house.test.db, &house.lease, &house.who, signed).await;
        assert_eq!(recorded.iter().filter(|one| one.is_ok()).count(), 30);
        let too_many = vec![
            order(&house.permit(&pay(&from, 1)), &unsigned(&pay(&from, 1), 0));
            keys::MAX_ORDERS + 1
        ];
        assert!(
            keys::sign(&house.keys, &house.who, too_many)
                .await
                .iter()
                .all(|one| code(one) == "keys.limit")
        );
    })
    .await;
}
