//! Values of an item, read by what their field is.

use super::input::{MAX_NAME, address};
use crate::field::{Field, Is};
use crate::object::written;
use crate::{Error, Result, Type, json};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::Cell;
use types::{Amount, Quantity, Unit, UnitedAmount};

/// Bytes of free JSON in one field.
const MAX_JSON: usize = 256 * 1_024;
/// Labels of one object, and the bytes of one: what an index takes.
const MAX_LABELS: usize = 64;
pub(crate) const MAX_LABEL: usize = 1_024;
const MAX_UNITS: usize = 32;
/// Explicit balance changes of one transfer.
const MAX_CHANGES: usize = 1_000;

/// What was given for a field.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// An explicit `null`.
    Clear,
    /// A value, in the form it is stored in.
    Cell(Cell),
    /// Another object, by name or id.
    Name { kind: Type, text: String },
    /// An amount whose unit only the asset knows.
    InUnit { value: String, unit: String },
    /// Labels to set, or (none) to take away.
    Labels(BTreeMap<String, Option<String>>),
    /// The whole truth about what a transfer does to balances.
    Changes(Vec<Change>),
}

/// One given balance change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) address: String,
    /// 1 or -1.
    pub(crate) direction: i64,
    pub(crate) amount: UnitedAmount,
}

/// Read a value.
pub(crate) fn read(field: &Field, value: &RawValue, path: &str, chain: &str) -> Result<Given> {
    Ok(match field.is {
        Is::Name => Given::Cell(Cell::Text(json::text(value, path, MAX_NAME)?)),
        Is::Text(max) | Is::Masked(max) => Given::Cell(Cell::Text(json::text(value, path, max)?)),
        Is::Address => Given::Cell(Cell::Text(address(value, path, chain)?)),
        Is::Flag => Given::Cell(Cell::Int(i64::from(json::flag(value, path)?))),
        Is::Amount => match amount(value, path)? {
            UnitedAmount::Base(amount) => Given::Cell(stored(amount)),
            UnitedAmount::InUnit { value, unit } => Given::InUnit { value, unit },
        },
        Is::Json => Given::Cell(Cell::Text(free(field, value, path)?)),
        Is::Labels => Given::Labels(labels(value, path)?),
        Is::Units => Given::Cell(Cell::Text(units(value, path)?)),
        Is::Ref(kind) => Given::Name {
            kind,
            text: reference(value, path)?,
        },
        _ => {
            return Err(Error::UnknownField {
                field: path.to_owned(),
            });
        }
    })
}

/// An amount as it is stored.
pub(crate) fn stored(amount: Amount) -> Cell {
    Cell::Blob(Quantity::from(amount).to_ordered_bytes())
}

/// The name or id of another object.
fn reference(value: &RawValue, path: &str) -> Result<String> {
    let text = json::text(value, path, 3 * MAX_NAME)?;
    if text.is_empty() {
        Err(Error::invalid(path, "cannot be empty"))
    } else {
        Ok(text)
    }
}

/// A decimal string, a JSON integer of any length, or a value in a unit.
pub(crate) fn amount(value: &RawValue, path: &str) -> Result<UnitedAmount> {
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
        .map(UnitedAmount::Base)
        .map_err(|error: types::AmountError| Error::invalid(path, error.to_string()))
}

fn in_unit(given: &RawValue, path: &str) -> Result<UnitedAmount> {
    let (mut value, mut unit) = (None, None);
    for (name, member) in json::object(given, path)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            // A JSON number is taken by its text, so that no digit is lost.
            "value"
                if member
                    .get()
                    .starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
            {
                value = Some(member.get().to_owned());
            }
            "value" => value = Some(json::text(&member, &at, MAX_NAME)?),
            "unit" => unit = Some(json::text(&member, &at, MAX_NAME)?),
            _ => return Err(Error::UnknownField { field: at }),
        }
    }
    match (value, unit) {
        (Some(value), Some(unit)) => Ok(UnitedAmount::InUnit { value, unit }),
        _ => Err(Error::invalid(
            path,
            "an amount in a unit has a value and a unit",
        )),
    }
}

/// Free JSON. `firefly` and `contractManager` are objects with text members, whatever their names.
fn free(field: &Field, value: &RawValue, path: &str) -> Result<String> {
    let kept = json::any(value, path, MAX_JSON)?;
    if field.name != "info" {
        for (name, member) in json::object(value, path)? {
            if !json::is_null(&member) {
                json::text(&member, &format!("{path}.{name}"), MAX_JSON)?;
            }
        }
    }
    Ok(kept.as_str().to_owned())
}

fn labels(value: &RawValue, path: &str) -> Result<BTreeMap<String, Option<String>>> {
    let mut labels = BTreeMap::new();
    for (key, value) in json::object(value, path)? {
        let at = format!("{path}.{key}");
        if key.is_empty() || key.len() > MAX_NAME || key.contains('\0') {
            return Err(Error::invalid(
                &at,
                format!("the name of a label has 1 to {MAX_NAME} bytes and no NUL"),
            ));
        }
        let value = if json::is_null(&value) {
            None
        } else {
            Some(json::text(&value, &at, MAX_LABEL)?)
        };
        labels.insert(key, value);
    }
    check_labels(labels.len(), path)?;
    Ok(labels)
}

/// No object has more labels than the limit.
pub(crate) fn check_labels(count: usize, path: &str) -> Result<()> {
    if count > MAX_LABELS {
        Err(Error::TooMany {
            field: path.to_owned(),
            limit: MAX_LABELS,
        })
    } else {
        Ok(())
    }
}

fn units(value: &RawValue, path: &str) -> Result<String> {
    let units: Vec<Unit> = json::read(value, path, "expected a list of {name, decimals, default}")?;
    if units.len() > MAX_UNITS {
        return Err(Error::TooMany {
            field: path.to_owned(),
            limit: MAX_UNITS,
        });
    }
    for (place, unit) in units.iter().enumerate() {
        let at = format!("{path}[{place}]");
        if !unit.is_valid() || unit.name.len() > MAX_NAME || unit.name.contains('\0') {
            return Err(Error::invalid(at, "a unit has a name and 0 to 77 decimals"));
        }
        if units[..place]
            .iter()
            .any(|earlier| earlier.name == unit.name)
        {
            return Err(Error::invalid(at, "there is another unit of this name"));
        }
    }
    if units.iter().filter(|unit| unit.default).count() > 1 {
        return Err(Error::invalid(path, "only one unit can be the default"));
    }
    serde_json::to_string(&units).map_err(|error| Error::invalid(path, error.to_string()))
}

/// `{type, ref}`.
pub(crate) fn parent(value: &RawValue, path: &str, chain: &str) -> Result<Given> {
    let (mut kind, mut text) = (None, None);
    for (name, member) in json::object(value, path)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "type" => {
                let name = json::text(&member, &at, MAX_NAME)?;
                let known = Type::from_singular(&name);
                kind = Some(known.ok_or_else(|| {
                    Error::invalid(&at, format!("{name:?} is not a type of object"))
                })?);
            }
            "ref" => text = Some(reference(&member, &at)?),
            _ => return Err(Error::UnknownField { field: at }),
        }
    }
    match (kind, text) {
        (Some(kind), Some(text)) => Ok(Given::Name {
            kind,
            text: on_chain(kind, text, chain),
        }),
        _ => Err(Error::invalid(path, "a parent has a type and a ref")),
    }
}

/// A reference to something on the chain of the item that refers, unless it names another.
fn on_chain(kind: Type, text: String, chain: &str) -> String {
    let names_chain = text
        .split_once('/')
        .is_some_and(|(first, _)| first.parse::<types::ChainId>().is_ok());
    let is_place = kind == Type::Address || kind == Type::Transfer || text.contains('/');
    if kind.is_on_chain() && is_place && !names_chain && !crate::ids::is_id(&text) {
        format!("{chain}/{text}")
    } else {
        text
    }
}

/// The given balance changes of a transfer.
pub(crate) fn changes(value: &RawValue, path: &str, chain: &str) -> Result<Given> {
    let items = json::array(value, path)?;
    if items.len() > MAX_CHANGES {
        return Err(Error::TooMany {
            field: path.to_owned(),
            limit: MAX_CHANGES,
        });
    }
    let changes = items
        .iter()
        .enumerate()
        .map(|(place, item)| change(item, &format!("{path}[{place}]"), chain));
    changes.collect::<Result<_>>().map(Given::Changes)
}

fn change(item: &RawValue, path: &str, chain: &str) -> Result<Change> {
    let (mut to, mut direction, mut much) = (None, None, None);
    for (name, member) in json::object(item, path)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "address" => to = Some(written(chain, &json::text(&member, &at, MAX_NAME)?)),
            "operation" => {
                direction = Some(match json::text(&member, &at, MAX_NAME)?.as_str() {
                    "add" => 1,
                    "subtract" => -1,
                    _ => return Err(Error::invalid(at, "expected add or subtract")),
                });
            }
            "amount" => much = Some(amount(&member, &at)?),
            // What reads show besides may be sent back.
            "id" | "parent" | "balanceBefore" | "balanceAfter" | "transfer" => {}
            _ => return Err(Error::UnknownField { field: at }),
        }
    }
    match (to, direction, much) {
        (Some(address), Some(direction), Some(amount)) if !address.is_empty() => Ok(Change {
            address,
            direction,
            amount,
        }),
        _ => Err(Error::invalid(
            path,
            "a balance change has an address, an operation and an amount",
        )),
    }
}
