//! What a field is: its name on the wire, its column, and how its values are read, compared and
//! shown.

use crate::Type;
use store::{Cell, Kind};

/// How the values of a field are read, compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    /// Text of at most so many bytes.
    Text(usize),
    /// The same, and neither shown nor found where the object says that it is masked.
    Masked(usize),
    /// Text that is part of a key: short enough for an index, never empty.
    Name,
    /// An address on the object's chain. Empty or missing: none.
    Address,
    /// A chain by its CAIP-2 name. Empty: none.
    Chain,
    /// Yes or no.
    Flag,
    /// A whole number of 64 bits.
    Int,
    /// An amount in base units, 0..2^256-1.
    Amount,
    /// A signed sum of amounts.
    Quantity,
    /// A moment.
    Time,
    /// Any JSON, kept as its exact text.
    Json,
    /// Labels: an object of strings, also in a table of their own.
    Labels,
    /// Units of an asset.
    Units,
    /// The id of another object; on the wire its name.
    Ref(Type),
    /// `parent.type`.
    ParentType,
    /// `parent.ref`: the id of an object of any type; on the wire its name.
    ParentRef,
    /// The asset of the parent. Derived.
    ParentAsset,
    /// `<address>/<name>`. Derived.
    Qualified,
    /// `pending`, `final` or `reverted`. Derived from the watermark.
    Status,
    /// `add` or `subtract`, stored as 1 or -1.
    Direction,
    /// `<transfer>/<place>`. Derived.
    ChangeId,
    /// Computed for the page that is shown; not for filters.
    Shown,
    /// A column that the wire does not know.
    Hidden(Kind),
}

/// What a field holds when nothing was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blank {
    Null,
    Zero,
    One,
    Empty,
}

/// One field of a type.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name on the wire; the column's name where the wire does not know it.
    pub(crate) name: &'static str,
    /// Its column; empty if it is derived.
    pub(crate) column: &'static str,
    pub(crate) is: Is,
    /// Whether callers may give it.
    pub(crate) input: bool,
    /// Whether an index leads to its values.
    pub(crate) indexed: bool,
    pub(crate) blank: Blank,
}

/// A type's fields, where they are stored, and by what an object is known.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) kind: Type,
    pub(crate) table: &'static str,
    pub(crate) fields: &'static [Field],
    /// The columns behind the namespace by which callers know an object.
    pub(crate) key: &'static [&'static str],
    /// The columns behind the namespace that name one stored row.
    pub(crate) row: &'static [&'static str],
    /// The column by which a listing is sorted, newest first, if nothing is said.
    pub(crate) newest: &'static str,
    /// The columns that break ties in any order, so that a listing can be gone on with.
    pub(crate) tie: &'static [&'static str],
}

/// A field that only Florin sets.
pub(crate) const fn set(name: &'static str, column: &'static str, is: Is) -> Field {
    Field {
        name,
        column,
        is,
        input: false,
        indexed: false,
        blank: Blank::Null,
    }
}

/// A field that callers give.
pub(crate) const fn give(name: &'static str, column: &'static str, is: Is) -> Field {
    Field {
        name,
        column,
        is,
        input: true,
        indexed: false,
        blank: Blank::Null,
    }
}

/// A column that the wire does not know.
pub(crate) const fn hide(column: &'static str, kind: Kind) -> Field {
    Field {
        name: column,
        column,
        is: Is::Hidden(kind),
        input: false,
        indexed: false,
        blank: Blank::Null,
    }
}

impl Field {
    pub(crate) const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    pub(crate) const fn or(mut self, blank: Blank) -> Self {
        self.blank = blank;
        self
    }

    pub(crate) const fn is_stored(&self) -> bool {
        !self.column.is_empty()
    }

    pub(crate) const fn is_hidden(&self) -> bool {
        matches!(self.is, Is::Hidden(_))
    }

    /// The type of its column, or of its value where it is derived.
    pub(crate) const fn storage(&self) -> Kind {
        match self.is {
            Is::Flag | Is::Int | Is::Time | Is::Direction => Kind::Int,
            Is::Amount | Is::Quantity => Kind::Blob,
            Is::Hidden(kind) => kind,
            _ => Kind::Text,
        }
    }

    /// Whether an empty text in its column says that there is nothing.
    pub(crate) fn may_be_empty(&self) -> bool {
        matches!(self.is, Is::Address | Is::Chain) || self.column == "block_hash"
    }

    /// What it holds when nothing was given.
    pub(crate) fn blank_cell(&self) -> Cell {
        match self.blank {
            Blank::Null => Cell::Null,
            Blank::Zero => Cell::Int(0),
            Blank::One => Cell::Int(1),
            Blank::Empty => Cell::Text(String::new()),
        }
    }
}

impl Shape {
    /// Where a column stands among the fields.
    pub(crate) fn place(&self, column: &str) -> usize {
        let place = self.fields.iter().position(|field| field.column == column);
        place.unwrap_or_else(|| panic!("{} has no column {column}", self.table))
    }

    /// The field of this name on the wire.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields
            .iter()
            .find(|field| field.name == name && !field.is_hidden())
    }

    /// The field of this column.
    pub(crate) fn column(&self, column: &str) -> &'static Field {
        &self.fields[self.place(column)]
    }

    /// Whether it has this column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.fields.iter().any(|field| field.column == column)
    }

    /// The fields that have a column, in the order of the stored row.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().filter(|field| field.is_stored())
    }

    /// The names of fields with an index, for messages.
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
