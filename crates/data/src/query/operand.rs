//! Operands, parsed by the type of the field that they are compared with.

use crate::field::{Field, FieldType};
use crate::filter::{Comparison, Predicate, TextMatch};
use crate::path::Leaf;
use crate::value_type::ValueType;
use crate::{Error, Result};
use store::Cell;
use types::{Quantity, Time};

/// Bytes of one operand.
pub(crate) const MAX_VALUE: usize = 8_192;

/// An operator of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Compare(Comparison),
    NotEqual,
    TextMatch(TextMatch),
    In,
    NotIn,
    Null,
}

/// An operator of bulk queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorInfo {
    /// The name in requests.
    pub name: &'static str,
    pub operand: Operand,
    /// When the condition is true.
    pub doc: &'static str,
    pub(crate) operator: Operator,
}

/// The operands of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// `value`.
    One,
    /// `values`.
    Many,
    None,
}

/// The operators of bulk queries.
pub const OPERATORS: [OperatorInfo; 12] = [
    one("eq", Operator::Compare(Comparison::Eq), "equals the value"),
    one(
        "neq",
        Operator::NotEqual,
        "differs from the value, or is not set",
    ),
    one(
        "lt",
        Operator::Compare(Comparison::Lt),
        "is less than the value",
    ),
    one(
        "lte",
        Operator::Compare(Comparison::Lte),
        "is at most the value",
    ),
    one(
        "gt",
        Operator::Compare(Comparison::Gt),
        "is greater than the value",
    ),
    one(
        "gte",
        Operator::Compare(Comparison::Gte),
        "is at least the value",
    ),
    one(
        "contains",
        Operator::TextMatch(TextMatch::Contains),
        "contains the value; text only",
    ),
    one(
        "startsWith",
        Operator::TextMatch(TextMatch::StartsWith),
        "begins with the value; text only",
    ),
    one(
        "endsWith",
        Operator::TextMatch(TextMatch::EndsWith),
        "ends with the value; text only",
    ),
    many("in", Operator::In, "equals one of the values"),
    many(
        "nin",
        Operator::NotIn,
        "equals none of the values, or is not set",
    ),
    OperatorInfo {
        name: "null",
        operand: Operand::None,
        doc: "is not set",
        operator: Operator::Null,
    },
];

const fn one(name: &'static str, operator: Operator, doc: &'static str) -> OperatorInfo {
    OperatorInfo {
        name,
        operand: Operand::One,
        doc,
        operator,
    }
}

const fn many(name: &'static str, operator: Operator, doc: &'static str) -> OperatorInfo {
    OperatorInfo {
        operand: Operand::Many,
        ..one(name, operator, doc)
    }
}

impl Operator {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let known = OPERATORS.iter().find(|known| known.name == name)?;
        Some(known.operator)
    }

    fn info(self) -> &'static OperatorInfo {
        let mut all = const { &OPERATORS }.iter();
        all.find(|known| known.operator == self)
            .expect("each operator is in the list")
    }

    /// The name in requests.
    pub(crate) fn name(self) -> &'static str {
        self.info().name
    }

    pub(crate) fn operand(self) -> Operand {
        self.info().operand
    }

    /// Whether it negates its predicate.
    pub(crate) fn negates(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotIn)
    }

    /// Build the predicate. Operators with a single operand use the first value.
    pub(crate) fn predicate(
        self,
        values: &[String],
        read: impl Fn(&str) -> Result<Cell>,
        is_text: bool,
        unsupported: impl Fn() -> Error,
    ) -> Result<Predicate> {
        let first = || values.first().map(String::as_str).unwrap_or_default();
        Ok(match self {
            Self::Compare(comparison) => Predicate::Compare(comparison, read(first())?),
            Self::NotEqual => Predicate::Compare(Comparison::Eq, read(first())?),
            Self::TextMatch(mode) if is_text => Predicate::Text(mode, first().to_owned()),
            Self::TextMatch(_) => return Err(unsupported()),
            Self::In | Self::NotIn => Predicate::In(
                values
                    .iter()
                    .map(|value| read(value))
                    .collect::<Result<_>>()?,
            ),
            Self::Null => Predicate::IsNull,
        })
    }
}

/// Whether a field is compared as text.
pub(crate) fn is_text(field: &Field) -> bool {
    !matches!(
        field.field_type,
        FieldType::Flag
            | FieldType::Int
            | FieldType::Amount
            | FieldType::Quantity
            | FieldType::Time
            | FieldType::Json
            | FieldType::Labels
            | FieldType::Units
    )
}

/// Whether a field supports only the `null` operator.
pub(crate) fn is_opaque(field: &Field) -> bool {
    matches!(
        field.field_type,
        FieldType::Json | FieldType::Labels | FieldType::Units
    )
}

/// Parse an operand in the stored form of a field.
pub(crate) fn read(field: &Field, text: &str, at: &str) -> Result<Cell> {
    let invalid = |reason: &str| Error::invalid(at, reason);
    Ok(match field.field_type {
        FieldType::Flag => Cell::Int(match text {
            "true" => 1,
            "false" => 0,
            _ => return Err(invalid("expected true or false")),
        }),
        FieldType::Int => Cell::Int(
            text.parse()
                .map_err(|_| invalid("expected a whole number"))?,
        ),
        FieldType::Time => Cell::Int(
            text.parse::<Time>()
                .map_err(|error| invalid(&error.to_string()))?
                .micros(),
        ),
        FieldType::Amount | FieldType::Quantity => {
            let quantity = text
                .parse::<Quantity>()
                .map_err(|_| invalid("expected a whole number in base units"))?;
            Cell::Blob(quantity.to_ordered_bytes())
        }
        _ => Cell::Text(text.to_owned()),
    })
}

/// Parse an operand in the stored form of a declared field.
pub(crate) fn read_declared(value_type: ValueType, text: &str, at: &str) -> Result<Cell> {
    let leaf = Leaf::Text(text.to_owned());
    let cell = if value_type.is_number() {
        value_type.number(&leaf).map(Cell::Blob)
    } else {
        value_type.text(&leaf).map(Cell::Text)
    };
    cell.ok_or_else(|| Error::invalid(at, "is not of the declared type"))
}

/// References can name EVM addresses, which are stored in lower case. Operands of equality are
/// compared in both forms.
pub(crate) fn with_lower_addresses(predicate: Predicate) -> Predicate {
    let cells = match predicate {
        Predicate::Compare(Comparison::Eq, cell) => vec![cell],
        Predicate::In(cells) => cells,
        other => return other,
    };
    let mut all = cells.clone();
    for cell in cells {
        if let Cell::Text(text) = &cell {
            let lowered = Cell::Text(
                text.split('/')
                    .map(lower_address)
                    .collect::<Vec<_>>()
                    .join("/"),
            );
            if lowered != cell {
                all.push(lowered);
            }
        }
    }
    Predicate::In(all)
}

fn lower_address(part: &str) -> String {
    let is_address = part
        .get(..2)
        .is_some_and(|head| head.eq_ignore_ascii_case("0x"));
    if is_address {
        part.to_ascii_lowercase()
    } else {
        part.to_owned()
    }
}
