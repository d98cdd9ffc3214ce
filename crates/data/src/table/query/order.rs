//! Sort orders and keyset paging. NULL sorts first on both engines.

use super::Builder;
use super::conditions::unmasked;
use crate::field::{DefaultValue, Field, FieldType, Schema};
use crate::filter::{SortKey, Subject};
use store::{Cell, ValueKind};

/// Characters of a text that count for sorting.
const SORT_PREFIX: usize = 256;

/// The keys of a sort order, including tie breakers.
#[derive(Debug, Clone)]
pub(crate) struct SortKeys {
    keys: Vec<OrderKey>,
    /// Prevents the database from walking the index of the order.
    avoid_index: bool,
}

#[derive(Debug, Clone)]
struct OrderKey {
    source: KeySource,
    descending: bool,
    nullable: bool,
}

#[derive(Debug, Clone)]
enum KeySource {
    Column(&'static str),
    Derived(&'static Field),
    /// A declared path, and whether its values are numbers.
    Declared(String, bool),
}

impl SortKeys {
    /// The requested keys, or the default order; then the tie breakers, in the direction of the
    /// last key.
    pub(crate) fn new(schema: &'static Schema, sort: &[SortKey]) -> Self {
        let mut keys: Vec<OrderKey> = sort.iter().map(OrderKey::new).collect();
        if keys.is_empty() {
            keys.push(OrderKey {
                source: KeySource::Column(schema.default_sort),
                descending: true,
                nullable: false,
            });
        }
        let descending = keys.last().is_some_and(|key| key.descending);
        for column in schema.tie_breakers {
            if !keys
                .iter()
                .any(|key| matches!(key.source, KeySource::Column(known) if known == *column))
            {
                keys.push(OrderKey {
                    source: KeySource::Column(column),
                    descending,
                    nullable: false,
                });
            }
        }
        Self {
            keys,
            avoid_index: false,
        }
    }

    /// Whether values could be the key values of a row, by number and type. A cursor is untrusted
    /// input.
    pub(crate) fn accept(&self, schema: &Schema, values: &[Cell]) -> bool {
        let fits = |(key, value): (&OrderKey, &Cell)| match value {
            Cell::Null => key.nullable,
            Cell::Int(_) => key.storage(schema) == ValueKind::Int,
            Cell::Text(_) => key.storage(schema) == ValueKind::Text,
            Cell::Blob(_) => key.storage(schema) == ValueKind::Blob,
        };
        self.keys.len() == values.len() && self.keys.iter().zip(values).all(fits)
    }

    /// Whether an index has the rows in this order.
    pub(crate) fn is_indexed(&self, schema: &Schema) -> bool {
        let first_is_newest = matches!(self.keys.first().map(|key| &key.source), Some(KeySource::Column(column)) if *column == schema.default_sort);
        first_is_newest
            && self.keys.len() == 1 + schema.tie_breakers.len()
            && schema.table != "transfer_change"
    }

    /// Select rows by the conditions and sort them afterwards.
    pub(crate) fn sort_without_index(&mut self) {
        self.avoid_index = true;
    }

    /// Whether the keys compare as one tuple.
    fn is_tuple(&self) -> bool {
        let descending = self.keys.first().is_some_and(|key| key.descending);
        self.keys.iter().all(|key| {
            matches!(key.source, KeySource::Column(_))
                && !key.nullable
                && key.descending == descending
        })
    }
}

impl OrderKey {
    fn new(key: &SortKey) -> Self {
        let descending = key.descending;
        match &key.subject {
            Subject::Field(field) if field.is_stored() && !sorts_by_display(field) => {
                let never_null = field.default != DefaultValue::Null
                    || ["id", "name", "protocol_id"].contains(&field.column);
                Self {
                    source: KeySource::Column(field.column),
                    descending,
                    nullable: !never_null,
                }
            }
            Subject::Field(field) => Self {
                source: KeySource::Derived(field),
                descending,
                nullable: true,
            },
            Subject::Declared {
                path, value_type, ..
            } => Self {
                source: KeySource::Declared(path.text.clone(), value_type.is_number()),
                descending,
                nullable: true,
            },
            Subject::Label(_) | Subject::Undeclared(_) => {
                unreachable!("sorting by labels and undeclared paths is rejected earlier")
            }
        }
    }
}

impl OrderKey {
    /// The storage type of the key's values.
    fn storage(&self, schema: &Schema) -> ValueKind {
        match &self.source {
            KeySource::Column(column) => schema.column(column).storage(),
            KeySource::Declared(_, true) => ValueKind::Blob,
            KeySource::Derived(_) | KeySource::Declared(_, false) => ValueKind::Text,
        }
    }
}

/// Whether the sort value is not the stored one: the name of a reference, or the word for a
/// direction.
fn sorts_by_display(field: &Field) -> bool {
    matches!(
        field.field_type,
        FieldType::Ref(_) | FieldType::ParentRef | FieldType::ParentAsset | FieldType::Direction
    )
}

impl Builder<'_> {
    fn key(&mut self, key: &OrderKey) -> String {
        match &key.source {
            KeySource::Column(column) => match self.schema.column(column).field_type {
                // Long texts are sorted by a prefix: whole, they would not fit into a cursor.
                FieldType::Masked(_) => {
                    format!(
                        "substr({}, 1, {SORT_PREFIX})",
                        unmasked(&format!("t.{column}"))
                    )
                }
                FieldType::Text(max) if max > SORT_PREFIX => {
                    format!("substr(t.{column}, 1, {SORT_PREFIX})")
                }
                _ => format!("t.{column}"),
            },
            KeySource::Derived(field) => match field.field_type {
                FieldType::Ref(kind) => self.name_of(kind, &format!("t.{}", field.column)),
                FieldType::ParentRef => self.parent_display(),
                FieldType::ParentAsset => self.parent_asset_name(),
                _ => self.derived(field),
            },
            KeySource::Declared(path, number) => {
                let (path, kind) = (self.text(path.clone()), self.schema.kind.singular());
                let column = if *number {
                    "number_value"
                } else {
                    "text_value"
                };
                format!(
                    "(SELECT m.{column} FROM metadata_value m
                       WHERE m.namespace = ?ns AND m.type = '{kind}' AND m.object_id = t.id AND m.path = {path})"
                )
            }
        }
    }

    /// The key expressions of the SELECT list.
    pub(super) fn key_values(&mut self, keys: &SortKeys) -> Vec<String> {
        keys.keys.iter().map(|key| self.key(key)).collect()
    }

    pub(super) fn order(&mut self, keys: &SortKeys) -> String {
        let each = |key: &OrderKey| {
            let expression = self.key(key);
            // The unary plus makes the key an expression that the index does not cover. The first
            // key of an indexed order is a time, so the value does not change.
            let expression =
                if keys.avoid_index && expression == format!("t.{}", self.schema.default_sort) {
                    format!("+{expression}")
                } else {
                    expression
                };
            match (key.nullable, key.descending) {
                (false, false) => expression,
                (false, true) => format!("{expression} DESC"),
                (true, false) => format!("{expression} NULLS FIRST"),
                (true, true) => format!("{expression} DESC NULLS LAST"),
            }
        };
        keys.keys.iter().map(each).collect::<Vec<_>>().join(", ")
    }

    /// The condition for rows after a row with these values.
    pub(super) fn after(&mut self, keys: &SortKeys, after: &[Cell]) -> String {
        if keys.is_tuple() {
            let columns: Vec<String> = keys.keys.iter().map(|key| self.key(key)).collect();
            let values: Vec<String> = after.iter().map(|cell| self.cell(cell)).collect();
            let sign = if keys.keys[0].descending { "<" } else { ">" };
            return format!("({}) {sign} ({})", columns.join(", "), values.join(", "));
        }
        let mut alternatives: Vec<String> = Vec::new();
        for index in 0..keys.keys.len() {
            let mut parts: Vec<String> = Vec::new();
            for (key, value) in keys.keys[..index].iter().zip(after) {
                parts.push(self.equal_to(key, value));
            }
            parts.push(self.sorts_after(&keys.keys[index], &after[index]));
            alternatives.push(format!("({})", parts.join(" AND ")));
        }
        format!("({})", alternatives.join(" OR "))
    }

    fn equal_to(&mut self, key: &OrderKey, value: &Cell) -> String {
        let expression = self.key(key);
        match value {
            Cell::Null => format!("{expression} IS NULL"),
            value => format!("{expression} = {}", self.cell(value)),
        }
    }

    fn sorts_after(&mut self, key: &OrderKey, value: &Cell) -> String {
        let expression = self.key(key);
        match (value, key.descending) {
            (Cell::Null, false) => format!("{expression} IS NOT NULL"),
            (Cell::Null, true) => "1 = 0".to_owned(),
            (value, false) => format!("{expression} > {}", self.cell(value)),
            (value, true) => {
                let less = format!("{expression} < {}", self.cell(value));
                if key.nullable {
                    format!("({less} OR {} IS NULL)", self.key(key))
                } else {
                    less
                }
            }
        }
    }
}
