//! Contract ABIs: encodes calls and deployments, decodes calls, results, events and revert reasons.
//!
//! This is our own codec because of its requirements: exact integers from and to JSON, errors that
//! name the argument by its path, and bounds that a hostile answer cannot exceed. The tests compare
//! it with alloy's.
//!
//! JSON values, in both directions: integers are decimal strings (0x strings and whole JSON numbers
//! are accepted too), bytes and addresses hexadecimal with 0x (addresses are written in lower case;
//! mixed-case input must carry a valid checksum), tuples are objects by name, or lists if members
//! have no name. NUL and invalid UTF-8 in text from a chain become U+FFFD.

mod call;
mod declared;
mod entry;
mod event;
mod input;
mod number;
mod output;
mod path;
mod raw;
mod revert;
mod signature;
mod token;
mod ty;

pub use event::DecodedEvent;
pub use signature::selector;

pub(crate) use entry::Entry;
pub(crate) use input::{params, value};
pub(crate) use path::Path;
pub(crate) use token::Token;
pub(crate) use ty::Type;

use crate::{Interface, Result};
use entry::Entries;

/// A parsed contract ABI.
///
/// An entry with types outside the ABI (as in the ABIs of libraries) is skipped without affecting
/// the others; using it returns the reason.
#[derive(Debug, Clone, Default)]
pub struct Abi {
    entries: Entries,
}

impl Abi {
    /// Parses a JSON ABI: the compiler's array, an artifact with a member `abi`, or a single entry.
    /// Error `intent.abi_mismatch`.
    pub fn parse(interface: &Interface) -> Result<Self> {
        Entries::parse(interface).map(|entries| Self { entries })
    }
}
