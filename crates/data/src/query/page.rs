//! Execute a query: filter in the database, evaluate the rest in memory, and reject queries that
//! would read too much.

use super::{cursor, declared, evaluate};
use crate::engine::Snapshot;
use crate::filter::{Filter, Query};
use crate::object::Object;
use crate::table::query::{self as sql, Scope, SortKeys, SortedRow};
use crate::{Error, Result, Type};
use store::{Cell, Tx};

/// Totals are exact up to this number.
pub(crate) const MAX_TOTAL: u64 = 10_000;
/// Objects that may be read to evaluate conditions in memory.
const MAX_READ: u64 = 10_000;
/// Rows that may be scanned without an index.
const MAX_SCAN: u64 = 100_000;
/// With at most this many selected rows, rows are sorted instead of read in index order. SQLite
/// keeps no statistics and would choose the sort index.
const MAX_SORT: u64 = 2_000;
/// Objects read at a time.
const CHUNK: u32 = 500;

/// A page of objects.
pub(crate) struct QueryPage {
    pub(crate) objects: Vec<Object>,
    pub(crate) total: Option<u64>,
    /// The cursor of the next page; none on the last one.
    pub(crate) after: Option<String>,
}

pub(crate) fn execute(tx: &mut Tx, snapshot: &Snapshot, query: &Query) -> Result<QueryPage> {
    let query = declared::resolve_paths(tx, query)?;
    let (sql_filters, residual): (Vec<&Filter>, Vec<&Filter>) =
        flatten(&query.filters).partition(|filter| filter.is_sql());
    let mut execution = Execution {
        query: &query,
        snapshot,
        keys: SortKeys::new(query.schema(), &query.sort),
        sql_filters,
        residual,
    };
    execution.check_scan(tx)?;
    execution.choose_order(tx)?;
    let after = query
        .page
        .after
        .as_ref()
        .map(|text| cursor::read(&query, text, &execution.keys))
        .transpose()?;
    if execution.residual.is_empty() {
        execution.page_from_sql(tx, after)
    } else {
        execution.page_from_objects(tx, after)
    }
}

/// Flatten nested conjunctions into a list.
fn flatten(filters: &[Filter]) -> Box<dyn Iterator<Item = &Filter> + '_> {
    Box::new(filters.iter().flat_map(|filter| match filter {
        Filter::All(inner) => flatten(inner),
        other => Box::new(std::iter::once(other)),
    }))
}

struct Execution<'a> {
    query: &'a Query,
    snapshot: &'a Snapshot,
    keys: SortKeys,
    sql_filters: Vec<&'a Filter>,
    residual: Vec<&'a Filter>,
}

impl Execution<'_> {
    fn scope<'s>(&'s self, filters: &'s [&'s Filter]) -> Scope<'s> {
        let revealing_field = match self.query.kind {
            Type::Balance => "parent.type",
            _ => "status",
        };
        Scope {
            schema: self.query.schema(),
            final_heights: &self.snapshot.final_heights,
            filters,
            include_hidden: self.query.uses_field(revealing_field),
        }
    }

    /// Reject queries that would scan too many rows: the indexed conditions must leave few enough
    /// for the other conditions and for sorting.
    fn check_scan(&self, tx: &mut Tx) -> Result<()> {
        let schema = self.query.schema();
        let (selective, others): (Vec<&Filter>, Vec<&Filter>) =
            (self.sql_filters.iter()).partition(|filter| filter.is_selective());
        let first_unindexed = others.iter().find_map(|filter| filter.first_unindexed());
        let unsorted = || {
            let field = self.query.sort.first().map(|key| key.subject.name());
            (!self.keys.is_indexed(schema)).then(|| field.unwrap_or_else(|| "sort".to_owned()))
        };
        let Some(field) = first_unindexed.or_else(unsorted) else {
            return Ok(());
        };
        if sql::count(tx, &self.scope(&selective), MAX_SCAN + 1)? > MAX_SCAN {
            return Err(Error::NotIndexed {
                field,
                limit: MAX_SCAN,
                indexed: schema.indexed_names(),
            });
        }
        Ok(())
    }

    /// If the indexed conditions select few rows, sort those; otherwise walk the index of the
    /// order, which reaches the matches soon.
    fn choose_order(&mut self, tx: &mut Tx) -> Result<()> {
        let selective: Vec<&Filter> = (self.sql_filters.iter().copied())
            .filter(|filter| filter.is_selective())
            .collect();
        let by_order = self.keys.is_indexed(self.query.schema());
        if by_order
            && !selective.is_empty()
            && sql::count(tx, &self.scope(&selective), MAX_SORT + 1)? <= MAX_SORT
        {
            self.keys.sort_without_index();
        }
        Ok(())
    }

    fn page_from_sql(&self, tx: &mut Tx, after: Option<Vec<Cell>>) -> Result<QueryPage> {
        let page = &self.query.page;
        let scope = self.scope(&self.sql_filters);
        let limits = (page.limit + 1, page.skip);
        let rows = sql::page(tx, &scope, &self.keys, after.as_deref(), limits)?;
        let total = (self.query.count).then(|| sql::count(tx, &scope, MAX_TOTAL + 1));
        let total = total.transpose()?;
        Ok(self.finish_page(rows, total))
    }

    /// Cut off the extra row, whose presence means that there is another page.
    fn finish_page(&self, mut rows: Vec<SortedRow>, total: Option<u64>) -> QueryPage {
        let limit = self.query.page.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let after = last.map(|row| cursor::write(self.query, &row.keys));
        QueryPage {
            objects: rows.into_iter().map(|row| row.object).collect(),
            total,
            after,
        }
    }

    /// Read the rows that the database conditions leave, and evaluate the other conditions on each.
    fn page_from_objects(&self, tx: &mut Tx, after: Option<Vec<Cell>>) -> Result<QueryPage> {
        let scope = self.scope(&self.sql_filters);
        if sql::count(tx, &scope, MAX_READ + 1)? > MAX_READ {
            let field = self
                .residual
                .iter()
                .find_map(|filter| filter.first_non_sql())
                .unwrap_or_default();
            return Err(Error::UndeclaredField {
                field,
                limit: MAX_READ,
            });
        }
        let page = &self.query.page;
        let needed = page.skip as usize + page.limit as usize + 1;
        let (mut matching, mut cursor_keys) = (Vec::new(), after);
        loop {
            let rows = sql::page(tx, &scope, &self.keys, cursor_keys.as_deref(), (CHUNK, 0))?;
            let is_last = rows.len() < CHUNK as usize;
            cursor_keys = rows.last().map(|row| row.keys.clone());
            matching.extend(
                self.retain_matching(tx, rows)?
                    .into_iter()
                    .take(needed - matching.len()),
            );
            if is_last || matching.len() >= needed {
                break;
            }
        }
        let total = self
            .query
            .count
            .then(|| self.count_objects(tx))
            .transpose()?;
        matching.drain(..(page.skip as usize).min(matching.len()));
        Ok(self.finish_page(matching, total))
    }

    fn count_objects(&self, tx: &mut Tx) -> Result<u64> {
        let scope = self.scope(&self.sql_filters);
        let (mut count, mut cursor_keys) = (0, None);
        loop {
            let rows = sql::page(tx, &scope, &self.keys, cursor_keys.as_deref(), (CHUNK, 0))?;
            let is_last = rows.len() < CHUNK as usize;
            cursor_keys = rows.last().map(|row: &SortedRow| row.keys.clone());
            count += self.retain_matching(tx, rows)?.len() as u64;
            if is_last {
                return Ok(count);
            }
        }
    }

    fn retain_matching(&self, tx: &mut Tx, rows: Vec<SortedRow>) -> Result<Vec<SortedRow>> {
        let context = (self.snapshot).view_context(tx, rows.iter().map(|row| &row.object))?;
        let matches = |row: &SortedRow| {
            let mut filters = self.residual.iter();
            filters.all(|filter| evaluate::matches(filter, &row.object, &context))
        };
        Ok(rows.into_iter().filter(matches).collect())
    }
}
