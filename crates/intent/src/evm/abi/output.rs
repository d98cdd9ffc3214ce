//! Words -> JSON. The words come from a chain and may be hostile: every offset is checked, and what
//! a reading may produce is bounded by how much there is to read, so that offsets which point many
//! times to the same place cannot be blown up.

use super::{
    number,
    ty::{Param, Type},
};
use crate::evm::address;
use serde_json::{Map, Value};
use types::hostile_text;

/// Why words do not read as the types say.
pub(crate) type Fault = &'static str;

/// The names of values that have none: `output`, then `output1` …
pub(crate) const OUTPUT: &str = "output";
/// The same for arguments.
pub(crate) const ARGUMENT: &str = "arg";

/// Values laid out one after the other, as a JSON object by name.
pub(crate) fn named(
    params: &[Param],
    data: &[u8],
    unnamed: &str,
) -> Result<Map<String, Value>, Fault> {
    Ok(by_name(params, values(types(params), data)?, unnamed))
}

/// Values laid out one after the other. What stands behind them is not looked at.
pub(crate) fn values<'t>(
    types: impl Iterator<Item = &'t Type>,
    data: &[u8],
) -> Result<Vec<Value>, Fault> {
    // Words laid out once each are read once each; twice that much leaves room for whoever shares a
    // tail, but not for a bomb.
    let mut reader = Reader {
        left: 2 * data.len() + 64,
    };
    reader.row(types, data)
}

/// The types of parameters.
pub(crate) fn types(params: &[Param]) -> impl Iterator<Item = &Type> {
    params.iter().map(|param| &param.ty)
}

/// Pair values with their names. A name that is taken already, or none, gets the value's place.
pub(crate) fn by_name(params: &[Param], values: Vec<Value>, unnamed: &str) -> Map<String, Value> {
    let mut object = Map::new();
    for (place, (param, value)) in params.iter().zip(values).enumerate() {
        let stem = if param.name.is_empty() {
            unnamed
        } else {
            &param.name
        };
        let plain = place == 0 || !param.name.is_empty();
        let mut name = if plain && !object.contains_key(stem) {
            stem.to_owned()
        } else {
            format!("{stem}{place}")
        };
        while object.contains_key(&name) {
            name.push('_');
        }
        object.insert(name, value);
    }
    object
}

struct Reader {
    /// Bytes that may still be read.
    left: usize,
}

impl Reader {
    fn row<'t>(
        &mut self,
        types: impl Iterator<Item = &'t Type>,
        data: &[u8],
    ) -> Result<Vec<Value>, Fault> {
        let mut at = 0;
        let mut values = Vec::new();
        for ty in types {
            values.push(self.member(ty, data, at)?);
            at += 32 * ty.head_words();
        }
        Ok(values)
    }

    /// A value whose head stands at `at`; offsets count from the beginning of `data`.
    fn member(&mut self, ty: &Type, data: &[u8], at: usize) -> Result<Value, Fault> {
        if !ty.is_dynamic() {
            return self.value(ty, data.get(at..).ok_or("it ends too early")?);
        }
        self.pay(32)?;
        let offset = size(data, at)?;
        self.value(ty, data.get(offset..).ok_or("an offset points outside")?)
    }

    /// A value at the beginning of `data`.
    fn value(&mut self, ty: &Type, data: &[u8]) -> Result<Value, Fault> {
        match ty {
            Type::Bytes => Ok(Value::String(show(self.bytes(data)?))),
            Type::String => Ok(Value::String(hostile_text(self.bytes(data)?))),
            Type::List(item) => self.list(item, data),
            Type::Array(item, size) => self
                .row(std::iter::repeat_n(&**item, *size), data)
                .map(Value::Array),
            Type::Tuple(members) => self.tuple(members, data),
            simple => {
                self.pay(32)?;
                word_value(simple, &word(data, 0)?)
            }
        }
    }

    /// A count beyond what is there ends at the first item that is not: every item takes a word at
    /// least, and nothing is set aside before.
    fn list(&mut self, item: &Type, data: &[u8]) -> Result<Value, Fault> {
        self.pay(32)?;
        let (count, items) = (size(data, 0)?, &data[32..]);
        self.row(std::iter::repeat_n(item, count), items)
            .map(Value::Array)
    }

    fn tuple(&mut self, members: &[Param], data: &[u8]) -> Result<Value, Fault> {
        let values = self.row(types(members), data)?;
        let all_named = members.iter().all(|member| !member.name.is_empty());
        Ok(if all_named {
            Value::Object(by_name(members, values, ""))
        } else {
            Value::Array(values)
        })
    }

    fn bytes<'d>(&mut self, data: &'d [u8]) -> Result<&'d [u8], Fault> {
        let length = size(data, 0)?;
        let bytes = data
            .get(32..)
            .and_then(|rest| rest.get(..length))
            .ok_or("bytes are longer than what is there")?;
        self.pay(32 + length)?;
        Ok(bytes)
    }

    fn pay(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or("offsets lead to more than there is")?;
        Ok(())
    }
}

/// A value of one word; refuses bits that the type has no use for.
pub(crate) fn word_value(ty: &Type, word: &[u8; 32]) -> Result<Value, Fault> {
    let text = match ty {
        Type::Uint(bits) if blank(&word[..32 - bits / 8]) => number::show_uint(word),
        Type::Int(bits) if number::is_extended(word, *bits) => number::show_int(word),
        Type::Address if blank(&word[..12]) => address::show(&word[12..]),
        Type::Fixed(size) if blank(&word[*size..]) => show(&word[..*size]),
        Type::Function if blank(&word[24..]) => show(&word[..24]),
        Type::Bool if blank(&word[..31]) && word[31] < 2 => return Ok(Value::Bool(word[31] == 1)),
        _ => return Err("a word has bits that its type does not have"),
    };
    Ok(Value::String(text))
}

/// Bytes as they are told.
pub(crate) fn show(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn word(data: &[u8], at: usize) -> Result<[u8; 32], Fault> {
    let word = data.get(at..).and_then(|rest| rest.first_chunk::<32>());
    word.copied().ok_or("it ends too early")
}

/// A word as a length or an offset.
fn size(data: &[u8], at: usize) -> Result<usize, Fault> {
    let word = word(data, at)?;
    let (high, low) = word.split_at(24);
    let low = low
        .try_into()
        .map(u64::from_be_bytes)
        .ok()
        .and_then(|low| usize::try_from(low).ok());
    low.filter(|_| blank(high))
        .ok_or("an offset or a length is too large")
}
