//! The documented fail points.

use anyhow::{Context, Result, ensure};

/// Every fail point of `docs/fail-points.md`, in the order in which a payment passes them.
pub(crate) fn all() -> Result<Vec<String>> {
    let path = testkit::workspace_root().join("docs/fail-points.md");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let fail_points: Vec<String> = text
        .lines()
        .filter_map(fail_point)
        .map(str::to_owned)
        .collect();
    ensure!(
        !fail_points.is_empty(),
        "{} lists no fail point",
        path.display()
    );
    Ok(fail_points)
}

/// The fail point in a table row.
fn fail_point(row: &str) -> Option<&str> {
    let (name, _) = row.strip_prefix("| `")?.split_once('`')?;
    name.split_once('.').map(|_| name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_documentation_lists_every_fail_point() {
        let listed: std::collections::BTreeSet<String> =
            super::all().unwrap().into_iter().collect();
        let mut declared = std::collections::BTreeSet::new();
        for name in ["keys", "submit", "index", "streams", "workflow"] {
            collect(
                &testkit::workspace_root()
                    .join("crates")
                    .join(name)
                    .join("src"),
                &mut declared,
            );
        }
        assert_eq!(listed, declared);
    }

    fn collect(folder: &std::path::Path, declared: &mut std::collections::BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, declared);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in ["fail::point(\"", "pass(\""] {
                    declared.extend(
                        text.split(call)
                            .skip(1)
                            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
                    );
                }
            }
        }
    }
}
