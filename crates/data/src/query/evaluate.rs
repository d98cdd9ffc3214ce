//! Conditions on an object in hand: what the database cannot answer is asked here, by the same
//! rules.

use super::filter::{Check, Filter, Order, Part, Subject, Test};
use crate::decimal::Decimal;
use crate::field::{Field, Is};
use crate::fold::fold;
use crate::object::{Object, is_caseless};
use crate::path::Leaf;
use crate::update::labels_of;
use crate::view::{Shown, asset_of, change_id, qualified};
use std::cmp::Ordering;
use store::Cell;

/// Whether a condition holds of an object.
pub(crate) fn holds(filter: &Filter, object: &Object, with: &Shown) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().all(|filter| holds(filter, object, with)),
        Filter::Any(filters) => filters.iter().any(|filter| holds(filter, object, with)),
        Filter::Test(test) => passes(test, object, with) != test.negated,
    }
}

fn passes(test: &Test, object: &Object, with: &Shown) -> bool {
    match &test.subject {
        Subject::Field(field) => {
            let caseless =
                field.is == Is::Address && is_caseless(object.text("chain").unwrap_or_default());
            check(
                &test.check,
                &values(field, object, with),
                test.folded || caseless,
            ) || names_id(test, field, object, with)
        }
        Subject::Label(key) => {
            let label = labels_of(object).remove(key).map(Cell::Text);
            check(
                &test.check,
                &label.into_iter().collect::<Vec<_>>(),
                test.folded,
            )
        }
        Subject::Declared { path, form, .. } => {
            let leaf = path.read(object);
            let value = leaf.and_then(|leaf| {
                form.number(&leaf)
                    .map(Cell::Blob)
                    .or_else(|| form.text(&leaf).map(Cell::Text))
            });
            check(
                &test.check,
                &value.into_iter().collect::<Vec<_>>(),
                test.folded,
            )
        }
        Subject::Free(path) => free(&test.check, path.read(object), test.folded),
    }
}

/// Whether a reference is compared with the id of its target, which is never without case.
fn names_id(test: &Test, field: &Field, object: &Object, with: &Shown) -> bool {
    let parent = object.text("parent_id");
    let id = match field.is {
        Is::Ref(_) | Is::ParentRef => object.text(field.column),
        Is::ParentAsset if object.text("parent_type") == Some("asset") => parent,
        Is::ParentAsset => parent.and_then(|parent| with.names.asset(parent)),
        _ => None,
    };
    let by_value = matches!(test.check, Check::Compare(Order::Eq, _) | Check::Among(_));
    by_value && id.is_some_and(|id| test.check.texts().any(|text| text == id))
}

/// What a field may be matched by: first what it shows, then what else its value is called.
fn values(field: &Field, object: &Object, with: &Shown) -> Vec<Cell> {
    let text = |text: String| vec![Cell::Text(text)];
    match field.is {
        Is::Ref(_) | Is::ParentRef => references(object.text(field.column), with),
        Is::ParentAsset => asset_of(object, with).map_or_else(Vec::new, text),
        Is::Qualified => text(qualified(object)),
        Is::Status => with
            .finals
            .as_ref()
            .map_or_else(Vec::new, |finals| text(finals.status(object).to_owned())),
        Is::Direction => text(
            if object.int("direction") < Some(0) {
                "subtract"
            } else {
                "add"
            }
            .to_owned(),
        ),
        Is::ChangeId => text(change_id(object)),
        Is::Masked(_) if object.is_set("value_masked") => Vec::new(),
        _ if field.may_be_empty() => object
            .text(field.column)
            .map_or_else(Vec::new, |value| text(value.to_owned())),
        _ => match object.get(field.column) {
            Cell::Null => Vec::new(),
            cell => vec![cell.clone()],
        },
    }
}

fn references(id: Option<&str>, with: &Shown) -> Vec<Cell> {
    let Some(id) = id else { return Vec::new() };
    let Some(named) = with.names.of(id) else {
        return vec![Cell::Text(id.to_owned())];
    };
    let known = [&named.plain, &named.name, &named.full];
    known
        .into_iter()
        .map(|text| Cell::Text(text.clone()))
        .collect()
}

fn check(check: &Check, values: &[Cell], folded: bool) -> bool {
    let Some(shown) = values.first() else {
        return matches!(check, Check::Null);
    };
    match check {
        Check::Null => false,
        Check::Compare(Order::Eq, operand) => values
            .iter()
            .any(|value| compare(value, operand, folded) == Some(Ordering::Equal)),
        Check::Compare(order, operand) => {
            compare(shown, operand, folded).is_some_and(|found| order.allows(found))
        }
        Check::Among(operands) => values.iter().any(|value| {
            operands
                .iter()
                .any(|operand| compare(value, operand, folded) == Some(Ordering::Equal))
        }),
        Check::Part(part, needle) => match shown {
            Cell::Text(text) if folded => part.is_in(&fold(text), &fold(needle)),
            Cell::Text(text) => part.is_in(text, needle),
            _ => false,
        },
    }
}

/// Cells of one form compare as their values do.
fn compare(value: &Cell, operand: &Cell, folded: bool) -> Option<Ordering> {
    match (value, operand) {
        (Cell::Int(a), Cell::Int(b)) => Some(a.cmp(b)),
        (Cell::Blob(a), Cell::Blob(b)) => Some(a.cmp(b)),
        (Cell::Text(a), Cell::Text(b)) if folded => Some(fold(a).cmp(&fold(b))),
        (Cell::Text(a), Cell::Text(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// What stands at an undeclared path is compared as what it is there: numbers as numbers, all else
/// as text.
fn free(check_: &Check, leaf: Option<Leaf>, folded: bool) -> bool {
    match leaf {
        None => matches!(check_, Check::Null),
        Some(Leaf::Text(text)) => check(check_, &[Cell::Text(text)], folded),
        Some(Leaf::Flag(flag)) => check(check_, &[Cell::Text(flag.to_string())], folded),
        Some(Leaf::Number(number)) => free_number(check_, &number),
    }
}

fn free_number(check: &Check, number: &str) -> bool {
    let as_decimal = |cell: &Cell| match cell {
        Cell::Text(text) => Decimal::parse(text),
        _ => None,
    };
    let Some(value) = Decimal::parse(number) else {
        return false;
    };
    match check {
        Check::Null => false,
        Check::Compare(order, operand) => {
            as_decimal(operand).is_some_and(|operand| order.allows(value.cmp(&operand)))
        }
        Check::Among(operands) => operands
            .iter()
            .filter_map(as_decimal)
            .any(|operand| operand == value),
        Check::Part(part, needle) => part.is_in(number, needle),
    }
}

impl Order {
    /// Whether a value that stands so to the operand is meant.
    pub(crate) fn allows(self, found: Ordering) -> bool {
        match self {
            Order::Eq => found == Ordering::Equal,
            Order::Lt => found == Ordering::Less,
            Order::Lte => found != Ordering::Greater,
            Order::Gt => found == Ordering::Greater,
            Order::Gte => found != Ordering::Less,
        }
    }
}

impl Part {
    fn is_in(self, text: &str, needle: &str) -> bool {
        match self {
            Part::Contains => text.contains(needle),
            Part::StartsWith => text.starts_with(needle),
            Part::EndsWith => text.ends_with(needle),
        }
    }
}
