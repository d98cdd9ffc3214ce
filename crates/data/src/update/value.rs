//! Input values, parsed by field type.

use crate::field::{Field, FieldType};
use crate::object::normalize_address;
use crate::{Error, Result, Type, json};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::Cell;
use types::{Amount, AmountInput, Quantity, Unit};

/// Bytes of one part of a key.
pub(crate) const MAX_NAME: usize = 256;
/// Bytes of free JSON in one field.
const MAX_JSON: usize = 256 * 1_024;
/// Labels of one object. A label has at most [`MAX_LABEL`] bytes, which fits an index.
const MAX_LABELS: usize = 64;
pub(crate) const MAX_LABEL: usize = 1_024;
const MAX_UNITS: usize = 32;
/// Explicit balance changes of one transfer.
const MAX_CHANGES: usize = 1_000;

/// The parsed value of a field.
#[derive(Debug, Clone)]
pub(crate) enum InputValue {
    /// An explicit `null`.
    Clear,
    /// A value in stored form.
    Cell(Cell),
    /// Another object, by name or id.
    Reference { kind: Type, text: String },
    /// An amount in a unit that the asset defines.
    InUnit { value: String, unit: String },
    /// Labels to set, or to remove (none).
    Labels(BTreeMap<String, Option<String>>),
    /// The explicit balance changes of a transfer.
    Changes(Vec<Change>),
}

impl InputValue {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Cell(Cell::Text(text.into()))
    }

    /// What `read` returns, or an explicit `null`.
    pub(super) fn unless_null(
        value: &RawValue,
        read: impl FnOnce() -> Result<Self>,
    ) -> Result<Self> {
        if json::is_null(value) {
            return Ok(Self::Clear);
        }
        read()
    }
}

/// An explicit balance change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) address: String,
    /// 1 or -1.
    pub(crate) direction: i64,
    pub(crate) amount: AmountInput,
}

/// Parse a value.
pub(crate) fn read(field: &Field, value: &RawValue, path: &str, chain: &str) -> Result<InputValue> {
    Ok(match field.field_type {
        FieldType::Name => InputValue::text(json::text(value, path, MAX_NAME)?),
        FieldType::Text(max) | FieldType::Masked(max) => {
            InputValue::text(json::text(value, path, max)?)
        }
        FieldType::Address => InputValue::text(address(value, path, chain)?),
        FieldType::Flag => InputValue::Cell(Cell::Int(i64::from(json::flag(value, path)?))),
        FieldType::Amount => match amount(value, path)? {
            AmountInput::Base(amount) => InputValue::Cell(stored(amount)),
            AmountInput::InUnit { value, unit } => InputValue::InUnit { value, unit },
        },
        FieldType::Json => InputValue::text(free_json(field, value, path)?),
        FieldType::Labels => InputValue::Labels(labels(value, path)?),
        FieldType::Units => InputValue::text(units(value, path)?),
        FieldType::Ref(kind) => InputValue::Reference {
            kind,
            text: reference(value, path)?,
        },
        _ => {
            return Err(Error::unknown_field(path));
        }
    })
}

/// An amount in stored form.
pub(crate) fn stored(amount: Amount) -> Cell {
    Cell::Blob(Quantity::from(amount).to_ordered_bytes())
}

/// Parse an address into its canonical form.
fn address(value: &RawValue, path: &str, chain: &str) -> Result<String> {
    let text = json::text(value, path, MAX_NAME)?;
    Ok(normalize_address(chain, &text))
}

fn reference(value: &RawValue, path: &str) -> Result<String> {
    let text = json::text(value, path, 3 * MAX_NAME)?;
    if text.is_empty() {
        Err(Error::invalid(path, "must not be empty"))
    } else {
        Ok(text)
    }
}

/// Parse a decimal string, a JSON integer of any length, or an amount in a unit.
pub(crate) fn amount(value: &RawValue, path: &str) -> Result<AmountInput> {
    let text = value.get();
    if text.starts_with('{') {
        return in_unit(value, path);
    }
    let digits = if text.starts_with('"') {
        json::text(value, path, MAX_NAME)?
    } else {
        text.to_owned()
    };
    digits
        .parse()
        .map(AmountInput::Base)
        .map_err(|error: types::AmountError| Error::invalid(path, error))
}

fn in_unit(input: &RawValue, path: &str) -> Result<AmountInput> {
    let (mut value, mut unit) = (None, None);
    for (name, member) in json::object(input, path)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            // A JSON number is read as its text, so that no digit is lost.
            "value"
                if member
                    .get()
                    .starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
            {
                value = Some(member.get().to_owned());
            }
            "value" => value = Some(json::text(&member, &at, MAX_NAME)?),
            "unit" => unit = Some(json::text(&member, &at, MAX_NAME)?),
            _ => return Err(Error::unknown_field(at)),
        }
    }
    match (value, unit) {
        (Some(value), Some(unit)) => Ok(AmountInput::InUnit { value, unit }),
        _ => Err(Error::invalid(
            path,
            "an amount in a unit needs a value and a unit",
        )),
    }
}

/// Parse free JSON. `firefly` and `contractManager` must be objects with text members; member names
/// are not checked.
fn free_json(field: &Field, value: &RawValue, path: &str) -> Result<String> {
    let json = json::any(value, path, MAX_JSON)?;
    if field.name != "info" {
        for (name, member) in json::object(value, path)? {
            if !json::is_null(&member) {
                json::text(&member, &format!("{path}.{name}"), MAX_JSON)?;
            }
        }
    }
    Ok(json.as_str().to_owned())
}

fn labels(value: &RawValue, path: &str) -> Result<BTreeMap<String, Option<String>>> {
    let mut labels = BTreeMap::new();
    for (key, value) in json::object(value, path)? {
        let at = format!("{path}.{key}");
        if key.is_empty() || key.len() > MAX_NAME || key.contains('\0') {
            return Err(Error::invalid(
                &at,
                format!("a label key must have 1 to {MAX_NAME} bytes and no NUL"),
            ));
        }
        let text = (!json::is_null(&value)).then(|| json::text(&value, &at, MAX_LABEL));
        labels.insert(key, text.transpose()?);
    }
    check_labels(labels.len(), path)?;
    Ok(labels)
}

pub(crate) fn check_labels(count: usize, path: &str) -> Result<()> {
    Error::check_limit(path, count, MAX_LABELS)
}

fn units(value: &RawValue, path: &str) -> Result<String> {
    let units: Vec<Unit> = json::read(value, path, "expected a list of {name, decimals, default}")?;
    Error::check_limit(path, units.len(), MAX_UNITS)?;
    for (index, unit) in units.iter().enumerate() {
        let at = format!("{path}[{index}]");
        if !unit.is_valid() || unit.name.len() > MAX_NAME || unit.name.contains('\0') {
            return Err(Error::invalid(
                at,
                "a unit needs a name and 0 to 77 decimals",
            ));
        }
        if units[..index]
            .iter()
            .any(|earlier| earlier.name == unit.name)
        {
            return Err(Error::invalid(at, "duplicate unit name"));
        }
    }
    if units.iter().filter(|unit| unit.default).count() > 1 {
        return Err(Error::invalid(path, "only one unit can be the default"));
    }
    serde_json::to_string(&units).map_err(|error| Error::invalid(path, error))
}

/// Parse `{type, ref}`.
pub(crate) fn parent(value: &RawValue, path: &str, chain: &str) -> Result<InputValue> {
    let (mut kind, mut text) = (None, None);
    for (name, member) in json::object(value, path)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "type" => {
                let name = json::text(&member, &at, MAX_NAME)?;
                let known = Type::from_singular(&name);
                kind = Some(known.ok_or_else(|| {
                    Error::invalid(&at, format!("{name:?} is not an object type"))
                })?);
            }
            "ref" => text = Some(reference(&member, &at)?),
            _ => return Err(Error::unknown_field(at)),
        }
    }
    match (kind, text) {
        (Some(kind), Some(text)) => Ok(InputValue::Reference {
            kind,
            text: with_chain(kind, text, chain),
        }),
        _ => Err(Error::invalid(path, "a parent needs a type and a ref")),
    }
}

/// Add the item's chain to a reference that names none.
fn with_chain(kind: Type, text: String, chain: &str) -> String {
    let names_chain = text
        .split_once('/')
        .is_some_and(|(first, _)| first.parse::<types::ChainId>().is_ok());
    let needs_chain = kind == Type::Address || kind == Type::Transfer || text.contains('/');
    if kind.is_on_chain() && needs_chain && !names_chain && !crate::ids::is_id(&text) {
        format!("{chain}/{text}")
    } else {
        text
    }
}

/// Parse the explicit balance changes of a transfer.
pub(crate) fn changes(value: &RawValue, path: &str, chain: &str) -> Result<InputValue> {
    json::items(value, path, MAX_CHANGES, |item, at| change(item, at, chain))
        .map(InputValue::Changes)
}

fn change(item: &RawValue, path: &str, chain: &str) -> Result<Change> {
    let (mut address, mut direction, mut change_amount) = (None, None, None);
    for (name, member) in json::object(item, path)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "address" => address = Some(self::address(&member, &at, chain)?),
            "operation" => {
                direction = Some(match json::text(&member, &at, MAX_NAME)?.as_str() {
                    "add" => 1,
                    "subtract" => -1,
                    _ => return Err(Error::invalid(at, "expected add or subtract")),
                });
            }
            "amount" => change_amount = Some(amount(&member, &at)?),
            // Read-only fields can be sent back and are ignored.
            "id" | "parent" | "balanceBefore" | "balanceAfter" | "transfer" => {}
            _ => return Err(Error::unknown_field(at)),
        }
    }
    match (address, direction, change_amount) {
        (Some(address), Some(direction), Some(amount)) if !address.is_empty() => Ok(Change {
            address,
            direction,
            amount,
        }),
        _ => Err(Error::invalid(
            path,
            "a balance change needs an address, an operation and an amount",
        )),
    }
}
