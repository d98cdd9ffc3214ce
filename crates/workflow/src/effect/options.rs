//! Reading options: each by its form, errors by its name.

use super::{Fault, Options};
use intent::Interface;
use serde::de::DeserializeOwned;
use serde_json::Value;
use types::{Amount, Unit, UnitedAmount};

/// An option that is given; `null` counts as not given.
pub(crate) fn given<'o>(options: &'o Options, name: &str) -> Option<&'o Value> {
    options.get(name).filter(|value| !value.is_null())
}

/// A text.
pub(crate) fn text(options: &Options, name: &str) -> Result<Option<String>, Fault> {
    match given(options, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(Fault::option(name, "expected a text")),
    }
}

/// A text that has to be there.
pub(crate) fn needed(options: &Options, name: &str) -> Result<String, Fault> {
    let text = text(options, name)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| Fault::option(name, "is missing"))
}

/// Something of a known form.
pub(crate) fn read<T: DeserializeOwned>(options: &Options, name: &str) -> Result<Option<T>, Fault> {
    let read = |value: &Value| {
        serde_json::from_value(value.clone()).map_err(|error| Fault::option(name, error))
    };
    given(options, name).map(read).transpose()
}

/// The units in which amounts are written.
pub(crate) fn units(options: &Options) -> Result<Vec<Unit>, Fault> {
    let units: Vec<Unit> = read(options, "units")?.unwrap_or_default();
    match units.iter().find(|unit| !unit.is_valid()) {
        Some(unit) => Err(Fault::option(
            "units",
            format!("{:?} cannot be used", unit.name),
        )),
        None => Ok(units),
    }
}

/// An amount in base units, however it is written.
pub(crate) fn amount(options: &Options, name: &str, units: &[Unit]) -> Result<Amount, Fault> {
    let Some(value) = given(options, name) else {
        return Ok(Amount::ZERO);
    };
    united(value, units).map_err(|why| Fault::option(name, why))
}

fn united(value: &Value, units: &[Unit]) -> Result<Amount, String> {
    let amount: UnitedAmount = match value {
        Value::Object(_) => {
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?
        }
        // Told by the amount itself, not by a choice of forms: its words name what is wrong.
        _ => UnitedAmount::Base(
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?,
        ),
    };
    amount.to_base(units).map_err(|error| error.to_string())
}

/// Parameters of a call: wherever `{value, unit}` stands alone in an object, the base units of it.
pub(crate) fn params(options: &Options, units: &[Unit]) -> Result<Value, Fault> {
    let given = given(options, "params")
        .cloned()
        .unwrap_or_else(|| Value::Array(Vec::new()));
    in_base_units(given, units).map_err(|why| Fault::option("params", why))
}

fn in_base_units(value: Value, units: &[Unit]) -> Result<Value, String> {
    match value {
        Value::Object(ref members)
            if members.len() == 2
                && members.contains_key("value")
                && members.contains_key("unit") =>
        {
            united(&value, units).map(|amount| Value::String(amount.to_string()))
        }
        Value::Object(members) => {
            let member = |(name, value)| in_base_units(value, units).map(|value| (name, value));
            members
                .into_iter()
                .map(member)
                .collect::<Result<_, _>>()
                .map(Value::Object)
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| in_base_units(item, units))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        other => Ok(other),
    }
}

/// An interface from its JSON, which may be kept as a text.
pub(crate) fn interface(json: &str) -> Interface {
    let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    Interface::new(text)
}
