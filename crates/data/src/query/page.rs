//! Running a query: what the database answers, what is read from the objects, and what is refused
//! because it would read too much.

use super::filter::{Filter, Query};
use super::{cursor, evaluate, settle};
use crate::names::Names;
use crate::object::Object;
use crate::table::query::{self as statement, Keys, Scope, Sorted};
use crate::view::{Finals, Shown};
use crate::{Error, Result, Type};
use store::{Cell, Tx};
use types::ChainId;

/// Totals are exact up to here.
pub(crate) const MAX_TOTAL: u64 = 10_000;
/// Objects that may be read for conditions the database cannot answer.
const MAX_READ: u64 = 10_000;
/// Rows that may be looked at without an index.
const MAX_SCAN: u64 = 100_000;
/// Up to so many rows are sorted rather than looked for in the order of an index: without
/// statistics a database guesses wrong.
const MAX_SORT: u64 = 2_000;
/// Objects read at a time.
const CHUNK: u32 = 500;

/// A page of objects.
pub(crate) struct Found {
    pub(crate) objects: Vec<Object>,
    pub(crate) total: Option<u64>,
    /// Where to go on; none where nothing matched beyond this page.
    pub(crate) after: Option<String>,
}

/// Run a query.
pub(crate) fn run(
    tx: &mut Tx<'_, '_>,
    home: &ChainId,
    finals: &Finals,
    query: Query,
) -> Result<Found> {
    let query = settle::settle(tx, query)?;
    let (for_database, residual): (Vec<Filter>, Vec<Filter>) = flattened(&query.filters)
        .into_iter()
        .partition(Filter::is_for_database);
    let mut run = Run {
        query: &query,
        home,
        finals,
        keys: Keys::new(query.shape(), &query.sort),
        for_database,
        residual,
    };
    run.check_scan(tx)?;
    run.choose_order(tx)?;
    let after = query
        .page
        .after
        .as_ref()
        .map(|text| cursor::read(&query, text, &run.keys))
        .transpose()?;
    if run.residual.is_empty() {
        run.by_database(tx, after)
    } else {
        run.by_reading(tx, after)
    }
}

/// Conditions that must all hold, one by one.
fn flattened(filters: &[Filter]) -> Vec<Filter> {
    let mut flat = Vec::new();
    for filter in filters {
        match filter {
            Filter::All(inner) => flat.extend(flattened(inner)),
            other => flat.push(other.clone()),
        }
    }
    flat
}

struct Run<'a> {
    query: &'a Query,
    home: &'a ChainId,
    finals: &'a Finals,
    keys: Keys,
    for_database: Vec<Filter>,
    residual: Vec<Filter>,
}

impl Run<'_> {
    fn scope<'s>(&'s self, filters: &'s [Filter]) -> Scope<'s> {
        let asked = match self.query.kind {
            Type::Balance => "parent.type",
            _ => "status",
        };
        Scope {
            shape: self.query.shape(),
            finals: self.finals,
            filters,
            whole: self.query.looks_at(asked),
        }
    }

    /// Refuse what would look at too many rows: the conditions with an index must leave few enough
    /// for the others, and for sorting.
    fn check_scan(&self, tx: &mut Tx<'_, '_>) -> Result<()> {
        let shape = self.query.shape();
        let (selective, others): (Vec<Filter>, Vec<Filter>) = self
            .for_database
            .iter()
            .cloned()
            .partition(Filter::is_selective);
        let unindexed = others.iter().find_map(Filter::unindexed);
        let unsorted = || {
            let by = self.query.sort.first().map(|key| key.subject.name());
            (!self.keys.is_indexed(shape)).then(|| by.unwrap_or_else(|| "the order".to_owned()))
        };
        let Some(field) = unindexed.or_else(unsorted) else {
            return Ok(());
        };
        if statement::count(tx, &self.scope(&selective), MAX_SCAN + 1)? > MAX_SCAN {
            return Err(Error::NotIndexed {
                field,
                limit: MAX_SCAN,
                indexed: shape.indexed_names(),
            });
        }
        Ok(())
    }

    /// Few rows behind an index are found by it and sorted; where it leads to many, the order's own
    /// index meets them soon.
    fn choose_order(&mut self, tx: &mut Tx<'_, '_>) -> Result<()> {
        let selective: Vec<Filter> = self
            .for_database
            .iter()
            .filter(|filter| filter.is_selective())
            .cloned()
            .collect();
        let by_order = self.keys.is_indexed(self.query.shape());
        if by_order
            && !selective.is_empty()
            && statement::count(tx, &self.scope(&selective), MAX_SORT + 1)? <= MAX_SORT
        {
            self.keys.sort_apart();
        }
        Ok(())
    }

    fn by_database(&self, tx: &mut Tx<'_, '_>, after: Option<Vec<Cell>>) -> Result<Found> {
        let page = &self.query.page;
        let scope = self.scope(&self.for_database);
        let rows = statement::page(
            tx,
            &scope,
            &self.keys,
            after.as_deref(),
            (page.limit + 1, page.skip),
        )?;
        let total = if self.query.count {
            Some(statement::count(tx, &scope, MAX_TOTAL + 1)?)
        } else {
            None
        };
        Ok(self.found(rows, total))
    }

    /// One row more than the page has says that there are more.
    fn found(&self, mut rows: Vec<Sorted>, total: Option<u64>) -> Found {
        let limit = self.query.page.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let after = if more {
            rows.last().map(|row| cursor::write(self.query, &row.keys))
        } else {
            None
        };
        Found {
            objects: rows.into_iter().map(|row| row.object).collect(),
            total,
            after,
        }
    }

    /// Read what the other conditions left, and look at each.
    fn by_reading(&self, tx: &mut Tx<'_, '_>, after: Option<Vec<Cell>>) -> Result<Found> {
        let scope = self.scope(&self.for_database);
        if statement::count(tx, &scope, MAX_READ + 1)? > MAX_READ {
            let field = self
                .residual
                .iter()
                .find_map(Filter::unanswered)
                .unwrap_or_default();
            return Err(Error::Undeclared {
                field,
                limit: MAX_READ,
            });
        }
        let page = &self.query.page;
        let wanted = page.skip as usize + page.limit as usize + 1;
        let (mut kept, mut behind) = (Vec::new(), after);
        loop {
            let rows = statement::page(tx, &scope, &self.keys, behind.as_deref(), (CHUNK, 0))?;
            let is_last = rows.len() < CHUNK as usize;
            behind = rows.last().map(|row| row.keys.clone());
            kept.extend(self.sift(tx, rows)?.into_iter().take(wanted - kept.len()));
            if is_last || kept.len() >= wanted {
                break;
            }
        }
        let total = if self.query.count {
            Some(self.count_by_reading(tx)?)
        } else {
            None
        };
        kept.drain(..(page.skip as usize).min(kept.len()));
        Ok(self.found(kept, total))
    }

    fn count_by_reading(&self, tx: &mut Tx<'_, '_>) -> Result<u64> {
        let scope = self.scope(&self.for_database);
        let (mut count, mut behind) = (0, None);
        loop {
            let rows = statement::page(tx, &scope, &self.keys, behind.as_deref(), (CHUNK, 0))?;
            let is_last = rows.len() < CHUNK as usize;
            behind = rows.last().map(|row: &Sorted| row.keys.clone());
            count += self.sift(tx, rows)?.len() as u64;
            if is_last {
                return Ok(count);
            }
        }
    }

    fn sift(&self, tx: &mut Tx<'_, '_>, rows: Vec<Sorted>) -> Result<Vec<Sorted>> {
        let objects: Vec<Object> = rows.iter().map(|row| row.object.clone()).collect();
        let with = Shown {
            names: Names::load(tx, self.home, &objects)?,
            finals: Some(self.finals.clone()),
        };
        let passes = |row: &Sorted| {
            self.residual
                .iter()
                .all(|filter| evaluate::holds(filter, &row.object, &with))
        };
        Ok(rows.into_iter().filter(passes).collect())
    }
}
