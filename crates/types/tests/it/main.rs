//! The canonical form, the Merkle tree and the time format against the vectors of `docs/facts.md`,
//! which another implementation generated.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use types::{Canon, Digest, Time, merkle_root};

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/canon.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn field(canon: Canon, field: &Value) -> Canon {
    let (kind, value) = field.as_object().unwrap().iter().next().unwrap();
    let text = value.as_str().unwrap_or_default();
    match kind.as_str() {
        "text" => canon.text(text),
        "bytes" => canon.bytes(&hex::decode(text).unwrap()),
        "digest" => canon.digest(&Digest::from_hex(text).unwrap()),
        "int" => canon.int(text.parse().unwrap()),
        "uint" => canon.uint(text.parse().unwrap()),
        "option" => canon.option(Some(value).filter(|value| !value.is_null()), self::field),
        "list" => canon.list(value.as_array().unwrap(), |canon, item| {
            item.as_array().unwrap().iter().fold(canon, self::field)
        }),
        other => panic!("{other}"),
    }
}

#[test]
fn every_value_has_the_committed_bytes_and_hash() {
    let vectors = vectors();
    let forms = vectors["forms"].as_array().unwrap();
    assert!(forms.len() > 10);
    for vector in forms {
        let version = u32::try_from(vector["version"].as_u64().unwrap()).unwrap();
        let canon = Canon::new(vector["domain"].as_str().unwrap(), version);
        let canon = vector["fields"]
            .as_array()
            .unwrap()
            .iter()
            .fold(canon, field);
        assert_eq!(
            canon.hash().to_string(),
            vector["sha256"],
            "{}",
            vector["name"]
        );
        assert_eq!(
            hex::encode(canon.finish()),
            vector["bytes"],
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn every_tree_has_the_committed_root() {
    for tree in vectors()["trees"].as_array().unwrap() {
        let leaves: Vec<Vec<u8>> = tree["leaves"]
            .as_array()
            .unwrap()
            .iter()
            .map(|leaf| hex::decode(leaf.as_str().unwrap()).unwrap())
            .collect();
        assert_eq!(
            merkle_root(&leaves).to_string(),
            tree["root"],
            "{} leaves",
            leaves.len()
        );
    }
}

#[test]
fn every_time_has_the_committed_text() {
    for time in vectors()["times"].as_array().unwrap() {
        let at = Time::from_micros(time["micros"].as_str().unwrap().parse().unwrap());
        assert_eq!(at.to_string(), time["text"]);
        assert_eq!(time["text"].as_str().unwrap().parse(), Ok(at));
    }
}
