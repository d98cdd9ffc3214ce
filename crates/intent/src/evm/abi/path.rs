//! Where in the arguments something stands: `params.order.items[2].price`. Written out only when
//! there is an error to tell.

use crate::Error;

/// A place, and the places around it.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The outermost: `params`.
    Root(&'a str),
    /// A member of an object.
    Member(&'a Path<'a>, &'a str),
    /// An item of a list.
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// An error at this place.
    pub(crate) fn wrong(&self, why: impl Into<String>) -> Error {
        Error::abi(self, why)
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Member(around, name) => write!(f, "{around}.{name}"),
            Self::Item(around, place) => write!(f, "{around}[{place}]"),
        }
    }
}
