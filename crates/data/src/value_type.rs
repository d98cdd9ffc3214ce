//! How the values of declared fields are compared and stored.

use crate::path::Leaf;
use serde::Serialize;
use store::Cell;
use types::{Digest, Quantity, Time, sanitize_text};

/// Bytes of a text that is indexed as it is; longer texts are indexed by their hash.
const MAX_TEXT: usize = 256;

/// How the values of a declared field are compared.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ValueType {
    /// As text.
    Text,
    /// As integers of any size, also if they are stored as strings.
    Integer,
    Boolean,
    /// As times (RFC 3339).
    Time,
}

impl ValueType {
    /// Whether values are stored as ordered bytes.
    pub(crate) const fn is_number(self) -> bool {
        matches!(self, ValueType::Integer | ValueType::Time)
    }

    /// The ordered bytes of a value; none if it is not of this type.
    pub(crate) fn number(self, leaf: &Leaf) -> Option<Vec<u8>> {
        let text = match leaf {
            Leaf::Text(text) | Leaf::Number(text) => text,
            Leaf::Flag(_) => return None,
        };
        let quantity = match self {
            ValueType::Integer => text.parse::<Quantity>().ok()?,
            ValueType::Time => Quantity::from_i128(text.parse::<Time>().ok()?.micros().into()),
            ValueType::Text | ValueType::Boolean => return None,
        };
        Some(quantity.to_ordered_bytes())
    }

    /// The text of a value; none if it is not of this type.
    pub(crate) fn text(self, leaf: &Leaf) -> Option<String> {
        match (self, leaf) {
            (ValueType::Text, Leaf::Text(text) | Leaf::Number(text)) => {
                Some(sanitize_text(text.as_bytes()))
            }
            (ValueType::Text | ValueType::Boolean, Leaf::Flag(flag)) => Some(flag.to_string()),
            (ValueType::Boolean, Leaf::Text(text)) if text == "true" || text == "false" => {
                Some(text.clone())
            }
            _ => None,
        }
    }
}

/// A text as the side table stores it, and whether that is its hash.
pub(crate) fn indexed_text(text: &str) -> (String, bool) {
    if text.len() <= MAX_TEXT {
        (text.to_owned(), false)
    } else {
        (format!("sha256:{}", Digest::of(text.as_bytes())), true)
    }
}

/// The operand as the side table stores it: long texts by their hash.
pub(crate) fn indexed(cell: &Cell) -> Cell {
    match cell {
        Cell::Text(text) => Cell::Text(indexed_text(text).0),
        other => other.clone(),
    }
}
