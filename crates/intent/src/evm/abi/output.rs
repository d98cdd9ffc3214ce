//! ABI words -> JSON. The words come from a chain and may be hostile: every offset is checked, and
//! the output is bounded by the size of the input, so that many offsets to the same data cannot
//! multiply it.

use super::{
    number,
    token::Token,
    ty::{Param, Type},
};
use crate::evm::address;
use serde_json::{Map, Value};
use types::sanitize_text;

/// Why data does not decode as its types.
pub(crate) type DecodeError = &'static str;

/// The name of unnamed outputs: `output`, then `output1` …
pub(crate) const OUTPUT: &str = "output";
/// The name of unnamed arguments.
pub(crate) const ARGUMENT: &str = "arg";

/// Decodes consecutive values into a JSON object by name.
pub(crate) fn named(
    params: &[Param],
    data: &[u8],
    unnamed: &str,
) -> Result<Map<String, Value>, DecodeError> {
    Ok(by_name(params, values(types(params), data)?, unnamed))
}

/// Decodes consecutive values into JSON. Data after them is ignored.
pub(crate) fn values<'t>(
    types: impl Iterator<Item = &'t Type> + Clone,
    data: &[u8],
) -> Result<Vec<Value>, DecodeError> {
    let tokens = tokens(types.clone(), data)?;
    Ok(types
        .zip(&tokens)
        .map(|(ty, token)| json(ty, token))
        .collect())
}

/// Decodes consecutive values. Data after them is ignored.
pub(crate) fn tokens<'t>(
    types: impl Iterator<Item = &'t Type>,
    data: &[u8],
) -> Result<Vec<Token>, DecodeError> {
    // A canonical encoding reads each word once. Twice the size allows shared tails but not a
    // decompression bomb.
    let mut reader = Reader {
        budget: 2 * data.len() + 64,
    };
    reader.sequence(types, data)
}

/// The types of parameters.
pub(crate) fn types(params: &[Param]) -> impl Iterator<Item = &Type> + Clone {
    params.iter().map(|param| &param.ty)
}

/// Pairs values with their names. An empty or duplicate name gets the value's index.
pub(crate) fn by_name(params: &[Param], values: Vec<Value>, unnamed: &str) -> Map<String, Value> {
    let mut object = Map::new();
    for (index, (param, value)) in params.iter().zip(values).enumerate() {
        let stem = if param.name.is_empty() {
            unnamed
        } else {
            &param.name
        };
        let plain = index == 0 || !param.name.is_empty();
        let mut name = if plain && !object.contains_key(stem) {
            stem.to_owned()
        } else {
            format!("{stem}{index}")
        };
        while object.contains_key(&name) {
            name.push('_');
        }
        object.insert(name, value);
    }
    object
}

struct Reader {
    /// The number of bytes that may still be read.
    budget: usize,
}

impl Reader {
    fn sequence<'t>(
        &mut self,
        types: impl Iterator<Item = &'t Type>,
        data: &[u8],
    ) -> Result<Vec<Token>, DecodeError> {
        let mut at = 0;
        let mut tokens = Vec::new();
        for ty in types {
            tokens.push(self.member(ty, data, at)?);
            at += 32 * ty.head_words();
        }
        Ok(tokens)
    }

    /// Reads a value whose head is at `at`; offsets count from the start of `data`.
    fn member(&mut self, ty: &Type, data: &[u8], at: usize) -> Result<Token, DecodeError> {
        if !ty.is_dynamic() {
            return self.token(ty, data.get(at..).ok_or("the data ends too early")?);
        }
        self.consume(32)?;
        let offset = size(data, at)?;
        self.token(
            ty,
            data.get(offset..)
                .ok_or("an offset points outside the data")?,
        )
    }

    /// Reads a value at the start of `data`.
    fn token(&mut self, ty: &Type, data: &[u8]) -> Result<Token, DecodeError> {
        match ty {
            Type::Bytes | Type::String => {
                self.bytes(data).map(|bytes| Token::Bytes(bytes.to_vec()))
            }
            Type::List(item) => self.list(item, data),
            Type::Array(item, size) => self
                .sequence(std::iter::repeat_n(&**item, *size), data)
                .map(Token::Tuple),
            Type::Tuple(members) => self.sequence(types(members), data).map(Token::Tuple),
            simple => {
                self.consume(32)?;
                let word = word(data, 0)?;
                check_word(simple, &word).map(|()| Token::Word(word))
            }
        }
    }

    /// A count that is too large fails at the first missing item: every item takes at least one
    /// word, and nothing is allocated in advance.
    fn list(&mut self, item: &Type, data: &[u8]) -> Result<Token, DecodeError> {
        self.consume(32)?;
        let (count, items) = (size(data, 0)?, &data[32..]);
        self.sequence(std::iter::repeat_n(item, count), items)
            .map(Token::List)
    }

    fn bytes<'d>(&mut self, data: &'d [u8]) -> Result<&'d [u8], DecodeError> {
        let length = size(data, 0)?;
        let bytes = data
            .get(32..)
            .and_then(|rest| rest.get(..length))
            .ok_or("a byte string is longer than the data")?;
        self.consume(32 + length)?;
        Ok(bytes)
    }

    fn consume(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.budget = self
            .budget
            .checked_sub(bytes)
            .ok_or("offsets refer to more data than there is")?;
        Ok(())
    }
}

/// A value as JSON.
pub(crate) fn json(ty: &Type, token: &Token) -> Value {
    match (ty, token) {
        (Type::String, Token::Bytes(bytes)) => Value::String(sanitize_text(bytes)),
        (_, Token::Bytes(bytes)) => Value::String(to_hex(bytes)),
        (Type::List(item) | Type::Array(item, _), Token::List(items) | Token::Tuple(items)) => {
            items.iter().map(|token| json(item, token)).collect()
        }
        (Type::Tuple(members), Token::List(items) | Token::Tuple(items)) => tuple(members, items),
        (_, Token::List(_) | Token::Tuple(_)) => Value::Null,
        (ty, Token::Word(word)) => word_json(ty, word),
    }
}

fn tuple(members: &[Param], items: &[Token]) -> Value {
    let values = types(members).zip(items);
    let values: Vec<Value> = values.map(|(ty, token)| json(ty, token)).collect();
    if members.iter().all(|member| !member.name.is_empty()) {
        Value::Object(by_name(members, values, ""))
    } else {
        Value::Array(values)
    }
}

/// Decodes a value of one word. Rejects bits outside the type.
pub(crate) fn word_value(ty: &Type, word: &[u8; 32]) -> Result<Value, DecodeError> {
    check_word(ty, word).map(|()| word_json(ty, word))
}

fn check_word(ty: &Type, word: &[u8; 32]) -> Result<(), DecodeError> {
    let is_valid = match ty {
        Type::Uint(bits) => is_zero(&word[..32 - bits / 8]),
        Type::Int(bits) => number::is_extended(word, *bits),
        Type::Address => is_zero(&word[..12]),
        Type::Fixed(size) => is_zero(&word[*size..]),
        Type::Function => is_zero(&word[24..]),
        Type::Bool => is_zero(&word[..31]) && word[31] < 2,
        _ => false,
    };
    is_valid
        .then_some(())
        .ok_or("a word has bits set outside its type")
}

fn word_json(ty: &Type, word: &[u8; 32]) -> Value {
    match ty {
        Type::Int(_) => Value::String(number::format_int(word)),
        Type::Address => Value::String(address::format(&word[12..])),
        Type::Fixed(size) => Value::String(to_hex(&word[..*size])),
        Type::Function => Value::String(to_hex(&word[..24])),
        Type::Bool => Value::Bool(word[31] == 1),
        _ => Value::String(number::format_uint(word)),
    }
}

/// Formats bytes as hexadecimal with 0x.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn word(data: &[u8], at: usize) -> Result<[u8; 32], DecodeError> {
    let word = data.get(at..).and_then(|rest| rest.first_chunk::<32>());
    word.copied().ok_or("the data ends too early")
}

/// Reads a word as a length or an offset.
fn size(data: &[u8], at: usize) -> Result<usize, DecodeError> {
    let word = word(data, at)?;
    let (high, low) = word.split_at(24);
    let low = low
        .try_into()
        .map(u64::from_be_bytes)
        .ok()
        .and_then(|low| usize::try_from(low).ok());
    low.filter(|_| is_zero(high))
        .ok_or("an offset or a length is too large")
}
