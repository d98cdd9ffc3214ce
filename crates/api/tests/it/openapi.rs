//! The OpenAPI document: complete, consistent, and equal to the committed file.

use serde_json::Value;

const WRITE: &str = "FLORIN_WRITE_OPENAPI";

/// Every operation: the method in capitals, and the path.
pub(crate) fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::to_value(api::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"]
            .into_iter()
            .filter(|method| item.get(method).is_some())
        {
            operations.push((method.to_uppercase(), path.clone()));
        }
    }
    operations
}

/// Regenerate the file with `FLORIN_WRITE_OPENAPI=1 cargo test -p api --test it openapi`.
#[test]
fn the_committed_document_matches_the_handlers() {
    let path = testkit::workspace_root().join("docs/openapi.json");
    let generated = format!(
        "{}\n",
        serde_json::to_string_pretty(&api::openapi()).unwrap()
    );
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/openapi.json is outdated: run this test with {WRITE}=1"
    );
}

#[test]
fn every_operation_has_a_summary_and_an_error_response() {
    let document: Value = serde_json::to_value(api::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (method, path) in operations() {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty(), "{method} {path} has no summary");
        assert!(
            operation["responses"].get("4XX").is_some() || path == "/status",
            "{method} {path} has no error response"
        );
    }
}

/// A dangling reference would break every client generator.
#[test]
fn every_referenced_schema_exists() {
    let text = serde_json::to_string(&api::openapi()).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name} is missing"
        );
    }
}
