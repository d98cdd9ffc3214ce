//! Making, replacing and changing one object: a bulk update of one.

use super::read::{get, stored};
use crate::object::Object;
use crate::update::{self, Input, Prepared, Target, UpdateType};
use crate::view::View;
use crate::{Data, Error, Result, Type, ids};
use serde_json::value::RawValue;
use store::Cell;
use types::{ChainId, Principal};

/// Read and check what makes one object, for [`crate::write_update`] in the caller's own
/// transaction. Its key must be free.
pub fn prepare_create(data: &Data, who: &Principal, kind: Type, body: &str) -> Result<Prepared> {
    check_writable(kind)?;
    let home = data.home(&who.namespace);
    let mut input = Input::parse(kind, &raw(body)?, String::new(), &home)?;
    input.mode = UpdateType::CreateOnly;
    Ok(Prepared {
        inputs: vec![input],
        home,
    })
}

/// Make an object. Its key must be free.
///
/// Errors: `data.exists` (409), and those of [`crate::bulk_update`].
pub async fn create(data: &Data, who: &Principal, kind: Type, body: &str) -> Result<View> {
    let mut prepared = prepare_create(data, who, kind, body)?;
    let input = prepared.inputs.pop().ok_or(Error::Corrupt {
        kind,
        what: "an input that was just read",
    })?;
    write(data, who, input).await
}

/// Computed objects are not written.
fn check_writable(kind: Type) -> Result<()> {
    if Type::WRITABLE.contains(&kind) {
        Ok(())
    } else {
        Err(Error::UnknownField {
            field: kind.plural().to_owned(),
        })
    }
}

/// Make or replace an object. By name: created if it is not there. By id: replaced, and renamed if
/// the body has another name.
///
/// Errors: `data.unknown` for an id that is not there, and those of [`crate::bulk_update`].
pub async fn put(
    data: &Data,
    who: &Principal,
    kind: Type,
    reference: &str,
    body: &str,
) -> Result<View> {
    check_writable(kind)?;
    let body = raw(body)?;
    let (by_id, home) = (ids::is_id(reference), data.home(&who.namespace));
    let input = match target(data, who, kind, reference).await {
        Ok(object) => {
            let mut input = for_target(kind, &body, &object, &home)?;
            if !by_id {
                check_name(&input, &object)?;
            }
            input.mode = UpdateType::CreateOrReplace;
            input
        }
        Err(Error::Unknown { .. }) if !by_id => {
            let mut input = Input::parse(kind, &body, String::new(), &home)?;
            name_by_path(&mut input, reference)?;
            input.mode = UpdateType::CreateOrReplace;
            input
        }
        Err(error) => return Err(error),
    };
    write(data, who, input).await
}

/// Change the given fields of an object; labels are merged, `info` is replaced as a whole.
///
/// Errors: `data.unknown` (404), and those of [`crate::bulk_update`].
pub async fn patch(
    data: &Data,
    who: &Principal,
    kind: Type,
    reference: &str,
    body: &str,
) -> Result<View> {
    let object = target(data, who, kind, reference).await?;
    let mut input = for_target(kind, &raw(body)?, &object, &data.home(&who.namespace))?;
    if !ids::is_id(reference) {
        check_name(&input, &object)?;
    }
    input.mode = UpdateType::UpdateOnly;
    write(data, who, input).await
}

fn raw(body: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(body.to_owned()).map_err(|error| Error::Body {
        why: error.to_string(),
    })
}

async fn target(data: &Data, who: &Principal, kind: Type, reference: &str) -> Result<Object> {
    let (home, reference) = (data.home(&who.namespace), reference.to_owned());
    let object = data
        .db
        .read(&who.namespace, move |tx| {
            stored(tx, &home, kind, &reference)
        })
        .await?;
    if object.is_set("reverted") && kind == Type::Transfer {
        return Err(Error::OnChain {
            field: kind.to_string(),
            key: object.name().to_owned(),
        });
    }
    Ok(object)
}

/// An input for a stored object: what it does not say of its chain is the object's.
fn for_target(kind: Type, body: &RawValue, object: &Object, home: &ChainId) -> Result<Input> {
    let chain = if object.shape.has("chain") {
        object.text("chain").and_then(|chain| chain.parse().ok())
    } else {
        None
    };
    let mut input = Input::parse(
        kind,
        body,
        String::new(),
        &chain.clone().unwrap_or_else(|| home.clone()),
    )?;
    if chain.is_none() {
        input.given.retain(|(column, _)| *column != "chain");
    }
    input.target = Some(Target {
        id: object.id().to_owned(),
    });
    Ok(input)
}

/// A body that is sent to a name has that name or none.
fn check_name(input: &Input, object: &Object) -> Result<()> {
    let column = if input.kind == Type::Transfer {
        "protocol_id"
    } else {
        "name"
    };
    match input.given.iter().find(|(known, _)| *known == column) {
        Some((_, update::Given::Cell(Cell::Text(name)))) if name != object.name() => {
            Err(Error::invalid(
                object.shape.column(column).name,
                "is not the name in the path",
            ))
        }
        _ => Ok(()),
    }
}

/// A new object is called what the path calls it.
fn name_by_path(input: &mut Input, reference: &str) -> Result<()> {
    let (chain, rest) = match reference.split_once('/') {
        Some((first, rest)) if input.kind.is_on_chain() && first.parse::<ChainId>().is_ok() => {
            (Some(first), rest)
        }
        _ => (None, reference),
    };
    match input.kind {
        Type::Address => name(input, "address", rest)?,
        Type::Transfer => name(input, "protocol_id", rest)?,
        kind if kind.is_qualified() => match rest.split_once('/') {
            Some((address, called)) => {
                name(input, "address", address)?;
                name(input, "name", called)?;
            }
            None => name(input, "name", rest)?,
        },
        _ => name(input, "name", reference)?,
    }
    let chain = chain.map_or_else(|| input.chain.clone(), str::to_owned);
    input.stand_on(&chain);
    Ok(())
}

fn name(input: &mut Input, column: &'static str, text: &str) -> Result<()> {
    let field = input.kind.shape().column(column).name;
    update::check_key(input.kind, column, text, field)?;
    if text.len() > update::MAX_NAME || text.contains('\0') {
        return Err(Error::invalid(
            field,
            format!("has at most {} bytes and no NUL", update::MAX_NAME),
        ));
    }
    let same =
        |given: &str| given == text || column == "address" && given.eq_ignore_ascii_case(text);
    match input.text(column) {
        Some(given) if !same(given) => Err(Error::invalid(field, "is not the name in the path")),
        Some(_) => Ok(()),
        None => {
            input.put(column, update::Given::Cell(Cell::Text(text.to_owned())));
            Ok(())
        }
    }
}

async fn write(data: &Data, who: &Principal, input: Input) -> Result<View> {
    let (kind, writer, home) = (input.kind, who.clone(), data.home(&who.namespace));
    let id = data
        .db
        .on(&data.lease)
        .write(&who.namespace, move |tx| {
            update::write_one(tx, &writer, &input, &home)
        })
        .await?;
    get(data, who, kind, &id).await
}
