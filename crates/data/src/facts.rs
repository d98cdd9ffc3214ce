//! What the crate appends when an object changes: `data.<type>.created`, `.updated` or `.deleted`,
//! with the object as it is then.
//!
//! What listeners of new entries wait for is `data.event.created`; a replaced event is an update
//! and wakes nobody.

use crate::Type;
use crate::balance::show_changes;
use crate::object::Object;
use crate::table::transfer::Given;
use crate::update::{Staging, changed};
use crate::view::{Shown, show};
use store::{Fact, Tx};
use types::Principal;

/// The three things that happen to an object.
#[derive(Debug, Clone, Copy)]
enum Happened {
    Created,
    Updated,
    Deleted,
}

macro_rules! kinds {
    ($($kind:ident = $name:literal),*) => {
        fn kind_of(kind: Type, happened: Happened) -> &'static str {
            match (kind, happened) {
                $(
                    (Type::$kind, Happened::Created) => concat!("data.", $name, ".created"),
                    (Type::$kind, Happened::Updated) => concat!("data.", $name, ".updated"),
                    (Type::$kind, Happened::Deleted) => concat!("data.", $name, ".deleted"),
                )*
            }
        }
    };
}
kinds!(
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

fn fact(object: &Object, given: Option<&Vec<Given>>, happened: Happened) -> Fact {
    let mut shown = show(object, &Shown::default());
    if object.kind() == Type::Transfer {
        show_changes(object, given, &mut shown);
    }
    Fact::new(kind_of(object.kind(), happened), 1)
        .about(&object.id(), object.version())
        .says(&serde_json::json!({ "type": object.kind().singular(), "object": shown }))
}

/// Objects that the chain brought.
pub(crate) fn created(tx: &mut Tx<'_, '_>, objects: &[Object]) {
    objects
        .iter()
        .for_each(|object| tx.append(fact(object, None, Happened::Created)));
}

/// An object that is no more.
pub(crate) fn deleted(tx: &mut Tx<'_, '_>, who: &Principal, object: &Object) {
    tx.append(fact(object, None, Happened::Deleted).by(who));
}

/// What a batch made and changed.
pub(crate) fn of_stage(tx: &mut Tx<'_, '_>, who: &Principal, stage: &Staging) {
    for (object, given, is_new) in changed(stage) {
        let happened = if is_new {
            Happened::Created
        } else {
            Happened::Updated
        };
        tx.append(fact(object, given, happened).by(who));
    }
}
