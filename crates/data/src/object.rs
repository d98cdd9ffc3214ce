//! An object as it is stored: one cell a field. Cells of one field compare as their values do,
//! amounts too, so that what the database sorts and what this crate sorts come out alike.

use crate::Type;
use crate::field::Shape;
use store::{Cell, Kind, Row, Value};
use types::{Amount, ChainId, Family, Quantity, Time};

/// An object of any type.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) shape: &'static Shape,
    cells: Row,
}

impl Object {
    /// One of which nothing is known yet.
    pub(crate) fn blank(kind: Type) -> Self {
        let shape = kind.shape();
        Self {
            shape,
            cells: shape
                .fields
                .iter()
                .map(crate::field::Field::blank_cell)
                .collect(),
        }
    }

    /// From the columns of a stored row, in their order.
    pub(crate) fn from_row(shape: &'static Shape, row: Row) -> Self {
        let mut row = row.into_iter();
        let stored =
            |field: &crate::field::Field| if field.is_stored() { row.next() } else { None };
        let cells = shape
            .fields
            .iter()
            .map(stored)
            .map(|cell| cell.unwrap_or(Cell::Null))
            .collect();
        Self { shape, cells }
    }

    pub(crate) fn kind(&self) -> Type {
        self.shape.kind
    }

    /// The cell of a column; nothing where the type has no such column.
    pub(crate) fn get(&self, column: &str) -> &Cell {
        let place = self
            .shape
            .fields
            .iter()
            .position(|field| field.column == column);
        place.map_or(&Cell::Null, |place| &self.cells[place])
    }

    /// The cell of the field that stands at this place of the shape.
    pub(crate) fn at(&self, place: usize) -> &Cell {
        &self.cells[place]
    }

    pub(crate) fn put(&mut self, column: &str, cell: Cell) {
        let place = self.shape.place(column);
        self.cells[place] = cell;
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
        self.put(
            column,
            Cell::Blob(Quantity::from(amount).to_ordered_bytes()),
        );
    }

    /// The text of a column; none where it is empty, as keys are where a part is missing.
    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        match self.get(column) {
            Cell::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
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

    /// Its id; for an address `<chain>/<address>`, which the wire does not show.
    pub(crate) fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    pub(crate) fn version(&self) -> u64 {
        self.int("version")
            .and_then(|version| u64::try_from(version).ok())
            .unwrap_or(0)
    }

    /// The columns by which callers know it.
    pub(crate) fn key(&self) -> Vec<String> {
        self.columns(self.shape.key)
    }

    /// The columns that name its stored row.
    pub(crate) fn row(&self) -> Vec<String> {
        self.columns(self.shape.row)
    }

    fn columns(&self, names: &[&str]) -> Vec<String> {
        names
            .iter()
            .map(|name| self.text(name).unwrap_or_default().to_owned())
            .collect()
    }

    /// What callers call it: the address, the protocol id or the name.
    pub(crate) fn name(&self) -> &str {
        let column = match self.kind() {
            Type::Address => "address",
            Type::Transfer => "protocol_id",
            _ => "name",
        };
        self.text(column).unwrap_or_default()
    }

    /// The id that callers see.
    pub(crate) fn outside_id(&self) -> &str {
        if self.kind() == Type::Address {
            self.name()
        } else {
            self.id()
        }
    }

    /// Its stored columns, in their order.
    pub(crate) fn values(&self) -> Vec<Value<'_>> {
        let stored = self
            .shape
            .fields
            .iter()
            .zip(&self.cells)
            .filter(|(field, _)| field.is_stored());
        stored
            .map(|(field, cell)| value_of(cell, field.storage()))
            .collect()
    }

    /// Whether it holds the same as another, but for when it was written.
    pub(crate) fn says_the_same_as(&self, other: &Object) -> bool {
        let stamps = ["version", "updated"];
        let pairs = self
            .shape
            .fields
            .iter()
            .zip(self.cells.iter().zip(&other.cells));
        pairs
            .filter(|(field, _)| !stamps.contains(&field.column))
            .all(|(_, (mine, theirs))| mine == theirs)
    }
}

/// A cell as a parameter; a missing one has the type of its column.
pub(crate) fn value_of(cell: &Cell, kind: Kind) -> Value<'_> {
    match cell {
        Cell::Null => Value::Null(kind),
        Cell::Int(value) => Value::Int(*value),
        Cell::Text(text) => Value::Text(text.as_str().into()),
        Cell::Blob(bytes) => Value::Blob(bytes.as_slice().into()),
    }
}

/// An address as its chain writes it: EVM addresses are compared without case and kept in lower
/// case, others as they are.
pub(crate) fn written(chain: &str, address: &str) -> String {
    if is_caseless(chain) {
        address.to_ascii_lowercase()
    } else {
        address.to_owned()
    }
}

/// Whether a chain compares addresses without case.
pub(crate) fn is_caseless(chain: &str) -> bool {
    chain
        .parse::<ChainId>()
        .ok()
        .and_then(|chain| chain.family())
        == Some(Family::Evm)
}

/// What an address row is known by inside.
pub(crate) fn address_id(chain: &str, address: &str) -> String {
    format!("{chain}/{address}")
}

/// Whether an address stands for nobody: value comes from there when it is made and goes there when
/// it is destroyed.
pub(crate) fn is_nobody(address: &str) -> bool {
    address.is_empty() || address == "0x0000000000000000000000000000000000000000"
}
