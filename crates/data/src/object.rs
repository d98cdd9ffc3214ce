//! A stored object: one cell per field. Cells of one field, including amounts, order as their
//! values do, so that sorting in the database and in memory agree.

use crate::Type;
use crate::field::Schema;
use store::{Cell, RowCells, Value, ValueKind};
use types::{Amount, ChainId, Family, Quantity, Time};

/// Distinguishes a transfer that a caller wrote in [`Object::batch_key`].
pub(crate) const CALLERS: &str = "caller";

/// An object of any type.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) schema: &'static Schema,
    cells: RowCells,
}

impl Object {
    /// An object with the default value in every field.
    pub(crate) fn with_defaults(kind: Type) -> Self {
        let schema = kind.schema();
        Self {
            schema,
            cells: schema
                .fields
                .iter()
                .map(crate::field::Field::default_cell)
                .collect(),
        }
    }

    /// Build an object from the columns of a stored row, in schema order.
    pub(crate) fn from_row(schema: &'static Schema, row: RowCells) -> Self {
        let mut row = row.into_iter();
        let stored =
            |field: &crate::field::Field| if field.is_stored() { row.next() } else { None };
        let cells = schema
            .fields
            .iter()
            .map(stored)
            .map(|cell| cell.unwrap_or(Cell::Null))
            .collect();
        Self { schema, cells }
    }

    pub(crate) fn kind(&self) -> Type {
        self.schema.kind
    }

    /// The cell of a column; NULL if the type has no such column.
    pub(crate) fn get(&self, column: &str) -> &Cell {
        let index = self
            .schema
            .fields
            .iter()
            .position(|field| field.column == column);
        index.map_or(&Cell::Null, |index| &self.cells[index])
    }

    /// The cell of the field at this index of the schema.
    pub(crate) fn at(&self, index: usize) -> &Cell {
        &self.cells[index]
    }

    pub(crate) fn put(&mut self, column: &str, cell: Cell) {
        let index = self.schema.index_of(column);
        self.cells[index] = cell;
    }

    pub(crate) fn put_text(&mut self, column: &str, text: impl Into<String>) {
        self.put(column, Cell::Text(text.into()));
    }

    pub(crate) fn put_int(&mut self, column: &str, value: i64) {
        self.put(column, Cell::Int(value));
    }

    pub(crate) fn put_time(&mut self, column: &str, at: Time) {
        self.put_int(column, at.micros());
    }

    pub(crate) fn put_amount(&mut self, column: &str, amount: Amount) {
        let bytes = Quantity::from(amount).to_ordered_bytes();
        self.put(column, Cell::Blob(bytes));
    }

    /// The text of a column. Empty text counts as none: key columns are never NULL.
    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        match self.get(column) {
            Cell::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The text of a column; empty if it has none.
    pub(crate) fn owned_text(&self, column: &str) -> String {
        self.text(column).unwrap_or_default().to_owned()
    }

    pub(crate) fn int(&self, column: &str) -> Option<i64> {
        match self.get(column) {
            Cell::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn is_set(&self, column: &str) -> bool {
        self.int(column) == Some(1)
    }

    pub(crate) fn quantity(&self, column: &str) -> Option<Quantity> {
        match self.get(column) {
            Cell::Blob(bytes) => Quantity::from_ordered_bytes(bytes),
            _ => None,
        }
    }

    /// The id; for an address `<chain>/<address>`, which is not on the wire.
    pub(crate) fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    pub(crate) fn version(&self) -> u64 {
        self.int("version")
            .and_then(|version| u64::try_from(version).ok())
            .unwrap_or(0)
    }

    /// Raise the version of an object that changes.
    pub(crate) fn bump_version(&mut self, now: Time) {
        let version = i64::try_from(self.version() + 1).unwrap_or(i64::MAX);
        self.put_int("version", version);
        self.put_time("updated", now);
    }

    /// The values of the key columns.
    pub(crate) fn key(&self) -> Vec<String> {
        self.columns(self.schema.key)
    }

    /// What identifies it in a batch: its key, and for a transfer whether a caller wrote it, since
    /// a protocol id can have a row of the chain and one of a caller.
    pub(crate) fn batch_key(&self) -> Vec<String> {
        let mut key = self.key();
        if self.kind() == Type::Transfer && self.text("source").is_none() {
            key.push(CALLERS.to_owned());
        }
        key
    }

    /// The values of the columns that identify the stored row.
    pub(crate) fn row_key(&self) -> Vec<String> {
        self.columns(self.schema.row_key)
    }

    fn columns(&self, names: &[&str]) -> Vec<String> {
        names.iter().map(|name| self.owned_text(name)).collect()
    }

    /// The address, the protocol id or the name, depending on the type.
    pub(crate) fn name(&self) -> &str {
        let column = match self.kind() {
            Type::Address => "address",
            Type::Transfer => "protocol_id",
            _ => "name",
        };
        self.text(column).unwrap_or_default()
    }

    /// The id on the wire.
    pub(crate) fn public_id(&self) -> &str {
        if self.kind() == Type::Address {
            self.name()
        } else {
            self.id()
        }
    }

    /// The values of the stored columns, in order.
    pub(crate) fn values(&self) -> Vec<Value<'_>> {
        let stored = self
            .schema
            .fields
            .iter()
            .zip(&self.cells)
            .filter(|(field, _)| field.is_stored());
        stored
            .map(|(field, cell)| value_of(cell, field.storage()))
            .collect()
    }

    /// Whether another object has the same content, apart from version and update time.
    pub(crate) fn same_content(&self, other: &Object) -> bool {
        let stamps = ["version", "updated"];
        let pairs = self
            .schema
            .fields
            .iter()
            .zip(self.cells.iter().zip(&other.cells));
        pairs
            .filter(|(field, _)| !stamps.contains(&field.column))
            .all(|(_, (mine, theirs))| mine == theirs)
    }
}

/// A cell as a parameter. NULL gets the type of its column, which PostgreSQL needs.
pub(crate) fn value_of(cell: &Cell, kind: ValueKind) -> Value<'_> {
    match cell {
        Cell::Null => Value::Null(kind),
        Cell::Int(value) => Value::Int(*value),
        Cell::Text(text) => Value::Text(text.as_str().into()),
        Cell::Blob(bytes) => Value::Blob(bytes.as_slice().into()),
    }
}

/// The canonical form of an address on its chain: EVM addresses are case-insensitive and stored in
/// lower case; others keep their case.
pub(crate) fn normalize_address(chain: &str, address: &str) -> String {
    if is_case_insensitive(chain) {
        address.to_ascii_lowercase()
    } else {
        address.to_owned()
    }
}

/// Whether the addresses of a chain are case-insensitive.
pub(crate) fn is_case_insensitive(chain: &str) -> bool {
    chain
        .parse::<ChainId>()
        .ok()
        .and_then(|chain| chain.family())
        == Some(Family::Evm)
}

/// The internal id of an address.
pub(crate) fn address_id(chain: &str, address: &str) -> String {
    format!("{chain}/{address}")
}

/// Whether an address is the source of mints and the target of burns: the zero address, or none.
pub(crate) fn is_null_address(address: &str) -> bool {
    address.is_empty() || address == "0x0000000000000000000000000000000000000000"
}
