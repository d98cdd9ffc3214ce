//! The columns of each list, unless the caller chooses others with `--columns`.

use serde_json::Value;

/// The columns of the items of a route, by its last segment.
const COLUMNS: &[(&str, &[&str])] = &[
    (
        "chains",
        &["chain", "head", "finalized", "finality", "halted"],
    ),
    (
        "contracts",
        &["name", "chain", "address", "standards", "changed"],
    ),
    (
        "lists",
        &["name", "kind", "entries", "coolingMs", "description"],
    ),
    (
        "policies",
        &["name", "currentVersion", "description", "updated"],
    ),
    (
        "policy-decisions",
        &["at", "outcome", "subject", "chain", "signer", "id"],
    ),
    (
        "runs",
        &["id", "task", "state", "step", "reason", "created"],
    ),
    (
        "signatures",
        &["id", "chain", "signer", "kind", "state", "created"],
    ),
    (
        "submissions",
        &["id", "chain", "signer", "state", "transaction", "created"],
    ),
    (
        "tasks",
        &["name", "currentVersion", "description", "updated"],
    ),
    ("wallets", &["name", "kind", "backend", "origin", "created"]),
];
/// Columns of a list that is not declared here.
const MAX_COLUMNS: usize = 8;

/// The declared columns of the list at a path.
pub(crate) fn of(path: &str) -> Option<&'static [&'static str]> {
    let path = path.split('?').next()?.trim_end_matches('/');
    let last = path.rsplit('/').next()?;
    let mut declared = COLUMNS.iter();
    declared
        .find(|(name, _)| *name == last)
        .map(|(_, columns)| *columns)
}

/// The first fields of an item that fit in a cell.
pub(crate) fn first(item: &Value) -> Vec<&str> {
    let fields = item.as_object().into_iter().flatten();
    let fields = fields.filter(|(_, value)| !value.is_object() || value.get("height").is_some());
    let names = fields.map(|(name, _)| name.as_str());
    names.take(MAX_COLUMNS).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const API: &str = include_str!("../../../../docs/openapi.json");

    /// The names of the properties of a schema of the API.
    fn properties(api: &Value, schema: &Value) -> Vec<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let schema = api.pointer(reference.trim_start_matches('#')).unwrap();
            return properties(api, schema);
        }
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let inherited = parts.flat_map(|part| properties(api, part));
        let own = schema["properties"].as_object().into_iter().flatten();
        inherited.chain(own.map(|(name, _)| name.clone())).collect()
    }

    #[test]
    fn each_column_is_a_field_of_the_api() {
        let api: Value = serde_json::from_str(API).unwrap();
        for (name, columns) in COLUMNS {
            let list = &api["paths"][format!("/{name}")]["get"]["responses"]["200"];
            let schema = &list["content"]["application/json"]["schema"]["$ref"];
            let list = api.pointer(schema.as_str().unwrap().trim_start_matches('#'));
            let fields = properties(&api, &list.unwrap()["properties"]["items"]["items"]);
            for column in *columns {
                assert!(
                    fields.iter().any(|field| field == column),
                    "{name}: {column} is not among {fields:?}"
                );
            }
        }
    }
}
