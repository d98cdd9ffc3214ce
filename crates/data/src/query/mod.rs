//! Reading the model: bulk queries, and listings by parameters.
//!
//! A condition on nothing does not hold, and its opposite (`neq`, `nin`, `not`) does. Text is
//! compared byte by byte, or without case ([`crate::fold`]); amounts, times and booleans as what
//! they are; references by name or id; addresses of EVM chains without case. Transfers that no
//! longer count are left out unless `status` is asked for, holdings of NFTs unless `parent.type`
//! is.

mod answer;
mod cursor;
mod evaluate;
mod filter;
pub(crate) mod operand;
mod page;
mod params;
mod parse;
mod settle;

pub use answer::{Listing, QueryAnswer};
pub(crate) use filter::{Check, Filter, Order, Part, Query, SortKey, Subject, Test};
use page::run;

use crate::names::Names;
use crate::view::{Finals, Shown, show};
use crate::{Data, Error, Result, Type, balance, changes, holdings, json};
use store::Tx;
use types::{ChainId, Principal};

/// Types of one bulk query are asked in one snapshot, each once.
const MAX_QUERIES: usize = 12;

/// Answer a bulk query (section 4 of the model: `POST /bulk/query`), all types in one snapshot.
///
/// Errors: `data.body`, `data.unknown_field`, `data.unknown_operator`, `data.invalid`,
/// `data.too_many`, `data.undeclared`, `data.not_indexed`.
pub async fn bulk_query(data: &Data, who: &Principal, body: &str) -> Result<QueryAnswer> {
    let mut queries = Vec::new();
    for (name, value) in json::body(body)? {
        let kind = Type::from_plural(&name).ok_or_else(|| Error::UnknownField {
            field: name.clone(),
        })?;
        if !json::is_null(&value) {
            queries.push(parse::query(kind, &value, &name)?);
        }
        if queries.len() > MAX_QUERIES {
            return Err(Error::TooMany {
                field: name,
                limit: MAX_QUERIES,
            });
        }
    }
    let kinds: Vec<Type> = queries.iter().map(|query| query.kind).collect();
    let listings = ask(data, who, queries).await?;
    Ok(QueryAnswer(kinds.into_iter().zip(listings).collect()))
}

/// List the objects of a type by the parameters of its route (section 3 of the model).
pub async fn list(
    data: &Data,
    who: &Principal,
    kind: Type,
    params: &[(String, String)],
) -> Result<Listing> {
    let query = params::query(kind, params)?;
    ask(data, who, vec![query])
        .await?
        .pop()
        .ok_or(Error::Corrupt {
            kind,
            what: "a query without an answer",
        })
}

/// A query by the parameters of a route, for others to add to.
pub(crate) fn by_params(kind: Type, params: &[(String, String)]) -> Result<Query> {
    params::query(kind, params)
}

/// Answer queries in one snapshot.
pub(crate) async fn ask(data: &Data, who: &Principal, queries: Vec<Query>) -> Result<Vec<Listing>> {
    let (engine, home, namespace) = (
        data.clone(),
        data.home(&who.namespace),
        who.namespace.clone(),
    );
    data.db
        .read_unbound(move |tx| {
            let finals = Finals::read(&engine, tx)?;
            let tx = &mut tx.bound(&namespace);
            queries
                .iter()
                .map(|query| answer(tx, &home, &finals, query))
                .collect()
        })
        .await
}

fn answer(tx: &mut Tx<'_, '_>, home: &ChainId, finals: &Finals, query: &Query) -> Result<Listing> {
    let fields = query.fields.clone();
    let found = run(tx, home, finals, query.clone())?;
    let with = Shown {
        names: Names::load(tx, home, &found.objects)?,
        finals: Some(finals.clone()),
    };
    let mut items: Vec<_> = found
        .objects
        .iter()
        .map(|object| show(object, &with))
        .collect();
    match query.kind {
        Type::Transfer => balance::complete(tx, &found.objects, &mut items)?,
        Type::Balance => holdings::complete(tx, finals, &found.objects, &mut items)?,
        Type::BalanceChange => changes::complete(tx, &found.objects, &mut items)?,
        _ => {}
    }
    if !fields.is_empty() {
        items.iter_mut().for_each(|item| item.only(&fields));
    }
    Ok(Listing::new(&found, items))
}
