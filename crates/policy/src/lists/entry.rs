//! Entries of lists.

use crate::table::list::{EntryFilter, EntryKey, List, ListEntry, ListKind};
use crate::{Error, Policy, Result, table};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::named::Named as _;
use store::{Fact, Tx};
use types::{ChainId, ListEntryId, Page, Principal};

/// Entries that one request may add.
const MAX_NEW: usize = 10_000;
/// The longest note, in bytes.
const MAX_NOTE: usize = 1_024;
/// The longest signature that is kept, in bytes.
const MAX_SIGNATURE: usize = 1_024;

/// An entry to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub chain: ChainId,
    /// The account; in a list of calls, the contract.
    pub address: String,
    /// The function, by its selector or its signature; in a list of calls only.
    pub function: Option<String>,
    pub note: String,
}

/// An entry whose fields are checked.
#[derive(Debug, Clone)]
struct CheckedEntry {
    key: EntryKey,
    signature: Option<String>,
    note: String,
}

/// Add entries, at most 10,000 at once. Those that the list has already stay as they are: with
/// their time. Returns all of them, in the order of the request. Errors: `policy.unknown_list`,
/// `policy.invalid_list`, `policy.limit_exceeded`.
pub async fn add_entries(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    new: Vec<NewEntry>,
) -> Result<Vec<ListEntry>> {
    if new.len() > MAX_NEW {
        return Err(Error::too_long("entries", "entries in a request", MAX_NEW));
    }
    let new: Result<Vec<CheckedEntry>> = new.into_iter().enumerate().map(checked).collect();
    let limit = policy.settings.limits.entries_per_list;
    let add = move |tx: &mut Tx, principal: &Principal, args: &(String, Vec<CheckedEntry>)| {
        add(tx, principal, &args.0, &args.1, limit)
    };
    let args = (name_or_id.to_owned(), new?);
    policy.on().write_as(principal, args, add).await
}

/// Remove an entry, which no longer counts when this returns. Errors: `policy.unknown_list`,
/// `policy.unknown_list_entry`.
pub async fn remove_entry(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    entry: ListEntryId,
) -> Result<()> {
    let args = (name_or_id.to_owned(), entry);
    let remove = |tx: &mut Tx, principal: &Principal, (name_or_id, id): &(String, ListEntryId)| {
        let list = List::require(tx, (), name_or_id)?;
        let entry = table::list::take(tx, list.id, *id)?;
        let entry = entry.ok_or_else(|| Error::UnknownListEntry { id: id.to_string() })?;
        let remaining = list.entries.saturating_sub(1);
        let list = list.changed(tx, remaining)?;
        append(tx, "policy.list_entry_removed", principal, &list, &[entry]);
        Ok(())
    };
    policy.on().write_as(principal, args, remove).await
}

/// A page of the entries of a list, in the order in which they were added; `page.after` is the id
/// of an entry. Errors: `policy.unknown_list`, `policy.invalid_list`.
pub async fn entries(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    filter: EntryFilter,
    page: &Page,
) -> Result<Vec<ListEntry>> {
    let address = match (&filter.chain, filter.address) {
        (Some(chain), Some(address)) => Some(canonical(chain, &address, "address")?),
        // Canonical on EVM; a chain of another family needs to be named.
        (None, Some(address)) => Some(address.to_ascii_lowercase()),
        (_, None) => None,
    };
    let filter = EntryFilter { address, ..filter };
    let args = (name_or_id.to_owned(), filter, page.clone());
    let read = |tx: &mut Tx, (name_or_id, filter, page): &(String, EntryFilter, Page)| {
        let list = List::require(tx, (), name_or_id)?;
        Ok(table::list::entries(tx, list.id, filter, page)?)
    };
    policy
        .db()
        .read_with(&principal.namespace, args, read)
        .await
}

fn checked((index, new): (usize, NewEntry)) -> Result<CheckedEntry> {
    let field = |name: &str| format!("entries[{index}].{name}");
    if new.note.len() > MAX_NOTE || new.note.contains('\0') {
        let why = format!("at most {MAX_NOTE} bytes, none of them NUL");
        return Err(Error::invalid_list(field("note"), why));
    }
    let function = new.function.as_deref();
    let selector = function.map(|text| selector(&new.chain, text, &field("selector")));
    Ok(CheckedEntry {
        key: EntryKey {
            chain: new.chain,
            address: canonical(&new.chain, &new.address, &field("address"))?,
            selector: selector.transpose()?.unwrap_or_default(),
        },
        signature: new.function.filter(|text| !text.starts_with("0x")),
        note: new.note,
    })
}

/// The canonical form of an account.
pub(super) fn canonical(chain: &ChainId, address: &str, field: &str) -> Result<String> {
    let recipient = intent::parse_recipient(chain, address);
    let recipient = recipient.map_err(|error| Error::invalid_list(field, error.to_string()))?;
    Ok(recipient.account)
}

/// The selector of a function.
pub(super) fn selector(chain: &ChainId, text: &str, field: &str) -> Result<String> {
    if text.len() > MAX_SIGNATURE {
        let why = format!("at most {MAX_SIGNATURE} bytes");
        return Err(Error::invalid_list(field, why));
    }
    intent::selector(chain, text).map_err(|error| Error::invalid_list(field, error.to_string()))
}

fn add(
    tx: &mut Tx,
    principal: &Principal,
    name_or_id: &str,
    new: &[CheckedEntry],
    limit: usize,
) -> Result<Vec<ListEntry>> {
    let now = tx.now();
    let list = List::require(tx, (), name_or_id)?.at(now);
    check_kinds(list.kind, new)?;
    let mut known = existing(tx, &list, new)?;
    let active_at = now.plus_millis(list.cooling_ms.cast_signed());
    let mut added = Vec::new();
    for CheckedEntry {
        key,
        signature,
        note,
    } in new
    {
        if known.contains_key(key) {
            continue;
        }
        let entry = ListEntry {
            id: ListEntryId::new(now, tx.entropy()),
            list: list.id,
            chain: key.chain,
            address: key.address.clone(),
            selector: key.selector.clone(),
            signature: signature.clone(),
            note: note.clone(),
            added_at: now,
            added_by: principal.id.clone(),
            active_at,
        };
        known.insert(key.clone(), entry.clone());
        added.push(entry);
    }
    if !added.is_empty() {
        insert(tx, principal, list, &added, limit)?;
    }
    Ok(new.iter().map(|entry| known[&entry.key].clone()).collect())
}

fn insert(
    tx: &mut Tx,
    principal: &Principal,
    list: List,
    added: &[ListEntry],
    limit: usize,
) -> Result<()> {
    let total = list.entries + added.len() as u64;
    if total > limit as u64 {
        return Err(Error::too_many("entries in a list", limit));
    }
    let list = list.changed(tx, total)?;
    table::list::insert(tx, added)?;
    append(tx, "policy.list_entries_added", principal, &list, added);
    Ok(())
}

/// The entries that the list has already, by what they are about.
fn existing(
    tx: &mut Tx,
    list: &List,
    new: &[CheckedEntry],
) -> Result<BTreeMap<EntryKey, ListEntry>> {
    let keys: BTreeSet<&EntryKey> = new.iter().map(|entry| &entry.key).collect();
    let keys: Vec<EntryKey> = keys.into_iter().cloned().collect();
    let entries = table::list::with_keys(tx, list.id, &keys)?;
    Ok(entries
        .into_iter()
        .map(|entry| (entry.key(), entry))
        .collect())
}

fn check_kinds(kind: ListKind, new: &[CheckedEntry]) -> Result<()> {
    let is_call = kind == ListKind::Call;
    let wrong = |entry: &CheckedEntry| entry.key.selector.is_empty() == is_call;
    let Some(index) = new.iter().position(wrong) else {
        return Ok(());
    };
    let why = match kind {
        ListKind::Call => "an entry of a list of calls names a contract and a selector",
        ListKind::Account => "an entry of a list of accounts names an address and no selector",
    };
    Err(Error::invalid_list(format!("entries[{index}]"), why))
}

impl ListEntry {
    fn key(&self) -> EntryKey {
        EntryKey {
            chain: self.chain,
            address: self.address.clone(),
            selector: self.selector.clone(),
        }
    }
}

/// Append the fact of added or removed entries. The cooling time of added ones begins with it.
fn append(
    tx: &mut Tx,
    kind: &'static str,
    principal: &Principal,
    list: &List,
    entries: &[ListEntry],
) {
    let entries: Vec<Value> = entries.iter().map(|entry| json!(entry)).collect();
    tx.append(
        Fact::new(kind, 1)
            .subject(&list.id, list.version)
            .actor(principal)
            .payload(
                &json!({ "list": list.name, "coolingMs": list.cooling_ms, "entries": entries }),
            ),
    );
}
