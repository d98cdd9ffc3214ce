//! Names of operations, by which generated clients call them: the method and the path, so that no
//! two are the same.

use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};

/// Give each operation its name.
pub(super) fn name(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(named(method, path));
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
fn named(method: &str, path: &str) -> String {
    let words = path.split(['/', '-']).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |name, word| {
        match word.strip_prefix('{') {
            Some(parameter) => name + "By" + &capitalised(parameter.trim_end_matches('}')),
            None => name + &capitalised(word),
        }
    })
}

fn capitalised(word: &str) -> String {
    let (head, tail) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
    head.to_uppercase() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_says_method_and_path() {
        assert_eq!(
            named("get", "/tasks/{task}/versions"),
            "getTasksByTaskVersions"
        );
        assert_eq!(named("put", "/variable-sets/{set}"), "putVariableSetsBySet");
    }

    #[test]
    fn no_two_operations_have_one_name() {
        let mut document = super::super::openapi();
        let mut seen = BTreeSet::new();
        for item in document.paths.paths.values_mut() {
            for (_, operation) in operations(item) {
                let id = operation.operation_id.clone().unwrap_or_default();
                assert!(
                    !id.is_empty() && seen.insert(id.clone()),
                    "{id:?} stands twice"
                );
            }
        }
        assert!(seen.len() > 100);
    }
}
