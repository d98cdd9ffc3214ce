//! Reading a bulk query: unknown fields and operators are refused by their path.

use super::filter::{Check, Filter, Order, Query, SortKey, Subject, Test};
use super::operand::{self, MAX_VALUE, Operator};
use crate::field::Is;
use crate::path::Path;
use crate::{Error, Result, Type, json};
use serde_json::value::RawValue;
use types::{Page, Sort};

/// Conditions of one query, nested ones counted.
const MAX_TESTS: usize = 100;
/// Parameters that the statements of one query may have: SQLite takes 32,766.
const MAX_WEIGHT: usize = 12_000;
/// Values of one list.
const MAX_VALUES: usize = 1_000;
/// How deep `or` may nest.
const MAX_DEPTH: usize = 8;
/// Keys of an order.
const MAX_SORT: usize = 4;
const MAX_FIELDS: usize = 64;

/// A query under construction.
pub(crate) struct Reader {
    kind: Type,
    tests: usize,
    /// Parameters that the conditions come to, at least as many as they will.
    weight: usize,
}

/// One entry of an operator's list.
struct Entry {
    field: String,
    values: Vec<String>,
    not: bool,
    fold: bool,
}

/// A query of a type, with nothing asked yet.
pub(crate) fn empty(kind: Type, at: &str) -> Query {
    let (filters, sort, page) = (Vec::new(), Vec::new(), Page::default());
    Query {
        kind,
        filters,
        sort,
        page,
        count: false,
        fields: Vec::new(),
        at: at.to_owned(),
    }
}

/// Read a query.
pub(crate) fn query(kind: Type, value: &RawValue, at: &str) -> Result<Query> {
    let mut query = empty(kind, at);
    let mut reader = Reader::new(kind);
    let (mut limit, mut skip, mut after) = (None, None, None);
    for (name, value) in json::object(value, at)? {
        let path = format!("{at}.{name}");
        if json::is_null(&value) {
            continue;
        }
        match name.as_str() {
            "limit" => limit = Some(number(&value, &path)?),
            "skip" => skip = Some(number(&value, &path)?),
            "after" => after = Some(json::text(&value, &path, 4 * MAX_VALUE)?),
            "count" => query.count = json::flag(&value, &path)?,
            "sort" => query.sort = sort(kind, &texts(&value, &path, MAX_SORT)?, &path)?,
            "fields" => query.fields = fields(kind, texts(&value, &path, MAX_FIELDS)?, &path)?,
            _ => query
                .filters
                .extend(reader.member(&name, &value, &path, 0)?),
        }
    }
    query.page =
        Page::new(limit, skip, after).map_err(|error| Error::invalid(at, error.to_string()))?;
    Ok(query)
}

fn number(value: &RawValue, path: &str) -> Result<u32> {
    json::read(value, path, "expected a whole number")
}

fn texts(value: &RawValue, path: &str, most: usize) -> Result<Vec<String>> {
    let items = json::array(value, path)?;
    if items.len() > most {
        return Err(Error::TooMany {
            field: path.to_owned(),
            limit: most,
        });
    }
    let texts = items
        .iter()
        .enumerate()
        .map(|(place, item)| json::text(item, &format!("{path}[{place}]"), MAX_VALUE));
    texts.collect()
}

/// The keys of an order.
pub(crate) fn sort(kind: Type, texts: &[String], at: &str) -> Result<Vec<SortKey>> {
    if texts.len() > MAX_SORT {
        return Err(Error::TooMany {
            field: at.to_owned(),
            limit: MAX_SORT,
        });
    }
    let key = |(place, text): (usize, &String)| {
        let sort = Sort::parse(text);
        let path = format!("{at}[{place}]");
        let subject = subject(kind, &sort.field, &path)?;
        match &subject {
            Subject::Field(field) if operand::is_opaque(field) => Err(Error::UnknownOperator {
                field: path,
                operator: "sort".to_owned(),
            }),
            _ => Ok(SortKey {
                subject,
                descending: sort.descending,
            }),
        }
    };
    texts.iter().enumerate().map(key).collect()
}

fn fields(kind: Type, names: Vec<String>, at: &str) -> Result<Vec<String>> {
    for (place, name) in names.iter().enumerate() {
        let first = name.split('.').next().unwrap_or_default();
        let known = kind
            .shape()
            .fields
            .iter()
            .any(|field| !field.is_hidden() && field.name.split('.').next() == Some(first));
        if !known {
            return Err(Error::UnknownField {
                field: format!("{at}[{place}]"),
            });
        }
    }
    Ok(names)
}

/// What a name leads to.
pub(crate) fn subject(kind: Type, name: &str, at: &str) -> Result<Subject> {
    let shape = kind.shape();
    let name = if name == "parent" && shape.has("parent_id") {
        "parent.ref"
    } else {
        name
    };
    if let Some(field) = shape.field(name).filter(|field| field.is != Is::Shown) {
        return Ok(Subject::Field(field));
    }
    match Path::parse(shape, name) {
        Some(path) => Ok(Subject::Free(path)),
        None => Err(Error::UnknownField {
            field: format!("{at}: {name}"),
        }),
    }
}

impl Reader {
    pub(crate) fn new(kind: Type) -> Self {
        Self {
            kind,
            tests: 0,
            weight: 0,
        }
    }

    /// The filters of a nested query: no paging there.
    fn nested(&mut self, value: &RawValue, at: &str, depth: usize) -> Result<Filter> {
        if depth > MAX_DEPTH {
            return Err(Error::TooMany {
                field: at.to_owned(),
                limit: MAX_DEPTH,
            });
        }
        let mut filters = Vec::new();
        for (name, value) in json::object(value, at)? {
            if !json::is_null(&value) {
                filters.extend(self.member(&name, &value, &format!("{at}.{name}"), depth)?);
            }
        }
        Ok(Filter::All(filters))
    }

    fn member(
        &mut self,
        name: &str,
        value: &RawValue,
        at: &str,
        depth: usize,
    ) -> Result<Vec<Filter>> {
        match name {
            "or" => {
                let nested = json::array(value, at)?;
                let mut any = Vec::with_capacity(nested.len());
                for (place, item) in nested.iter().enumerate() {
                    any.push(self.nested(item, &format!("{at}[{place}]"), depth + 1)?);
                }
                Ok(if any.is_empty() {
                    Vec::new()
                } else {
                    vec![Filter::Any(any)]
                })
            }
            "labels" => {
                let mut filters = Vec::new();
                for (operator, list) in json::object(value, at)? {
                    filters.extend(self.list(
                        &operator,
                        &list,
                        &format!("{at}.{operator}"),
                        true,
                    )?);
                }
                Ok(filters)
            }
            operator => self.list(operator, value, at, false),
        }
    }

    fn list(
        &mut self,
        name: &str,
        value: &RawValue,
        at: &str,
        labels: bool,
    ) -> Result<Vec<Filter>> {
        let Some(operator) = Operator::parse(name) else {
            return Err(Error::UnknownOperator {
                field: at.to_owned(),
                operator: name.to_owned(),
            });
        };
        let mut filters = Vec::new();
        for (place, item) in json::array(value, at)?.iter().enumerate() {
            let path = format!("{at}[{place}]");
            let entry = entry(operator, item, &path)?;
            filters.push(self.test(operator, entry, &path, labels)?);
        }
        Ok(filters)
    }

    fn test(&mut self, operator: Operator, entry: Entry, at: &str, labels: bool) -> Result<Filter> {
        let subject = if labels {
            label(self.kind, &entry.field, at)?
        } else {
            subject(self.kind, &entry.field, at)?
        };
        self.enter(
            subject,
            operator,
            &entry.values,
            (entry.not, entry.fold),
            at,
        )
    }

    /// One condition on a subject.
    pub(crate) fn enter(
        &mut self,
        subject: Subject,
        operator: Operator,
        values: &[String],
        (not, folded): (bool, bool),
        at: &str,
    ) -> Result<Filter> {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            return Err(Error::TooMany {
                field: at.to_owned(),
                limit: MAX_TESTS,
            });
        }
        self.weight += weight(&subject) * values.len().max(1);
        if self.weight > MAX_WEIGHT {
            return Err(Error::TooMany {
                field: at.to_owned(),
                limit: MAX_WEIGHT / weight(&subject),
            });
        }
        let unfit = || Error::UnknownOperator {
            field: at.to_owned(),
            operator: format!("{operator:?}"),
        };
        let at_value = format!("{at}.value");
        let check = match &subject {
            Subject::Field(field) if operand::is_opaque(field) && operator != Operator::Null => {
                return Err(unfit());
            }
            Subject::Field(field) => operator.check(
                values,
                |text| operand::read(field, text, &at_value),
                operand::is_text(field),
                unfit,
            )?,
            _ => operator.check(
                values,
                |text| Ok(store::Cell::Text(text.to_owned())),
                true,
                unfit,
            )?,
        };
        let by_value = matches!(&subject, Subject::Field(field) if !operand::is_text(field));
        let folded = folded && !by_value && !matches!(check, Check::Null);
        let check = match &subject {
            Subject::Field(field) if matches!(field.is, Is::ParentRef | Is::Qualified) => {
                operand::with_plain_addresses(check)
            }
            _ => check,
        };
        Ok(Filter::Test(Test {
            subject,
            check,
            negated: operator.negates() != not,
            folded,
        }))
    }
}

/// Parameters that one value of a condition comes to: references are looked for in every type they
/// may lead to.
fn weight(subject: &Subject) -> usize {
    match subject {
        Subject::Field(field) => match field.is {
            Is::ParentRef => 48,
            Is::ParentAsset => 16,
            Is::Ref(_) | Is::Address => 4,
            _ => 2,
        },
        Subject::Label(_) | Subject::Declared { .. } | Subject::Free(_) => 4,
    }
}

/// A label by its key.
pub(crate) fn label(kind: Type, key: &str, at: &str) -> Result<Subject> {
    if kind.shape().has("labels") {
        Ok(Subject::Label(key.to_owned()))
    } else {
        Err(Error::UnknownField {
            field: at.to_owned(),
        })
    }
}

/// Equality, as the parameters of a listing ask it.
pub(crate) const EQ: Operator = Operator::Compare(Order::Eq);

fn entry(operator: Operator, item: &RawValue, at: &str) -> Result<Entry> {
    let (mut field, mut values, mut not, mut fold) = (None, None, false, false);
    let many = matches!(operator, Operator::In | Operator::NotIn);
    for (name, value) in json::object(item, at)? {
        let path = format!("{at}.{name}");
        match name.as_str() {
            "field" => field = Some(json::text(&value, &path, MAX_VALUE)?),
            "value" if !many && operator != Operator::Null => {
                values = Some(vec![scalar(&value, &path)?])
            }
            "values" if many => values = Some(list(&value, &path)?),
            "not" => not = !json::is_null(&value) && json::flag(&value, &path)?,
            "caseInsensitive" => fold = !json::is_null(&value) && json::flag(&value, &path)?,
            _ => return Err(Error::UnknownField { field: path }),
        }
    }
    let values = match (values, operator) {
        (Some(values), _) => values,
        (None, Operator::Null) => Vec::new(),
        (None, _) => {
            return Err(Error::invalid(
                format!("{at}.{}", if many { "values" } else { "value" }),
                "is needed",
            ));
        }
    };
    let field = field.ok_or_else(|| Error::invalid(format!("{at}.field"), "is needed"))?;
    Ok(Entry {
        field,
        values,
        not,
        fold,
    })
}

fn list(value: &RawValue, at: &str) -> Result<Vec<String>> {
    let items = json::array(value, at)?;
    if items.len() > MAX_VALUES {
        return Err(Error::TooMany {
            field: at.to_owned(),
            limit: MAX_VALUES,
        });
    }
    items
        .iter()
        .enumerate()
        .map(|(place, item)| scalar(item, &format!("{at}[{place}]")))
        .collect()
}

/// Values arrive as strings; a number or a boolean is taken by its text.
fn scalar(value: &RawValue, at: &str) -> Result<String> {
    match value.get().as_bytes().first() {
        Some(b'"') => json::text(value, at, MAX_VALUE),
        Some(b't' | b'f' | b'-' | b'0'..=b'9') if value.get().len() <= MAX_VALUE => {
            Ok(value.get().to_owned())
        }
        _ => Err(Error::invalid(at, "expected a string")),
    }
}
