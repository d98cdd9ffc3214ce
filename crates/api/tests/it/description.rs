//! The OpenAPI document is what the handlers say, and the committed one.

use serde_json::Value;

const WRITE: &str = "FLORIN_WRITE_OPENAPI";

/// Every operation: its method in capitals, and its path.
pub(crate) fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::to_value(api::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"]
            .into_iter()
            .filter(|method| item.get(method).is_some())
        {
            all.push((method.to_uppercase(), path.clone()));
        }
    }
    all
}

/// Written anew by `FLORIN_WRITE_OPENAPI=1 cargo test -p api --test it description`.
#[test]
fn the_committed_document_is_what_the_handlers_say() {
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
        "docs/openapi.json is old: set {WRITE}=1 and run this test"
    );
}

#[test]
fn every_operation_says_what_it_does_and_how_it_is_refused() {
    let document: Value = serde_json::to_value(api::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (method, path) in operations() {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty(), "{method} {path} says nothing");
        assert!(
            operation["responses"].get("4XX").is_some() || path == "/status",
            "{method} {path} tells no problem"
        );
    }
}

/// A reference that leads nowhere would break every generator of clients.
#[test]
fn every_shape_that_is_named_is_there() {
    let text = serde_json::to_string(&api::openapi()).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for named in text.split("#/components/schemas/").skip(1) {
        let name = named.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name} is missing"
        );
    }
}
