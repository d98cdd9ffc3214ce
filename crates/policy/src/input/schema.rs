//! The schema of inputs, and what in a given input does not fit it.

use jsonschema::Validator;
use serde_json::Value;
use std::sync::OnceLock;

const SCHEMA: &str = include_str!("../../../../policies/input.schema.json");

/// The first thing that does not fit, with its place as a JSON pointer.
pub(crate) fn misfit(input: &Value) -> Option<String> {
    let error = validator().iter_errors(input).next()?;
    let place = error.instance_path().to_string();
    Some(format!(
        "at {}: {error}",
        if place.is_empty() {
            "/"
        } else {
            place.as_str()
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
