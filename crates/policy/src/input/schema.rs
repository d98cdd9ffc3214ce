//! The JSON schema of inputs, and validation against it.

use jsonschema::Validator;
use serde_json::Value;
use std::sync::OnceLock;

const SCHEMA: &str = include_str!("../../../../policies/input.schema.json");

/// The first violation of the schema, with its position as a JSON pointer.
pub(crate) fn schema_violation(input: &Value) -> Option<String> {
    let error = validator().iter_errors(input).next()?;
    let pointer = error.instance_path().to_string();
    Some(format!(
        "at {}: {error}",
        if pointer.is_empty() {
            "/"
        } else {
            pointer.as_str()
        }
    ))
}

fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).expect("the committed schema is JSON, see tests");
        jsonschema::validator_for(&schema).expect("the committed schema is a schema, see tests")
    })
}
