//! What a statement takes and returns: parameters in order, and rows read column by column.

use crate::{Cell, Error, FromCell, Result, ToValue, Value};
use serde::de::DeserializeOwned;

/// The cells of a result row.
pub type RowCells = Vec<Cell>;

/// The parameters of a statement: a tuple in the order of `?1`, `?2`, …, or a list of values.
pub trait Params {
    /// The parameters, in order.
    fn values(&self) -> Vec<Value<'_>>;
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

macro_rules! params {
    ($($name:ident $index:tt),+) => {
        impl<$($name: ToValue),+> Params for ($($name,)+) {
            fn values(&self) -> Vec<Value<'_>> {
                vec![$(self.$index.to_value()),+]
            }
        }
    };
}
params!(A 0);
params!(A 0, B 1);
params!(A 0, B 1, C 2);
params!(A 0, B 1, C 2, D 3);
params!(A 0, B 1, C 2, D 3, E 4);
params!(A 0, B 1, C 2, D 3, E 4, F 5);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
params!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

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
