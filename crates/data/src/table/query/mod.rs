//! Queries as statements. Names come from `shape.rs`, values only ever as parameters.

mod conditions;
mod order;
mod references;

pub(crate) use order::Keys;

use super::columns;
use crate::field::Shape;
use crate::object::Object;
use crate::query::Filter;
use crate::view::Finals;
use store::{Cell, Result, Row, Tx, Value};

/// A statement under construction: its parameters, and what conditions need to know.
pub(crate) struct Builder<'a> {
    pub(crate) shape: &'static Shape,
    pub(crate) finals: &'a Finals,
    params: Vec<Value<'static>>,
}

/// A row of a page: the object, and the values of the keys it was sorted by.
pub(crate) struct Sorted {
    pub(crate) object: Object,
    pub(crate) keys: Vec<Cell>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(shape: &'static Shape, finals: &'a Finals) -> Self {
        Self {
            shape,
            finals,
            params: Vec::new(),
        }
    }

    /// A value as a parameter.
    fn param(&mut self, value: Value<'static>) -> String {
        self.params.push(value);
        format!("?{}", self.params.len())
    }

    fn text(&mut self, text: impl Into<String>) -> String {
        self.param(Value::Text(text.into().into()))
    }

    fn cell(&mut self, cell: &Cell) -> String {
        self.param(match cell.clone() {
            Cell::Null => Value::Null(store::Kind::Text),
            Cell::Int(value) => Value::Int(value),
            Cell::Text(text) => Value::Text(text.into()),
            Cell::Blob(bytes) => Value::Blob(bytes.into()),
        })
    }

    fn all(&mut self, filters: &[Filter]) -> String {
        let mut text = String::from("t.namespace = ?ns");
        for filter in filters {
            let condition = self.filter(filter);
            text.push_str(" AND ");
            text.push_str(&condition);
        }
        text
    }
}

/// Which rows a statement looks at.
pub(crate) struct Scope<'a> {
    pub(crate) shape: &'static Shape,
    pub(crate) finals: &'a Finals,
    pub(crate) filters: &'a [Filter],
    /// Rows that no longer count, too; holdings of NFTs, too.
    pub(crate) whole: bool,
}

impl Scope<'_> {
    /// What is left out unless it is asked for: transfers that no longer count, and balances of
    /// NFTs.
    fn kept(&self) -> &'static str {
        match self.shape.table {
            "transfer" if !self.whole => " AND t.reverted = 0",
            "balance" if !self.whole => " AND t.parent_type = 'pool'",
            _ => "",
        }
    }
}

/// A page of rows in the order of some keys, behind a row, leaving some out.
pub(crate) fn page(
    tx: &mut Tx<'_, '_>,
    scope: &Scope<'_>,
    keys: &Keys,
    after: Option<&[Cell]>,
    (limit, skip): (u32, u32),
) -> Result<Vec<Sorted>> {
    let mut builder = Builder::new(scope.shape, scope.finals);
    let mut text = String::from("SELECT ");
    text.push_str(&columns(scope.shape, "t."));
    for key in builder.key_values(keys) {
        text.push_str(", ");
        text.push_str(&key);
    }
    text.push_str(&format!(
        " FROM {} t WHERE {}{}",
        scope.shape.table,
        builder.all(scope.filters),
        scope.kept()
    ));
    if let Some(after) = after {
        let behind = builder.behind(keys, after);
        text.push_str(&format!(" AND {behind}"));
    }
    let order = builder.order(keys);
    let (limit, skip) = (
        builder.param(Value::Int(limit.into())),
        builder.param(Value::Int(skip.into())),
    );
    text.push_str(&format!(" ORDER BY {order} LIMIT {limit} OFFSET {skip}"));
    let width = scope.shape.stored().count();
    let rows: Vec<Row> = tx.rows(&text, builder.params)?;
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let keys = row.split_off(width);
            Sorted {
                object: Object::from_row(scope.shape, row),
                keys,
            }
        })
        .collect())
}

/// How many rows there are, counted no further than `most`.
pub(crate) fn count(tx: &mut Tx<'_, '_>, scope: &Scope<'_>, most: u64) -> Result<u64> {
    let mut builder = Builder::new(scope.shape, scope.finals);
    let conditions = builder.all(scope.filters);
    let limit = builder.param(Value::Int(i64::try_from(most).unwrap_or(i64::MAX)));
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {} t WHERE {conditions}{} LIMIT {limit}) counted",
        scope.shape.table,
        scope.kept()
    );
    let found: Option<(i64,)> = tx.row(&text, builder.params)?;
    Ok(found.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)))
}
