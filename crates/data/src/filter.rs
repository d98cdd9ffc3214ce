//! Queries, parsed and typed: what `query` evaluates and `table::query` translates.

use crate::Type;
use crate::field::{Field, Schema};
use crate::path::Path;
use crate::value_type::ValueType;
use std::cmp::Ordering;
use store::Cell;

/// A condition, or a combination of conditions.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Condition(Condition),
}

/// A condition on one subject.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) subject: Subject,
    pub(crate) predicate: Predicate,
    /// Inverts the predicate; then also true if the subject has no value.
    pub(crate) negated: bool,
    /// Whether text is compared case-insensitively.
    pub(crate) ignore_case: bool,
}

/// What a condition looks at.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Field(&'static Field),
    Label(String),
    /// A declared path. Without `by_index` the objects are read.
    Declared {
        path: Path,
        value_type: ValueType,
        by_index: bool,
    },
    /// A path that is not declared.
    Undeclared(Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Lt,
    Lte,
    Gt,
    Gte,
}

/// How a text is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextMatch {
    Contains,
    StartsWith,
    EndsWith,
}

impl Comparison {
    /// Whether a comparison result satisfies the operator.
    pub(crate) fn allows(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Eq => ordering == Ordering::Equal,
            Comparison::Lt => ordering == Ordering::Less,
            Comparison::Lte => ordering != Ordering::Greater,
            Comparison::Gt => ordering == Ordering::Greater,
            Comparison::Gte => ordering != Ordering::Less,
        }
    }
}

impl TextMatch {
    /// Whether a text matches.
    pub(crate) fn is_in(self, text: &str, needle: &str) -> bool {
        match self {
            TextMatch::Contains => text.contains(needle),
            TextMatch::StartsWith => text.starts_with(needle),
            TextMatch::EndsWith => text.ends_with(needle),
        }
    }
}

/// What is checked. Operands have the stored form of the subject; those of undeclared paths are
/// text.
#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    Compare(Comparison, Cell),
    Text(TextMatch, String),
    In(Vec<Cell>),
    IsNull,
}

/// One key of a sort order.
#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    pub(crate) subject: Subject,
    pub(crate) descending: bool,
}

/// A query of one type.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) kind: Type,
    pub(crate) filters: Vec<Filter>,
    /// Without the tie-breaking keys.
    pub(crate) sort: Vec<SortKey>,
    pub(crate) page: types::Page,
    pub(crate) count: bool,
    /// The fields to show; empty for all.
    pub(crate) fields: Vec<String>,
    /// The path of the query in the request, for errors.
    pub(crate) path: String,
}

impl Filter {
    /// Whether `of` holds for the subject of any condition.
    pub(crate) fn any_subject(&self, of: &impl Fn(&Subject) -> bool) -> bool {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().any(|filter| filter.any_subject(of))
            }
            Filter::Condition(test) => of(&test.subject),
        }
    }

    /// Whether the database can evaluate it.
    pub(crate) fn is_sql(&self) -> bool {
        match self {
            Filter::All(filters) | Filter::Any(filters) => filters.iter().all(Filter::is_sql),
            Filter::Condition(test) => test.is_sql(),
        }
    }

    /// Whether an index covers it.
    pub(crate) fn is_selective(&self) -> bool {
        match self {
            Filter::All(filters) => filters.iter().any(Filter::is_selective),
            Filter::Any(filters) => !filters.is_empty() && filters.iter().all(Filter::is_selective),
            Filter::Condition(test) => test.is_selective(),
        }
    }

    /// The first subject that no index covers.
    pub(crate) fn first_unindexed(&self) -> Option<String> {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().find_map(Filter::first_unindexed)
            }
            Filter::Condition(test) => (!test.is_selective()).then(|| test.subject.name()),
        }
    }

    /// The first subject that the database cannot evaluate.
    pub(crate) fn first_non_sql(&self) -> Option<String> {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().find_map(Filter::first_non_sql)
            }
            Filter::Condition(test) => (!test.is_sql()).then(|| test.subject.name()),
        }
    }
}

impl Condition {
    fn is_sql(&self) -> bool {
        let in_database = match &self.subject {
            Subject::Field(_) | Subject::Label(_) => true,
            Subject::Declared { by_index, .. } => *by_index,
            Subject::Undeclared(_) => false,
        };
        // `lower` in the databases covers ASCII only.
        in_database && (!self.ignore_case || self.predicate.texts().all(str::is_ascii))
    }

    fn is_selective(&self) -> bool {
        let by_value = match &self.predicate {
            Predicate::Compare(..) | Predicate::In(_) => true,
            Predicate::Text(..) | Predicate::IsNull => false,
        };
        let indexed = match &self.subject {
            Subject::Field(field) => field.indexed && !self.ignore_case,
            Subject::Label(_) => !self.ignore_case,
            Subject::Declared { by_index, .. } => *by_index && !self.ignore_case,
            Subject::Undeclared(_) => false,
        };
        by_value && indexed && !self.negated
    }
}

impl Predicate {
    /// The text operands.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let (cells, part): (&[Cell], Option<&str>) = match self {
            Predicate::Compare(_, cell) => (std::slice::from_ref(cell), None),
            Predicate::In(cells) => (cells, None),
            Predicate::Text(_, text) => (&[], Some(text)),
            Predicate::IsNull => (&[], None),
        };
        let texts = cells.iter().filter_map(|cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.chain(part)
    }
}

impl Subject {
    /// The subject's name in requests.
    pub(crate) fn name(&self) -> String {
        match self {
            Subject::Field(field) => field.name.to_owned(),
            Subject::Label(key) => format!("labels.{key}"),
            Subject::Declared { path, .. } | Subject::Undeclared(path) => path.text.clone(),
        }
    }
}

impl Query {
    pub(crate) fn schema(&self) -> &'static Schema {
        self.kind.schema()
    }

    /// Whether any filter uses a field.
    pub(crate) fn uses_field(&self, name: &str) -> bool {
        let of = |subject: &Subject| matches!(subject, Subject::Field(field) if field.name == name);
        self.filters.iter().any(|filter| filter.any_subject(&of))
    }
}
