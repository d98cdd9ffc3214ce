//! Operation ids of the OpenAPI document, used by client generators: method and path, so that each
//! is unique.

use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};

/// Sets the id of every operation.
pub(super) fn assign(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// `get` and `/tasks/{task}/versions` as `getTasksByTaskVersions`.
fn operation_id(method: &str, path: &str) -> String {
    let segments = path.split(['/', '-']).filter(|segment| !segment.is_empty());
    segments.fold(method.to_owned(), |id, segment| {
        match segment.strip_prefix('{') {
            Some(parameter) => id + "By" + &capitalized(parameter.trim_end_matches('}')),
            None => id + &capitalized(segment),
        }
    })
}

fn capitalized(segment: &str) -> String {
    let (head, tail) = segment.split_at(segment.chars().next().map_or(0, char::len_utf8));
    head.to_uppercase() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_operation_id_is_the_method_and_the_path() {
        assert_eq!(
            operation_id("get", "/tasks/{task}/versions"),
            "getTasksByTaskVersions"
        );
        assert_eq!(
            operation_id("put", "/variable-sets/{set}"),
            "putVariableSetsBySet"
        );
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut document = super::super::openapi();
        let mut seen = BTreeSet::new();
        for item in document.paths.paths.values_mut() {
            for (_, operation) in operations(item) {
                let id = operation.operation_id.clone().unwrap_or_default();
                assert!(
                    !id.is_empty() && seen.insert(id.clone()),
                    "operation id {id:?} is not unique"
                );
            }
        }
        assert!(seen.len() > 100);
    }
}
