//! Signed transactions, verified by their consumers: an EVM node, and the rules of a UTXO chain.

use crate::world::{self, FIRST, SECOND, WORDS, World, chain, code, envelope, pay};
use intent::evm::{self, Price, Terms};
use intent::utxo::{self, Coin};
use intent::{Act, Authorization, Envelope, Intent, Output, Transaction, Unsigned};
use serde_json::json;
use testkit::{anvil, on_each_engine};
use types::{Amount, ChainId};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_accepts_the_signed_transactions() {
    let Some(node) = anvil::start(&anvil::Options::default()) else {
        return;
    };
    on_each_engine(|test| {
        let nonce = node.nonce(FIRST);
        let node = &node;
        async move {
            let world = World::new(test).await;
            let (_, from) = world.signer().await;
            let before = balance(node, SECOND);
            for (step, price) in [
                Price::Eip1559 {
                    cap: Amount::from(20_000_000_000),
                    tip: Amount::from(1_000_000_000),
                },
                Price::Legacy {
                    gas_price: Amount::from(20_000_000_000),
                },
            ]
            .into_iter()
            .enumerate()
            {
                let intent = pay(&from, 1_000);
                let terms = Terms {
                    nonce: nonce + step as u64,
                    gas: 21_000,
                    price,
                    authorizations: Vec::new(),
                };
                let cap = Amount::from(1_000_000_000_000_000);
                let wide = Envelope {
                    gas: 21_000,
                    fee_per_gas: cap,
                    tip: cap,
                    total_fee: cap,
                    signatures: 1,
                };
                let permit = world.sign_permit(intent::PermitBody {
                    envelope: wide,
                    ..world.body(&intent)
                });
                let recorded = world
                    .send(&permit, &evm::build_unsigned(&intent, &terms).unwrap())
                    .await
                    .unwrap();
                let raw = world.bytes(permit.body.id, &recorded.id).await.unwrap();
                let hash = node.rpc(
                    "eth_sendRawTransaction",
                    json!([format!("0x{}", hex::encode(raw))]),
                );
                assert_eq!(hash, recorded.id, "the id is the transaction hash");
                let mined = || {
                    node.receipt(&recorded.id)
                        .is_some_and(|receipt| receipt["status"] == "0x1")
                };
                assert!(tokio::task::block_in_place(|| testkit::wait_until(
                    20_000, mined
                )));
            }
            assert_eq!(balance(node, SECOND) - before, 2_000);
        }
    })
    .await;
}

fn balance(node: &anvil::Anvil, account: &str) -> u128 {
    let text = node.rpc("eth_getBalance", json!([account, "latest"]));
    u128::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn coins() -> ChainId {
    "bip122:private".parse().unwrap()
}

fn coin(byte: u8, output: u32, value: u64) -> Coin {
    Coin {
        transaction: hex::encode([byte; 32]),
        output,
        value: Amount::from(value),
    }
}

fn sends(from: &str, to: &str, value: u64) -> Intent {
    let outputs = vec![Output {
        to: Some(to.to_owned()),
        value: Amount::from(value),
    }];
    let transaction = Transaction {
        outputs,
        ..Transaction::default()
    };
    Intent {
        chain: coins(),
        signer: from.to_owned(),
        act: Act::Transaction(transaction),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coins_are_spent_together_and_every_bump_keeps_the_anchor() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let wallet = world.import(WORDS).await;
        let list = keys::addresses(&world.keys, &world.principal, &wallet.id, &coins(), 2)
            .await
            .unwrap();
        let (from, to) = (list[0].address.clone(), list[1].address.clone());
        let intent = sends(&from, &to, 1_500);
        let (one, two, three) = (coin(1, 0, 1_000), coin(2, 1, 1_000), coin(3, 0, 900));
        let built = |intent: &Intent, coins: &[Coin], fee: u64| {
            utxo::build_unsigned(intent, coins, Amount::from(fee)).unwrap()
        };
        let cap = Amount::from(100_000);
        let wide = Envelope {
            gas: 1_000,
            fee_per_gas: cap,
            tip: cap,
            total_fee: cap,
            signatures: 4,
        };
        let permit = world.sign_permit(intent::PermitBody {
            envelope: wide,
            ..world.body(&intent)
        });
        let both = built(&intent, &[two.clone(), one.clone()], 200);
        let recorded = world.send(&permit, &both).await.unwrap();
        let raw = world.bytes(permit.body.id, &recorded.id).await.unwrap();
        let owner = from.clone();
        let checked = utxo::verify(&coins(), &raw, |_, _| {
            Some((owner.clone(), Amount::from(1_000)))
        })
        .unwrap();
        assert_eq!(
            (checked.id.as_str(), checked.inputs.len()),
            (recorded.id.as_str(), 2),
            "each coin has its signature"
        );

        // A bump may add a coin. It may not drop the anchor, or take a coin that another permit
        // holds.
        world
            .send(
                &permit,
                &built(&intent, &[one.clone(), two.clone(), three.clone()], 400),
            )
            .await
            .unwrap();
        let without = built(&intent, &[two.clone(), three.clone()], 300);
        assert_eq!(
            code(&world.send(&permit, &without).await),
            "keys.replay_key_mismatch"
        );
        let rival = world.sign_permit(intent::PermitBody {
            envelope: wide,
            ..world.body(&intent)
        });
        let taken = built(&intent, &[coin(4, 0, 5_000), three.clone()], 300);
        assert_eq!(
            code(&world.send(&rival, &taken).await),
            "keys.replay_key_used"
        );
        world
            .send(&rival, &built(&intent, &[coin(4, 0, 5_000)], 300))
            .await
            .unwrap();

        // A cancel returns the anchor's coin to its owner.
        let cancel = Intent::cancel(coins(), from.clone());
        let stop = world.sign_permit(intent::PermitBody {
            envelope: wide,
            ..world.body(&cancel)
        });
        let alone = built(&cancel, std::slice::from_ref(&one), 600);
        world
            .send_superseding(&stop, &alone, Some(permit.body.id))
            .await
            .unwrap();
        assert_eq!(
            code(&world.send(&permit, &built(&intent, &[one, two], 500)).await),
            "keys.superseded"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_typed_data_need_a_permit_too() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let message = Act::Message {
            bytes: b"Sign in to example.org".to_vec(),
        };
        let input = json!({
            "types": { "Mail": [{ "name": "contents", "type": "string" }] },
            "primaryType": "Mail",
            "domain": { "name": "Florin", "chainId": 31337 },
            "message": { "contents": "hello" },
        });
        let typed = Act::TypedData {
            json: evm::typed_data(&input).unwrap(),
        };
        let grant = Authorization {
            authority: from.clone(),
            delegate: SECOND.into(),
            nonce: 4,
            any_chain: false,
        };
        for act in [message.clone(), typed, Act::Authorization(grant)] {
            let intent = Intent {
                chain: chain(),
                signer: from.clone(),
                act,
            };
            let unsigned = intent::statement(&intent).unwrap();
            let free = world.sign_permit(intent::PermitBody {
                envelope: Envelope::FREE,
                ..world.body(&intent)
            });
            let recorded = world.send(&free, &unsigned).await.unwrap();
            assert!(world.bytes(free.body.id, &recorded.id).await.is_some());
            let other = Intent {
                act: Act::Message {
                    bytes: b"Pay".to_vec(),
                },
                ..intent.clone()
            };
            let mismatched = world
                .send(&world.permit(&intent), &intent::statement(&other).unwrap())
                .await;
            assert_eq!(code(&mismatched), "keys.intent_mismatch");
        }
        // An authorization uses the same nonce as a transaction of that account.
        let intent = pay(&from, 1);
        assert_eq!(
            code(
                &world
                    .send(&world.permit(&intent), &world::unsigned(&intent, 4))
                    .await
            ),
            "keys.replay_key_used"
        );

        // Two accounts may sign the same message; one account signs it under one permit.
        let second = keys::NewKey {
            name: "second".into(),
            chain: chain(),
            metadata: world::object("{}"),
        };
        let wallet = keys::wallet(&world.keys, &world.principal, "treasury")
            .await
            .unwrap();
        let other = keys::create_key(&world.keys, &world.principal, &wallet.id, second)
            .await
            .unwrap()
            .address;
        let same = |signer: &str| Intent {
            chain: chain(),
            signer: signer.to_owned(),
            act: message.clone(),
        };
        let permit = world.permit(&same(&other));
        world
            .send(&permit, &intent::statement(&same(&other)).unwrap())
            .await
            .unwrap();
        let again = world.permit(&same(&from));
        assert_eq!(
            code(
                &world
                    .send(&again, &intent::statement(&same(&from)).unwrap())
                    .await
            ),
            "keys.replay_key_used"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undecodable_bytes_are_not_signed() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let permit = world.permit(&pay(&from, 5));
        for bytes in [
            Vec::new(),
            vec![0; 32],
            vec![2],
            vec![7; 100],
            b"\x19Ethereum Signed Message:\n99x".to_vec(),
        ] {
            let unsigned = Unsigned {
                chain: chain(),
                signer: from.clone(),
                bytes,
            };
            assert_eq!(
                code(&world.send(&permit, &unsigned).await),
                "intent.undecodable"
            );
        }
        let capital = Unsigned {
            signer: from.to_uppercase(),
            ..world::unsigned(&pay(&from, 5), 0)
        };
        assert!(
            world.send(&permit, &capital).await.is_err(),
            "accounts have one canonical form"
        );
        let stranger = pay(SECOND, 5);
        let unknown = world.sign_permit(intent::PermitBody {
            envelope: envelope(),
            ..world.body(&stranger)
        });
        assert_eq!(
            code(&world.send(&unknown, &world::unsigned(&stranger, 0)).await),
            "keys.unknown_signer"
        );
    })
    .await;
}
