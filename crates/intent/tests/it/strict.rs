//! What comes in as JSON is taken as it is or refused: an unknown word is never dropped, for it may
//! have meant a limit.

use crate::any;
use intent::{Act, Envelope, FeeTerms, Intent, Permit};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::Amount;

/// Every object inside, by its path, gets one member more.
fn with_a_stranger(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    if let Value::Object(map) = value {
        let mut more = map.clone();
        more.insert("stranger".to_owned(), json!(1));
        all.push(Value::Object(more));
    }
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, child)| (format!("/{key}"), child))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, child)| (format!("/{at}"), child))
            .collect(),
        _ => Vec::new(),
    };
    for (at, child) in children {
        for changed in with_a_stranger(child) {
            let mut whole = value.clone();
            *whole.pointer_mut(&at).unwrap() = changed;
            all.push(whole);
        }
    }
    all
}

proptest! {
    #[test]
    fn an_intent_survives_json_and_takes_no_stranger(intent in any::intent()) {
        let json = serde_json::to_value(&intent).unwrap();
        let back: Intent = serde_json::from_value(json.clone()).unwrap();
        prop_assert_eq!(back.hash(), intent.hash());
        for changed in with_a_stranger(&json) {
            prop_assert!(serde_json::from_value::<Intent>(changed.clone()).is_err(), "{}", changed);
        }
    }

    /// Inside on every side is inside; one above on any side is outside.
    #[test]
    fn an_envelope_caps_each_of_its_sides(gas: u64, fee: u64, tip: u64, total: u64, over in 0..4usize) {
        let envelope = Envelope {
            gas, fee_per_gas: Amount::from(fee), tip: Amount::from(tip), total_fee: Amount::from(total), signatures: 1,
        };
        let mut terms =
            FeeTerms { gas, fee_per_gas: Amount::from(fee), tip: Amount::from(tip), total_fee: Amount::from(total) };
        prop_assert!(envelope.allows(&terms).is_ok());
        let above = |side: u64| Amount::from(side).checked_add(Amount::from(1)).unwrap();
        match over {
            0 => terms.gas = gas.saturating_add(1),
            1 => terms.fee_per_gas = above(fee),
            2 => terms.tip = above(tip),
            _ => terms.total_fee = above(total),
        }
        prop_assert_eq!(envelope.allows(&terms).is_err(), over != 0 || gas != u64::MAX);
    }
}

#[test]
fn a_permit_takes_no_stranger() {
    let permit = json!({
        "body": {
            "id": "pmt:01J00000000000000000000000", "namespace": "ns", "decision": "dec:01J00000000000000000000000",
            "bundle_hash": "00".repeat(32), "intent_hash": "00".repeat(32),
            "envelope": {"gas": 1, "fee_per_gas": "1", "tip": "1", "total_fee": "1", "signatures": 1},
            "not_after": "2026-01-01T00:00:00Z", "approvals_hash": "00".repeat(32),
        },
        "signature": "00".repeat(64),
    });
    serde_json::from_value::<Permit>(permit.clone()).unwrap();
    for changed in with_a_stranger(&permit) {
        assert!(
            serde_json::from_value::<Permit>(changed.clone()).is_err(),
            "{changed}"
        );
    }
}

/// A cancel is one form and no other.
#[test]
fn nothing_but_a_cancel_is_a_cancel() {
    let chain: types::ChainId = "eip155:1".parse().unwrap();
    let cancel = Intent::cancel(chain.clone(), "0xaa".to_owned());
    assert!(cancel.is_cancel());
    let changes: [fn(&mut intent::Transaction); 5] = [
        |t| t.outputs[0].value = Amount::from(1),
        |t| t.outputs[0].to = None,
        |t| t.outputs[0].to = Some("0xbb".to_owned()),
        |t| t.data = vec![0],
        |t| t.outputs.push(t.outputs[0].clone()),
    ];
    for change in changes {
        let mut other = cancel.clone();
        let Act::Transaction(transaction) = &mut other.act else {
            unreachable!()
        };
        change(transaction);
        assert!(
            !other.is_cancel() && other.hash() != cancel.hash(),
            "{other:?}"
        );
    }
}
