//! Parser of bulk queries. Errors name unknown fields and operators by their path.

use super::operand::{self, MAX_VALUE, Operand, Operator};
use crate::field::FieldType;
use crate::filter::{Comparison, Condition, Filter, Predicate, Query, SortKey, Subject};
use crate::path::Path;
use crate::{Error, Result, Type, json};
use serde_json::value::RawValue;
use types::{Page, Sort};

/// Conditions of one query, including nested ones.
const MAX_CONDITIONS: usize = 100;
/// Parameters in the statements of one query. SQLite allows 32,766.
const MAX_WEIGHT: usize = 12_000;
/// Values of one list.
const MAX_VALUES: usize = 1_000;
/// Nesting depth of `or`.
const MAX_DEPTH: usize = 8;
/// Keys of a sort order.
const MAX_SORT: usize = 4;
const MAX_FIELDS: usize = 64;

/// Parses filters and enforces the limits of a query.
pub(crate) struct FilterParser {
    kind: Type,
    conditions: usize,
    /// An upper bound of the parameters that the conditions need.
    weight: usize,
}

/// An entry in the list of an operator.
struct Entry {
    field: String,
    values: Vec<String>,
    not: bool,
    ignore_case: bool,
}

/// A query without filters.
pub(crate) fn empty(kind: Type, at: &str) -> Query {
    let (filters, sort, page) = (Vec::new(), Vec::new(), Page::default());
    Query {
        kind,
        filters,
        sort,
        page,
        count: false,
        fields: Vec::new(),
        path: at.to_owned(),
    }
}

/// Parse a query.
pub(crate) fn query(kind: Type, value: &RawValue, at: &str) -> Result<Query> {
    let mut query = empty(kind, at);
    let mut parser = FilterParser::new(kind);
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
                .extend(parser.member(&name, &value, &path, 0)?),
        }
    }
    query.page = Page::new(limit, skip, after).map_err(|error| Error::invalid(at, error))?;
    Ok(query)
}

fn number(value: &RawValue, path: &str) -> Result<u32> {
    json::read(value, path, "expected a whole number")
}

fn texts(value: &RawValue, path: &str, max: usize) -> Result<Vec<String>> {
    json::items(value, path, max, |item, at| json::text(item, at, MAX_VALUE))
}

/// Parse the keys of a sort order.
pub(crate) fn sort(kind: Type, texts: &[String], at: &str) -> Result<Vec<SortKey>> {
    Error::check_limit(at, texts.len(), MAX_SORT)?;
    let key = |(index, text): (usize, &String)| {
        let sort = Sort::parse(text);
        let path = format!("{at}[{index}]");
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
    for (index, name) in names.iter().enumerate() {
        let first = name.split('.').next().unwrap_or_default();
        let known = (kind.schema().fields.iter())
            .filter(|field| field.is_filterable() || field.field_type == FieldType::DisplayOnly)
            .any(|field| field.name.split('.').next() == Some(first));
        if !known {
            return Err(Error::unknown_field(format!("{at}[{index}]")));
        }
    }
    Ok(names)
}

/// Resolve a field name or path.
pub(crate) fn subject(kind: Type, name: &str, at: &str) -> Result<Subject> {
    let schema = kind.schema();
    let name = if name == "parent" && schema.has("parent_id") {
        "parent.ref"
    } else {
        name
    };
    if let Some(field) = schema.field(name).filter(|field| field.is_filterable()) {
        return Ok(Subject::Field(field));
    }
    match Path::parse(schema, name) {
        Some(path) => Ok(Subject::Undeclared(path)),
        None => Err(Error::unknown_field(format!("{at}: {name}"))),
    }
}

impl FilterParser {
    pub(crate) fn new(kind: Type) -> Self {
        Self {
            kind,
            conditions: 0,
            weight: 0,
        }
    }

    /// Parse the filters of a nested query, which has no paging.
    fn nested(&mut self, value: &RawValue, at: &str, depth: usize) -> Result<Filter> {
        Error::check_limit(at, depth, MAX_DEPTH)?;
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
                let mut alternatives = Vec::new();
                for (index, item) in json::array(value, at)?.iter().enumerate() {
                    alternatives.push(self.nested(item, &format!("{at}[{index}]"), depth + 1)?);
                }
                let any = (!alternatives.is_empty()).then_some(Filter::Any(alternatives));
                Ok(any.into_iter().collect())
            }
            "labels" => {
                let mut filters = Vec::new();
                for (operator, list) in json::object(value, at)? {
                    let path = format!("{at}.{operator}");
                    filters.extend(self.list(&operator, &list, &path, true)?);
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
        for (index, item) in json::array(value, at)?.iter().enumerate() {
            let path = format!("{at}[{index}]");
            let entry = entry(operator, item, &path)?;
            let resolve = if labels { label } else { subject };
            let subject = resolve(self.kind, &entry.field, &path)?;
            let flags = (entry.not, entry.ignore_case);
            filters.push(self.condition(subject, operator, &entry.values, flags, &path)?);
        }
        Ok(filters)
    }

    /// Build one condition and count it against the limits.
    pub(crate) fn condition(
        &mut self,
        subject: Subject,
        operator: Operator,
        values: &[String],
        (not, ignore_case): (bool, bool),
        at: &str,
    ) -> Result<Filter> {
        self.conditions += 1;
        Error::check_limit(at, self.conditions, MAX_CONDITIONS)?;
        self.weight += weight(&subject) * values.len().max(1);
        if self.weight > MAX_WEIGHT {
            return Err(Error::limit(at, MAX_WEIGHT / weight(&subject)));
        }
        let unsupported = || Error::UnknownOperator {
            field: at.to_owned(),
            operator: operator.name().to_owned(),
        };
        let at_value = format!("{at}.value");
        let predicate = match &subject {
            Subject::Field(field) if operand::is_opaque(field) && operator != Operator::Null => {
                return Err(unsupported());
            }
            Subject::Field(field) => operator.predicate(
                values,
                |text| operand::read(field, text, &at_value),
                operand::is_text(field),
                unsupported,
            )?,
            _ => {
                let read = |text: &str| Ok(store::Cell::Text(text.to_owned()));
                operator.predicate(values, read, true, unsupported)?
            }
        };
        let not_text = matches!(&subject, Subject::Field(field) if !operand::is_text(field));
        let ignore_case = ignore_case && !not_text && !matches!(predicate, Predicate::IsNull);
        let predicate = match &subject {
            Subject::Field(field) if field.names_addresses() => {
                operand::with_lower_addresses(predicate)
            }
            _ => predicate,
        };
        Ok(Filter::Condition(Condition {
            subject,
            predicate,
            negated: operator.negates() != not,
            ignore_case,
        }))
    }
}

/// An upper bound of the parameters per value. A reference is searched in every type that it can
/// refer to.
fn weight(subject: &Subject) -> usize {
    match subject {
        Subject::Field(field) => match field.field_type {
            FieldType::ParentRef => 48,
            FieldType::ParentAsset => 16,
            FieldType::Ref(_) | FieldType::Address => 4,
            _ => 2,
        },
        Subject::Label(_) | Subject::Declared { .. } | Subject::Undeclared(_) => 4,
    }
}

pub(crate) fn label(kind: Type, key: &str, at: &str) -> Result<Subject> {
    if kind.schema().has("labels") {
        Ok(Subject::Label(key.to_owned()))
    } else {
        Err(Error::unknown_field(at))
    }
}

/// The operator of listing parameters.
pub(crate) const EQ: Operator = Operator::Compare(Comparison::Eq);

fn entry(operator: Operator, item: &RawValue, at: &str) -> Result<Entry> {
    let (mut field, mut values, mut not, mut ignore_case) = (None, None, false, false);
    let operand = operator.operand();
    for (name, value) in json::object(item, at)? {
        let path = format!("{at}.{name}");
        match name.as_str() {
            "field" => field = Some(json::text(&value, &path, MAX_VALUE)?),
            "value" if operand == Operand::One => values = Some(vec![scalar(&value, &path)?]),
            "values" if operand == Operand::Many => values = Some(list(&value, &path)?),
            "not" => not = !json::is_null(&value) && json::flag(&value, &path)?,
            "caseInsensitive" => ignore_case = !json::is_null(&value) && json::flag(&value, &path)?,
            _ => return Err(Error::unknown_field(path)),
        }
    }
    let required = |name: &str| Error::invalid(format!("{at}.{name}"), "is required");
    let values = match operand {
        Operand::One => values.ok_or_else(|| required("value"))?,
        Operand::Many => values.ok_or_else(|| required("values"))?,
        Operand::None => Vec::new(),
    };
    let field = field.ok_or_else(|| required("field"))?;
    Ok(Entry {
        field,
        values,
        not,
        ignore_case,
    })
}

fn list(value: &RawValue, at: &str) -> Result<Vec<String>> {
    json::items(value, at, MAX_VALUES, scalar)
}

/// Operands arrive as strings; numbers and booleans are accepted as their text.
fn scalar(value: &RawValue, at: &str) -> Result<String> {
    match value.get().as_bytes().first() {
        Some(b'"') => json::text(value, at, MAX_VALUE),
        Some(b't' | b'f' | b'-' | b'0'..=b'9') if value.get().len() <= MAX_VALUE => {
            Ok(value.get().to_owned())
        }
        _ => Err(Error::invalid(at, "expected a string")),
    }
}
