//! The committed vectors: canonical bytes, hashes and a signature that another program computed (in
//! another language, by another hand). They may grow; a changed one means that permits in the field
//! no longer verify.

use crate::canon;
use intent::{Intent, Permit, PolicyKey, verify};
use serde::Deserialize;
use serde_json::Value;
use types::Digest;

#[derive(Deserialize)]
struct OfIntent {
    name: String,
    intent: Value,
    canonical: String,
    hash: Digest,
}

#[derive(Deserialize)]
struct OfPermit {
    name: String,
    permit: Value,
    canonical: String,
    key: String,
}

fn intents() -> Vec<OfIntent> {
    serde_json::from_str(include_str!("../../vectors/intent.json")).unwrap()
}

fn permits() -> Vec<OfPermit> {
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
        let by_hand = canon::write_permit(&vector.permit["body"], permit.body.not_after.micros());
        assert_eq!(hex::encode(by_hand), vector.canonical, "{}", vector.name);
        assert_eq!(
            serde_json::to_value(&permit).unwrap(),
            vector.permit,
            "{}",
            vector.name
        );
    }
}

#[test]
fn a_field_that_nobody_knows_is_refused() {
    for vector in intents() {
        for place in ["", "/act", "/act/outputs/0"] {
            let mut intent = vector.intent.clone();
            let Some(object) = intent.pointer_mut(place).and_then(Value::as_object_mut) else {
                continue;
            };
            object.insert("memo".into(), Value::Null);
            assert!(
                serde_json::from_value::<Intent>(intent).is_err(),
                "{} {place}",
                vector.name
            );
        }
    }
}
