//! The bulk update. Every other write is a bulk update of one item.
//!
//! A batch is atomic. References can point to stored objects or to objects of the same batch, in
//! any order. Items with the same key apply in list order. Fields that Florin sets (`id`,
//! `created`, …) can be sent back and are ignored; unknown fields are rejected. In an update an
//! explicit `null` clears a field; elsewhere it counts as not given. A label with the value `null`
//! is removed.
//!
//! A transfer that came from a chain keeps its protocol id, `from`, `to`, `amount`, `parent` and
//! balance changes; all other fields can be set. An item that describes a transfer in another pool
//! is a transfer of the caller's, even if it has the protocol id of one of the chain.

mod events;
mod input;
mod resolve;
mod result;
mod stage;
mod transfers;
mod value;
mod write;

pub(crate) use input::{Input, Target, check_key};
pub(crate) use resolve::resolve_one;
pub use result::{BulkUpdateResult, ObjectRef, UpdateOutcome};
pub(crate) use stage::labels_of;
pub(crate) use value::{InputValue, MAX_NAME};
pub(crate) use write::{write, write_one};

use crate::object::is_null_address;
use crate::{Data, Error, Result, Type, json};
use store::Tx;
use strum::VariantNames as _;
use types::{ChainId, Height, Principal, Time};

/// Items of one bulk update.
pub const MAX_ITEMS: usize = 10_000;

/// The values of `updateType`.
pub const UPDATE_TYPES: &[&str] = UpdateType::VARIANTS;

/// What to do with an existing or a missing object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum UpdateType {
    /// Create; fail if the object exists.
    CreateOnly,
    /// Create; leave an existing object unchanged.
    CreateOrIgnore,
    /// Create, or set the given fields. The default.
    CreateOrUpdate,
    /// Create, or replace the content.
    CreateOrReplace,
    /// Set the given fields; fail if the object does not exist.
    UpdateOnly,
}

impl UpdateType {
    fn parse(text: &str, path: &str) -> Result<Self> {
        text.parse().map_err(|_| {
            let known = UPDATE_TYPES.join(", ");
            Error::invalid(path, format!("expected one of {known}"))
        })
    }
}

/// A parsed and checked bulk update, ready to be written.
#[derive(Debug, Clone)]
pub struct PreparedUpdate {
    pub(crate) inputs: Vec<Input>,
    pub(crate) default_chain: ChainId,
}

/// Parse and check a bulk update (`PUT /bulk/datamodel`, section 5 of the model), outside a
/// transaction.
///
/// Errors: `data.invalid_body`, `data.unknown_field`, `data.invalid_field`, `data.limit_exceeded`.
pub fn prepare_update(data: &Data, principal: &Principal, body: &str) -> Result<PreparedUpdate> {
    let default_chain = data.default_chain(&principal.namespace);
    let mut inputs = Vec::new();
    let lists = json::body(body)?;
    if let Some((name, _)) = lists.iter().find(|(name, _)| writable(name).is_none()) {
        return Err(Error::unknown_field(name));
    }
    for kind in Type::WRITABLE {
        let Some((name, list)) = lists.iter().find(|(name, _)| name == kind.plural()) else {
            continue;
        };
        if json::is_null(list) {
            continue;
        }
        for (index, item) in json::array(list, name)?.iter().enumerate() {
            let path = format!("{name}[{index}]");
            inputs.push(Input::parse(kind, item, path, &default_chain)?);
            Error::check_limit(name, inputs.len(), MAX_ITEMS)?;
        }
    }
    Ok(PreparedUpdate {
        inputs,
        default_chain,
    })
}

fn writable(name: &str) -> Option<Type> {
    Type::WRITABLE
        .into_iter()
        .find(|kind| kind.plural() == name)
}

/// Write a prepared update in the caller's transaction.
///
/// Errors: `data.bad_reference` (its message contains `KA090801`), `data.ambiguous_name`,
/// `data.already_exists`, `data.nothing_to_update`, `data.invalid_field`,
/// `data.immutable_transfer`.
pub fn write_update(
    tx: &mut Tx,
    principal: &Principal,
    prepared: &PreparedUpdate,
) -> Result<BulkUpdateResult> {
    write(tx, principal, &prepared.inputs, &prepared.default_chain)
}

/// Parse, check and write a bulk update in one transaction.
pub async fn bulk_update(
    data: &Data,
    principal: &Principal,
    body: &str,
) -> Result<BulkUpdateResult> {
    let prepared = prepare_update(data, principal, body)?;
    data.on().write_as(principal, prepared, write_update).await
}

/// The type of a transfer, derived from its sender and recipient.
pub(crate) fn derived_type(from: &str, to: &str) -> &'static str {
    match (is_null_address(from), is_null_address(to)) {
        (true, false) => "mint",
        (false, true) => "burn",
        _ => "transfer",
    }
}

/// The sort position of a transfer in the history of its pool. A protocol id of the form
/// `block/transaction/log`, zero-padded or not, gives the position on the chain; other transfers
/// sort after those, by the time they were written.
pub(crate) fn position(protocol_id: &str, at: Time) -> String {
    chain_position(protocol_id).unwrap_or_else(|| format!("~{:020}/{protocol_id}", at.micros()))
}

/// The position of a transfer in a block, which never sorts outside that block.
pub(crate) fn position_in(height: Height, protocol_id: &str) -> String {
    let block = first_position(height);
    chain_position(protocol_id)
        .filter(|position| position.starts_with(&block))
        .unwrap_or_else(|| format!("{block}~{protocol_id}"))
}

/// The lowest position of a block.
pub(crate) fn first_position(height: Height) -> String {
    format!("{:018}/", height.0)
}

fn chain_position(protocol_id: &str) -> Option<String> {
    let parts: Vec<&str> = protocol_id.split('/').collect();
    let [block, transaction, log, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let is_number = |part: &&str| {
        (1..=18).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if ![block, transaction, log].into_iter().all(is_number) {
        return None;
    }
    let rest: String = rest.iter().map(|part| format!("/{part:0>6}")).collect();
    let block = block.trim_start_matches('0');
    Some(format!("{block:0>18}/{transaction:0>12}/{log:0>12}{rest}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_unknown_mode_is_rejected_with_the_known_ones() {
        let error = UpdateType::parse("upsert", "assets[0].updateType").unwrap_err();
        let known =
            "create_only, create_or_ignore, create_or_update, create_or_replace, update_only";
        assert!(error.to_string().contains(known), "{error}");
        for name in UpdateType::VARIANTS {
            assert!(UpdateType::parse(name, "updateType").is_ok(), "{name}");
        }
    }
}
