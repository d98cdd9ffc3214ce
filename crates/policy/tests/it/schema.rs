//! The schema of inputs, checked against every kind of input.

use crate::world::{ALLOW_ALL, BOB, SELF, World, pay, request};
use intent::{AccessEntry, Act, Authorization, FeeTerms, Intent, Output, Transaction};
use policy::{Approval, DecisionRequest, TaskRef};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use testkit::on_each_engine;
use types::{Amount, ChainId, KeyId, Role, RunId, Time, Ulid};

fn validator() -> jsonschema::Validator {
    let path = testkit::workspace_root().join("policies/input.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        any::<u64>().prop_map(Amount::from),
        any::<[u8; 32]>().prop_map(Amount::from_be_bytes)
    ]
}

fn account() -> impl Strategy<Value = String> {
    any::<[u8; 20]>().prop_map(|bytes| format!("0x{}", hex::encode(bytes)))
}

fn authorization() -> impl Strategy<Value = Authorization> {
    (account(), account(), any::<u64>(), any::<bool>()).prop_map(
        |(authority, delegate, nonce, any_chain)| Authorization {
            authority,
            delegate,
            nonce,
            any_chain,
        },
    )
}

/// Call data of every kind: empty, too short, of a token standard, unknown.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let transfer = (
        any::<[u8; 20]>(),
        any::<[u8; 32]>(),
        prop::sample::select(vec!["a9059cbb", "095ea7b3"]),
    );
    let transfer = transfer.prop_map(|(to, amount, selector)| {
        [
            hex::decode(selector).unwrap(),
            vec![0; 12],
            to.to_vec(),
            amount.to_vec(),
        ]
        .concat()
    });
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..80),
        transfer
    ]
}

fn transaction() -> impl Strategy<Value = Act> {
    let access =
        (account(), prop::collection::vec(any::<[u8; 32]>(), 0..3)).prop_map(|(account, slots)| {
            AccessEntry {
                account,
                slots: slots
                    .iter()
                    .map(|slot| format!("0x{}", hex::encode(slot)))
                    .collect(),
            }
        });
    (
        prop::option::of(account()),
        amount(),
        data(),
        prop::collection::vec(access, 0..2),
        prop::collection::vec(authorization(), 0..2),
    )
        .prop_map(|(to, value, data, access, authorizations)| {
            Act::Transaction(Transaction {
                outputs: vec![Output { to, value }],
                data,
                access,
                authorizations,
            })
        })
}

fn typed_data() -> Act {
    let field = |name: &str, ty: &str| json!({ "name": name, "type": ty });
    let data = json!({
        "types": {
            "EIP712Domain": [field("chainId", "uint256")],
            "M": [field("n", "uint256"), field("small", "uint8"), field("who", "address")],
        },
        "primaryType": "M",
        "domain": { "chainId": 1337 },
        "message": { "n": "123456789012345678901234567890", "small": 7, "who": BOB },
    });
    Act::TypedData {
        json: types::canonical_json(&data),
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => transaction(),
        1 => Just(typed_data()),
        1 => authorization().prop_map(Act::Authorization),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Act::Message { bytes }),
    ]
}

fn any_request() -> impl Strategy<Value = DecisionRequest> {
    let labels = prop::collection::btree_map(".{0,8}", ".{0,8}", 0..3);
    let approvals = prop::collection::vec((".{0,8}", any::<u32>()), 0..3);
    (
        act(),
        labels,
        approvals,
        any::<(bool, bool, bool)>(),
        amount(),
    )
        .prop_map(|(act, labels, approvals, (wallet, key, task), fee)| {
            let mut request = request(Intent {
                chain: ChainId::evm(1337),
                signer: SELF.into(),
                act,
            });
            request.quote = FeeTerms {
                gas: 21_000,
                fee_per_gas: fee,
                tip: fee,
                total_fee: fee,
                l1_fee: if wallet { fee } else { Amount::ZERO },
            };
            request.labels = labels;
            request.assets = vec!["gold".into()];
            request.approvals = approvals
                .into_iter()
                .map(|(by, at)| Approval {
                    by,
                    roles: vec![Role::Admin, Role::KeyExporter],
                    at: Time::from_secs(at.into()),
                })
                .collect();
            request.wallet = request.wallet.filter(|_| wallet);
            request.key = key.then(|| KeyId::from_ulid(Ulid::from_bits(2)));
            request.task = task.then(|| TaskRef {
                name: "payout".into(),
                version: "1".into(),
                run: RunId::from_ulid(Ulid::from_bits(3)),
                step: "pay".into(),
            });
            request
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_input_matches_the_schema() {
    let mut runner = TestRunner::deterministic();
    let mut requests: Vec<DecisionRequest> = (0..300)
        .map(|_| any_request().new_tree(&mut runner).unwrap().current())
        .collect();
    requests.push(crate::world::cancel());
    let coins = Intent::call(
        "bip122:0f9188f13cb7b2c71f2a335e3a4fc328".parse().unwrap(),
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".into(),
        Some("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".into()),
        Amount::from(5),
        vec![],
    );
    requests.push(request(coins));
    on_each_engine(|test| {
        let requests = requests.clone();
        async move {
            let world = World::new(&test).await;
            world.attach("yes", ALLOW_ALL).await;
            let validator = validator();
            let verdicts = policy::decide(&world.policy, &requests).await.unwrap();
            let mut kinds = std::collections::BTreeMap::<String, u32>::new();
            for verdict in &verdicts {
                let logged = policy::decision(&world.policy, &world.principal, verdict.decision())
                    .await
                    .unwrap();
                let input = logged.input.to_value();
                if input.get("unreadable").is_some() {
                    *kinds.entry("unreadable".into()).or_default() += 1;
                    continue;
                }
                let violations: Vec<String> = validator
                    .iter_errors(&input)
                    .map(|e| format!("{}: {e}", e.instance_path()))
                    .collect();
                assert!(violations.is_empty(), "{violations:?} in {input}");
                *kinds
                    .entry(input["intent"]["kind"].as_str().unwrap().to_owned())
                    .or_default() += 1;
            }
            assert_eq!(kinds.len(), 4, "{kinds:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_in_typed_data_are_not_rounded() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let exact =
            "package florin.typed\nallow if input.intent.typed_data.message == {\"n\": \"123456789012345678901234567890\", \"small\": \"7\", \"who\": input.labels.bob}";
        world.attach("typed", exact).await;
        let mut request = request(Intent { chain: ChainId::evm(1337), signer: SELF.into(), act: typed_data() });
        request.quote = FeeTerms::default();
        request.labels.insert("bob".into(), BOB.into());
        let permit = world.permit(&request).await;
        assert_eq!(permit.body.envelope, intent::Envelope::FREE);
    })
    .await;
}

#[test]
fn invalid_inputs_violate_the_schema() {
    let validator = validator();
    let example =
        std::fs::read_to_string(testkit::workspace_root().join("policies/example.json")).unwrap();
    let example: Value = serde_json::from_str(&example).unwrap();
    assert!(
        validator.is_valid(&example),
        "{:?}",
        validator
            .iter_errors(&example)
            .map(|e| e.to_string())
            .collect::<Vec<_>>()
    );
    let changes: [(&str, Value); 8] = [
        ("/intent/value", "1e9".into()),
        ("/intent/value", "007".into()),
        ("/intent/value", 5.into()),
        ("/intent/value", "-1".into()),
        ("/intent/kind", "wish".into()),
        ("/chain/id", 1.into()),
        ("/fee/quote/gas", "0x5208".into()),
        ("/initiator/roles", vec!["king"].into()),
    ];
    for (pointer, value) in changes {
        let mut changed = example.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&changed), "{pointer}");
    }
    let mut more = example.clone();
    more["more"] = 1.into();
    assert!(!validator.is_valid(&more));
    let _ = pay("1");
}
