//! Named units of an asset: "0.5 ETH" is parsed to exact base units.

use crate::{Amount, AmountError};
use serde::{Deserialize, Serialize};

/// 10^77 is the largest power of ten below 2^256.
const MAX_DECIMALS: u8 = 77;

/// A unit of an asset, worth 10^`decimals` base units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The symbol, such as `ETH`.
    pub name: String,
    /// The number of decimal places, 0..=77.
    pub decimals: u8,
    /// Whether amounts are displayed in this unit by default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}

/// Why a value in a unit is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The asset has no such unit.
    #[error("unknown unit {unit:?}")]
    Unknown { unit: String },
    /// More decimal places than the unit has.
    #[error("{value} has more than the {decimals} decimal places that {unit} has")]
    Inexact {
        /// As written by the caller.
        value: String,
        unit: String,
        /// The number of decimal places of the unit.
        decimals: u8,
    },
    /// Not a plain decimal number, or too large.
    #[error(transparent)]
    Amount(#[from] AmountError),
}

/// An amount as a caller writes it: a string in base units, or a value with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AmountInput {
    /// In base units.
    Base(Amount),
    /// In a named unit.
    InUnit {
        /// A plain decimal number such as `0.5`.
        value: String,
        unit: String,
    },
}

impl AmountInput {
    /// Convert to base units exactly.
    pub fn to_base(&self, units: &[Unit]) -> Result<Amount, UnitError> {
        match self {
            AmountInput::Base(amount) => Ok(*amount),
            AmountInput::InUnit { value, unit } => units
                .iter()
                .find(|known| known.name == *unit)
                .ok_or_else(|| UnitError::Unknown { unit: unit.clone() })?
                .parse(value),
        }
    }
}

impl Unit {
    /// Whether amounts can have this number of decimals, and the unit has a name.
    pub fn is_valid(&self) -> bool {
        self.decimals <= MAX_DECIMALS && !self.name.is_empty()
    }

    /// Parse a plain decimal number in this unit to base units. Inexact values are rejected, never
    /// rounded.
    pub fn parse(&self, value: &str) -> Result<Amount, UnitError> {
        let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
        if whole.is_empty()
            || fraction.is_empty()
            || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(AmountError::NotDigits.into());
        }
        let significant = fraction.trim_end_matches('0');
        if significant.len() > usize::from(self.decimals) {
            return Err(UnitError::Inexact {
                value: value.to_owned(),
                unit: self.name.clone(),
                decimals: self.decimals,
            });
        }
        let padded = format!(
            "{whole}{significant:0<width$}",
            width = usize::from(self.decimals)
        );
        Ok(padded.parse::<Amount>()?)
    }

    /// Format an amount as a plain decimal number in this unit, without trailing zeros.
    pub fn format(&self, amount: Amount) -> String {
        let digits = format!(
            "{:0>width$}",
            amount.to_string(),
            width = usize::from(self.decimals) + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.decimals));
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{fraction}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(name: &str, decimals: u8) -> Unit {
        Unit {
            name: name.to_owned(),
            decimals,
            default: false,
        }
    }

    #[test]
    fn half_an_ether() {
        assert_eq!(
            unit("ETH", 18).parse("0.5").map(|a| a.to_string()),
            Ok("500000000000000000".to_owned())
        );
        assert_eq!(
            unit("ETH", 18)
                .parse("1.000000000000000000")
                .map(|a| a.to_string()),
            Ok("1000000000000000000".to_owned())
        );
        assert_eq!(unit("share", 0).parse("3"), Ok(Amount::from(3)));
    }

    #[test]
    fn inexact_values_are_rejected() {
        assert!(matches!(
            unit("USD", 2).parse("0.005"),
            Err(UnitError::Inexact { decimals: 2, .. })
        ));
        assert_eq!(
            unit("USD", 2).parse("-1"),
            Err(UnitError::Amount(AmountError::Negative))
        );
        for text in [".5", "5.", "1e3", "1,5", ""] {
            assert!(unit("USD", 2).parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_unit_is_named() {
        let input: AmountInput =
            serde_json::from_str(r#"{"value":"0.5","unit":"GWEI"}"#).expect("reads");
        assert_eq!(
            input.to_base(&[unit("ETH", 18)]),
            Err(UnitError::Unknown {
                unit: "GWEI".to_owned()
            })
        );
    }

    proptest! {
        #[test]
        fn formatted_amounts_parse_back(bytes: [u8; 32], decimals in 0u8..=77) {
            let unit = unit("X", decimals);
            let amount = Amount::from_be_bytes(bytes);
            prop_assert_eq!(unit.parse(&unit.format(amount)), Ok(amount));
        }
    }
}
