//! Batch leaves against the vectors of `docs/facts.md`, which another implementation generated.

use store::{Batch, Value, ValueKind};
use types::merkle_root;

#[test]
fn every_row_has_the_committed_leaf() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../types/vectors/canon.json");
    let vectors: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for vector in vectors["batch_rows"].as_array().unwrap() {
        let value = |value: &serde_json::Value| {
            let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
            let text = value.as_str().unwrap_or_default().to_owned();
            match kind.as_str() {
                "int" => Value::Int(text.parse().unwrap()),
                "text" => Value::Text(text.into()),
                "bytes" => Value::Blob(hex::decode(text).unwrap().into()),
                _ => Value::Null(ValueKind::Text),
            }
        };
        let row: Vec<Value<'static>> = vector["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(value)
            .collect();
        let leaf = hex::decode(vector["leaf"].as_str().unwrap()).unwrap();
        let batch = serde_json::to_value(Batch::new("t", &["a"], &[], &[], &[row])).unwrap();
        assert_eq!(batch["root"], merkle_root(&[leaf]).to_string());
        assert_eq!(batch["count"], 1);
    }
}
