//! The lookups that this engine answers itself, and the choice between them and all others.

use crate::input::contract_value;
use crate::lists::{self, LIST_LOOKUPS};
use crate::lookup::LookupInfo;
use crate::{AccountInfo, Lookup, LookupError, Policy};
use serde_json::Value;
use types::ChainId;

const CONTRACT: LookupInfo = LookupInfo {
    name: "contract",
    arguments: &["chain", "address"],
    doc: "what a controller has registered of the contract, as a member of `input.contracts`; `null` if it is not registered",
};

/// Answer a lookup: of lists and contracts here, any other from [`Lookups`].
///
/// [`Lookups`]: crate::Lookups
pub(crate) async fn answer(policy: &Policy, lookup: &Lookup) -> Result<Value, LookupError> {
    match own(&lookup.name) {
        Some(info) if info.name == CONTRACT.name => contract(policy, lookup).await,
        Some(_) => lists::answer(policy, lookup).await,
        None => policy.lookups().answer(lookup).await,
    }
}

/// Whether there is a lookup with this name.
pub(crate) fn is_known(policy: &Policy, name: &str) -> bool {
    own(name).is_some() || policy.lookups().knows(name)
}

fn all() -> impl Iterator<Item = &'static LookupInfo> {
    LIST_LOOKUPS.iter().chain([&CONTRACT])
}

fn own(name: &str) -> Option<&'static LookupInfo> {
    all().find(|info| info.name == name)
}

async fn contract(policy: &Policy, lookup: &Lookup) -> Result<Value, LookupError> {
    let arguments = CONTRACT.read(lookup)?;
    let invalid = |why: String| LookupError::Arguments {
        name: lookup.name.clone(),
        why,
    };
    let failed = |why: String| LookupError::Failed {
        name: lookup.name.clone(),
        why,
    };
    let chain = arguments[0].parse::<ChainId>();
    let chain = chain.map_err(|error| invalid(format!("chain: {error}")))?;
    let address = intent::parse_recipient(&chain, arguments[1]);
    let address = address.map_err(|error| invalid(format!("address: {error}")))?;
    let asked = [address.account];
    let known = policy.contracts().known(&lookup.namespace, &chain, &asked);
    match known.await.map_err(failed)?.remove(&asked[0]) {
        Some(AccountInfo::Contract(info)) => Ok(contract_value(&info)),
        Some(AccountInfo::NoCode | AccountInfo::Unregistered) => Ok(Value::Null),
        Some(AccountInfo::Unreadable(why)) => Err(failed(why)),
        None => Err(failed("there is no answer".to_owned())),
    }
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
        let rows: String = all().map(row).collect();
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
