//! Typed access to the options of a step. Errors name the option.

use super::{Fault, Options};
use crate::Error;
use serde::de::DeserializeOwned;
use serde_json::Value;
use types::{Amount, AmountInput, Unit};

pub(crate) const PARAMS: StepOption = StepOption::new(
    "params",
    "the arguments, as a list or by name; `{value, unit}` stands for an amount",
);
pub(crate) const UNITS: StepOption = StepOption::new(
    "units",
    "the units in which amounts are written: a list of `{name, decimals}`",
);

/// An option of a step type.
#[derive(Clone, Copy)]
pub(crate) struct StepOption {
    pub(crate) name: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "printed in docs/tasks.md"))]
    pub(crate) doc: &'static str,
}

impl StepOption {
    pub(crate) const fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc }
    }
}

impl Fault {
    /// An option has an invalid value.
    pub(crate) fn option(option: StepOption, reason: impl std::fmt::Display) -> Self {
        Self::member(option.name, reason)
    }

    /// A member of an option, such as `input.task`, has an invalid value.
    pub(crate) fn member(path: &str, reason: impl std::fmt::Display) -> Self {
        Error::invalid(format!("options.{path}"), reason).into()
    }
}

/// Returns an option unless it is missing or `null`.
pub(crate) fn get_option(options: &Options, option: StepOption) -> Option<&Value> {
    options.get(option.name).filter(|value| !value.is_null())
}

/// A string; numbers are converted.
pub(crate) fn text(options: &Options, option: StepOption) -> Result<Option<String>, Fault> {
    match get_option(options, option) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(Fault::option(option, "expected a string")),
    }
}

/// A string that must be present and not empty.
pub(crate) fn required_text(options: &Options, option: StepOption) -> Result<String, Fault> {
    let text = text(options, option)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| Fault::option(option, "is missing"))
}

/// Deserializes an option.
pub(crate) fn parse_option<T: DeserializeOwned>(
    options: &Options,
    option: StepOption,
) -> Result<Option<T>, Fault> {
    let deserialize = |value: &Value| {
        serde_json::from_value(value.clone()).map_err(|error| Fault::option(option, error))
    };
    get_option(options, option).map(deserialize).transpose()
}

/// The units in which amounts are written.
pub(crate) fn units(options: &Options) -> Result<Vec<Unit>, Fault> {
    let units: Vec<Unit> = parse_option(options, UNITS)?.unwrap_or_default();
    match units.iter().find(|unit| !unit.is_valid()) {
        Some(unit) => Err(Fault::option(
            UNITS,
            format!("{:?} is not a valid unit", unit.name),
        )),
        None => Ok(units),
    }
}

/// An amount in base units, from any accepted form.
pub(crate) fn amount(
    options: &Options,
    option: StepOption,
    units: &[Unit],
) -> Result<Amount, Fault> {
    let Some(value) = get_option(options, option) else {
        return Ok(Amount::ZERO);
    };
    parse_amount(value, units).map_err(|reason| Fault::option(option, reason))
}

fn parse_amount(value: &Value, units: &[Unit]) -> Result<Amount, String> {
    let amount: AmountInput = match value {
        Value::Object(_) => {
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?
        }
        // Deserialized as the amount itself rather than as an untagged choice, so that the error
        // names the fault.
        _ => AmountInput::Base(
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?,
        ),
    };
    amount.to_base(units).map_err(|error| error.to_string())
}

/// Parameters of a call. Replaces every `{value, unit}` object with its amount in base units.
pub(crate) fn params(options: &Options, units: &[Unit]) -> Result<Value, Fault> {
    let params = get_option(options, PARAMS)
        .cloned()
        .unwrap_or_else(|| Value::Array(Vec::new()));
    convert_amounts(params, units).map_err(|reason| Fault::option(PARAMS, reason))
}

fn convert_amounts(value: Value, units: &[Unit]) -> Result<Value, String> {
    match value {
        Value::Object(ref members)
            if members.len() == 2
                && members.contains_key("value")
                && members.contains_key("unit") =>
        {
            parse_amount(&value, units).map(|amount| Value::String(amount.to_string()))
        }
        Value::Object(members) => {
            let member = |(name, value)| convert_amounts(value, units).map(|value| (name, value));
            members
                .into_iter()
                .map(member)
                .collect::<Result<_, _>>()
                .map(Value::Object)
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| convert_amounts(item, units))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        other => Ok(other),
    }
}
