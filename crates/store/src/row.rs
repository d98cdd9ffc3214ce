//! What a statement takes and returns: parameters in order, and rows read column by column.

use crate::{Cell, Error, FromCell, Result, ToValue, Value};
use serde::de::DeserializeOwned;

/// The cells of a result row.
pub type RowCells = Vec<Cell>;

/// The parameters of a statement: a tuple in the order of `?1`, `?2`, … of at most four, a list of
/// values, or more of them by name: [`params!`](crate::params).
pub trait Params {
    /// The parameters, in order.
    fn values(&self) -> Vec<Value<'_>>;

    /// Their names, if the statement names them.
    fn names(&self) -> &[&'static str] {
        &[]
    }
}

/// Parameters that the statement names: [`params!`](crate::params).
#[derive(Debug)]
pub struct NamedParams<'v> {
    names: Vec<&'static str>,
    values: Vec<Value<'v>>,
}

impl<'v> NamedParams<'v> {
    #[doc(hidden)]
    pub fn new(names: &[&'static str], values: Vec<Value<'v>>) -> Self {
        let names = names.to_vec();
        Self { names, values }
    }

    /// These parameters and more.
    pub fn and(mut self, more: Self) -> Self {
        self.names.extend(more.names);
        self.values.extend(more.values);
        self
    }
}

impl Params for NamedParams<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        self.values.as_slice().values()
    }

    fn names(&self) -> &[&'static str] {
        &self.names
    }
}

/// Parameters by name, for a statement that says `?holder` instead of `?1`. Written like the fields
/// of a struct: `params! { holder, until: now.plus_millis(ttl) }`. A statement that does not use each
/// of them, or uses another, is an error. `ns` is the namespace of the transaction.
#[macro_export]
macro_rules! params {
    (@value $name:ident) => { $name };
    (@value $name:ident $value:expr) => { $value };
    ($($name:ident $(: $value:expr)?),+ $(,)?) => {
        $crate::NamedParams::new(
            &[$(::std::stringify!($name)),+],
            ::std::vec![$($crate::ToValue::to_value(&$crate::params!(@value $name $($value)?))),+],
        )
    };
}

/// A type that a row can be read as: a struct with `#[derive(store::Record)]`, or a tuple of at
/// most three columns.
pub trait FromRow: Sized {
    /// Convert a row.
    fn from_row(row: RowCells) -> Result<Self>;
}

impl Params for [Value<'_>] {
    fn values(&self) -> Vec<Value<'_>> {
        self.iter().map(Value::lend).collect()
    }
}

impl Params for Vec<Value<'_>> {
    fn values(&self) -> Vec<Value<'_>> {
        self.as_slice().values()
    }
}

impl<P: Params + ?Sized> Params for &P {
    fn values(&self) -> Vec<Value<'_>> {
        (**self).values()
    }

    fn names(&self) -> &[&'static str] {
        (**self).names()
    }
}

impl Params for () {
    fn values(&self) -> Vec<Value<'_>> {
        Vec::new()
    }
}

/// An element of a [`list`].
#[derive(Debug)]
pub struct ListItem<'a, T>(&'a T);

impl<T: ToValue> Params for ListItem<'_, T> {
    fn values(&self) -> Vec<Value<'_>> {
        vec![self.0.to_value()]
    }
}

/// The rows of a statement with `x IN ({rows})`, from the values of x.
pub fn list<T: ToValue>(items: &[T]) -> Vec<ListItem<'_, T>> {
    items.iter().map(ListItem).collect()
}

impl FromRow for RowCells {
    fn from_row(row: RowCells) -> Result<Self> {
        Ok(row)
    }
}

/// The names of columns that have none.
const NUMBERS: &[&str] = &["1", "2", "3"];

/// Reads a row column by column. Each error names its column.
#[derive(Debug)]
pub struct Columns {
    cells: std::vec::IntoIter<Cell>,
    names: std::slice::Iter<'static, &'static str>,
    /// The name of the column that was read last.
    column: &'static str,
}

impl Columns {
    /// Start at the first column of a row, whose columns have these names.
    pub fn of(row: RowCells, names: &'static [&'static str]) -> Self {
        Self {
            cells: row.into_iter(),
            names: names.iter(),
            column: "none",
        }
    }

    /// Read the next column.
    pub fn take<T: FromCell>(&mut self) -> Result<T> {
        self.column = self.names.next().copied().unwrap_or("without a name");
        match self.cells.next() {
            None => Err(self.unexpected("no column", T::EXPECTED)),
            Some(cell) => {
                T::from_cell(cell).map_err(|cell| self.unexpected(cell.name(), T::EXPECTED))
            }
        }
    }

    /// Read the next column, which holds plain data as JSON.
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let value = self.optional_json()?;
        value.ok_or_else(|| self.unexpected(Cell::Null.name(), "JSON"))
    }

    /// Read the next column, which holds plain data as JSON, or NULL.
    pub fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let text: Option<String> = self.take()?;
        let parse = |text: String| {
            serde_json::from_str(&text)
                .map_err(|_| self.unexpected("other text", "JSON of the expected form"))
        };
        text.map(parse).transpose()
    }

    /// The error of the column that was read last, for values that only its reader understands.
    pub fn unexpected(&self, found: &'static str, expected: &'static str) -> Error {
        Error::UnexpectedValue {
            column: self.column,
            found,
            expected,
        }
    }

    /// The columns that were not read.
    pub(crate) fn rest(self) -> RowCells {
        self.cells.collect()
    }

    /// Skip this number of columns if all of them are NULL.
    pub(crate) fn skip_nulls(&mut self, count: usize) -> bool {
        let rest = self.cells.as_slice();
        let all_null = rest.len() >= count && rest[..count].iter().all(|cell| *cell == Cell::Null);
        for _ in 0..if all_null { count } else { 0 } {
            self.cells.next();
            self.names.next();
        }
        all_null
    }
}

macro_rules! numbered {
    ($($name:ident $index:tt),+) => {
        impl<$($name: ToValue),+> Params for ($($name,)+) {
            fn values(&self) -> Vec<Value<'_>> {
                vec![$(self.$index.to_value()),+]
            }
        }
    };
}
numbered!(A 0);
numbered!(A 0, B 1);
numbered!(A 0, B 1, C 2);
numbered!(A 0, B 1, C 2, D 3);

macro_rules! rows {
    ($($name:ident),+) => {
        impl<$($name: FromCell),+> FromRow for ($($name,)+) {
            fn from_row(row: RowCells) -> Result<Self> {
                let mut columns = Columns::of(row, NUMBERS);
                Ok(($(columns.take::<$name>()?,)+))
            }
        }
    };
}
rows!(A);
rows!(A, B);
rows!(A, B, C);
