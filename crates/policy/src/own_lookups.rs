//! The lookups that this engine answers itself, and the choice between them and [`Lookups`].
//!
//! [`Lookups`]: crate::Lookups

use crate::lists::{self, LIST_LOOKUPS};
use crate::lookup::LookupInfo;
use crate::{Lookup, LookupError, Policy};
use serde_json::Value;

/// Answer a lookup: of a list from this engine's tables, any other from [`Lookups`].
pub(crate) async fn answer(policy: &Policy, lookup: &Lookup) -> Result<Value, LookupError> {
    match own(&lookup.name) {
        Some(_) => lists::answer(policy, lookup).await,
        None => policy.lookups().answer(lookup).await,
    }
}

/// Whether there is a lookup with this name.
pub(crate) fn is_known(policy: &Policy, name: &str) -> bool {
    own(name).is_some() || policy.lookups().knows(name)
}

fn own(name: &str) -> Option<&'static LookupInfo> {
    LIST_LOOKUPS.iter().find(|info| info.name == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "UPDATE_DOCS rewrites the page")]

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policies.md");
    const BEGIN: &str = "<!-- begin policy lookups -->\n";
    const END: &str = "<!-- end policy lookups -->";

    /// Regenerate the table with `UPDATE_DOCS=1 cargo test -p policy docs`.
    #[test]
    fn the_docs_show_the_lookups_of_this_engine() {
        let committed = std::fs::read_to_string(PAGE).expect("the page exists");
        let (before, rest) = committed.split_once(BEGIN).expect("the table begins");
        let (_, after) = rest.split_once(END).expect("the table ends");
        let row = |info: &LookupInfo| {
            let arguments: Vec<String> = (info.arguments.iter())
                .map(|name| format!("`{name}`"))
                .collect();
            format!(
                "| `{}` | {} | {} |\n",
                info.name,
                arguments.join(", "),
                info.doc
            )
        };
        let rows: String = LIST_LOOKUPS.iter().map(row).collect();
        let table = format!("| lookup | `args` | answer |\n|---|---|---|\n{rows}");
        let page = format!("{before}{BEGIN}\n{table}\n{END}{after}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, &page).expect("the page can be written");
        }
        assert!(
            page == committed || std::env::var_os("UPDATE_DOCS").is_some(),
            "docs/policies.md is outdated: run this test with UPDATE_DOCS=1"
        );
    }
}
