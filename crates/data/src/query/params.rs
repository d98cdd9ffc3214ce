//! Query parameters of a listing, parsed into the same query as a bulk query.

use super::operand::{MAX_VALUE, Operator};
use super::parse::{EQ, FilterParser, empty, label, sort, subject};
use crate::filter::Query;
use crate::{Error, Result, Type};
use std::collections::BTreeMap;
use types::Page;

/// Parse `limit`, `skip`, `after`, `sort` (repeatable), `count`, `label=<key>=<value>` (or only a
/// key), and equality on any field. Several values of one field are alternatives.
pub(crate) fn query(kind: Type, params: &[(String, String)]) -> Result<Query> {
    let mut query = empty(kind, kind.plural());
    let mut parser = FilterParser::new(kind);
    let (mut limit, mut skip, mut after, mut sort_keys) = (None, None, None, Vec::new());
    let mut equal: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in params {
        check_value(name, value)?;
        match name.as_str() {
            "limit" => limit = Some(number(name, value)?),
            "skip" => skip = Some(number(name, value)?),
            "after" => after = Some(value.clone()),
            "count" => query.count = flag(name, value)?,
            "sort" => sort_keys.extend(value.split(',').map(str::to_owned)),
            "label" => {
                let (key, value) = value
                    .split_once('=')
                    .map_or((value.as_str(), None), |(key, value)| (key, Some(value)));
                let subject = label(kind, key, name)?;
                let filter = match value {
                    Some(value) => {
                        parser.condition(subject, EQ, &[value.to_owned()], (false, false), name)?
                    }
                    None => parser.condition(subject, Operator::Null, &[], (true, false), name)?,
                };
                query.filters.push(filter);
            }
            field => equal.entry(field).or_default().push(value.clone()),
        }
    }
    for (field, values) in equal {
        let subject = subject(kind, field, "query").map_err(|_| Error::unknown_field(field))?;
        query.filters.push(parser.condition(
            subject,
            Operator::In,
            &values,
            (false, false),
            field,
        )?);
    }
    query.sort = sort(kind, &sort_keys, "sort")?;
    query.page = Page::new(limit, skip, after).map_err(|error| Error::invalid("limit", error))?;
    Ok(query)
}

fn check_value(name: &str, value: &str) -> Result<()> {
    if value.contains('\0') || value.len() > 4 * MAX_VALUE {
        return Err(Error::invalid(name, "is too long or contains NUL"));
    }
    Ok(())
}

fn number(name: &str, value: &str) -> Result<u32> {
    value
        .parse()
        .map_err(|_| Error::invalid(name, "expected a whole number"))
}

fn flag(name: &str, value: &str) -> Result<bool> {
    value
        .parse()
        .map_err(|_| Error::invalid(name, "expected true or false"))
}
