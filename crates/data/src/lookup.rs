//! Data lookups for policies: single values in their final state.
//!
//! `<type>.<field>` returns a field that callers can set (`address.labels`, `asset.info`,
//! `pool.standard`) of the object that the argument names. `balance.final` returns the final
//! balance for an argument `<address>@<pool>`. Values that a pending block can still change, such
//! as the owner of an NFT, are not available. A missing object or value gives no result, which
//! policies treat as a denial.

use crate::names::Names;
use crate::object::normalize_address;
use crate::pending;
use crate::update::resolve_one;
use crate::view::{ViewContext, render};
use crate::{Data, Error, Result, Type, ids, table};
use types::{Json, Namespace};

/// Bytes of an argument.
const MAX_ARGUMENT: usize = 1_024;

/// Look up a value. Errors: `data.unknown_field` for an unknown lookup name, `data.invalid` for a
/// malformed argument.
pub async fn lookup(
    data: &Data,
    namespace: &Namespace,
    name: &str,
    argument: &str,
) -> Result<Option<Json>> {
    if argument.len() > MAX_ARGUMENT || argument.contains('\0') {
        return Err(Error::invalid("argument", "is too long or contains NUL"));
    }
    let value = match name {
        "balance.final" => final_balance(data, namespace, argument).await,
        _ => field(data, namespace, name, argument).await,
    };
    match value {
        Err(Error::UnknownObject { .. } | Error::Ambiguous { .. }) => Ok(None),
        value => value,
    }
}

async fn field(
    data: &Data,
    namespace: &Namespace,
    name: &str,
    argument: &str,
) -> Result<Option<Json>> {
    let unknown = || Error::unknown_field(name);
    let (kind, field) = name.split_once('.').ok_or_else(unknown)?;
    let kind = Type::from_singular(kind).ok_or_else(unknown)?;
    let field_name = kind
        .schema()
        .field(field)
        .filter(|field| field.input && field.is_stored() && field.column != "active");
    let field_name = field_name.ok_or_else(unknown)?.name;
    let default_chain = data.default_chain(namespace);
    data.db()
        .read_with(namespace, argument.to_owned(), move |tx, argument| {
            let id = resolve_one(tx, &default_chain, kind, argument)?;
            let Some(object) = table::object::by_ids(tx, kind.schema(), &[id])?.pop() else {
                return Ok(None);
            };
            let context = ViewContext {
                names: Names::load(tx, &default_chain, [&object])?,
                final_heights: None,
            };
            Ok(render(&object, &context).get(field_name).cloned())
        })
        .await
}

async fn final_balance(data: &Data, namespace: &Namespace, argument: &str) -> Result<Option<Json>> {
    let Some((address, pool)) = argument.split_once('@') else {
        return Err(Error::invalid("argument", "expected <address>@<pool>"));
    };
    data.read_snapshot(
        namespace,
        (address.to_owned(), pool.to_owned()),
        |tx, snapshot, (address, pool)| {
            let pool = [resolve_one(tx, &snapshot.default_chain, Type::Pool, pool)?];
            let Some(object) = table::object::by_ids(tx, Type::Pool.schema(), &pool)?.pop() else {
                return Ok(None);
            };
            let chain = object.text("chain").unwrap_or_default();
            let address = normalize_address(chain, address);
            let id = ids::of_balance(chain, &address, &pool[0]);
            let Some(balance) = table::balance::by_id(tx, &id)? else {
                return Ok(Json::parse("\"0\""));
            };
            let mut items = [render(&balance, &ViewContext::default())];
            pending::add_final_balances(tx, &snapshot.final_heights, &[balance], &mut items)?;
            Ok(items[0].get("balanceFinal").cloned())
        },
    )
    .await
}
