//! JSON -> values of the ABI. Exact: no float, no rounding, no guess; what does not fit is an error
//! that names its place.

use super::{
    number,
    path::Path,
    token::Token,
    ty::{Param, Type},
};
use crate::{Error, Result, evm::address};
use serde_json::{Map, Value};

/// Arguments, as a list in order or as an object by name. Null stands for none.
pub(crate) fn params(params: &[Param], given: &Value, at: &Path<'_>) -> Result<Vec<Token>> {
    match given {
        Value::Null if params.is_empty() => Ok(Vec::new()),
        Value::Array(items) => in_order(params, items, at),
        Value::Object(members) => by_name(params, members, at),
        _ => Err(at.wrong("expected a list, or an object by parameter name")),
    }
}

fn in_order(params: &[Param], items: &[Value], at: &Path<'_>) -> Result<Vec<Token>> {
    if params.len() != items.len() {
        return Err(at.wrong(format!(
            "expected {} values, found {}",
            params.len(),
            items.len()
        )));
    }
    let each = |(place, (param, item)): (usize, (&Param, &Value))| {
        value(&param.ty, item, &Path::Item(at, place))
    };
    params.iter().zip(items).enumerate().map(each).collect()
}

fn by_name(params: &[Param], members: &Map<String, Value>, at: &Path<'_>) -> Result<Vec<Token>> {
    if let Some(unknown) = members
        .keys()
        .find(|name| !params.iter().any(|param| param.name == **name))
    {
        let known: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
        return Err(Path::Member(at, unknown).wrong(format!(
            "there is no such name; expected {}",
            known.join(", ")
        )));
    }
    if params.iter().enumerate().any(|(place, param)| {
        param.name.is_empty()
            || params[..place]
                .iter()
                .any(|before| before.name == param.name)
    }) {
        return Err(
            at.wrong("the interface gives some of these no name of their own: write a list")
        );
    }
    let each = |param: &Param| {
        let at = Path::Member(at, &param.name);
        let given = members
            .get(&param.name)
            .ok_or_else(|| at.wrong(format!("it is missing; expected {}", param.ty)))?;
        value(&param.ty, given, &at)
    };
    params.iter().map(each).collect()
}

/// One value.
pub(crate) fn value(ty: &Type, given: &Value, at: &Path<'_>) -> Result<Token> {
    match (ty, given) {
        (Type::Uint(bits), given) => number::uint(given, *bits)
            .map(Token::Word)
            .map_err(|why| at.wrong(why)),
        (Type::Int(bits), given) => number::int(given, *bits)
            .map(Token::Word)
            .map_err(|why| at.wrong(why)),
        (Type::Address, Value::String(text)) => account(text, at),
        (Type::Bool, given) => truth(given).ok_or_else(|| at.wrong("expected true or false")),
        (Type::Fixed(size), Value::String(text)) => fixed(*size, text, at),
        (Type::Function, Value::String(text)) => fixed(24, text, at),
        (Type::Bytes, Value::String(text)) => bytes(text, at).map(Token::Bytes),
        (Type::String, Value::String(text)) => Ok(Token::Bytes(text.as_bytes().to_vec())),
        (Type::List(item), Value::Array(items)) => list(item, items, at).map(Token::List),
        (Type::Array(item, size), Value::Array(items)) if items.len() == *size => {
            list(item, items, at).map(Token::Row)
        }
        (Type::Array(_, size), Value::Array(items)) => {
            Err(at.wrong(format!("expected {size} items, found {}", items.len())))
        }
        (Type::Tuple(members), Value::Array(_) | Value::Object(_)) => {
            params(members, given, at).map(Token::Row)
        }
        (Type::Tuple(_), _) => Err(at.wrong("expected an object by name, or a list")),
        (Type::List(_) | Type::Array(..), _) => Err(at.wrong("expected a list")),
        (Type::String, _) => Err(at.wrong("expected a text")),
        (ty, _) => Err(at.wrong(format!("expected {ty} as a text in hexadecimal with 0x"))),
    }
}

fn list(item: &Type, items: &[Value], at: &Path<'_>) -> Result<Vec<Token>> {
    items
        .iter()
        .enumerate()
        .map(|(place, given)| value(item, given, &Path::Item(at, place)))
        .collect()
}

fn account(text: &str, at: &Path<'_>) -> Result<Token> {
    let account = address::parse(text).map_err(|error| match error {
        Error::Address { why, .. } => at.wrong(format!("it is not an address: {why}")),
        other => other,
    })?;
    let mut word = [0; 32];
    word[12..].copy_from_slice(&account);
    Ok(Token::Word(word))
}

fn truth(given: &Value) -> Option<Token> {
    let truth = match given {
        Value::Bool(truth) => *truth,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let mut word = [0; 32];
    word[31] = u8::from(truth);
    Some(Token::Word(word))
}

fn fixed(size: usize, text: &str, at: &Path<'_>) -> Result<Token> {
    let bytes = bytes(text, at)?;
    if bytes.len() != size {
        return Err(at.wrong(format!("expected {size} bytes, found {}", bytes.len())));
    }
    let mut word = [0; 32];
    word[..size].copy_from_slice(&bytes);
    Ok(Token::Word(word))
}

fn bytes(text: &str, at: &Path<'_>) -> Result<Vec<u8>> {
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| at.wrong("bytes are written in hexadecimal with 0x"))?;
    hex::decode(digits).map_err(|_| at.wrong("these are not bytes in hexadecimal"))
}
