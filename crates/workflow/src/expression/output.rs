//! Converts values to JSON within bounds: a value may contain the same list many times and be
//! unbounded when serialized.

use super::exact::EXACT_INTEGER;
use jsonata_core::value::JValue;
use serde_json::Value;

/// The nesting that JSON parsers accept.
const MAX_DEPTH: usize = 100;

/// Serializes a value; `None` if it is undefined. Functions count as undefined. Writes at most
/// `limit` bytes, and rejects numbers that are not exact.
pub(super) fn json(value: &JValue, limit: usize) -> Result<Option<String>, String> {
    let mut writer = Writer {
        text: Some(String::new()),
        left: limit,
    };
    let is_defined = writer.write(value, 0)?;
    Ok(writer.text.filter(|_| is_defined))
}

/// Checks that a value serializes to at most `limit` bytes.
pub(super) fn check(value: &JValue, limit: usize) -> Result<(), String> {
    Writer {
        text: None,
        left: limit,
    }
    .write(value, 0)
    .map(drop)
}

struct Writer {
    text: Option<String>,
    left: usize,
}

impl Writer {
    fn push(&mut self, part: &str) -> Result<(), String> {
        let left = self.left.checked_sub(part.len());
        self.left = left.ok_or("it is too large")?;
        if let Some(text) = &mut self.text {
            text.push_str(part);
        }
        Ok(())
    }

    /// Writes a value. Returns false if it is undefined.
    fn write(&mut self, value: &JValue, depth: usize) -> Result<bool, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
        }
        match value {
            JValue::Undefined
            | JValue::Lambda(_)
            | JValue::Builtin { .. }
            | JValue::Regex { .. } => return Ok(false),
            JValue::Null => self.push("null")?,
            JValue::Bool(truth) => self.push(if *truth { "true" } else { "false" })?,
            JValue::Number(number) => self.push(&numeral(*number)?)?,
            JValue::String(text) => self.push(&Value::String(text.to_string()).to_string())?,
            JValue::Array(items) => self.list(items, depth)?,
            JValue::Object(members) => self.members(members.iter(), depth)?,
        }
        Ok(true)
    }

    fn list(&mut self, items: &[JValue], depth: usize) -> Result<(), String> {
        self.push("[")?;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(",")?;
            }
            if !self.write(item, depth + 1)? {
                self.push("null")?;
            }
        }
        self.push("]")
    }

    fn members<'v>(
        &mut self,
        members: impl Iterator<Item = (&'v String, &'v JValue)>,
        depth: usize,
    ) -> Result<(), String> {
        self.push("{")?;
        let mut first = true;
        for (name, value) in members {
            if matches!(
                value,
                JValue::Undefined
                    | JValue::Lambda(_)
                    | JValue::Builtin { .. }
                    | JValue::Regex { .. }
            ) {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.push(",")?;
            }
            self.push(&Value::String(name.clone()).to_string())?;
            self.push(":")?;
            self.write(value, depth + 1)?;
        }
        self.push("}")
    }
}

#[allow(clippy::cast_possible_truncation)] // whole and at most 2^53
fn numeral(number: f64) -> Result<String, String> {
    if number.abs() > EXACT_INTEGER as f64 || !number.is_finite() {
        return Err(format!(
            "{number} is beyond 2^53 and not exact: use strings of digits with $amountAdd and the other $amount functions"
        ));
    }
    if number.fract() == 0.0 {
        return Ok((number as i64).to_string());
    }
    Ok(Value::from(number).to_string())
}
