//! What goes into a statement and comes out of it: integers, text, bytes, and typed nulls. Nothing
//! else is portable.

use crate::{Error, Result};
use std::borrow::Cow;
use types::{Amount, ChainId, Digest, Height, Json, Namespace, Quantity, Time, Witness};

/// The type of a value; a null has one too, because PostgreSQL asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 64-bit integer; booleans are 0 and 1, times are microseconds.
    Int,
    /// Text.
    Text,
    /// Bytes.
    Blob,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing, of a type.
    Null(Kind),
    /// An integer.
    Int(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Null(kind) => *kind,
            Value::Int(_) => Kind::Int,
            Value::Text(_) => Kind::Text,
            Value::Blob(_) => Kind::Blob,
        }
    }
}

/// A column of a row that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// An integer.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    fn name(&self) -> &'static str {
        match self {
            Cell::Null => "nothing",
            Cell::Int(_) => "an integer",
            Cell::Text(_) => "text",
            Cell::Blob(_) => "bytes",
        }
    }
}

/// A row that came back.
pub type Row = Vec<Cell>;

/// What can be a parameter.
pub trait ToValue {
    /// The type, also when there is no value.
    const KIND: Kind;
    /// The value.
    fn to_value(&self) -> Value<'_>;
}

/// What a column can be read as.
pub trait FromCell: Sized {
    /// What is expected, for errors.
    const EXPECTED: &'static str;
    /// The value, or nothing if the cell is not one.
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell>;
}

macro_rules! value {
    ($type:ty, $kind:ident, |$it:ident| $to:expr, $expected:literal, |$cell:ident| $from:expr) => {
        impl ToValue for $type {
            const KIND: Kind = Kind::$kind;
            fn to_value(&self) -> Value<'_> {
                let $it = self;
                Value::$kind($to)
            }
        }
        impl FromCell for $type {
            const EXPECTED: &'static str = $expected;
            fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
                match cell {
                    Cell::$kind($cell) => $from,
                    other => Err(other),
                }
            }
        }
    };
}

value!(i64, Int, |it| *it, "an integer", |cell| Ok(cell));
value!(
    u32,
    Int,
    |it| i64::from(*it),
    "an integer of 32 bits",
    |cell| cell.try_into().map_err(|_| Cell::Int(cell))
);
value!(
    bool,
    Int,
    |it| i64::from(*it),
    "0 or 1",
    |cell| match cell {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Cell::Int(other)),
    }
);
value!(Time, Int, |it| it.micros(), "a time", |cell| Ok(
    Time::from_micros(cell)
));
value!(Height, Int, |it| it.stored(), "a height", |cell| Ok(
    Height::from_stored(cell)
));
value!(
    String,
    Text,
    |it| Cow::Borrowed(it.as_str()),
    "text",
    |cell| Ok(cell)
);
value!(
    Vec<u8>,
    Blob,
    |it| Cow::Borrowed(it.as_slice()),
    "bytes",
    |cell| Ok(cell)
);
value!(
    Digest,
    Blob,
    |it| Cow::Borrowed(it.0.as_slice()),
    "a hash",
    |cell| Digest::from_slice(&cell).ok_or(Cell::Blob(cell))
);
value!(
    Quantity,
    Blob,
    |it| Cow::Owned(it.to_ordered_bytes()),
    "a quantity",
    |cell| { Quantity::from_ordered_bytes(&cell).ok_or(Cell::Blob(cell)) }
);
value!(
    Amount,
    Blob,
    |it| Cow::Owned(Quantity::from(*it).to_ordered_bytes()),
    "an amount",
    |cell| {
        Quantity::from_ordered_bytes(&cell)
            .and_then(|quantity| quantity.to_amount())
            .ok_or(Cell::Blob(cell))
    }
);
value!(
    Json,
    Text,
    |it| Cow::Borrowed(it.as_str()),
    "JSON",
    |cell| Json::parse(&cell).ok_or(Cell::Text(cell))
);
value!(
    Witness,
    Text,
    |it| Cow::Borrowed(it.as_str()),
    "a witness",
    |cell| Ok(Witness::from_stored(cell))
);
value!(
    Namespace,
    Text,
    |it| Cow::Borrowed(it.as_str()),
    "a namespace",
    |cell| Namespace::from_stored(&cell).ok_or(Cell::Text(cell))
);
value!(
    ChainId,
    Text,
    |it| Cow::Borrowed(it.as_str()),
    "a chain",
    |cell| cell.parse().map_err(|_| Cell::Text(cell))
);

macro_rules! ids {
    ($($id:ident),*) => {$(
        value!(types::$id, Text, |it| Cow::Owned(it.to_string()), "an id", |cell| cell.parse().map_err(|_| Cell::Text(cell)));
    )*};
}
ids!(
    SubmissionId,
    DecisionId,
    PermitId,
    WalletId,
    KeyId,
    RequestId,
    RunId,
    TaskId,
    PolicyId,
    VersionId,
    ListenerId,
    SubscriptionId,
    VariableSetId,
    ApiKeyId,
    ObjectId,
    BindingId,
    InstallationId
);

impl ToValue for str {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for [u8] {
    const KIND: Kind = Kind::Blob;
    fn to_value(&self) -> Value<'_> {
        Value::Blob(Cow::Borrowed(self))
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    const KIND: Kind = T::KIND;
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const KIND: Kind = T::KIND;
    fn to_value(&self) -> Value<'_> {
        self.as_ref()
            .map_or(Value::Null(T::KIND), ToValue::to_value)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}

impl FromCell for Cell {
    const EXPECTED: &'static str = "anything";
    fn from_cell(cell: Cell) -> std::result::Result<Self, Cell> {
        Ok(cell)
    }
}

/// The parameters of a statement: a tuple, in the order of `?1`, `?2`, …; or a slice of ready
/// values.
pub trait Params {
    /// The values.
    fn values(&self) -> Vec<Value<'_>>;
}

/// What a row can be read as: a tuple of its columns.
pub trait FromRow: Sized {
    /// The tuple.
    fn from_row(row: Row) -> Result<Self>;
}

impl Params for Vec<Value<'_>> {
    fn values(&self) -> Vec<Value<'_>> {
        self.clone()
    }
}

impl<P: Params + ?Sized> Params for &P {
    fn values(&self) -> Vec<Value<'_>> {
        (**self).values()
    }
}

impl Params for () {
    fn values(&self) -> Vec<Value<'_>> {
        Vec::new()
    }
}

impl FromRow for Row {
    fn from_row(row: Row) -> Result<Self> {
        Ok(row)
    }
}

/// Reads a wide row column by column, where a tuple would be too long.
#[derive(Debug)]
pub struct Columns {
    cells: std::vec::IntoIter<Cell>,
    column: usize,
}

impl Columns {
    /// Of a row.
    pub fn of(row: Row) -> Self {
        Self {
            cells: row.into_iter(),
            column: 0,
        }
    }

    /// The next column.
    pub fn take<T: FromCell>(&mut self) -> Result<T> {
        self.column += 1;
        read(&mut self.cells, self.column - 1)
    }
}

fn read<T: FromCell>(cells: &mut impl Iterator<Item = Cell>, column: usize) -> Result<T> {
    let cell = cells.next().ok_or(Error::Column {
        column,
        found: "no column",
        expected: T::EXPECTED,
    })?;
    T::from_cell(cell).map_err(|cell| Error::Column {
        column,
        found: cell.name(),
        expected: T::EXPECTED,
    })
}

macro_rules! tuples {
    ($($name:ident $place:tt),+) => {
        impl<$($name: ToValue),+> Params for ($($name,)+) {
            fn values(&self) -> Vec<Value<'_>> {
                vec![$(self.$place.to_value()),+]
            }
        }
        impl<$($name: FromCell),+> FromRow for ($($name,)+) {
            fn from_row(row: Row) -> Result<Self> {
                let mut cells = row.into_iter();
                Ok(($(read::<$name>(&mut cells, $place)?,)+))
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15, Q 16);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15, Q 16, R 17);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15, Q 16, R 17, S 18);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15, Q 16, R 17, S 18, T 19);
