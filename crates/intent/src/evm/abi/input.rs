//! JSON -> ABI values. Exact: no float, no rounding, no guessing. A value that does not fit is an
//! error with its path.

use super::{
    number,
    path::Path,
    token::Token,
    ty::{Param, Type},
};
use crate::{Error, Result, evm::address};
use serde_json::{Map, Value};

/// Reads arguments from a list in order or an object by name. Null means no arguments.
pub(crate) fn params(params: &[Param], input: &Value, at: &Path<'_>) -> Result<Vec<Token>> {
    match input {
        Value::Null if params.is_empty() => Ok(Vec::new()),
        Value::Array(items) => in_order(params, items, at),
        Value::Object(members) => by_name(params, members, at),
        _ => Err(at.error("expected a list, or an object by parameter name")),
    }
}

fn in_order(params: &[Param], items: &[Value], at: &Path<'_>) -> Result<Vec<Token>> {
    if params.len() != items.len() {
        return Err(at.error(format!(
            "expected {} values, found {}",
            params.len(),
            items.len()
        )));
    }
    let each = |(index, (param, item)): (usize, (&Param, &Value))| {
        value(&param.ty, item, &Path::Item(at, index))
    };
    params.iter().zip(items).enumerate().map(each).collect()
}

fn by_name(params: &[Param], members: &Map<String, Value>, at: &Path<'_>) -> Result<Vec<Token>> {
    if let Some(unknown) = members
        .keys()
        .find(|name| !params.iter().any(|param| param.name == **name))
    {
        let known: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
        return Err(Path::Member(at, unknown).error(format!(
            "there is no parameter of this name; expected {}",
            known.join(", ")
        )));
    }
    if params.iter().enumerate().any(|(index, param)| {
        param.name.is_empty()
            || params[..index]
                .iter()
                .any(|previous| previous.name == param.name)
    }) {
        return Err(at.error("some parameters have no unique name in the interface: write a list"));
    }
    let each = |param: &Param| {
        let at = Path::Member(at, &param.name);
        let member = members
            .get(&param.name)
            .ok_or_else(|| at.error(format!("it is missing; expected {}", param.ty)))?;
        value(&param.ty, member, &at)
    };
    params.iter().map(each).collect()
}

/// Reads one value.
pub(crate) fn value(ty: &Type, input: &Value, at: &Path<'_>) -> Result<Token> {
    match (ty, input) {
        (Type::Uint(bits), input) => number::uint(input, *bits)
            .map(Token::Word)
            .map_err(|why| at.error(why)),
        (Type::Int(bits), input) => number::int(input, *bits)
            .map(Token::Word)
            .map_err(|why| at.error(why)),
        (Type::Address, Value::String(text)) => account(text, at),
        (Type::Bool, input) => boolean(input).ok_or_else(|| at.error("expected true or false")),
        (Type::Fixed(size), Value::String(text)) => fixed(*size, text, at),
        (Type::Function, Value::String(text)) => fixed(24, text, at),
        (Type::Bytes, Value::String(text)) => bytes(text, at).map(Token::Bytes),
        (Type::String, Value::String(text)) => Ok(Token::Bytes(text.as_bytes().to_vec())),
        (Type::List(item), Value::Array(items)) => list(item, items, at).map(Token::List),
        (Type::Array(item, size), Value::Array(items)) if items.len() == *size => {
            list(item, items, at).map(Token::Tuple)
        }
        (Type::Array(_, size), Value::Array(items)) => {
            Err(at.error(format!("expected {size} items, found {}", items.len())))
        }
        (Type::Tuple(members), Value::Array(_) | Value::Object(_)) => {
            params(members, input, at).map(Token::Tuple)
        }
        (Type::Tuple(_), _) => Err(at.error("expected an object by name, or a list")),
        (Type::List(_) | Type::Array(..), _) => Err(at.error("expected a list")),
        (Type::String, _) => Err(at.error("expected a string")),
        (ty, _) => Err(at.error(format!("expected {ty} as a hexadecimal string with 0x"))),
    }
}

fn list(item: &Type, items: &[Value], at: &Path<'_>) -> Result<Vec<Token>> {
    items
        .iter()
        .enumerate()
        .map(|(index, input)| value(item, input, &Path::Item(at, index)))
        .collect()
}

fn account(text: &str, at: &Path<'_>) -> Result<Token> {
    let account = address::parse(text).map_err(|error| match error {
        Error::InvalidAddress { why, .. } => at.error(format!("it is not an address: {why}")),
        other => other,
    })?;
    let mut word = [0; 32];
    word[12..].copy_from_slice(&account);
    Ok(Token::Word(word))
}

fn boolean(input: &Value) -> Option<Token> {
    let value = match input {
        Value::Bool(value) => *value,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let mut word = [0; 32];
    word[31] = u8::from(value);
    Some(Token::Word(word))
}

fn fixed(size: usize, text: &str, at: &Path<'_>) -> Result<Token> {
    let bytes = bytes(text, at)?;
    if bytes.len() != size {
        return Err(at.error(format!("expected {size} bytes, found {}", bytes.len())));
    }
    let mut word = [0; 32];
    word[..size].copy_from_slice(&bytes);
    Ok(Token::Word(word))
}

fn bytes(text: &str, at: &Path<'_>) -> Result<Vec<u8>> {
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| at.error("bytes are written in hexadecimal with 0x"))?;
    hex::decode(digits).map_err(|_| at.error("these are not bytes in hexadecimal"))
}
