//! JSON input is strict: an unknown field is rejected, because it may have been meant as a limit.

use crate::any;
use intent::{Act, Envelope, FeeTerms, Intent, Permit};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::Amount;

/// Copies of the value, each with an unknown field added to one of its objects.
fn with_unknown_field(value: &Value) -> Vec<Value> {
    let mut variants = Vec::new();
    if let Value::Object(map) = value {
        let mut extended = map.clone();
        extended.insert("unknown".to_owned(), json!(1));
        variants.push(Value::Object(extended));
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
        for changed in with_unknown_field(child) {
            let mut variant = value.clone();
            *variant.pointer_mut(&at).unwrap() = changed;
            variants.push(variant);
        }
    }
    variants
}

proptest! {
    #[test]
    fn an_intent_round_trips_through_json_and_rejects_unknown_fields(intent in any::intent()) {
        let json = serde_json::to_value(&intent).unwrap();
        let parsed: Intent = serde_json::from_value(json.clone()).unwrap();
        prop_assert_eq!(parsed.hash(), intent.hash());
        for changed in with_unknown_field(&json) {
            prop_assert!(serde_json::from_value::<Intent>(changed.clone()).is_err(), "{}", changed);
        }
    }

    /// Terms within all caps are allowed; one unit above any cap is not.
    #[test]
    fn an_envelope_enforces_each_cap(gas: u64, fee: u64, tip: u64, total: u64, over in 0..4usize) {
        let envelope = Envelope {
            gas, fee_per_gas: Amount::from(fee), tip: Amount::from(tip), total_fee: Amount::from(total), signatures: 1,
        };
        let mut terms =
            FeeTerms { gas, fee_per_gas: Amount::from(fee), tip: Amount::from(tip), total_fee: Amount::from(total), l1_fee: Amount::ZERO };
        prop_assert!(envelope.allows(&terms).is_ok());
        let above = |cap: u64| Amount::from(cap).checked_add(Amount::from(1)).unwrap();
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
fn a_permit_rejects_unknown_fields() {
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
    for changed in with_unknown_field(&permit) {
        assert!(
            serde_json::from_value::<Permit>(changed.clone()).is_err(),
            "{changed}"
        );
    }
}

/// A cancel has exactly one form.
#[test]
fn only_a_cancel_is_a_cancel() {
    let chain: types::ChainId = "eip155:1".parse().unwrap();
    let cancel = Intent::cancel(chain, "0xaa".to_owned());
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
