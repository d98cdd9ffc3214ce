//! Deleting: only what nobody refers to.

use super::read::stored;
use crate::balance::{self, Deltas, row_key};
use crate::object::Object;
use crate::{Data, Error, Result, Type, facts, table};
use store::Tx;
use types::Principal;

/// Delete an object. A transfer's effects on balances are undone with it.
///
/// Errors: `data.unknown` (404), `data.referred_to` (409), `data.on_chain` (409) for what a chain
/// said.
pub async fn delete(data: &Data, who: &Principal, kind: Type, reference: &str) -> Result<()> {
    let (who, home, reference) = (who.clone(), data.home(&who.namespace), reference.to_owned());
    data.db
        .on(&data.lease)
        .write(&who.namespace.clone(), move |tx| {
            let object = stored(tx, &home, kind, &reference)?;
            if let Some(by) = referrer(tx, &object)? {
                return Err(Error::ReferredTo {
                    kind,
                    key: reference.clone(),
                    by,
                });
            }
            if kind == Type::Transfer {
                undo(tx, &object)?;
            }
            remove(tx, &object)?;
            facts::deleted(tx, &who, &object);
            Ok(())
        })
        .await
}

/// What refers to an object, if anything does.
fn referrer(tx: &mut Tx<'_, '_>, object: &Object) -> Result<Option<String>> {
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
        if table::object::refers(tx, kind.shape(), column, object.id())? {
            return Ok(Some(format!("some {kind}")));
        }
    }
    if object.kind() == Type::Address {
        let (chain, address) = (object.text("chain").unwrap_or_default(), object.name());
        for kind in [Type::Pool, Type::Nft, Type::Fragment] {
            if table::object::stands_at(tx, kind.shape(), chain, address)? {
                return Ok(Some(format!("some {kind}")));
            }
        }
    }
    Ok(None)
}

fn undo(tx: &mut Tx<'_, '_>, transfer: &Object) -> Result<()> {
    if transfer.text("source").is_some() {
        return Err(Error::OnChain {
            field: "transfer".to_owned(),
            key: transfer.name().to_owned(),
        });
    }
    let row = row_key(transfer);
    let changes = balance::load(tx, std::slice::from_ref(&row))?;
    let mut deltas = Deltas::default();
    deltas.uncount(transfer, changes.get(&row));
    table::transfer::clear_changes(tx, &[row])?;
    Ok(deltas.settle(tx)?)
}

fn remove(tx: &mut Tx<'_, '_>, object: &Object) -> Result<()> {
    let (shape, ids) = (object.shape, [(object.id().to_owned(),)]);
    table::label::clear(tx, shape.kind.singular(), &ids)?;
    table::metadata::clear(tx, shape.kind.singular(), &ids)?;
    table::balance::forget(tx, object.id())?;
    table::object::delete(tx, shape, object.id())?;
    Ok(())
}
