//! The places to fail, as the documentation lists them.

/// Every place of `docs/fail-points.md`, in the order in which a payment passes them.
pub(crate) fn all() -> Result<Vec<String>, String> {
    let path = testkit::workspace_root().join("docs/fail-points.md");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let places: Vec<String> = text.lines().filter_map(place).map(str::to_owned).collect();
    if places.is_empty() {
        Err(format!("{} lists no place", path.display()))
    } else {
        Ok(places)
    }
}

/// The place of a table's row.
fn place(row: &str) -> Option<&str> {
    let (name, _) = row.strip_prefix("| `")?.split_once('`')?;
    name.split_once('.').map(|_| name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_documentation_lists_the_places_that_the_code_has() {
        let listed: std::collections::BTreeSet<String> =
            super::all().unwrap().into_iter().collect();
        let mut found = std::collections::BTreeSet::new();
        for name in ["submit", "index", "streams", "workflow"] {
            sources(
                &testkit::workspace_root()
                    .join("crates")
                    .join(name)
                    .join("src"),
                &mut found,
            );
        }
        assert_eq!(listed, found);
    }

    fn sources(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in ["fail::point(\"", "pass(\""] {
                    found.extend(
                        text.split(call)
                            .skip(1)
                            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
                    );
                }
            }
        }
    }
}
