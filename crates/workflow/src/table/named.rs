//! Tables of resources with a name: found by id or name, listed by name.

use crate::{Error, Result};
use std::fmt::Display;
use std::str::FromStr;
use store::{FromRow, ScopedTable, ToValue, Tx, Upsertable, Value};
use types::{Page, Time};

/// A row with an id and a name.
pub(crate) trait Named: ScopedTable + Upsertable + FromRow + Send + 'static {
    type Id: Copy + PartialEq + Display + FromStr + ToValue;
    /// Where names are unique: `()` is the namespace.
    type Within: Within;
    /// What messages call the resource.
    const NOUN: &'static str;

    fn id(&self) -> Self::Id;
    fn name(&self) -> &str;
    fn created(&self) -> Time;
    fn version(&self) -> u64;
}

/// Implements [`Named`] by the fields `id`, `name`, `created` and `version`.
macro_rules! named {
    ($row:ty, $id:ty, within $within:ty, $noun:literal) => {
        impl $crate::table::named::Named for $row {
            type Id = $id;
            type Within = $within;
            const NOUN: &'static str = $noun;

            fn id(&self) -> $id {
                self.id
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn created(&self) -> ::types::Time {
                self.created
            }

            fn version(&self) -> u64 {
                self.version
            }
        }
    };
}
pub(crate) use named;

/// A part of a namespace in which names are unique.
pub(crate) trait Within: Copy + Send + 'static {
    /// The column that selects the part.
    const COLUMN: Option<&'static str>;

    fn value(&self) -> Value<'_>;
}

impl Within for () {
    const COLUMN: Option<&'static str> = None;

    fn value(&self) -> Value<'_> {
        Value::Null(store::ValueKind::Text)
    }
}

/// By id or name.
pub(crate) fn find<R: Named>(
    tx: &mut Tx,
    within: R::Within,
    name_or_id: &str,
) -> Result<Option<R>> {
    let params = vec![name_or_id.to_value()];
    let rows = select(tx, &within, "AND (id = ?1 OR name = ?1)", params)?;
    Ok(rows.into_iter().next())
}

/// By id or name; an error if it does not exist.
pub(crate) fn require<R: Named>(tx: &mut Tx, within: R::Within, name_or_id: &str) -> Result<R> {
    find(tx, within, name_or_id)?.ok_or_else(|| Error::unknown(R::NOUN, name_or_id))
}

/// In the order of their names.
pub(crate) fn list<R: Named>(tx: &mut Tx, within: R::Within, page: &Page) -> Result<Vec<R>> {
    let params = vec![page.limit.to_value(), page.skip.to_value()];
    select(tx, &within, "ORDER BY name LIMIT ?1 OFFSET ?2", params)
}

/// Number of rows in the namespace.
pub(crate) fn count<R: Named>(tx: &mut Tx) -> Result<u64> {
    let sql = format!("SELECT COUNT(*) FROM {} WHERE namespace = ?ns", R::TABLE);
    Ok(tx.count(&sql, ())?)
}

pub(crate) fn delete<R: Named>(tx: &mut Tx, id: R::Id) -> Result<()> {
    let sql = format!("DELETE FROM {} WHERE namespace = ?ns AND id = ?1", R::TABLE);
    tx.execute(&sql, (id,))?;
    Ok(())
}

fn select<'v, R: Named>(
    tx: &mut Tx,
    within: &'v R::Within,
    rest: &str,
    mut params: Vec<Value<'v>>,
) -> Result<Vec<R>> {
    let mut part = String::new();
    if let Some(column) = R::Within::COLUMN {
        params.push(within.value());
        part = format!("AND {column} = ?{}", params.len());
    }
    let sql = R::select(&format!("WHERE namespace = ?ns {part} {rest}"));
    Ok(tx.rows(&sql, params)?)
}
