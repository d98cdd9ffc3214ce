//! The compiled form of a document with the library: groups of rules, whose names are resolved to
//! slots and indices, and whose statements are in an order in which each name has a value before it
//! is used.

use super::builtins::Builtin;
use super::value::Value;
use std::sync::Arc;

pub(crate) type GroupId = usize;
pub(crate) type Slot = usize;

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) groups: Vec<Group>,
}

/// All rules of one name.
#[derive(Debug)]
pub(crate) struct Group {
    /// The full name, such as `data.florin.limit.allow`.
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) default: Option<Value>,
    /// The value of every clause, if it is the same constant.
    pub(crate) constant: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Complete,
    Set,
    Object,
    /// With the number of arguments.
    Function(usize),
    /// The parts of rules whose name has a dot.
    Parts(Vec<(Arc<str>, GroupId)>),
}

/// One rule with the branches of its `else`.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) line: u32,
    pub(crate) slots: usize,
    pub(crate) params: Vec<Pattern>,
    pub(crate) branches: Vec<Way>,
}

#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) body: Vec<Statement>,
    pub(crate) key: Option<Node>,
    pub(crate) value: Node,
}

#[derive(Debug)]
pub(crate) enum Statement {
    /// The value exists and is not false.
    Holds(Node),
    Match(Pattern, Node),
    /// For each element.
    Walk {
        base: Node,
        key: Pattern,
        value: Pattern,
    },
    /// The value does not exist or is false.
    Not(Node),
    Every {
        domain: Node,
        key: Option<Slot>,
        value: Slot,
        body: Vec<Statement>,
    },
}

#[derive(Debug)]
pub(crate) enum Pattern {
    Any,
    Bind(Slot),
    Equal(Node),
    Array(Vec<Pattern>),
    Object(Vec<(Value, Pattern)>),
}

#[derive(Debug)]
pub(crate) enum Node {
    Constant(Value),
    Slot(Slot),
    Input,
    Group(GroupId),
    Index(Box<Node>, Vec<Node>),
    Array(Vec<Node>),
    Set(Vec<Node>),
    Object(Vec<Pair>),
    Call(&'static Builtin, Vec<Node>),
    Function(GroupId, Vec<Node>),
    ArrayOf(Box<Node>, Vec<Statement>),
    SetOf(Box<Node>, Vec<Statement>),
    ObjectOf(Box<Pair>, Vec<Statement>),
}

#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) key: Node,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn constant(&self) -> Option<&Value> {
        match self {
            Self::Constant(value) => Some(value),
            _ => None,
        }
    }
}
