//! Rows with named columns: what `#[derive(store::Record)]` implements.

use crate::{Columns, Error, FromRow, Result, RowCells, Tx, UnscopedTx, Value, ValueKind};
use serde::Serialize;
use types::Namespace;

/// A row of a table, declared once as a struct. Derive it: `#[derive(store::Record)]`.
///
/// ```text
/// use store::{Record as _, ScopedTable as _};
/// use types::{Height, Time};
///
/// #[derive(store::Record)]
/// struct Tip {
///     height: Height,
///     hash: Vec<u8>,
/// }
///
/// #[derive(store::Record)]
/// #[record(table = "cursor")]
/// struct Cursor {
///     #[record(key)]
///     name: String,
///     #[record(update, columns("head_height", "head_hash"))]
///     head: Option<Tip>,
///     #[record(update, json)]
///     labels: Vec<String>,
///     created_at: Time,
///     #[record(version)]
///     version: u64,
/// }
///
/// fn advance(tx: &mut store::Tx, name: &str, head: Tip) -> store::Result<bool> {
///     let sql = Cursor::select("WHERE namespace = ?ns AND name = ?1");
///     let Some(mut cursor) = tx.row::<Cursor>(&sql, (name,))? else {
///         return Ok(false);
///     };
///     cursor.head = Some(head);
///     cursor.update(tx) // false if another transaction has changed the row since
/// }
/// ```
///
/// Attributes of the struct:
///
/// | attribute | meaning |
/// |---|---|
/// | none | a result or a [`Group`]: no table, only read by name; also a row of `{rows}` |
/// | `table = "t"` | has a column `namespace`: [`ScopedTable`]; as a field also [`UnscopedTable`] |
/// | `table = "t", global` | has none, or is only used unscoped: [`UnscopedTable`] |
/// | `read` | no statement writes the struct, so it may show a part of a table |
/// | `write` | the struct is only written, so its fields may be borrowed |
///
/// Attributes of a field; its column has its name unless stated otherwise:
///
/// | attribute | meaning |
/// |---|---|
/// | `column = "c"` | the name of the column |
/// | `json` | data as JSON text; `Option` is NULL. For text that is hashed: `types::Json` |
/// | `columns("a", "b")` | one value, a [`Group`]; its `Option` is none if all are NULL |
/// | `flatten` | all columns of another record: one of the same table, or in the result of a join |
/// | `key` | identifies the row in `update` and `upsert`, with the namespace |
/// | `update` | is set by `update` and `upsert`; other fields are only inserted |
/// | `version` | the version as read: `update` raises it, and does nothing if the row has another |
/// | `next_version` | the new version: a row is changed only if it has the one before |
///
/// In a scoped transaction the namespace is always that of the transaction, whatever the field
/// `namespace` holds.
pub trait Record: Sized {
    /// The name of the table.
    const TABLE: &'static str;
    /// The names of the columns, in the order of the fields.
    const NAMES: &'static [&'static str];
    /// The names of the columns, separated by commas.
    const COLUMNS: &'static str;

    /// The query of the whole rows: `SELECT <columns> FROM <table> <rest>`.
    fn select(rest: &str) -> String {
        format!("SELECT {} FROM {} {rest}", Self::COLUMNS, Self::TABLE)
    }

    /// The columns of an alias of the table, for a join: `a.x, a.y`.
    fn columns_of(alias: &str) -> String {
        let columns: Vec<String> = (Self::NAMES.iter())
            .map(|name| format!("{alias}.{name}"))
            .collect();
        columns.join(", ")
    }
}

/// The parameters of the statements that write a record.
#[doc(hidden)]
pub trait RowValues: Record {
    /// Append the values of all columns; without the namespace for a scoped statement.
    fn write_row<'v>(&'v self, scoped: bool, to: &mut Vec<Value<'v>>);

    /// Append the parameters of an update: the key, what is set, the version.
    fn write_update<'v>(&'v self, scoped: bool, to: &mut Vec<Value<'v>>);
}

/// A record with a key and something to set.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key, so its rows cannot be updated",
    note = "mark fields with #[record(key)] and #[record(update)]"
)]
pub trait Updatable: RowValues {}

/// A record with a key that may replace the row with the same key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot replace a row",
    note = "it needs a key, and its version, if any, is a #[record(next_version)]"
)]
pub trait Upsertable: Updatable {}

/// A table whose rows belong to namespaces. It is written in a transaction of one of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table that is scoped to namespaces",
    note = "a global table is written in an UnscopedTx"
)]
pub trait ScopedTable: RowValues {
    /// The statement that inserts rows.
    const INSERT: &'static str;
    /// The statement that inserts rows or replaces those with the same key.
    const UPSERT: &'static str;
    /// The statement that updates one row.
    const UPDATE: &'static str;

    /// Insert rows and return how many. `rest` follows the statement, such as `ON CONFLICT DO
    /// NOTHING`.
    fn insert(tx: &mut Tx, rows: &[Self], rest: &str) -> Result<u64> {
        tx.execute_values(&joined(Self::INSERT, rest), all_rows(rows, true))
    }

    /// Insert rows and return what `rest` returns, such as `ON CONFLICT DO NOTHING RETURNING id`.
    fn insert_returning<T: FromRow>(tx: &mut Tx, rows: &[Self], rest: &str) -> Result<Vec<T>> {
        tx.query_values(&joined(Self::INSERT, rest), all_rows(rows, true))
    }

    /// Insert rows, or set the updated columns of those that exist, and return how many were
    /// written: a row with another version than the one before is not. No key may occur twice.
    fn upsert(tx: &mut Tx, rows: &[Self]) -> Result<u64>
    where
        Self: Upsertable,
    {
        tx.execute_values(Self::UPSERT, all_rows(rows, true))
    }

    /// Update one row by its key; false if it does not exist or has another version.
    fn update(&self, tx: &mut Tx) -> Result<bool>
    where
        Self: Updatable,
    {
        Ok(tx.execute(Self::UPDATE, update_of(self, true))? == 1)
    }
}

/// A table that is written across namespaces: its rows name their namespace, or have none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table that can be written across namespaces",
    note = "its rows need a field `namespace`, or the table is #[record(global)]"
)]
pub trait UnscopedTable: RowValues {
    /// The statement that inserts rows.
    const INSERT: &'static str;
    /// The statement that inserts rows or replaces those with the same key.
    const UPSERT: &'static str;
    /// The statement that updates one row.
    const UPDATE: &'static str;
    /// The statement that updates many rows, up to `RETURNING`.
    const UPDATE_ALL: &'static str;

    /// Insert rows and return how many. `rest` follows the statement, such as `ON CONFLICT DO
    /// NOTHING`.
    fn insert_unscoped(tx: &mut UnscopedTx, rows: &[Self], rest: &str) -> Result<u64> {
        tx.execute_values(&joined(Self::INSERT, rest), all_rows(rows, false))
    }

    /// Insert rows and return what `rest` returns.
    fn insert_unscoped_returning<T: FromRow>(
        tx: &mut UnscopedTx,
        rows: &[Self],
        rest: &str,
    ) -> Result<Vec<T>> {
        tx.query_values(&joined(Self::INSERT, rest), all_rows(rows, false))
    }

    /// Insert many rows by the fastest way. A conflict is an error.
    fn bulk_insert(tx: &mut UnscopedTx, rows: &[Self]) -> Result<u64> {
        tx.bulk_insert(Self::TABLE, Self::NAMES, &all_rows(rows, false))
    }

    /// As [`ScopedTable::upsert`].
    fn upsert_unscoped(tx: &mut UnscopedTx, rows: &[Self]) -> Result<u64>
    where
        Self: Upsertable,
    {
        tx.execute_values(Self::UPSERT, all_rows(rows, false))
    }

    /// As [`ScopedTable::update`].
    fn update_unscoped(&self, tx: &mut UnscopedTx) -> Result<bool>
    where
        Self: Updatable,
    {
        Ok(tx.execute(Self::UPDATE, update_of(self, false))? == 1)
    }

    /// Update many rows in one statement, and return `returning` of those that exist with the
    /// expected version. For batches: for a single row the database may plan a scan.
    fn update_all<T: FromRow>(tx: &mut UnscopedTx, rows: &[Self], returning: &str) -> Result<Vec<T>>
    where
        Self: Updatable,
    {
        let sql = format!("{}{returning}", Self::UPDATE_ALL);
        let rows = rows.iter().map(|row| update_of(row, false)).collect();
        tx.query_values(&sql, rows)
    }
}

fn joined(statement: &str, rest: &str) -> String {
    format!("{statement} {rest}")
}

pub(crate) fn all_rows<R: RowValues>(rows: &[R], scoped: bool) -> Vec<Vec<Value<'_>>> {
    rows.iter().map(|row| values_of(row, scoped)).collect()
}

pub(crate) fn values_of<R: RowValues>(row: &R, scoped: bool) -> Vec<Value<'_>> {
    let mut values = Vec::with_capacity(R::NAMES.len());
    row.write_row(scoped, &mut values);
    values
}

pub(crate) fn update_of<R: RowValues>(row: &R, scoped: bool) -> Vec<Value<'_>> {
    let mut values = Vec::with_capacity(R::NAMES.len());
    row.write_update(scoped, &mut values);
    values
}

/// A row and the namespace that it belongs to, where rows of all namespaces are read and the row
/// itself does not name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InNamespace<T> {
    pub namespace: Namespace,
    pub row: T,
}

impl<T: Record> InNamespace<T> {
    /// The query of the whole rows with their namespaces.
    pub fn select(rest: &str) -> String {
        let (columns, table) = (T::COLUMNS, T::TABLE);
        format!("SELECT namespace, {columns} FROM {table} {rest}")
    }

    /// The namespace and the columns of an alias of the table, for a join.
    pub fn columns_of(alias: &str) -> String {
        format!("{alias}.namespace, {}", T::columns_of(alias))
    }
}

impl<T: FromRow> FromRow for InNamespace<T> {
    fn from_row(row: RowCells) -> Result<Self> {
        let mut columns = Columns::of(row, &["namespace"]);
        Ok(Self {
            namespace: columns.take()?,
            row: T::from_row(columns.rest())?,
        })
    }
}

/// Several columns that form one value. Derive it with `#[derive(store::Record)]` on a struct
/// without a table, or implement it where the columns depend on each other.
pub trait Group: Sized {
    /// The types of the columns.
    const KINDS: &'static [ValueKind];
    /// Read the columns.
    fn read(columns: &mut Columns) -> Result<Self>;
    /// Append the values of the columns.
    fn write<'v>(&'v self, to: &mut Vec<Value<'v>>);
}

impl Columns {
    /// Read a row that has these columns and no other.
    #[doc(hidden)]
    pub fn read_row<T: Group>(row: RowCells, names: &'static [&'static str]) -> Result<T> {
        let mut columns = Self::of(row, names);
        let value = T::read(&mut columns)?;
        match columns.rest().first() {
            None => Ok(value),
            Some(cell) => Err(Error::UnexpectedValue {
                column: "after the last",
                found: cell.name(),
                expected: "no more columns",
            }),
        }
    }
}

/// None if all columns are NULL. A value with only some of them is an error.
impl<T: Group> Group for Option<T> {
    const KINDS: &'static [ValueKind] = T::KINDS;

    fn read(columns: &mut Columns) -> Result<Self> {
        if columns.skip_nulls(T::KINDS.len()) {
            Ok(None)
        } else {
            T::read(columns).map(Some)
        }
    }

    fn write<'v>(&'v self, to: &mut Vec<Value<'v>>) {
        match self {
            Some(group) => group.write(to),
            None => to.extend(T::KINDS.iter().map(|kind| Value::Null(*kind))),
        }
    }
}

/// Plain data as JSON text.
#[doc(hidden)]
pub fn json_value<T: Serialize>(value: &T) -> Value<'static> {
    let text = serde_json::to_string(value).expect("plain data with text keys is JSON");
    Value::Text(text.into())
}

/// Plain data as JSON text, or NULL.
#[doc(hidden)]
pub fn optional_json_value<T: Serialize>(value: Option<&T>) -> Value<'static> {
    value.map_or(Value::Null(ValueKind::Text), json_value)
}

/// The length of all parts together.
#[doc(hidden)]
pub const fn total<T>(parts: &[&[T]]) -> usize {
    let (mut sum, mut part) = (0, 0);
    while part < parts.len() {
        sum += parts[part].len();
        part += 1;
    }
    sum
}

/// All parts in one list of their [`total`] length.
#[doc(hidden)]
pub const fn concatenate<T: Copy, const N: usize>(parts: &[&[T]]) -> [T; N] {
    let mut all = [parts[0][0]; N];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut item = 0;
        while item < parts[part].len() {
            all[at] = parts[part][item];
            at += 1;
            item += 1;
        }
        part += 1;
    }
    all
}

/// A text that is made of texts.
#[doc(hidden)]
pub const fn utf8(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("the parts are texts"),
    }
}

/// Store enums as their text, by their `strum` derives `EnumString` and `IntoStaticStr`. Another
/// text in the column is an error of that column, never another variant.
///
/// `as_in_json` adds a test that the text is also the JSON of each variant, by `VariantArray`: for
/// enums that derive `Serialize` too. One such list per module.
///
/// ```text
/// #[derive(Clone, Copy, EnumString, IntoStaticStr, VariantArray, Serialize)]
/// #[strum(serialize_all = "snake_case")]
/// #[serde(rename_all = "snake_case")]
/// enum State {
///     Waiting,
///     Done,
/// }
/// store::text_columns! { as_in_json: State }
/// ```
#[macro_export]
macro_rules! text_columns {
    (as_in_json: $($type:ty),+ $(,)?) => {
        $crate::text_columns! { $($type),+ }

        #[cfg(test)]
        #[test]
        fn texts_of_columns_are_as_in_json() {
            $($crate::assert_as_in_json::<$type>();)+
        }
    };
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::ToValue for $type {
            const KIND: $crate::ValueKind = $crate::ValueKind::Text;
            fn to_value(&self) -> $crate::Value<'_> {
                $crate::Value::Text(::std::borrow::Cow::Borrowed(<&'static str>::from(self)))
            }
        }
        impl $crate::FromCell for $type {
            const EXPECTED: &'static str = concat!("a known ", stringify!($type));
            fn from_cell(cell: $crate::Cell) -> ::std::result::Result<Self, $crate::Cell> {
                match cell {
                    $crate::Cell::Text(text) => text.parse().map_err(|_| $crate::Cell::Text(text)),
                    other => Err(other),
                }
            }
        }
    )+};
}

/// Check that the text of each variant is its JSON.
#[doc(hidden)]
pub fn assert_as_in_json<T>()
where
    T: strum::VariantArray + Serialize,
    for<'v> &'static str: From<&'v T>,
{
    for variant in T::VARIANTS {
        let text: &'static str = variant.into();
        let json = serde_json::to_value(variant).expect("a variant without fields is JSON");
        assert_eq!(
            json,
            serde_json::Value::from(text),
            "{}",
            std::any::type_name::<T>()
        );
    }
}
