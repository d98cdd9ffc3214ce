//! Fail points are never in a release: no crate enables them by default, and no dependency requests
//! the feature.

use super::Finding;
use super::layers::parse;
use super::tree::Tree;

const FEATURE: &str = "fail-points";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files().filter(|file| file.name() == "Cargo.toml");
    let read = manifests.filter_map(|file| Some((file, parse(&file.path, &file.text).ok()?)));
    let findings = read.flat_map(|(file, manifest)| {
        problems(&manifest)
            .into_iter()
            .map(|message| Finding::new(&file.path, 0, message))
            .collect::<Vec<_>>()
    });
    findings.collect()
}

fn problems(manifest: &toml::Table) -> Vec<String> {
    let mut problems = Vec::new();
    if is_enabled_by_default(manifest) {
        problems.push(format!("its default features include {FEATURE}"));
    }
    if is_requested(&toml::Value::Table(manifest.clone())) {
        problems.push(format!(
            "a dependency requests {FEATURE}: only a feature of the same name may enable it"
        ));
    }
    problems
}

/// Whether `default` enables the feature, directly or through other features.
fn is_enabled_by_default(manifest: &toml::Table) -> bool {
    let Some(features) = manifest.get("features").and_then(toml::Value::as_table) else {
        return false;
    };
    let (mut pending, mut seen) = (vec!["default"], Vec::new());
    while let Some(name) = pending.pop() {
        if name.rsplit(['/', ':']).next() == Some(FEATURE) {
            return true;
        }
        if !seen.contains(&name) {
            seen.push(name);
            let enabled = features.get(name).and_then(toml::Value::as_array);
            pending.extend(
                enabled
                    .into_iter()
                    .flatten()
                    .filter_map(toml::Value::as_str),
            );
        }
    }
    false
}

/// Whether any dependency of any kind lists the feature.
fn is_requested(value: &toml::Value) -> bool {
    let Some(table) = value.as_table() else {
        return false;
    };
    table.iter().any(|(name, value)| match value {
        toml::Value::Array(list) if name == "features" => {
            list.iter().any(|feature| feature.as_str() == Some(FEATURE))
        }
        value => is_requested(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_findings(text: &str) -> usize {
        check(&Tree::of(&[("crates/submit/Cargo.toml", text)])).len()
    }

    #[test]
    fn a_feature_of_the_same_name_may_enable_it() {
        assert_eq!(
            count_findings(
                "[features]\nfail-points = ['fail/fail-points']\n[dependencies]\nfail.workspace = true"
            ),
            0
        );
    }

    #[test]
    fn defaults_indirect_features_and_requests_are_found() {
        assert_eq!(
            count_findings("[features]\ndefault = ['fail-points']\nfail-points = []"),
            1
        );
        assert_eq!(
            count_findings("[features]\ndefault = ['torture']\ntorture = ['fail/fail-points']"),
            1
        );
        assert_eq!(
            count_findings(
                "[dependencies]\nfail = { workspace = true, features = ['fail-points'] }"
            ),
            1
        );
        assert_eq!(
            count_findings(
                "[target.'cfg(unix)'.dev-dependencies.fail]\nfeatures = ['fail-points']"
            ),
            1
        );
        assert_eq!(
            count_findings(
                "[workspace.dependencies]\nfail = { path = 'crates/fail', features = ['fail-points'] }"
            ),
            1
        );
    }
}
