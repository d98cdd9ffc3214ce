//! Create, replace and update single objects, each as a bulk update of one item.

use super::read::{load_object, object};
use crate::object::Object;
use crate::update::{self, Input, InputValue, Target, UpdateType};
use crate::view::View;
use crate::{Data, Error, Result, Type, ids};
use serde_json::value::RawValue;
use store::Cell;
use types::{ChainId, Principal};

/// Create an object.
///
/// Errors: `data.already_exists` (409), and those of [`crate::bulk_update`].
pub async fn create(data: &Data, principal: &Principal, kind: Type, body: &str) -> Result<View> {
    check_writable(kind)?;
    let default_chain = data.default_chain(&principal.namespace);
    let mut input = Input::parse(kind, &raw(body)?, String::new(), &default_chain)?;
    input.mode = UpdateType::CreateOnly;
    write(data, principal, input).await
}

/// Balances and balance changes are computed and cannot be written.
fn check_writable(kind: Type) -> Result<()> {
    if Type::WRITABLE.contains(&kind) {
        Ok(())
    } else {
        Err(Error::unknown_field(kind.plural()))
    }
}

/// Create or replace an object. A reference by name creates a missing object. A reference by id
/// replaces the object, and renames it if the body has another name.
///
/// Errors: `data.unknown_object` for an unknown id, and those of [`crate::bulk_update`].
pub async fn put(
    data: &Data,
    principal: &Principal,
    kind: Type,
    reference: &str,
    body: &str,
) -> Result<View> {
    check_writable(kind)?;
    let body = raw(body)?;
    let by_id = ids::is_id(reference);
    let default_chain = data.default_chain(&principal.namespace);
    let mut input = match target(data, principal, kind, reference).await {
        Ok(object) => input_for(&body, reference, &object, &default_chain)?,
        Err(Error::UnknownObject { .. }) if !by_id => {
            let mut input = Input::parse(kind, &body, String::new(), &default_chain)?;
            apply_path_name(&mut input, reference)?;
            input
        }
        Err(error) => return Err(error),
    };
    input.mode = UpdateType::CreateOrReplace;
    write(data, principal, input).await
}

/// Update the given fields of an object. Labels are merged; `info` is replaced as a whole.
///
/// Errors: `data.unknown_object` (404), and those of [`crate::bulk_update`].
pub async fn patch(
    data: &Data,
    principal: &Principal,
    kind: Type,
    reference: &str,
    body: &str,
) -> Result<View> {
    let object = target(data, principal, kind, reference).await?;
    let default_chain = data.default_chain(&principal.namespace);
    let mut input = input_for(&raw(body)?, reference, &object, &default_chain)?;
    input.mode = UpdateType::UpdateOnly;
    write(data, principal, input).await
}

fn raw(body: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(body.to_owned()).map_err(|error| Error::InvalidBody {
        reason: error.to_string(),
    })
}

async fn target(data: &Data, principal: &Principal, kind: Type, reference: &str) -> Result<Object> {
    let default_chain = data.default_chain(&principal.namespace);
    let object = data
        .db()
        .read_with(
            &principal.namespace,
            reference.to_owned(),
            move |tx, reference| load_object(tx, &default_chain, kind, reference),
        )
        .await?;
    if object.is_set("reverted") && kind == Type::Transfer {
        return Err(Error::ImmutableTransfer {
            field: kind.to_string(),
            key: object.name().to_owned(),
        });
    }
    Ok(object)
}

/// Parse an input for a stored object. If the body names no chain, the object's chain applies.
fn input_for(
    body: &RawValue,
    reference: &str,
    object: &Object,
    default_chain: &ChainId,
) -> Result<Input> {
    let has_chain = object.schema.has("chain");
    let chain = has_chain.then(|| object.text("chain")?.parse().ok());
    let chain: Option<ChainId> = chain.flatten();
    let item_chain = chain.unwrap_or(*default_chain);
    let mut input = Input::parse(object.kind(), body, String::new(), &item_chain)?;
    if chain.is_none() {
        input.values.retain(|(column, _)| *column != "chain");
    }
    input.target = Some(Target {
        id: object.id().to_owned(),
    });
    if !ids::is_id(reference) {
        check_name(&input, object)?;
    }
    Ok(input)
}

/// Reject a body whose name differs from the name in the path.
fn check_name(input: &Input, object: &Object) -> Result<()> {
    let column = if input.kind == Type::Transfer {
        "protocol_id"
    } else {
        "name"
    };
    match input.value(column) {
        Some(InputValue::Cell(Cell::Text(name))) if name != object.name() => Err(Error::invalid(
            object.schema.column(column).name,
            "must be the name in the path",
        )),
        _ => Ok(()),
    }
}

/// Give a new object the name in the path.
fn apply_path_name(input: &mut Input, reference: &str) -> Result<()> {
    let (chain, rest) = match reference.split_once('/') {
        Some((first, rest)) if input.kind.is_on_chain() && first.parse::<ChainId>().is_ok() => {
            (Some(first), rest)
        }
        _ => (None, reference),
    };
    match input.kind {
        Type::Address => set_key_part(input, "address", rest)?,
        Type::Transfer => set_key_part(input, "protocol_id", rest)?,
        kind if kind.is_qualified() => match rest.split_once('/') {
            Some((address, name)) => {
                set_key_part(input, "address", address)?;
                set_key_part(input, "name", name)?;
            }
            None => set_key_part(input, "name", rest)?,
        },
        _ => set_key_part(input, "name", reference)?,
    }
    let chain = chain.map_or_else(|| input.chain.clone(), str::to_owned);
    input.set_chain(&chain);
    Ok(())
}

fn set_key_part(input: &mut Input, column: &'static str, text: &str) -> Result<()> {
    let field = input.kind.schema().column(column).name;
    update::check_key(input.kind, column, text, field)?;
    if text.len() > update::MAX_NAME || text.contains('\0') {
        return Err(Error::invalid(
            field,
            format!("must have at most {} bytes and no NUL", update::MAX_NAME),
        ));
    }
    let same = |existing: &str| {
        existing == text || column == "address" && existing.eq_ignore_ascii_case(text)
    };
    match input.text(column) {
        Some(existing) if !same(existing) => {
            Err(Error::invalid(field, "must be the name in the path"))
        }
        Some(_) => Ok(()),
        None => {
            input.put(column, InputValue::text(text));
            Ok(())
        }
    }
}

async fn write(data: &Data, principal: &Principal, input: Input) -> Result<View> {
    let (kind, default_chain) = (input.kind, data.default_chain(&principal.namespace));
    let id = data
        .on()
        .write_as(principal, input, move |tx, principal, input| {
            update::write_one(tx, principal, input, &default_chain)
        })
        .await?;
    object(data, principal, kind, &id).await
}
