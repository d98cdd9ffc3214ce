//! Read a single object.

use crate::object::Object;
use crate::update::resolve_one;
use crate::view::{View, render};
use crate::{Data, Error, Result, Type, balance, holdings, table};
use store::Tx;
use types::{ChainId, Principal};

/// Get an object by any reference that the routes accept: id, name, address, qualified name or
/// protocol id, with `<chain>/` in front for a chain other than the default. A reverted transfer is
/// found by its id only.
///
/// Errors: `data.unknown_object` (404), `data.ambiguous_name` if several objects have the name.
pub async fn object(
    data: &Data,
    principal: &Principal,
    kind: Type,
    reference: &str,
) -> Result<View> {
    if kind == Type::Balance {
        return holdings::balance(data, principal, reference).await;
    }
    data.read_snapshot(
        &principal.namespace,
        reference.to_owned(),
        move |tx, snapshot, reference| {
            let objects = [load_object(tx, &snapshot.default_chain, kind, reference)?];
            let context = snapshot.view_context(tx, &objects)?;
            let mut items = objects.each_ref().map(|object| render(object, &context));
            if kind == Type::Transfer {
                balance::add_balance_changes(tx, &objects, &mut items)?;
            }
            let [item] = items;
            Ok(item)
        },
    )
    .await
}

/// Load the object that a reference resolves to.
pub(super) fn load_object(
    tx: &mut Tx,
    default_chain: &ChainId,
    kind: Type,
    reference: &str,
) -> Result<Object> {
    let unknown = || Error::unknown_object(kind, reference);
    let id = match resolve_one(tx, default_chain, kind, reference) {
        Ok(id) => id,
        Err(Error::UnknownObject { .. }) if kind == Type::Transfer => {
            return table::transfer::latest_reverted(tx, reference)?.ok_or_else(unknown);
        }
        Err(error) => return Err(error),
    };
    table::object::by_ids(tx, kind.schema(), &[id])?
        .pop()
        .ok_or_else(unknown)
}
