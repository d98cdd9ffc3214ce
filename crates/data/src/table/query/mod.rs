//! Queries as SQL. Names come from `schema.rs`; values are always parameters.

mod conditions;
mod order;
mod references;

pub(crate) use order::SortKeys;

use super::columns;
use crate::field::Schema;
use crate::filter::Filter;
use crate::object::Object;
use crate::view::FinalHeights;
use store::{Cell, Result, RowCells, Tx, Value};

/// A statement under construction: its parameters, and the context of its conditions.
pub(crate) struct Builder<'a> {
    pub(crate) schema: &'static Schema,
    pub(crate) final_heights: &'a FinalHeights,
    params: Vec<Value<'static>>,
}

/// A row of a page: the object, and its sort key values.
pub(crate) struct SortedRow {
    pub(crate) object: Object,
    pub(crate) keys: Vec<Cell>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(schema: &'static Schema, final_heights: &'a FinalHeights) -> Self {
        Self {
            schema,
            final_heights,
            params: Vec::new(),
        }
    }

    /// Add a parameter.
    fn param(&mut self, value: Value<'static>) -> String {
        self.params.push(value);
        format!("?{}", self.params.len())
    }

    fn text(&mut self, text: impl Into<String>) -> String {
        self.param(Value::Text(text.into().into()))
    }

    fn cell(&mut self, cell: &Cell) -> String {
        self.param(match cell.clone() {
            Cell::Null => Value::Null(store::ValueKind::Text),
            Cell::Int(value) => Value::Int(value),
            Cell::Text(text) => Value::Text(text.into()),
            Cell::Blob(bytes) => Value::Blob(bytes.into()),
        })
    }

    fn conditions(&mut self, filters: &[&Filter]) -> String {
        let mut text = String::from("t.namespace = ?ns");
        for filter in filters {
            let condition = self.filter(filter);
            text.push_str(" AND ");
            text.push_str(&condition);
        }
        text
    }
}

/// The rows that a statement reads.
pub(crate) struct Scope<'a> {
    pub(crate) schema: &'static Schema,
    pub(crate) final_heights: &'a FinalHeights,
    pub(crate) filters: &'a [&'a Filter],
    /// Also reverted transfers and NFT balances.
    pub(crate) include_hidden: bool,
}

impl Scope<'_> {
    /// Excludes reverted transfers and NFT balances unless the query asks for them.
    fn default_filter(&self) -> &'static str {
        match self.schema.table {
            "transfer" if !self.include_hidden => " AND t.reverted = 0",
            "balance" if !self.include_hidden => " AND t.parent_type = 'pool'",
            _ => "",
        }
    }
}

/// A page of rows in sort order, after a cursor.
pub(crate) fn page(
    tx: &mut Tx,
    scope: &Scope<'_>,
    keys: &SortKeys,
    after: Option<&[Cell]>,
    (limit, skip): (u32, u32),
) -> Result<Vec<SortedRow>> {
    let mut builder = Builder::new(scope.schema, scope.final_heights);
    let mut text = String::from("SELECT ");
    text.push_str(&columns(scope.schema, "t."));
    for key in builder.key_values(keys) {
        text.push_str(", ");
        text.push_str(&key);
    }
    text.push_str(&format!(
        " FROM {} t WHERE {}{}",
        scope.schema.table,
        builder.conditions(scope.filters),
        scope.default_filter()
    ));
    if let Some(after) = after {
        let condition = builder.after(keys, after);
        text.push_str(&format!(" AND {condition}"));
    }
    let order = builder.order(keys);
    let (limit, skip) = (
        builder.param(Value::Int(limit.into())),
        builder.param(Value::Int(skip.into())),
    );
    text.push_str(&format!(" ORDER BY {order} LIMIT {limit} OFFSET {skip}"));
    let width = scope.schema.stored().count();
    let rows: Vec<RowCells> = tx.rows(&text, builder.params)?;
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let keys = row.split_off(width);
            SortedRow {
                object: Object::from_row(scope.schema, row),
                keys,
            }
        })
        .collect())
}

/// The number of rows, counted up to `limit`.
pub(crate) fn count(tx: &mut Tx, scope: &Scope<'_>, limit: u64) -> Result<u64> {
    let mut builder = Builder::new(scope.schema, scope.final_heights);
    let conditions = builder.conditions(scope.filters);
    let limit = builder.param(Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {} t WHERE {conditions}{} LIMIT {limit}) counted",
        scope.schema.table,
        scope.default_filter()
    );
    let row: Option<(i64,)> = tx.row(&text, builder.params)?;
    Ok(row.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)))
}
