//! A second implementation of an intent's canonical form: a writer that starts from the JSON, and a
//! reader. A form that can be read back completely is unambiguous.

use crate::any;
use intent::{AccessEntry, Act, Authorization, Intent, Output, Transaction};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use types::{Amount, ChainId};

/// The canonical bytes of an intent given as JSON.
pub(crate) fn write(intent: &Value) -> Vec<u8> {
    let act = &intent["act"];
    let mut out = b"florin/intent/v1\n".to_vec();
    [&intent["chain"], &intent["signer"], &act["kind"]]
        .into_iter()
        .for_each(|field| text(&mut out, field));
    match act["kind"].as_str().unwrap() {
        "transaction" => transaction(&mut out, act),
        "typed_data" => text(&mut out, &act["json"]),
        "authorization" => authorization(&mut out, act),
        "message" => bytes(
            &mut out,
            &hex::decode(act["bytes"].as_str().unwrap()).unwrap(),
        ),
        other => panic!("{other}"),
    }
    out
}

/// The canonical bytes of a permit's body given as JSON. `not_after` is given in microseconds.
pub(crate) fn write_permit(body: &Value, not_after: i64) -> Vec<u8> {
    let mut out = b"florin/permit/v1\n".to_vec();
    ["id", "namespace", "decision"]
        .iter()
        .for_each(|name| text(&mut out, &body[*name]));
    ["bundle_hash", "intent_hash"]
        .iter()
        .for_each(|name| out.extend(hash(&body[*name])));
    let envelope = &body["envelope"];
    number(&mut out, envelope["gas"].as_u64().unwrap());
    ["fee_per_gas", "tip", "total_fee"]
        .iter()
        .for_each(|name| text(&mut out, &envelope[*name]));
    number(&mut out, envelope["signatures"].as_u64().unwrap());
    out.extend(not_after.to_be_bytes());
    out.extend(hash(&body["approvals_hash"]));
    out
}

fn hash(field: &Value) -> Vec<u8> {
    hex::decode(field.as_str().unwrap()).unwrap()
}

fn transaction(out: &mut Vec<u8>, act: &Value) {
    list(out, &act["outputs"], |out, output| {
        out.push(u8::from(!output["to"].is_null()));
        if !output["to"].is_null() {
            text(out, &output["to"]);
        }
        text(out, &output["value"]);
    });
    bytes(
        out,
        &hex::decode(act["data"].as_str().unwrap_or_default()).unwrap(),
    );
    list(out, &act["access"], |out, entry| {
        text(out, &entry["account"]);
        list(out, &entry["slots"], text);
    });
    list(out, &act["authorizations"], authorization);
}

fn authorization(out: &mut Vec<u8>, value: &Value) {
    text(out, &value["authority"]);
    text(out, &value["delegate"]);
    number(out, value["nonce"].as_u64().unwrap());
    number(out, u64::from(value["any_chain"].as_bool().unwrap()));
}

fn list(out: &mut Vec<u8>, items: &Value, each: fn(&mut Vec<u8>, &Value)) {
    let none = Vec::new();
    let items = items.as_array().unwrap_or(&none);
    out.extend(u32::try_from(items.len()).unwrap().to_be_bytes());
    items.iter().for_each(|item| each(out, item));
}

fn text(out: &mut Vec<u8>, field: &Value) {
    bytes(out, field.as_str().unwrap().as_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_be_bytes());
}

/// Decodes canonical bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken.to_vec()
    }

    fn count(&mut self) -> usize {
        u32::from_be_bytes(self.take(4).try_into().unwrap()) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        let count = self.count();
        self.take(count)
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().unwrap())
    }

    fn list<T>(&mut self, each: fn(&mut Self) -> T) -> Vec<T> {
        (0..self.count()).map(|_| each(self)).collect()
    }

    fn output(&mut self) -> Output {
        let to = (self.take(1) == [1]).then(|| self.text());
        Output {
            to,
            value: self.text().parse().unwrap(),
        }
    }

    fn access(&mut self) -> AccessEntry {
        AccessEntry {
            account: self.text(),
            slots: self.list(Self::text),
        }
    }

    fn authorization(&mut self) -> Authorization {
        let (authority, delegate, nonce) = (self.text(), self.text(), self.number());
        Authorization {
            authority,
            delegate,
            nonce,
            any_chain: self.number() == 1,
        }
    }

    fn transaction(&mut self) -> Transaction {
        let (outputs, data) = (self.list(Self::output), self.bytes());
        Transaction {
            outputs,
            data,
            access: self.list(Self::access),
            authorizations: self.list(Self::authorization),
        }
    }

    fn intent(&mut self) -> Intent {
        assert_eq!(self.take(17), b"florin/intent/v1\n");
        let (chain, signer) = (self.text().parse().unwrap(), self.text());
        let act = match self.text().as_str() {
            "transaction" => Act::Transaction(self.transaction()),
            "typed_data" => Act::TypedData { json: self.text() },
            "authorization" => Act::Authorization(self.authorization()),
            "message" => Act::Message {
                bytes: self.bytes(),
            },
            other => panic!("{other}"),
        };
        assert!(self.0.is_empty());
        Intent { chain, signer, act }
    }
}

/// Intents of any shape, including invalid ones: the canonical form must distinguish all of them.
fn any_shape() -> impl Strategy<Value = Intent> {
    let output = (proptest::option::of(".{0,5}"), any::<u64>()).prop_map(|(to, value)| Output {
        to,
        value: Amount::from(value),
    });
    let access =
        (".{0,3}", vec(".{0,3}", 0..3)).prop_map(|(account, slots)| AccessEntry { account, slots });
    let authorization = || {
        (".{0,3}", ".{0,3}", any::<u64>(), any::<bool>()).prop_map(
            |(authority, delegate, nonce, any_chain)| Authorization {
                authority,
                delegate,
                nonce,
                any_chain,
            },
        )
    };
    let transaction = (
        vec(output, 0..3),
        vec(any::<u8>(), 0..5),
        vec(access, 0..3),
        vec(authorization(), 0..3),
    )
        .prop_map(|(outputs, data, access, authorizations)| Transaction {
            outputs,
            data,
            access,
            authorizations,
        });
    let act = prop_oneof![
        transaction.prop_map(Act::Transaction),
        ".{0,5}".prop_map(|json| Act::TypedData { json }),
        authorization().prop_map(Act::Authorization),
        vec(any::<u8>(), 0..5).prop_map(|bytes| Act::Message { bytes }),
    ];
    (any::<u64>(), ".{0,5}", act).prop_map(|(chain, signer, act)| Intent {
        chain: ChainId::evm(chain),
        signer,
        act,
    })
}

proptest! {
    #[test]
    fn the_canonical_form_reads_back_completely(intent in any_shape()) {
        prop_assert_eq!(Reader(&intent.canon().finish()).intent(), intent);
    }

    #[test]
    fn the_second_writer_agrees(shaped in any_shape(), real in any::intent()) {
        for intent in [shaped, real] {
            let json = serde_json::to_value(&intent).unwrap();
            prop_assert_eq!(write(&json), intent.canon().finish());
            prop_assert_eq!(serde_json::from_value::<Intent>(json).unwrap(), intent);
        }
    }

    #[test]
    fn different_intents_have_different_hashes(a in any_shape(), b in any_shape()) {
        prop_assert_eq!(a.hash() == b.hash(), a == b);
    }
}
