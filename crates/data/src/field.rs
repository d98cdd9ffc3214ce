//! Field definitions: the name on the wire, the column, and how values are parsed, compared and
//! shown.

use crate::Type;
use store::{Cell, ValueKind};
use types::schema;

/// How the values of a field are parsed, compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldType {
    /// Text of at most this many bytes.
    Text(usize),
    /// Text that is neither shown nor searchable while the object is marked as masked.
    Masked(usize),
    /// Text that is part of a key: never empty, and short enough for an index.
    Name,
    /// An address on the object's chain. Empty means none.
    Address,
    /// A CAIP-2 chain id. Empty means none.
    Chain,
    Flag,
    /// A 64-bit integer.
    Int,
    /// An integer in base units, 0..2^256-1.
    Amount,
    /// A signed sum of amounts.
    Quantity,
    Time,
    /// JSON, stored as its exact text; any, unless the field has a shape.
    Json,
    /// An object of strings, which is copied to the `label` table for filters.
    Labels,
    Units,
    /// The id of another object; its name on the wire.
    Ref(Type),
    /// `parent.type`.
    ParentType,
    /// `parent.ref`: the id of an object of any type; its name on the wire.
    ParentRef,
    /// The asset of the parent. Derived.
    ParentAsset,
    /// `<address>/<name>`. Derived.
    Qualified,
    /// `pending`, `final` or `reverted`. Derived from the final height of the chain.
    Status,
    /// `add` or `subtract`, stored as 1 or -1.
    Direction,
    /// `<transfer>/<change_index>`. Derived.
    ChangeId,
    /// The explicit balance changes of a transfer, which have a table of their own.
    Changes,
    /// Whether a balance is negative. Shown only if it is.
    BelowZero,
    /// Computed for the items of a page; cannot be used in filters.
    DisplayOnly,
    /// A column that is not on the wire.
    Internal(ValueKind),
}

/// The value of a field that was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultValue {
    Null,
    Zero,
    One,
    Empty,
}

#[derive(Debug)]
pub(crate) struct Field {
    /// The name on the wire; for internal columns, the column name.
    pub(crate) name: &'static str,
    /// The column; empty for derived fields.
    pub(crate) column: &'static str,
    pub(crate) field_type: FieldType,
    /// Whether callers can set it.
    pub(crate) input: bool,
    /// Whether an index covers it.
    pub(crate) indexed: bool,
    pub(crate) default: DefaultValue,
    /// Whether a new object must have it.
    pub(crate) required: bool,
    /// The members of a JSON field; empty for any JSON.
    pub(crate) shape: &'static [schema::Field],
    pub(crate) doc: &'static str,
}

/// The fields of a type, its table and its keys.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) kind: Type,
    pub(crate) table: &'static str,
    pub(crate) fields: &'static [Field],
    /// The columns after the namespace that identify an object to callers.
    pub(crate) key: &'static [&'static str],
    /// The columns after the namespace that identify a stored row.
    pub(crate) row_key: &'static [&'static str],
    /// The column by which a listing is sorted, newest first, by default.
    pub(crate) default_sort: &'static str,
    /// The columns that make any order total, so that a cursor has exactly one position.
    pub(crate) tie_breakers: &'static [&'static str],
}

impl Schema {
    /// A type without fields yet, whose rows are identified by their ids, the newest listed first.
    pub(crate) const fn new(kind: Type, table: &'static str, key: &'static [&'static str]) -> Self {
        Self {
            kind,
            table,
            fields: &[],
            key,
            row_key: &["id"],
            default_sort: "created",
            tie_breakers: &["id"],
        }
    }
}

/// A field that only Florin sets.
pub(crate) const fn computed(
    name: &'static str,
    column: &'static str,
    field_type: FieldType,
) -> Field {
    Field {
        name,
        column,
        field_type,
        input: false,
        indexed: false,
        default: DefaultValue::Null,
        required: false,
        shape: &[],
        doc: "",
    }
}

/// A field that callers can set.
pub(crate) const fn input(
    name: &'static str,
    column: &'static str,
    field_type: FieldType,
) -> Field {
    let mut field = computed(name, column, field_type);
    field.input = true;
    field
}

/// A column that is not on the wire.
pub(crate) const fn internal(column: &'static str, kind: ValueKind) -> Field {
    computed(column, column, FieldType::Internal(kind))
}

impl Field {
    /// Whether its values can contain addresses, whose case does not matter.
    pub(crate) fn names_addresses(&self) -> bool {
        matches!(self.field_type, FieldType::ParentRef | FieldType::Qualified)
    }

    pub(crate) const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    pub(crate) const fn default(mut self, default: DefaultValue) -> Self {
        self.default = default;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn shape(mut self, members: &'static [schema::Field]) -> Self {
        self.shape = members;
        self
    }

    pub(crate) const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    pub(crate) const fn is_stored(&self) -> bool {
        !self.column.is_empty()
    }

    pub(crate) const fn is_internal(&self) -> bool {
        matches!(self.field_type, FieldType::Internal(_))
    }

    /// Whether filters and sort orders can use it.
    pub(crate) const fn is_filterable(&self) -> bool {
        !matches!(
            self.field_type,
            FieldType::Internal(_)
                | FieldType::DisplayOnly
                | FieldType::Changes
                | FieldType::BelowZero
        )
    }

    /// The type of the column, or of the value if the field is derived.
    pub(crate) const fn storage(&self) -> ValueKind {
        match self.field_type {
            FieldType::Flag | FieldType::Int | FieldType::Time | FieldType::Direction => {
                ValueKind::Int
            }
            FieldType::Amount | FieldType::Quantity => ValueKind::Blob,
            FieldType::Internal(kind) => kind,
            _ => ValueKind::Text,
        }
    }

    /// Whether an empty text in the column means that the field is not set.
    pub(crate) fn empty_means_unset(&self) -> bool {
        matches!(self.field_type, FieldType::Address | FieldType::Chain)
            || self.column == "block_hash"
    }

    pub(crate) fn default_cell(&self) -> Cell {
        match self.default {
            DefaultValue::Null => Cell::Null,
            DefaultValue::Zero => Cell::Int(0),
            DefaultValue::One => Cell::Int(1),
            DefaultValue::Empty => Cell::Text(String::new()),
        }
    }
}

impl Schema {
    /// The index of a column among the fields.
    pub(crate) fn index_of(&self, column: &str) -> usize {
        let index = self.fields.iter().position(|field| field.column == column);
        index.unwrap_or_else(|| panic!("{} has no column {column}", self.table))
    }

    /// The field with this wire name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields
            .iter()
            .find(|field| field.name == name && !field.is_internal())
    }

    pub(crate) fn column(&self, column: &str) -> &'static Field {
        &self.fields[self.index_of(column)]
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.fields.iter().any(|field| field.column == column)
    }

    /// The fields that have a column, in column order.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().filter(|field| field.is_stored())
    }

    /// The names of indexed fields, for error messages.
    pub(crate) fn indexed_names(&self) -> String {
        let names = self
            .fields
            .iter()
            .filter(|field| field.indexed)
            .map(|field| field.name);
        names
            .chain(["a label", "a declared field"])
            .collect::<Vec<_>>()
            .join(", ")
    }
}
