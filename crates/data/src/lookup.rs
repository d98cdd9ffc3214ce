//! What policy may ask of the model: single data by name, in their final state.
//!
//! `<type>.<field>` gives a field that people set (`address.labels`, `asset.info`,
//! `pool.standard`), for the object that the argument names. `balance.final` gives what an address
//! surely has: its argument is `<address>@<pool>`. What a pending block may still take back, such
//! as the owner of an NFT, cannot be asked for. No object, or nothing there: no answer, which
//! policy takes for a no.

use crate::holdings;
use crate::names::Names;
use crate::update::one;
use crate::view::{Finals, Shown, show};
use crate::{Data, Error, Result, Type, ids, table};
use types::{Json, Namespace};

/// The longest argument.
const MAX_ARGUMENT: usize = 1_024;

/// Look a datum up. Errors: `data.unknown_field` for a name that is none, `data.invalid` for an
/// argument that cannot be.
pub async fn lookup(
    data: &Data,
    namespace: &Namespace,
    name: &str,
    argument: &str,
) -> Result<Option<Json>> {
    if argument.len() > MAX_ARGUMENT || argument.contains('\0') {
        return Err(Error::invalid(
            "argument",
            "is too long, or holds the character NUL",
        ));
    }
    let found = match name {
        "balance.final" => final_balance(data, namespace, argument).await,
        _ => field(data, namespace, name, argument).await,
    };
    match found {
        Err(Error::Unknown { .. } | Error::Ambiguous { .. }) => Ok(None),
        other => other,
    }
}

async fn field(
    data: &Data,
    namespace: &Namespace,
    name: &str,
    argument: &str,
) -> Result<Option<Json>> {
    let unknown = || Error::UnknownField {
        field: name.to_owned(),
    };
    let (kind, field) = name.split_once('.').ok_or_else(unknown)?;
    let kind = Type::from_singular(kind).ok_or_else(unknown)?;
    let said = kind
        .shape()
        .field(field)
        .filter(|field| field.input && field.column != "active");
    let said = said.ok_or_else(unknown)?.name;
    let (home, argument) = (data.home(namespace), argument.to_owned());
    data.db
        .read(namespace, move |tx| {
            let id = one(tx, &home, kind, &argument)?;
            let objects = table::object::by_ids(tx, kind.shape(), &[(id,)])?;
            let names = Names::load(tx, &home, &objects)?;
            let view = objects.first().map(|object| {
                show(
                    object,
                    &Shown {
                        names,
                        finals: None,
                    },
                )
            });
            Ok(view.and_then(|view| view.get(said).cloned()))
        })
        .await
}

async fn final_balance(data: &Data, namespace: &Namespace, argument: &str) -> Result<Option<Json>> {
    let Some((address, pool)) = argument.split_once('@') else {
        return Err(Error::invalid("argument", "expected <address>@<pool>"));
    };
    let (engine, home, namespace) = (data.clone(), data.home(namespace), namespace.clone());
    let (address, pool) = (address.to_owned(), pool.to_owned());
    data.db
        .read_unbound(move |tx| {
            let finals = Finals::read(&engine, tx)?;
            let tx = &mut tx.bound(&namespace);
            let pool = one(tx, &home, Type::Pool, &pool)?;
            let Some(object) =
                table::object::by_ids(tx, Type::Pool.shape(), &[(pool.clone(),)])?.pop()
            else {
                return Ok(None);
            };
            let chain = object.text("chain").unwrap_or_default();
            let id = ids::of_balance(chain, &crate::object::written(chain, &address), &pool);
            let Some(balance) = table::balance::by_id(tx, &id)? else {
                return Ok(Json::parse("\"0\""));
            };
            let mut items = vec![show(&balance, &Shown::default())];
            holdings::complete(tx, &finals, &[balance], &mut items)?;
            Ok(items[0].get("balanceFinal").cloned())
        })
        .await
}
