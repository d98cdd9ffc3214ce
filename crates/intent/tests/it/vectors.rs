//! The committed vectors: canonical bytes, hashes and a signature, computed by an independent
//! implementation in another language. Vectors may be added; changing one means that existing
//! permits no longer verify.

use crate::canon;
use intent::{Intent, Permit, PolicyKey, verify};
use serde::Deserialize;
use serde_json::Value;
use types::Digest;

#[derive(Deserialize)]
struct IntentVector {
    name: String,
    intent: Value,
    canonical: String,
    hash: Digest,
}

#[derive(Deserialize)]
struct PermitVector {
    name: String,
    permit: Value,
    canonical: String,
    key: String,
}

fn intents() -> Vec<IntentVector> {
    serde_json::from_str(include_str!("../../vectors/intent.json")).unwrap()
}

fn permits() -> Vec<PermitVector> {
    serde_json::from_str(include_str!("../../vectors/permit.json")).unwrap()
}

#[test]
fn intents_have_the_committed_form() {
    for vector in intents() {
        let intent: Intent = serde_json::from_value(vector.intent.clone()).unwrap();
        assert_eq!(
            hex::encode(intent.canon().finish()),
            vector.canonical,
            "{}",
            vector.name
        );
        assert_eq!(intent.hash(), vector.hash, "{}", vector.name);
        assert_eq!(
            hex::encode(canon::write(&vector.intent)),
            vector.canonical,
            "{}",
            vector.name
        );
        assert_eq!(
            serde_json::to_value(&intent).unwrap(),
            vector.intent,
            "{}",
            vector.name
        );
    }
}

#[test]
fn permits_have_the_committed_form_and_signature() {
    for vector in permits() {
        let permit: Permit = serde_json::from_value(vector.permit.clone()).unwrap();
        assert_eq!(
            hex::encode(permit.body.canonical_bytes()),
            vector.canonical,
            "{}",
            vector.name
        );
        let key =
            PolicyKey::from_bytes(&hex::decode(&vector.key).unwrap().try_into().unwrap()).unwrap();
        assert!(verify(&permit, &key).is_ok(), "{}", vector.name);
        let rewritten = canon::write_permit(&vector.permit["body"], permit.body.not_after.micros());
        assert_eq!(hex::encode(rewritten), vector.canonical, "{}", vector.name);
        assert_eq!(
            serde_json::to_value(&permit).unwrap(),
            vector.permit,
            "{}",
            vector.name
        );
    }
}

#[test]
fn an_unknown_field_is_rejected() {
    for vector in intents() {
        for pointer in ["", "/act", "/act/outputs/0"] {
            let mut intent = vector.intent.clone();
            let Some(object) = intent.pointer_mut(pointer).and_then(Value::as_object_mut) else {
                continue;
            };
            object.insert("memo".into(), Value::Null);
            assert!(
                serde_json::from_value::<Intent>(intent).is_err(),
                "{} {pointer}",
                vector.name
            );
        }
    }
}
