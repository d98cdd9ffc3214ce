//! Resolve the paths of a query against the declared fields: a declared path is compared by its
//! value type, and by its index if that can answer.

use super::operand::{Operator, read_declared};
use crate::filter::{Comparison, Condition, Filter, Predicate, Query, SortKey, Subject};
use crate::metadata::{self, Declaration};
use crate::path::Path;
use crate::value_type::ValueType;
use crate::{Error, Result, table};
use std::borrow::Cow;
use store::{Cell, Tx};

/// The declared fields of a type.
struct Declared {
    fields: Vec<Declaration>,
    /// Paths with texts that are stored as a hash.
    hashed: Vec<String>,
}

/// Replace undeclared paths of a query by the declared fields that they name.
pub(crate) fn resolve_paths<'q>(tx: &mut Tx, query: &'q Query) -> Result<Cow<'q, Query>> {
    let is_path = |subject: &Subject| matches!(subject, Subject::Undeclared(_));
    let mut filters = query.filters.iter();
    let in_filters = filters.any(|filter| filter.any_subject(&is_path));
    if !in_filters && !query.sort.iter().any(|key| is_path(&key.subject)) {
        return Ok(Cow::Borrowed(query));
    }
    let declared = Declared::load(tx, query)?;
    let mut query = query.clone();
    let filters = query.filters.into_iter();
    query.filters = filters
        .map(|filter| declared.filter(filter))
        .collect::<Result<_>>()?;
    let sort = query.sort.into_iter();
    query.sort = sort.map(|key| declared.sort(key)).collect::<Result<_>>()?;
    Ok(Cow::Owned(query))
}

impl Declared {
    fn load(tx: &mut Tx, query: &Query) -> Result<Self> {
        let fields = metadata::declared(tx, query.kind)?;
        let mut hashed = Vec::new();
        for Declaration {
            path, value_type, ..
        } in &fields
        {
            if *value_type == ValueType::Text
                && table::metadata::has_hashed(tx, query.kind.singular(), &path.text)?
            {
                hashed.push(path.text.clone());
            }
        }
        Ok(Self { fields, hashed })
    }

    fn find(&self, path: &Path) -> Option<&Declaration> {
        self.fields.iter().find(|field| field.path == *path)
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
            Filter::Condition(condition) => Filter::Condition(self.condition(condition)?),
        })
    }

    fn condition(&self, condition: Condition) -> Result<Condition> {
        let Subject::Undeclared(path) = &condition.subject else {
            return Ok(condition);
        };
        let Some(Declaration {
            value_type, ready, ..
        }) = self.find(path)
        else {
            return Ok(condition);
        };
        let is_equality = matches!(
            condition.predicate,
            Predicate::Compare(Comparison::Eq, _) | Predicate::In(_) | Predicate::IsNull
        ) && !condition.ignore_case;
        let by_index = *ready && (is_equality || !self.hashed.contains(&path.text));
        let predicate = typed(&condition.predicate, *value_type, &path.text)?;
        let ignore_case = condition.ignore_case && !value_type.is_number();
        Ok(Condition {
            subject: Subject::Declared {
                path: path.clone(),
                value_type: *value_type,
                by_index,
            },
            predicate,
            ignore_case,
            ..condition
        })
    }

    /// Only declared fields can be sorted by, and only if none of their texts is stored as a hash.
    fn sort(&self, key: SortKey) -> Result<SortKey> {
        let Subject::Undeclared(path) = &key.subject else {
            return Ok(key);
        };
        let reason = match self.find(path) {
            None => "it is not a declared field; declare it",
            Some(field) if !field.ready => "its index is not complete; repeat the query later",
            Some(_) if self.hashed.contains(&path.text) => {
                "some of its texts are too long for an index; sort by another field"
            }
            Some(field) => {
                let subject = Subject::Declared {
                    path: path.clone(),
                    value_type: field.value_type,
                    by_index: true,
                };
                return Ok(SortKey { subject, ..key });
            }
        };
        Err(Error::NotSortable {
            field: path.text.clone(),
            reason,
        })
    }
}

fn typed(predicate: &Predicate, value_type: ValueType, at: &str) -> Result<Predicate> {
    let read = |cell: &Cell| match cell {
        Cell::Text(text) => read_declared(value_type, text, at),
        other => Ok(other.clone()),
    };
    Ok(match predicate {
        Predicate::Compare(comparison, cell) => Predicate::Compare(*comparison, read(cell)?),
        Predicate::In(cells) => Predicate::In(cells.iter().map(read).collect::<Result<_>>()?),
        Predicate::Text(mode, _) if value_type.is_number() => {
            return Err(Error::UnknownOperator {
                field: at.to_owned(),
                operator: Operator::TextMatch(*mode).name().to_owned(),
            });
        }
        Predicate::Text(mode, text) => Predicate::Text(*mode, text.clone()),
        Predicate::IsNull => Predicate::IsNull,
    })
}
