//! Values as JSON texts, within bounds: a value may hold the same list many times over, and be
//! endless when written out.

use super::exact::EXACT_INTEGER;
use jsonata_core::value::JValue;
use serde_json::Value;

/// Nesting that a JSON parser reads again.
const MAX_DEPTH: usize = 100;

/// Why a value cannot be written.
fn refuse(why: impl Into<String>) -> String {
    why.into()
}

/// A value as JSON; none if it is undefined. Functions count as undefined. At most `room` bytes,
/// every number exact.
pub(super) fn json(value: &JValue, room: usize) -> Result<Option<String>, String> {
    let mut writer = Writer {
        text: Some(String::new()),
        left: room,
    };
    Ok(if writer.write(value, 0)? {
        writer.text
    } else {
        None
    })
}

/// Whether a value could be written in `room` bytes.
pub(super) fn check(value: &JValue, room: usize) -> Result<(), String> {
    Writer {
        text: None,
        left: room,
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
        self.left = self
            .left
            .checked_sub(part.len())
            .ok_or_else(|| refuse("it is too large"))?;
        if let Some(text) = &mut self.text {
            text.push_str(part);
        }
        Ok(())
    }

    /// Write a value; false if there is none.
    fn write(&mut self, value: &JValue, depth: usize) -> Result<bool, String> {
        if depth > MAX_DEPTH {
            return Err(refuse(format!("it nests deeper than {MAX_DEPTH} levels")));
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
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
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
        return Err(refuse(format!(
            "{number} is beyond 2^53 and not exact: reckon with texts of digits, by $amountAdd and its kin"
        )));
    }
    if number.fract() == 0.0 {
        return Ok((number as i64).to_string());
    }
    serde_json::Number::from_f64(number)
        .map(|number| number.to_string())
        .ok_or_else(|| refuse("it is not a number"))
}
