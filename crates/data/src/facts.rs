//! Facts about objects: `data.<type>.created`, `.updated` and `.deleted`, each with the object as
//! of that change.
//!
//! Data model listeners consume `data.event.created`. Replacing an event is an update and notifies
//! no listener.

use crate::Type;
use crate::balance::put_balance_changes;
use crate::object::Object;
use crate::table::transfer::ChangeRow;
use crate::view::{ViewContext, render};
use store::{Fact, Tx};
use types::Principal;

/// An object that a batch changed.
pub(crate) struct Changed<'a> {
    pub(crate) object: &'a Object,
    /// Its explicit balance changes.
    pub(crate) changes: Option<&'a Vec<ChangeRow>>,
    pub(crate) is_new: bool,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Created,
    Updated,
    Deleted,
}

macro_rules! fact_types {
    ($($kind:ident = $name:literal),*) => {
        fn fact_type(kind: Type, change: Change) -> &'static str {
            match (kind, change) {
                $(
                    (Type::$kind, Change::Created) => concat!("data.", $name, ".created"),
                    (Type::$kind, Change::Updated) => concat!("data.", $name, ".updated"),
                    (Type::$kind, Change::Deleted) => concat!("data.", $name, ".deleted"),
                )*
            }
        }
    };
}
fact_types!(
    Collection = "collection",
    Asset = "asset",
    Address = "address",
    Activity = "activity",
    Pool = "pool",
    Nft = "nft",
    Fragment = "fragment",
    Data = "data",
    Transfer = "transfer",
    Event = "event",
    Balance = "balance",
    BalanceChange = "balanceChange"
);

fn fact(object: &Object, changes: Option<&Vec<ChangeRow>>, change: Change) -> Fact {
    let mut view = render(object, &ViewContext::default());
    if object.kind() == Type::Transfer {
        put_balance_changes(object, changes, &mut view);
    }
    Fact::new(fact_type(object.kind(), change), 1)
        .subject(&object.id(), object.version())
        .payload(&serde_json::json!({ "type": object.kind().singular(), "object": view }))
}

/// Append the creation of objects that a block brought.
pub(crate) fn created(tx: &mut Tx, objects: &[Object]) {
    objects
        .iter()
        .for_each(|object| tx.append(fact(object, None, Change::Created)));
}

/// Append the update of objects that a block brought.
pub(crate) fn updated(tx: &mut Tx, objects: &[Object]) {
    objects
        .iter()
        .for_each(|object| tx.append(fact(object, None, Change::Updated)));
}

pub(crate) fn deleted(tx: &mut Tx, principal: &Principal, object: &Object) {
    tx.append(fact(object, None, Change::Deleted).actor(principal));
}

/// Append what a batch created and updated.
pub(crate) fn batch<'a>(
    tx: &mut Tx,
    principal: &Principal,
    changed: impl Iterator<Item = Changed<'a>>,
) {
    for changed in changed {
        let change = if changed.is_new {
            Change::Created
        } else {
            Change::Updated
        };
        tx.append(fact(changed.object, changed.changes, change).actor(principal));
    }
}
