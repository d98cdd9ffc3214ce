//! Values of a query, read by what they are compared with.

use super::filter::{Check, Order, Part};
use crate::field::{Field, Is};
use crate::metadata::{Form, kept_text};
use crate::path::Leaf;
use crate::{Error, Result};
use store::Cell;
use types::{Quantity, Time};

/// The longest value of a query.
pub(crate) const MAX_VALUE: usize = 8_192;

/// An operator as the request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Compare(Order),
    NotEqual,
    Part(Part),
    In,
    NotIn,
    Null,
}

impl Operator {
    /// The operator of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Compare(Order::Eq),
            "neq" => Self::NotEqual,
            "lt" => Self::Compare(Order::Lt),
            "lte" => Self::Compare(Order::Lte),
            "gt" => Self::Compare(Order::Gt),
            "gte" => Self::Compare(Order::Gte),
            "contains" => Self::Part(Part::Contains),
            "startsWith" => Self::Part(Part::StartsWith),
            "endsWith" => Self::Part(Part::EndsWith),
            "in" => Self::In,
            "nin" => Self::NotIn,
            "null" => Self::Null,
            _ => return None,
        })
    }

    /// Whether it says the opposite of what it checks.
    pub(crate) fn negates(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotIn)
    }

    /// The check of some values; single-valued operators have one.
    pub(crate) fn check(
        self,
        values: &[String],
        read: impl Fn(&str) -> Result<Cell>,
        is_text: bool,
        unfit: impl Fn() -> Error,
    ) -> Result<Check> {
        let one = || values.first().map(String::as_str).unwrap_or_default();
        Ok(match self {
            Self::Compare(order) => Check::Compare(order, read(one())?),
            Self::NotEqual => Check::Compare(Order::Eq, read(one())?),
            Self::Part(part) if is_text => Check::Part(part, one().to_owned()),
            Self::Part(_) => return Err(unfit()),
            Self::In | Self::NotIn => Check::Among(
                values
                    .iter()
                    .map(|value| read(value))
                    .collect::<Result<_>>()?,
            ),
            Self::Null => Check::Null,
        })
    }
}

/// Whether a field is compared as text.
pub(crate) fn is_text(field: &Field) -> bool {
    !matches!(
        field.is,
        Is::Flag
            | Is::Int
            | Is::Amount
            | Is::Quantity
            | Is::Time
            | Is::Json
            | Is::Labels
            | Is::Units
    )
}

/// Whether a field can only be asked for being there.
pub(crate) fn is_opaque(field: &Field) -> bool {
    matches!(field.is, Is::Json | Is::Labels | Is::Units)
}

/// A value in the form a field is stored in.
pub(crate) fn read(field: &Field, text: &str, at: &str) -> Result<Cell> {
    let invalid = |why: &str| Error::invalid(at, why);
    Ok(match field.is {
        Is::Flag => Cell::Int(match text {
            "true" => 1,
            "false" => 0,
            _ => return Err(invalid("expected true or false")),
        }),
        Is::Int => Cell::Int(
            text.parse()
                .map_err(|_| invalid("expected a whole number"))?,
        ),
        Is::Time => Cell::Int(
            text.parse::<Time>()
                .map_err(|error| invalid(&error.to_string()))?
                .micros(),
        ),
        Is::Amount | Is::Quantity => {
            let quantity = text
                .parse::<Quantity>()
                .map_err(|_| invalid("expected a whole number in base units"))?;
            Cell::Blob(quantity.to_ordered_bytes())
        }
        _ => Cell::Text(text.to_owned()),
    })
}

/// A value in the form a declared path is kept in.
pub(crate) fn read_declared(form: Form, text: &str, at: &str) -> Result<Cell> {
    let leaf = Leaf::Text(text.to_owned());
    let cell = if form.is_number() {
        form.number(&leaf).map(Cell::Blob)
    } else {
        form.text(&leaf).map(Cell::Text)
    };
    cell.ok_or_else(|| Error::invalid(at, "is not of the declared form"))
}

/// A text that may be known by its hash, for comparing what is kept.
pub(crate) fn kept(cell: &Cell) -> Cell {
    match cell {
        Cell::Text(text) => Cell::Text(kept_text(text).0),
        other => other.clone(),
    }
}

/// References name addresses too, and those of EVM chains are stored in lower case: what is
/// compared as a whole is compared in both forms.
pub(crate) fn with_plain_addresses(check: Check) -> Check {
    let cells = match check {
        Check::Compare(Order::Eq, cell) => vec![cell],
        Check::Among(cells) => cells,
        other => return other,
    };
    let mut all = cells.clone();
    for cell in cells {
        if let Cell::Text(text) = &cell {
            let plain = Cell::Text(
                text.split('/')
                    .map(plain_address)
                    .collect::<Vec<_>>()
                    .join("/"),
            );
            if plain != cell {
                all.push(plain);
            }
        }
    }
    Check::Among(all)
}

fn plain_address(part: &str) -> String {
    let is_address = part
        .get(..2)
        .is_some_and(|head| head.eq_ignore_ascii_case("0x"));
    if is_address {
        part.to_ascii_lowercase()
    } else {
        part.to_owned()
    }
}
