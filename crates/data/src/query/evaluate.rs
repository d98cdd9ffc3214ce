//! Filters evaluated in memory, for conditions that the database cannot evaluate, with the same
//! semantics.

use crate::decimal::Decimal;
use crate::field::{Field, FieldType};
use crate::filter::{Comparison, Condition, Filter, Predicate, Subject};
use crate::fold::fold;
use crate::object::{Object, is_case_insensitive};
use crate::path::Leaf;
use crate::update::labels_of;
use crate::view::{ViewContext, asset_of, change_id, qualified};
use std::cmp::Ordering;
use store::Cell;

/// Whether an object matches a filter.
pub(crate) fn matches(filter: &Filter, object: &Object, context: &ViewContext) -> bool {
    match filter {
        Filter::All(filters) => filters
            .iter()
            .all(|filter| matches(filter, object, context)),
        Filter::Any(filters) => filters
            .iter()
            .any(|filter| matches(filter, object, context)),
        Filter::Condition(condition) => {
            condition_matches(condition, object, context) != condition.negated
        }
    }
}

fn condition_matches(condition: &Condition, object: &Object, context: &ViewContext) -> bool {
    let Condition {
        predicate,
        ignore_case,
        ..
    } = condition;
    let value = match &condition.subject {
        Subject::Field(field) => {
            let case_insensitive = field.field_type == FieldType::Address
                && is_case_insensitive(object.text("chain").unwrap_or_default());
            let values = values(field, object, context);
            return satisfies(predicate, &values, *ignore_case || case_insensitive)
                || matches_id(condition, field, object, context);
        }
        Subject::Undeclared(path) => {
            return undeclared(predicate, path.read(object), *ignore_case);
        }
        Subject::Label(key) => labels_of(object).remove(key).map(Cell::Text),
        Subject::Declared {
            path, value_type, ..
        } => path.read(object).and_then(|leaf| {
            let number = value_type.number(&leaf).map(Cell::Blob);
            number.or_else(|| value_type.text(&leaf).map(Cell::Text))
        }),
    };
    satisfies(predicate, value.as_slice(), *ignore_case)
}

/// Whether the condition compares a reference with the id of its target. Ids are always
/// case-sensitive.
fn matches_id(
    condition: &Condition,
    field: &Field,
    object: &Object,
    context: &ViewContext,
) -> bool {
    let parent = object.text("parent_id");
    let id = match field.field_type {
        FieldType::Ref(_) | FieldType::ParentRef => object.text(field.column),
        FieldType::ParentAsset if object.text("parent_type") == Some("asset") => parent,
        FieldType::ParentAsset => parent.and_then(|parent| context.names.asset(parent)),
        _ => None,
    };
    let by_value = matches!(
        condition.predicate,
        Predicate::Compare(Comparison::Eq, _) | Predicate::In(_)
    );
    by_value && id.is_some_and(|id| condition.predicate.texts().any(|text| text == id))
}

/// The values that a field can match: first the displayed one, then its aliases.
fn values(field: &Field, object: &Object, context: &ViewContext) -> Vec<Cell> {
    let text = |text: String| vec![Cell::Text(text)];
    match field.field_type {
        FieldType::Ref(_) | FieldType::ParentRef => references(object.text(field.column), context),
        FieldType::ParentAsset => asset_of(object, context).map_or_else(Vec::new, text),
        FieldType::Qualified => text(qualified(object)),
        FieldType::Status => context
            .final_heights
            .as_ref()
            .map_or_else(Vec::new, |final_heights| {
                text(final_heights.status(object).to_owned())
            }),
        FieldType::Direction if object.int("direction") < Some(0) => text("subtract".to_owned()),
        FieldType::Direction => text("add".to_owned()),
        FieldType::ChangeId => text(change_id(object)),
        FieldType::Masked(_) if object.is_set("value_masked") => Vec::new(),
        _ if field.empty_means_unset() => object
            .text(field.column)
            .map_or_else(Vec::new, |value| text(value.to_owned())),
        _ => match object.get(field.column) {
            Cell::Null => Vec::new(),
            cell => vec![cell.clone()],
        },
    }
}

fn references(id: Option<&str>, context: &ViewContext) -> Vec<Cell> {
    let Some(id) = id else { return Vec::new() };
    let Some(target) = context.names.get(id) else {
        return vec![Cell::Text(id.to_owned())];
    };
    let aliases = [&target.qualified, &target.name, &target.with_chain];
    aliases
        .into_iter()
        .map(|text| Cell::Text(text.clone()))
        .collect()
}

fn satisfies(predicate: &Predicate, values: &[Cell], ignore_case: bool) -> bool {
    let Some(displayed) = values.first() else {
        return matches!(predicate, Predicate::IsNull);
    };
    match predicate {
        Predicate::IsNull => false,
        Predicate::Compare(Comparison::Eq, operand) => values
            .iter()
            .any(|value| compare(value, operand, ignore_case) == Some(Ordering::Equal)),
        Predicate::Compare(comparison, operand) => compare(displayed, operand, ignore_case)
            .is_some_and(|ordering| comparison.allows(ordering)),
        Predicate::In(operands) => values.iter().any(|value| {
            operands
                .iter()
                .any(|operand| compare(value, operand, ignore_case) == Some(Ordering::Equal))
        }),
        Predicate::Text(mode, needle) => match displayed {
            Cell::Text(text) if ignore_case => mode.is_in(&fold(text), &fold(needle)),
            Cell::Text(text) => mode.is_in(text, needle),
            _ => false,
        },
    }
}

/// Compare two cells of the same type.
fn compare(value: &Cell, operand: &Cell, ignore_case: bool) -> Option<Ordering> {
    match (value, operand) {
        (Cell::Int(a), Cell::Int(b)) => Some(a.cmp(b)),
        (Cell::Blob(a), Cell::Blob(b)) => Some(a.cmp(b)),
        (Cell::Text(a), Cell::Text(b)) if ignore_case => Some(fold(a).cmp(&fold(b))),
        (Cell::Text(a), Cell::Text(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Evaluate a condition on an undeclared path: numbers compare as numbers, everything else as text.
fn undeclared(predicate: &Predicate, leaf: Option<Leaf>, ignore_case: bool) -> bool {
    match leaf {
        None => matches!(predicate, Predicate::IsNull),
        Some(Leaf::Text(text)) => satisfies(predicate, &[Cell::Text(text)], ignore_case),
        Some(Leaf::Flag(flag)) => {
            satisfies(predicate, &[Cell::Text(flag.to_string())], ignore_case)
        }
        Some(Leaf::Number(number)) => undeclared_number(predicate, &number),
    }
}

fn undeclared_number(predicate: &Predicate, number: &str) -> bool {
    let as_decimal = |cell: &Cell| match cell {
        Cell::Text(text) => Decimal::parse(text),
        _ => None,
    };
    let Some(value) = Decimal::parse(number) else {
        return false;
    };
    match predicate {
        Predicate::IsNull => false,
        Predicate::Compare(comparison, operand) => {
            as_decimal(operand).is_some_and(|operand| comparison.allows(value.cmp(&operand)))
        }
        Predicate::In(operands) => operands
            .iter()
            .filter_map(as_decimal)
            .any(|operand| operand == value),
        Predicate::Text(mode, needle) => mode.is_in(number, needle),
    }
}
