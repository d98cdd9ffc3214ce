//! Queries of the model: bulk queries, and listings by query parameters.
//!
//! A condition on a field without a value is false, and its negation (`neq`, `nin`, `not`) is true.
//! Text is compared byte by byte, or case-insensitively ([`crate::fold`]); amounts, times and
//! booleans by value; references by name or id; EVM addresses case-insensitively. Reverted
//! transfers are left out unless the query uses `status`, NFT balances unless it uses
//! `parent.type`.

mod cursor;
mod declared;
mod evaluate;
mod listing;
pub(crate) mod operand;
mod page;
mod params;
mod parse;

pub use listing::{BulkQueryResult, Listing};
pub use operand::{OPERATORS, Operand, OperatorInfo};
use page::execute;

use crate::engine::Snapshot;
use crate::filter::Query;
use crate::view::render;
use crate::{Data, Error, Result, Type, balance, balance_history, json, pending};
use store::Tx;
use types::Principal;

/// Queries in one bulk query; each type can occur once.
const MAX_QUERIES: usize = 12;

/// Run a bulk query (`POST /bulk/query`, section 4 of the model). All types are read in one
/// snapshot.
///
/// Errors: `data.invalid_body`, `data.unknown_field`, `data.unknown_operator`,
/// `data.invalid_field`, `data.limit_exceeded`, `data.undeclared_field`, `data.not_indexed`.
pub async fn bulk_query(data: &Data, principal: &Principal, body: &str) -> Result<BulkQueryResult> {
    let mut queries = Vec::new();
    for (name, value) in json::body(body)? {
        let kind = Type::from_plural(&name).ok_or_else(|| Error::unknown_field(&name))?;
        if !json::is_null(&value) {
            queries.push(parse::query(kind, &value, &name)?);
        }
        Error::check_limit(&name, queries.len(), MAX_QUERIES)?;
    }
    let kinds: Vec<Type> = queries.iter().map(|query| query.kind).collect();
    let listings = run_queries(data, principal, queries).await?;
    Ok(BulkQueryResult(kinds.into_iter().zip(listings).collect()))
}

/// List the objects of a type by the query parameters of its route (section 3 of the model).
pub async fn objects(
    data: &Data,
    principal: &Principal,
    kind: Type,
    params: &[(String, String)],
) -> Result<Listing> {
    let query = params::query(kind, params)?;
    run_queries(data, principal, vec![query])
        .await?
        .pop()
        .ok_or(Error::Corrupt {
            kind,
            reason: "a query without a result",
        })
}

/// Parse the query parameters of a route, for callers that add filters.
pub(crate) fn by_params(kind: Type, params: &[(String, String)]) -> Result<Query> {
    params::query(kind, params)
}

/// Run queries in one snapshot.
pub(crate) async fn run_queries(
    data: &Data,
    principal: &Principal,
    queries: Vec<Query>,
) -> Result<Vec<Listing>> {
    data.read_snapshot(&principal.namespace, queries, |tx, snapshot, queries| {
        let listings = queries.iter().map(|query| run_query(tx, snapshot, query));
        listings.collect()
    })
    .await
}

fn run_query(tx: &mut Tx, snapshot: &Snapshot, query: &Query) -> Result<Listing> {
    let page = execute(tx, snapshot, query)?;
    let context = snapshot.view_context(tx, &page.objects)?;
    let mut items: Vec<_> = (page.objects.iter())
        .map(|object| render(object, &context))
        .collect();
    match query.kind {
        Type::Transfer => balance::add_balance_changes(tx, &page.objects, &mut items)?,
        Type::Balance => {
            pending::add_final_balances(tx, &snapshot.final_heights, &page.objects, &mut items)?
        }
        Type::BalanceChange => balance_history::add_running_totals(tx, &page.objects, &mut items)?,
        _ => {}
    }
    if !query.fields.is_empty() {
        for item in &mut items {
            item.retain_fields(&query.fields);
        }
    }
    Ok(Listing::new(page, items))
}
