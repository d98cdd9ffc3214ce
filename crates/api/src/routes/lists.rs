//! Lists that policies look up, and their entries.

use crate::access::chain_or_default;
use crate::resent::{Input, Resent};
use crate::routes::named::check_name;
use crate::routes::prelude::*;
use contracts::Contract;
use policy::{EntryFilter, List, ListEntry, NewEntry, NewList};
use std::collections::BTreeMap;
use types::{ChainId, ListEntryId, ListId, Principal};

permissions! {
    /// Read lists.
    ListRead = "list:read";
    /// Create and change lists, add and remove entries.
    ListWrite = "list:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_all))
        .routes(routes!(get, put))
        .routes(routes!(list_entries, add_entries))
        .routes(routes!(remove_entry))
}

impl Input for NewList {
    const READ_ONLY: &'static [&'static str] = &["id", "entries", "shorter", "created", "updated"];
}

/// Entries to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEntries {
    /// At most 10,000.
    entries: Vec<EntryInput>,
}

/// An entry to add: an account by `address`, or a call by `contract` and `selector`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EntryInput {
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    chain: Option<ChainId>,
    /// The account, in a list of accounts.
    #[serde(default)]
    address: Option<String>,
    /// The contract, in a list of calls: its address, or the name of a registered contract, which
    /// also gives the chain.
    #[serde(default)]
    contract: Option<String>,
    /// The function, in a list of calls: its selector, or its signature such as
    /// `transfer(address,uint256)`.
    #[serde(default)]
    selector: Option<String>,
    /// A remark for people.
    #[serde(default)]
    note: String,
}

impl EntryInput {
    fn into_entry(self, index: usize, chain: ChainId) -> Result<NewEntry> {
        let (address, function) = match (self.address, self.contract, self.selector) {
            (Some(address), None, None) => (address, None),
            (None, Some(contract), Some(selector)) => (contract, Some(selector)),
            _ => {
                let expected = "expected either address, or contract and selector";
                return Err(Error::field(format!("entries[{index}]"), expected));
            }
        };
        Ok(NewEntry {
            chain: self.chain.unwrap_or(chain),
            address,
            function,
            note: self.note,
        })
    }
}

/// List the lists.
///
/// Ordered by name.
#[utoipa::path(get, path = "/lists", tag = "policies", params(Paging), responses((status = 200, body = Items<List>), Problem))]
async fn list_all(
    State(app): State<App>,
    principal: Authorized<ListRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<List>>> {
    let page = paging.page()?;
    let lists = policy::lists(&app.policy, &principal, &page).await?;
    Ok(Items::after(&page, lists, |list| list.name.clone()))
}

/// Retrieve a list by name or id.
#[utoipa::path(get, path = "/lists/{list}", tag = "policies", params(("list" = String, Path)), responses((status = 200, body = List), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<ListRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<List>> {
    Ok(Json(
        policy::list(&app.policy, &principal, &name_or_id).await?,
    ))
}

/// Create or change a list.
///
/// A list keeps its name and kind, and is never deleted: its cooling time would go with it. A
/// longer cooling time applies at once, a shorter one after the previous time. Fields that are
/// absent are not changed.
#[utoipa::path(put, path = "/lists/{list}", tag = "policies", params(("list" = String, Path)), request_body = NewList,
    responses((status = 200, body = List), Problem))]
async fn put(
    State(app): State<App>,
    principal: Authorized<ListWrite>,
    Path(name_or_id): Path<String>,
    Resent(new): Resent<NewList>,
) -> Result<Json<List>> {
    check_name::<ListId>(&name_or_id, new.name.as_deref())?;
    let list = policy::put_list(&app.policy, &principal, &name_or_id, new).await?;
    Ok(Json(list))
}

/// List the entries of a list.
///
/// In the order in which they were added. `active` is the time from which an entry counts.
#[utoipa::path(get, path = "/lists/{list}/entries", tag = "policies", params(("list" = String, Path), EntryFilter, Paging),
    responses((status = 200, body = Items<ListEntry>), Problem))]
async fn list_entries(
    State(app): State<App>,
    principal: Authorized<ListRead>,
    Path(name_or_id): Path<String>,
    Filtered(filter, paging): Filtered<EntryFilter, Paging>,
) -> Result<Json<Items<ListEntry>>> {
    let page = paging.page_after_id::<ListEntryId>()?;
    let entries = policy::entries(&app.policy, &principal, &name_or_id, filter, &page).await?;
    Ok(Items::after(&page, entries, |entry| entry.id))
}

/// Add entries to a list.
///
/// Each counts after the cooling time of the list. Entries that the list has already stay as they
/// are. All of them are returned, in the order of the request.
#[utoipa::path(post, path = "/lists/{list}/entries", tag = "policies", params(("list" = String, Path)), request_body = NewEntries,
    responses((status = 200, body = Items<ListEntry>), Problem))]
async fn add_entries(
    State(app): State<App>,
    principal: Authorized<ListWrite>,
    Path(name_or_id): Path<String>,
    Body(body): Body<NewEntries>,
) -> Result<Json<Items<ListEntry>>> {
    let new = new_entries(&app, &principal, body.entries).await?;
    let added = policy::add_entries(&app.policy, &principal, &name_or_id, new).await?;
    Ok(Items::with_next(added, None))
}

async fn new_entries(
    app: &App,
    principal: &Principal,
    mut entries: Vec<EntryInput>,
) -> Result<Vec<NewEntry>> {
    resolve_names(app, principal, &mut entries).await?;
    let Some(first) = entries.first() else {
        return Ok(Vec::new());
    };
    // The default chain is needed only if an entry names none.
    let unnamed = entries.iter().find(|entry| entry.chain.is_none());
    let chain = unnamed.unwrap_or(first).chain;
    let chain = chain_or_default(app.db(), principal, chain).await?;
    let entries = entries.into_iter().enumerate();
    entries
        .map(|(index, entry)| entry.into_entry(index, chain))
        .collect()
}

/// Replaces the names of registered contracts by their addresses and chains.
async fn resolve_names(app: &App, principal: &Principal, entries: &mut [EntryInput]) -> Result<()> {
    let mut known: BTreeMap<String, Contract> = BTreeMap::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        let is_name = |contract: &&mut String| !contract.starts_with("0x");
        let Some(contract) = entry.contract.as_mut().filter(is_name) else {
            continue;
        };
        if !known.contains_key(contract) {
            let found = contracts::contract(&app.contracts, principal, contract).await?;
            known.insert(contract.clone(), found);
        }
        let found = &known[contract.as_str()];
        if entry.chain.is_some_and(|chain| chain != found.chain) {
            let why = format!("the contract is on {}", found.chain);
            return Err(Error::field(format!("entries[{index}].chain"), why));
        }
        contract.clone_from(&found.address);
        entry.chain = Some(found.chain);
    }
    Ok(())
}

/// Remove an entry from a list.
///
/// It no longer counts when this returns. If it is added again, its cooling time starts anew.
#[utoipa::path(delete, path = "/lists/{list}/entries/{id}", tag = "policies", params(("list" = String, Path), ("id" = String, Path)),
    responses((status = 204), Problem))]
async fn remove_entry(
    State(app): State<App>,
    principal: Authorized<ListWrite>,
    Path2(name_or_id, id): Path2<String, ListEntryId>,
) -> Result<StatusCode> {
    policy::remove_entry(&app.policy, &principal, &name_or_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
