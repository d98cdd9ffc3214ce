//! A query, read and typed: what the database, or this crate, is to look for.

use crate::Type;
use crate::field::{Field, Shape};
use crate::metadata::Form;
use crate::path::Path;
use store::Cell;

/// Conditions.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    /// All must hold.
    All(Vec<Filter>),
    /// One must hold.
    Any(Vec<Filter>),
    /// This must hold.
    Test(Test),
}

/// One condition.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) subject: Subject,
    pub(crate) check: Check,
    /// Holds where the check does not; also where there is nothing to check.
    pub(crate) negated: bool,
    /// Text without case.
    pub(crate) folded: bool,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Field(&'static Field),
    Label(String),
    /// A declared path. Where its values cannot answer the check, the objects are read.
    Declared {
        path: Path,
        form: Form,
        by_index: bool,
    },
    /// A path that nobody declared.
    Free(Path),
}

/// How two values stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Eq,
    Lt,
    Lte,
    Gt,
    Gte,
}

/// Where a text is found in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Contains,
    StartsWith,
    EndsWith,
}

/// What is checked. Operands have the form in which the subject is stored; those of undeclared
/// paths are text.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Compare(Order, Cell),
    Part(Part, String),
    Among(Vec<Cell>),
    Null,
}

/// One key of an order.
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
    /// Without the keys that break ties.
    pub(crate) sort: Vec<SortKey>,
    pub(crate) page: types::Page,
    pub(crate) count: bool,
    /// What each item shows; all where empty.
    pub(crate) fields: Vec<String>,
    /// Where it stands in the request, for errors.
    pub(crate) at: String,
}

impl Filter {
    /// Whether some test looks at what this says.
    pub(crate) fn mentions(&self, of: &impl Fn(&Subject) -> bool) -> bool {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().any(|filter| filter.mentions(of))
            }
            Filter::Test(test) => of(&test.subject),
        }
    }

    /// Whether the database can answer it.
    pub(crate) fn is_for_database(&self) -> bool {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().all(Filter::is_for_database)
            }
            Filter::Test(test) => test.is_for_database(),
        }
    }

    /// Whether an index leads to what it lets through.
    pub(crate) fn is_selective(&self) -> bool {
        match self {
            Filter::All(filters) => filters.iter().any(Filter::is_selective),
            Filter::Any(filters) => !filters.is_empty() && filters.iter().all(Filter::is_selective),
            Filter::Test(test) => test.is_selective(),
        }
    }

    /// The first subject that no index leads to.
    pub(crate) fn unindexed(&self) -> Option<String> {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().find_map(Filter::unindexed)
            }
            Filter::Test(test) => (!test.is_selective()).then(|| test.subject.name()),
        }
    }

    /// The first subject that the database cannot answer for.
    pub(crate) fn unanswered(&self) -> Option<String> {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().find_map(Filter::unanswered)
            }
            Filter::Test(test) => (!test.is_for_database()).then(|| test.subject.name()),
        }
    }
}

impl Test {
    fn is_for_database(&self) -> bool {
        let in_database = match &self.subject {
            Subject::Field(_) | Subject::Label(_) => true,
            Subject::Declared { by_index, .. } => *by_index,
            Subject::Free(_) => false,
        };
        // The databases know the case of ASCII only.
        in_database && (!self.folded || self.check.texts().all(str::is_ascii))
    }

    fn is_selective(&self) -> bool {
        let by_value = match &self.check {
            Check::Compare(..) | Check::Among(_) => true,
            Check::Part(..) | Check::Null => false,
        };
        let indexed = match &self.subject {
            Subject::Field(field) => field.indexed && !self.folded,
            Subject::Label(_) => !self.folded,
            Subject::Declared { by_index, .. } => *by_index && !self.folded,
            Subject::Free(_) => false,
        };
        by_value && indexed && !self.negated
    }
}

impl Check {
    /// The texts it compares with.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let (cells, part): (&[Cell], Option<&str>) = match self {
            Check::Compare(_, cell) => (std::slice::from_ref(cell), None),
            Check::Among(cells) => (cells, None),
            Check::Part(_, text) => (&[], Some(text)),
            Check::Null => (&[], None),
        };
        let texts = cells.iter().filter_map(|cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.chain(part)
    }
}

impl Subject {
    /// What requests call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Subject::Field(field) => field.name.to_owned(),
            Subject::Label(key) => format!("labels.{key}"),
            Subject::Declared { path, .. } | Subject::Free(path) => path.text.clone(),
        }
    }
}

impl Query {
    pub(crate) fn shape(&self) -> &'static Shape {
        self.kind.shape()
    }

    /// Whether some filter looks at a field.
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        let of = |subject: &Subject| matches!(subject, Subject::Field(field) if field.name == name);
        self.filters.iter().any(|filter| filter.mentions(&of))
    }
}
