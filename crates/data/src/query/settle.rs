//! Paths of a query against what is declared: a declared path is compared in its form, and by its
//! index where that can answer.

use super::filter::{Check, Filter, Order, Query, SortKey, Subject, Test};
use super::operand::read_declared;
use crate::metadata::{self, Form};
use crate::path::Path;
use crate::{Error, Result, table};
use store::{Cell, Tx};

/// What is known of the declared paths of a type.
struct Declared {
    fields: Vec<(Path, Form, bool)>,
    /// Paths with texts that are known by their hash only.
    hashed: Vec<String>,
}

/// Give every path of a query its form.
pub(crate) fn settle(tx: &mut Tx<'_, '_>, mut query: Query) -> Result<Query> {
    let is_path = |subject: &Subject| matches!(subject, Subject::Free(_));
    let in_filters = query.filters.iter().any(|filter| filter.mentions(&is_path));
    if !in_filters && !query.sort.iter().any(|key| is_path(&key.subject)) {
        return Ok(query);
    }
    let declared = Declared::load(tx, &query)?;
    query.filters = query
        .filters
        .into_iter()
        .map(|filter| declared.filter(filter))
        .collect::<Result<_>>()?;
    query.sort = query
        .sort
        .into_iter()
        .map(|key| declared.sort(key))
        .collect::<Result<_>>()?;
    Ok(query)
}

impl Declared {
    fn load(tx: &mut Tx<'_, '_>, query: &Query) -> Result<Self> {
        let fields = metadata::declared(tx, query.kind)?;
        let mut hashed = Vec::new();
        for (path, form, _) in &fields {
            if *form == Form::Text
                && table::metadata::has_hashed(tx, query.kind.singular(), &path.text)?
            {
                hashed.push(path.text.clone());
            }
        }
        Ok(Self { fields, hashed })
    }

    fn filter(&self, filter: Filter) -> Result<Filter> {
        let each = |filters: Vec<Filter>| {
            filters
                .into_iter()
                .map(|filter| self.filter(filter))
                .collect::<Result<_>>()
        };
        Ok(match filter {
            Filter::All(filters) => Filter::All(each(filters)?),
            Filter::Any(filters) => Filter::Any(each(filters)?),
            Filter::Test(test) => Filter::Test(self.test(test)?),
        })
    }

    fn test(&self, test: Test) -> Result<Test> {
        let Subject::Free(path) = &test.subject else {
            return Ok(test);
        };
        let Some((_, form, ready)) = self.fields.iter().find(|(known, ..)| known == path) else {
            return Ok(test);
        };
        let whole = matches!(
            test.check,
            Check::Compare(Order::Eq, _) | Check::Among(_) | Check::Null
        ) && !test.folded;
        let by_index = *ready && (whole || !self.hashed.contains(&path.text));
        let check = typed(&test.check, *form, &path.text)?;
        let folded = test.folded && !form.is_number();
        Ok(Test {
            subject: Subject::Declared {
                path: path.clone(),
                form: *form,
                by_index,
            },
            check,
            folded,
            ..test
        })
    }

    /// Only what is declared can be sorted by, and only as far as its values are kept whole.
    fn sort(&self, key: SortKey) -> Result<SortKey> {
        let Subject::Free(path) = &key.subject else {
            return Ok(key);
        };
        let found = self
            .fields
            .iter()
            .find(|(known, _, ready)| known == path && *ready);
        match found {
            Some((_, form, _)) if !self.hashed.contains(&path.text) => {
                let subject = Subject::Declared {
                    path: path.clone(),
                    form: *form,
                    by_index: true,
                };
                Ok(SortKey { subject, ..key })
            }
            _ => Err(Error::Undeclared {
                field: path.text.clone(),
                limit: 0,
            }),
        }
    }
}

fn typed(check: &Check, form: Form, at: &str) -> Result<Check> {
    let read = |cell: &Cell| match cell {
        Cell::Text(text) => read_declared(form, text, at),
        other => Ok(other.clone()),
    };
    Ok(match check {
        Check::Compare(order, cell) => Check::Compare(*order, read(cell)?),
        Check::Among(cells) => Check::Among(cells.iter().map(read).collect::<Result<_>>()?),
        Check::Part(..) if form.is_number() => {
            return Err(Error::UnknownOperator {
                field: at.to_owned(),
                operator: "a search in parts".to_owned(),
            });
        }
        Check::Part(part, text) => Check::Part(*part, text.clone()),
        Check::Null => Check::Null,
    })
}
