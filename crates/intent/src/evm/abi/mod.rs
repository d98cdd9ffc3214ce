//! Contracts' interfaces: encode calls and deployments, decode calls, results, events and the
//! reasons of a revert.
//!
//! Our own codec, of some hundred lines, because what it must do is particular: exact integers from
//! and to JSON, errors that name the argument by its path, and bounds that a hostile answer cannot
//! pass. The tests hold it against alloy's.
//!
//! Values in JSON, both ways: integers decimal texts (0x and whole JSON numbers are taken too),
//! bytes and addresses hexadecimal with 0x (addresses come out lower-case; mixed case going in must
//! carry a right checksum), tuples objects by name, or lists where members have no name. Text from
//! a chain loses NUL and invalid UTF-8 to U+FFFD.

mod call;
mod entry;
mod event;
mod input;
mod number;
mod output;
mod path;
mod revert;
mod token;
mod ty;

pub use event::{DecodedEvent, topic_of};

pub(crate) use input::value;
pub(crate) use path::Path;
pub(crate) use token::Token;
pub(crate) use ty::Type;

use crate::{Interface, Result};
use entry::Entries;

/// A contract's interface, read once and used often.
///
/// An entry whose types are not of the ABI (libraries have such) is left out and stops no other;
/// asking for it says why.
#[derive(Debug, Clone, Default)]
pub struct Abi {
    entries: Entries,
}

impl Abi {
    /// From the JSON ABI: the compiler's array, an artifact with a member `abi`, or a single entry.
    /// Error `intent.abi`.
    pub fn parse(interface: &Interface) -> Result<Self> {
        Entries::parse(interface).map(|entries| Self { entries })
    }
}
