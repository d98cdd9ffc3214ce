//! Deletion, which is limited to objects that nothing refers to.

use super::read::load_object;
use crate::balance::{self, Deltas};
use crate::object::Object;
use crate::table::transfer::RowKey;
use crate::{Data, Error, Result, Type, facts, table};
use store::Tx;
use types::Principal;

/// Delete an object. Deleting a transfer reverts its effect on balances.
///
/// Errors: `data.unknown_object` (404), `data.referenced` (409), `data.immutable_transfer` (409)
/// for a transfer that came from a chain.
pub async fn delete(data: &Data, principal: &Principal, kind: Type, reference: &str) -> Result<()> {
    let default_chain = data.default_chain(&principal.namespace);
    data.on()
        .write_as(
            principal,
            reference.to_owned(),
            move |tx, principal, reference| {
                let object = load_object(tx, &default_chain, kind, reference)?;
                if let Some(by) = referrer(tx, &object)? {
                    return Err(Error::Referenced {
                        kind,
                        key: reference.clone(),
                        by,
                    });
                }
                if kind == Type::Transfer {
                    revert_balances(tx, &object)?;
                }
                remove(tx, &object)?;
                facts::deleted(tx, principal, &object);
                Ok(())
            },
        )
        .await
}

/// The type of an object that refers to this one, if any.
fn referrer(tx: &mut Tx, object: &Object) -> Result<Option<String>> {
    let by_id: &[(Type, &str)] = match object.kind() {
        Type::Collection => &[(Type::Asset, "collection_id")],
        Type::Asset => &[
            (Type::Pool, "asset_id"),
            (Type::Nft, "asset_id"),
            (Type::Fragment, "asset_id"),
        ],
        Type::Activity => &[(Type::Event, "activity_id")],
        _ => &[],
    };
    let parents = [
        (Type::Transfer, "parent_id"),
        (Type::Event, "parent_id"),
        (Type::Data, "parent_id"),
    ];
    for (kind, column) in by_id.iter().chain(&parents) {
        if table::object::is_referenced(tx, kind.schema(), column, object.id())? {
            return Ok(Some(kind.to_string()));
        }
    }
    if object.kind() == Type::Address {
        let (chain, address) = (object.text("chain").unwrap_or_default(), object.name());
        for kind in [Type::Pool, Type::Nft, Type::Fragment] {
            if table::object::exists_at_address(tx, kind.schema(), chain, address)? {
                return Ok(Some(kind.to_string()));
            }
        }
    }
    Ok(None)
}

fn revert_balances(tx: &mut Tx, transfer: &Object) -> Result<()> {
    if transfer.text("source").is_some() {
        return Err(Error::ImmutableTransfer {
            field: "transfer".to_owned(),
            key: transfer.name().to_owned(),
        });
    }
    let row = RowKey::of(transfer);
    let changes = balance::explicit_changes(tx, [transfer])?;
    let mut deltas = Deltas::default();
    deltas.subtract(transfer, changes.get(&row));
    table::transfer::delete_changes(tx, &[row])?;
    Ok(deltas.flush(tx)?)
}

fn remove(tx: &mut Tx, object: &Object) -> Result<()> {
    let (schema, ids) = (object.schema, [object.id()]);
    table::label::delete(tx, schema.kind.singular(), &ids)?;
    table::metadata::delete_objects(tx, schema.kind.singular(), &ids)?;
    table::balance::delete(tx, object.id())?;
    table::object::delete(tx, schema, object.id())?;
    Ok(())
}
