//! Lookups of lists, answered from the database of this engine.

use super::entry::{canonical, selector};
use crate::lookup::LookupInfo;
use crate::table::list::{EntryKey, List, ListKind};
use crate::{Lookup, LookupError, Policy, Result, table};
use serde_json::Value;
use store::Tx;
use store::named::Named as _;
use types::ChainId;

/// The lookups of lists.
pub(crate) const LIST_LOOKUPS: [LookupInfo; 2] = [
    LookupInfo {
        name: "list.contains",
        arguments: &["list", "chain", "address"],
        doc: "`true` if the list has the account on the chain and the entry counts already, `false` otherwise",
    },
    LookupInfo {
        name: "list.allows_call",
        arguments: &["list", "chain", "contract", "selector"],
        doc: "`true` if the list has the function of the contract on the chain and the entry counts already, `false` otherwise",
    },
];

/// Answer a lookup of a list: whether it has an entry that counts now. An unknown list, a list of
/// the other kind, and anything that is not an account are errors.
pub(crate) async fn answer(
    policy: &Policy,
    lookup: &Lookup,
) -> std::result::Result<Value, LookupError> {
    let (name, info) = (&lookup.name, LIST_LOOKUPS.iter());
    let info = info.clone().find(|info| info.name == name);
    let info = info.ok_or_else(|| LookupError::Unknown { name: name.clone() })?;
    let question = question(lookup, info)?;
    let read = policy.db().read_with(&lookup.namespace, question, counts);
    read.await.map(Value::Bool).map_err(|error| {
        let (name, why) = (name.clone(), error.to_string());
        match error {
            crate::Error::UnknownList { .. } | crate::Error::InvalidList { .. } => {
                LookupError::Arguments { name, why }
            }
            _ => LookupError::Failed { name, why },
        }
    })
}

/// Whether a list of this kind has an entry that counts.
struct Question {
    list: String,
    kind: ListKind,
    key: EntryKey,
}

fn question(lookup: &Lookup, info: &LookupInfo) -> std::result::Result<Question, LookupError> {
    let arguments = info.read(lookup)?;
    let invalid = |why: String| LookupError::Arguments {
        name: lookup.name.clone(),
        why,
    };
    let chain = arguments[1].parse::<ChainId>();
    let chain = chain.map_err(|error| invalid(format!("chain: {error}")))?;
    let address = canonical(&chain, arguments[2], info.arguments[2]);
    let selector = (arguments.get(3))
        .map(|text| selector(&chain, text, info.arguments[3]))
        .transpose()
        .map_err(|error| invalid(error.to_string()))?;
    Ok(Question {
        list: arguments[0].to_owned(),
        kind: match selector {
            Some(_) => ListKind::Call,
            None => ListKind::Account,
        },
        key: EntryKey {
            chain,
            address: address.map_err(|error| invalid(error.to_string()))?,
            selector: selector.unwrap_or_default(),
        },
    })
}

fn counts(tx: &mut Tx, question: &Question) -> Result<bool> {
    let list = List::require(tx, (), &question.list)?;
    if list.kind != question.kind {
        let why = format!("the entries of list {:?} are of another kind", list.name);
        return Err(crate::Error::invalid_list("list", why));
    }
    let now = tx.now();
    let active_at = table::list::active_at(tx, list.id, &question.key)?;
    Ok(active_at.is_some_and(|active_at| active_at <= now))
}
