//! Places to fail are never in what is shipped: no crate enables them by default, and none asks
//! another for them.

use super::Finding;
use super::layers::parse;
use super::tree::Tree;

const FEATURE: &str = "fail-points";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files().filter(|file| file.name() == "Cargo.toml");
    let read = manifests.filter_map(|file| Some((file, parse(&file.path, &file.text).ok()?)));
    let found = read.flat_map(|(file, manifest)| {
        problems(&manifest)
            .into_iter()
            .map(|what| Finding::new(&file.path, 0, what))
            .collect::<Vec<_>>()
    });
    found.collect()
}

fn problems(manifest: &toml::Table) -> Vec<String> {
    let mut problems = Vec::new();
    if by_default(manifest) {
        problems.push(format!("its default features include {FEATURE}"));
    }
    if asks(&toml::Value::Table(manifest.clone())) {
        problems.push(format!(
            "a dependency is asked for {FEATURE}: only a feature of that name may pass it on"
        ));
    }
    problems
}

/// Whether `default` leads to the feature, directly or by way of others.
fn by_default(manifest: &toml::Table) -> bool {
    let Some(features) = manifest.get("features").and_then(toml::Value::as_table) else {
        return false;
    };
    let (mut open, mut seen) = (vec!["default"], Vec::new());
    while let Some(name) = open.pop() {
        if name.rsplit(['/', ':']).next() == Some(FEATURE) {
            return true;
        }
        if !seen.contains(&name) {
            seen.push(name);
            let leads_to = features.get(name).and_then(toml::Value::as_array);
            open.extend(
                leads_to
                    .into_iter()
                    .flatten()
                    .filter_map(toml::Value::as_str),
            );
        }
    }
    false
}

/// Whether some dependency, of whatever kind and wherever it is declared, has the feature in its
/// list.
fn asks(value: &toml::Value) -> bool {
    let Some(table) = value.as_table() else {
        return false;
    };
    table.iter().any(|(name, value)| match value {
        toml::Value::Array(list) if name == "features" => {
            list.iter().any(|one| one.as_str() == Some(FEATURE))
        }
        value => asks(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> usize {
        check(&Tree::of(&[("crates/submit/Cargo.toml", text)])).len()
    }

    #[test]
    fn a_feature_that_passes_it_on_is_fine() {
        assert_eq!(
            of(
                "[features]\nfail-points = ['fail/fail-points']\n[dependencies]\nfail.workspace = true"
            ),
            0
        );
    }

    #[test]
    fn neither_by_default_nor_by_a_detour_nor_asked_for() {
        assert_eq!(
            of("[features]\ndefault = ['fail-points']\nfail-points = []"),
            1
        );
        assert_eq!(
            of("[features]\ndefault = ['torture']\ntorture = ['fail/fail-points']"),
            1
        );
        assert_eq!(
            of("[dependencies]\nfail = { workspace = true, features = ['fail-points'] }"),
            1
        );
        assert_eq!(
            of("[target.'cfg(unix)'.dev-dependencies.fail]\nfeatures = ['fail-points']"),
            1
        );
        assert_eq!(
            of(
                "[workspace.dependencies]\nfail = { path = 'crates/fail', features = ['fail-points'] }"
            ),
            1
        );
    }
}
