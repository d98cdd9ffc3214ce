//! The parsed form of a document.

use super::number::Number;
use std::sync::Arc;

/// The function of `x in xs`.
pub(super) const MEMBER: &str = "internal.member_2";
/// The function of `k, v in xs`.
pub(super) const MEMBER_WITH_KEY: &str = "internal.member_3";

/// A document: a package with its imports and rules.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) package: Vec<Arc<str>>,
    pub(crate) imports: Vec<Import>,
    pub(crate) rules: Vec<Rule>,
}

/// `import data.a.b as c`.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) line: u32,
    pub(crate) path: Vec<Arc<str>>,
    pub(crate) name: Arc<str>,
}

/// A rule, with the branches of its `else`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) line: u32,
    /// The constant parts of its name: `a` and `b` of `a.b[x] := 1`.
    pub(crate) path: Vec<Arc<str>>,
    pub(crate) head: Head,
    pub(crate) branches: Vec<Branch>,
}

/// The form of a rule.
#[derive(Debug)]
pub(crate) enum Head {
    /// `a := value`.
    Complete,
    /// `a contains value`; the value of each branch is an element.
    Set,
    /// `a[key] := value`.
    Object(Term),
    /// `a(x) := value`.
    Function(Vec<Term>),
    /// `default a := value`.
    Default,
    /// `default a(_) := value`, with the number of arguments.
    DefaultFunction(usize),
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) value: Term,
    pub(crate) body: Vec<Literal>,
}

/// A line of a body.
#[derive(Debug)]
pub(crate) struct Literal {
    pub(crate) line: u32,
    pub(crate) kind: LiteralKind,
}

#[derive(Debug)]
pub(crate) enum LiteralKind {
    Term(Term),
    Assign(Term, Term),
    Unify(Term, Term),
    Not(Box<Literal>),
    Some(Vec<Arc<str>>),
    SomeIn {
        key: Option<Term>,
        value: Term,
        collection: Term,
    },
    Every {
        key: Option<Arc<str>>,
        value: Arc<str>,
        domain: Term,
        body: Vec<Literal>,
    },
}

/// A term with its line.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) line: u32,
    pub(crate) kind: TermKind,
}

#[derive(Debug)]
pub(crate) enum TermKind {
    Null,
    Bool(bool),
    Number(Number),
    Text(Arc<str>),
    /// A name; `_` is a new one each time.
    Var(Arc<str>),
    /// `head.a[b]`.
    Ref(Box<Term>, Vec<Term>),
    /// A call of a function by its name, or of an operator by its function's name.
    Call(String, Vec<Term>),
    Array(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<Field>),
    ArrayOf(Box<Term>, Vec<Literal>),
    SetOf(Box<Term>, Vec<Literal>),
    ObjectOf(Box<Field>, Vec<Literal>),
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: Term,
    pub(crate) value: Term,
}

impl Term {
    /// Whether the term has neither names, references nor calls.
    pub(crate) fn is_constant(&self) -> bool {
        match &self.kind {
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::Text(_) => true,
            TermKind::Array(items) | TermKind::Set(items) => items.iter().all(Self::is_constant),
            TermKind::Object(fields) => fields
                .iter()
                .all(|field| field.key.is_constant() && field.value.is_constant()),
            _ => false,
        }
    }
}
