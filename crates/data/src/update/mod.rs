//! Writing the model: the bulk update, which every other write goes through as well.
//!
//! All or nothing, in one transaction. References may point to anything that is there or in the
//! same batch, in any order. Repeats of a key apply in list order. Fields that Florin sets itself
//! (`id`, `created`, …) may be sent back and are ignored; unknown ones are refused. In an update an
//! explicit `null` clears a field; elsewhere it counts as not given. A label whose value is `null`
//! is taken away.
//!
//! A transfer that came from a chain keeps what the chain said (`from`, `to`, `amount`); anything
//! else of it may be set.

mod answer;
mod entries;
mod given;
mod input;
mod movements;
mod resolve;
mod stage;
mod write;

pub use answer::{BulkAnswer, Listed, Outcome};
pub(crate) use given::Given;
pub(crate) use input::{Input, MAX_NAME, check_key};
pub(crate) use resolve::one;
pub(crate) use stage::Target;
pub(crate) use stage::labels_of;
pub(crate) use write::{write, write_one};

/// The objects of a batch, for the facts about them.
pub(crate) type Staging = stage::Stage;

/// An object that a batch changed: the object, its given balance changes, whether it is new.
pub(crate) type Changed<'s> = (
    &'s crate::object::Object,
    Option<&'s Vec<crate::table::transfer::Given>>,
    bool,
);

/// The objects that a batch changed, in its order.
pub(crate) fn changed(stage: &Staging) -> impl Iterator<Item = Changed<'_>> {
    let changed = stage.staged.iter().filter(|staged| staged.is_changed());
    changed.map(|staged| (&staged.after, staged.rows.as_ref(), staged.is_new()))
}

use crate::object::is_nobody;
use crate::{Data, Error, Result, Type, json};
use store::Tx;
use types::{ChainId, Height, Principal, Time};

/// Items of one bulk update.
pub const MAX_ITEMS: usize = 10_000;

/// What to do with an object that is, or is not, there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateType {
    /// Create; there already: refused.
    CreateOnly,
    /// Create; there already: left alone.
    CreateOrIgnore,
    /// Create, or set the given fields. What is meant where nothing is said.
    CreateOrUpdate,
    /// Create, or replace the content.
    CreateOrReplace,
    /// Set the given fields; not there: refused.
    UpdateOnly,
}

impl UpdateType {
    fn parse(text: &str, path: &str) -> Result<Self> {
        Ok(match text {
            "create_only" => Self::CreateOnly,
            "create_or_ignore" => Self::CreateOrIgnore,
            "create_or_update" => Self::CreateOrUpdate,
            "create_or_replace" => Self::CreateOrReplace,
            "update_only" => Self::UpdateOnly,
            _ => {
                let known = "expected create_only, create_or_ignore, create_or_update, create_or_replace or update_only";
                return Err(Error::invalid(path, known));
            }
        })
    }
}

/// A bulk update that was read and checked, ready for a transaction.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) inputs: Vec<Input>,
    pub(crate) home: ChainId,
}

/// Read and check a bulk update (section 5 of the model: `PUT /bulk/datamodel`), outside a
/// transaction.
///
/// Errors: `data.body`, `data.unknown_field`, `data.invalid`, `data.too_many`, each naming the
/// field.
pub fn prepare_update(data: &Data, who: &Principal, body: &str) -> Result<Prepared> {
    let home = data.home(&who.namespace);
    let mut inputs = Vec::new();
    let lists = json::body(body)?;
    if let Some((name, _)) = lists.iter().find(|(name, _)| writable(name).is_none()) {
        return Err(Error::UnknownField {
            field: name.clone(),
        });
    }
    for kind in Type::WRITABLE {
        let Some((name, list)) = lists.iter().find(|(name, _)| name == kind.plural()) else {
            continue;
        };
        if json::is_null(list) {
            continue;
        }
        for (place, item) in json::array(list, name)?.iter().enumerate() {
            inputs.push(Input::parse(kind, item, format!("{name}[{place}]"), &home)?);
            if inputs.len() > MAX_ITEMS {
                return Err(Error::TooMany {
                    field: name.clone(),
                    limit: MAX_ITEMS,
                });
            }
        }
    }
    Ok(Prepared { inputs, home })
}

fn writable(name: &str) -> Option<Type> {
    Type::WRITABLE
        .into_iter()
        .find(|kind| kind.plural() == name)
}

/// Write a prepared update in the transaction of the caller.
///
/// Errors: `data.bad_reference` (its message holds `KA090801`), `data.ambiguous`, `data.exists`,
/// `data.nothing_to_update`, `data.invalid`, `data.on_chain`.
pub fn write_update(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    prepared: &Prepared,
) -> Result<BulkAnswer> {
    write(tx, who, &prepared.inputs, &prepared.home)
}

/// Apply a bulk update: read, check, write, all or nothing.
pub async fn bulk_update(data: &Data, who: &Principal, body: &str) -> Result<BulkAnswer> {
    let prepared = prepare_update(data, who, body)?;
    let who = who.clone();
    data.db
        .on(&data.lease)
        .write(&who.namespace.clone(), move |tx| {
            write_update(tx, &who, &prepared)
        })
        .await
}

/// What a transfer is by who gives and who gets.
pub(crate) fn derived_type(from: &str, to: &str) -> &'static str {
    match (is_nobody(from), is_nobody(to)) {
        (true, false) => "mint",
        (false, true) => "burn",
        _ => "transfer",
    }
}

/// Where a transfer stands in the history of its pool: by its place on the chain where its protocol
/// id tells one (`block/transaction/log`, zero-padded or not), else behind all those, by when it
/// was written.
pub(crate) fn position(protocol_id: &str, at: Time) -> String {
    place(protocol_id).unwrap_or_else(|| format!("~{:020}/{protocol_id}", at.micros()))
}

/// The same for what a block holds: never outside that block.
pub(crate) fn position_in(height: Height, protocol_id: &str) -> String {
    let block = first_position(height);
    place(protocol_id)
        .filter(|place| place.starts_with(&block))
        .unwrap_or_else(|| format!("{block}~{protocol_id}"))
}

/// The lowest position of a block.
pub(crate) fn first_position(height: Height) -> String {
    format!("{:018}/", height.0)
}

fn place(protocol_id: &str) -> Option<String> {
    let parts: Vec<&str> = protocol_id.split('/').collect();
    let is_number = |part: &&str| {
        (1..=18).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if parts.len() < 3 || !parts[..3].iter().all(is_number) {
        return None;
    }
    let rest: String = parts[3..]
        .iter()
        .map(|part| format!("/{part:0>6}"))
        .collect();
    let block = parts[0].trim_start_matches('0');
    Some(format!(
        "{block:0>18}/{:0>12}/{:0>12}{rest}",
        parts[1], parts[2]
    ))
}
