//! ABI words -> JSON. The words come from a chain and may be hostile: every offset is checked, and
//! the output is bounded by the size of the input, so that many offsets to the same data cannot
//! multiply it.

use super::{
    number,
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

/// Decodes consecutive values. Data after them is ignored.
pub(crate) fn values<'t>(
    types: impl Iterator<Item = &'t Type>,
    data: &[u8],
) -> Result<Vec<Value>, DecodeError> {
    // A canonical encoding reads each word once. Twice the size allows shared tails but not a
    // decompression bomb.
    let mut reader = Reader {
        budget: 2 * data.len() + 64,
    };
    reader.sequence(types, data)
}

/// The types of parameters.
pub(crate) fn types(params: &[Param]) -> impl Iterator<Item = &Type> {
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
    ) -> Result<Vec<Value>, DecodeError> {
        let mut at = 0;
        let mut values = Vec::new();
        for ty in types {
            values.push(self.member(ty, data, at)?);
            at += 32 * ty.head_words();
        }
        Ok(values)
    }

    /// Reads a value whose head is at `at`; offsets count from the start of `data`.
    fn member(&mut self, ty: &Type, data: &[u8], at: usize) -> Result<Value, DecodeError> {
        if !ty.is_dynamic() {
            return self.value(ty, data.get(at..).ok_or("the data ends too early")?);
        }
        self.consume(32)?;
        let offset = size(data, at)?;
        self.value(
            ty,
            data.get(offset..)
                .ok_or("an offset points outside the data")?,
        )
    }

    /// Reads a value at the start of `data`.
    fn value(&mut self, ty: &Type, data: &[u8]) -> Result<Value, DecodeError> {
        match ty {
            Type::Bytes => Ok(Value::String(to_hex(self.bytes(data)?))),
            Type::String => Ok(Value::String(sanitize_text(self.bytes(data)?))),
            Type::List(item) => self.list(item, data),
            Type::Array(item, size) => self
                .sequence(std::iter::repeat_n(&**item, *size), data)
                .map(Value::Array),
            Type::Tuple(members) => self.tuple(members, data),
            simple => {
                self.consume(32)?;
                word_value(simple, &word(data, 0)?)
            }
        }
    }

    /// A count that is too large fails at the first missing item: every item takes at least one
    /// word, and nothing is allocated in advance.
    fn list(&mut self, item: &Type, data: &[u8]) -> Result<Value, DecodeError> {
        self.consume(32)?;
        let (count, items) = (size(data, 0)?, &data[32..]);
        self.sequence(std::iter::repeat_n(item, count), items)
            .map(Value::Array)
    }

    fn tuple(&mut self, members: &[Param], data: &[u8]) -> Result<Value, DecodeError> {
        let values = self.sequence(types(members), data)?;
        let all_named = members.iter().all(|member| !member.name.is_empty());
        Ok(if all_named {
            Value::Object(by_name(members, values, ""))
        } else {
            Value::Array(values)
        })
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

/// Decodes a value of one word. Rejects bits outside the type.
pub(crate) fn word_value(ty: &Type, word: &[u8; 32]) -> Result<Value, DecodeError> {
    let text = match ty {
        Type::Uint(bits) if is_zero(&word[..32 - bits / 8]) => number::format_uint(word),
        Type::Int(bits) if number::is_extended(word, *bits) => number::format_int(word),
        Type::Address if is_zero(&word[..12]) => address::format(&word[12..]),
        Type::Fixed(size) if is_zero(&word[*size..]) => to_hex(&word[..*size]),
        Type::Function if is_zero(&word[24..]) => to_hex(&word[..24]),
        Type::Bool if is_zero(&word[..31]) && word[31] < 2 => {
            return Ok(Value::Bool(word[31] == 1));
        }
        _ => return Err("a word has bits set outside its type"),
    };
    Ok(Value::String(text))
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
