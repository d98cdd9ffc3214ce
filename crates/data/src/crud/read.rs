//! Reading one object.

use crate::names::Names;
use crate::object::Object;
use crate::update::one;
use crate::view::{Finals, Shown, View, show};
use crate::{Data, Error, Result, Type, balance, holdings, table};
use store::Tx;
use types::{ChainId, Principal};

/// An object by what the routes accept: id, name, address, qualified name, protocol id; `<chain>/`
/// in front for another chain than usual. A transfer that no longer counts is found by its id, as
/// evidence.
///
/// Errors: `data.unknown` (404), `data.ambiguous` for a name that several have.
pub async fn get(data: &Data, who: &Principal, kind: Type, reference: &str) -> Result<View> {
    if kind == Type::Balance {
        return holdings::balance(data, who, reference).await;
    }
    let (data_, home, reference) = (
        data.clone(),
        data.home(&who.namespace),
        reference.to_owned(),
    );
    let namespace = who.namespace.clone();
    data.db
        .read_unbound(move |tx| {
            let finals = Finals::read(&data_, tx)?;
            let tx = &mut tx.bound(&namespace);
            let object = stored(tx, &home, kind, &reference)?;
            let objects = [object];
            let names = Names::load(tx, &home, &objects)?;
            let mut items = [show(
                &objects[0],
                &Shown {
                    names,
                    finals: Some(finals),
                },
            )];
            if kind == Type::Transfer {
                balance::complete(tx, &objects, &mut items)?;
            }
            let [item] = items;
            Ok(item)
        })
        .await
}

/// The stored object that a reference leads to.
pub(super) fn stored(
    tx: &mut Tx<'_, '_>,
    home: &ChainId,
    kind: Type,
    reference: &str,
) -> Result<Object> {
    let unknown = || Error::Unknown {
        kind,
        key: reference.to_owned(),
    };
    let id = match one(tx, home, kind, reference) {
        Ok(id) => id,
        Err(Error::Unknown { .. }) if kind == Type::Transfer => {
            return table::transfer::evidence(tx, reference)?.ok_or_else(unknown);
        }
        Err(error) => return Err(error),
    };
    table::object::by_ids(tx, kind.shape(), &[(id,)])?
        .pop()
        .ok_or_else(unknown)
}
