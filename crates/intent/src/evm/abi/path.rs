//! The path of a value within the arguments, such as `params.order.items[2].price`. Formatted only
//! for an error.

use crate::Error;

/// A path as a linked list of its segments.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The root, such as `params`.
    Root(&'a str),
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// An error at this path.
    pub(crate) fn error(&self, why: impl Into<String>) -> Error {
        Error::abi_mismatch(self, why)
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
