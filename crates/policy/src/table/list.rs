//! Lists by name and id, and their entries.

use crate::Error;
use serde::{Deserialize, Serialize};
use store::{Record as _, Result, ScopedTable as _, Tx, params};
use types::{ChainId, ListEntryId, ListId, Page, Time};
use utoipa::{IntoParams, ToSchema};

/// What the entries of a list are.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ListKind {
    /// Accounts: wallets and contracts.
    Account,
    /// Functions of contracts.
    Call,
}

store::text_columns! { as_in_json: ListKind }

/// A cooling time that applies later, because it is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShorterCooling {
    #[serde(rename = "coolingMs")]
    pub cooling_ms: u64,
    /// When it applies.
    pub from: Time,
}

/// A named list that policies look up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "policy_list")]
#[serde(rename_all = "camelCase")]
pub struct List {
    #[record(key)]
    pub id: ListId,
    pub name: String,
    pub kind: ListKind,
    #[record(update)]
    pub description: String,
    /// How long a new entry waits before it counts, in milliseconds.
    #[record(update)]
    pub cooling_ms: u64,
    /// A shorter cooling time that was set and does not apply yet.
    #[record(update, columns("shorter_ms", "shorter_from"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorter: Option<ShorterCooling>,
    /// The number of its entries.
    #[record(update)]
    pub entries: u64,
    /// Increases with each change.
    #[record(next_version)]
    #[serde(skip)]
    pub version: u64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
}

store::named!(List, ListId, Error, "list");

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record, ToSchema)]
#[record(table = "policy_list_entry")]
#[serde(rename_all = "camelCase")]
pub struct ListEntry {
    pub id: ListEntryId,
    #[serde(skip)]
    pub(crate) list: ListId,
    pub chain: ChainId,
    /// The account, or the contract whose function may be called.
    pub address: String,
    /// The selector of the function. Absent in a list of accounts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selector: String,
    /// The signature of the function, if it was added by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    pub note: String,
    #[serde(rename = "added")]
    pub added_at: Time,
    pub added_by: String,
    /// The entry counts from then on.
    #[serde(rename = "active")]
    pub active_at: Time,
}

/// What an entry is about: unique within a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, store::Record)]
pub(crate) struct EntryKey {
    pub(crate) chain: ChainId,
    pub(crate) address: String,
    pub(crate) selector: String,
}

/// Selects entries of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EntryFilter {
    /// Only entries on this chain.
    pub chain: Option<ChainId>,
    /// Only entries of this account or contract.
    pub address: Option<String>,
    /// Only entries that count (`true`), or that do not count yet (`false`).
    pub active: Option<bool>,
}

/// Insert entries that the list does not have.
pub(crate) fn insert(tx: &mut Tx, entries: &[ListEntry]) -> Result<u64> {
    ListEntry::insert(tx, entries, "")
}

/// The entries of a list with these keys.
pub(crate) fn with_keys(tx: &mut Tx, list: ListId, keys: &[EntryKey]) -> Result<Vec<ListEntry>> {
    let columns = ListEntry::columns_of("e");
    let keys: Vec<(String, String, String)> = (keys.iter())
        .map(|key| {
            (
                key.chain.to_string(),
                key.address.clone(),
                key.selector.clone(),
            )
        })
        .collect();
    tx.query_rows(
        &format!(
            "SELECT {columns} FROM policy_list_entry e
              WHERE e.namespace = ?ns AND e.list = ?1
                AND (e.chain, e.address, e.selector) IN ({{rows}})"
        ),
        (list,),
        &keys,
    )
}

/// When the entry of a list with this key counts; none if the list does not have it.
pub(crate) fn active_at(tx: &mut Tx, list: ListId, key: &EntryKey) -> Result<Option<Time>> {
    let EntryKey {
        chain,
        address,
        selector,
    } = key;
    tx.value(
        "SELECT active_at FROM policy_list_entry
          WHERE namespace = ?ns AND list = ?list AND chain = ?chain AND address = ?address
            AND selector = ?selector",
        params! { list, chain, address, selector },
    )
}

/// A page of the entries of a list, in the order of their ids.
pub(crate) fn entries(
    tx: &mut Tx,
    list: ListId,
    filter: &EntryFilter,
    page: &Page,
) -> Result<Vec<ListEntry>> {
    let now = tx.now();
    let chain = filter
        .chain
        .map(|chain| chain.to_string())
        .unwrap_or_default();
    let address = filter.address.as_deref().unwrap_or_default();
    let after = page.after.as_deref().unwrap_or_default();
    let (limit, skip) = (page.limit, page.skip);
    let active = match filter.active {
        None => "",
        Some(true) => "AND active_at <= ?now",
        Some(false) => "AND active_at > ?now",
    };
    let sql = ListEntry::select(&format!(
        "WHERE namespace = ?ns AND list = ?list AND id > ?after
           AND (?chain = '' OR chain = ?chain) AND (?address = '' OR address = ?address) {active}
         ORDER BY id LIMIT ?limit OFFSET ?skip"
    ));
    let selected = params! { list, chain, address, after, limit, skip };
    match filter.active {
        None => tx.rows(&sql, selected),
        Some(_) => tx.rows(&sql, selected.and(params! { now })),
    }
}

/// Delete an entry and return it.
pub(crate) fn take(tx: &mut Tx, list: ListId, id: ListEntryId) -> Result<Option<ListEntry>> {
    let sql = ListEntry::select("WHERE namespace = ?ns AND list = ?1 AND id = ?2");
    let entry = tx.row(&sql, (list, id))?;
    tx.execute(
        "DELETE FROM policy_list_entry WHERE namespace = ?ns AND list = ?1 AND id = ?2",
        (list, id),
    )?;
    Ok(entry)
}

/// Let the entries that do not count yet wait for a longer time after they were added.
pub(crate) fn prolong(tx: &mut Tx, list: ListId, cooling_ms: u64) -> Result<u64> {
    let micros = cooling_ms * 1_000;
    let now = tx.now();
    tx.execute(
        "UPDATE policy_list_entry SET active_at = added_at + ?micros
          WHERE namespace = ?ns AND list = ?list AND active_at > ?now
            AND active_at < added_at + ?micros",
        params! { list, micros, now },
    )
}
