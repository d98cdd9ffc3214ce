//! The standards. Each is declared in one file: the calls whose effects are known, and the events
//! that report movements.
//!
//! A call is recognized by its selector, since the contract dispatches on nothing else. Several
//! standards may share one (ERC-20 and ERC-721 have the same `transferFrom` and `approve`): what is
//! known of the contract decides between them. Of an unknown contract, every reading counts.
//!
//! Events are read for every log of every block, so the first topic is checked before anything
//! else and words are read in place. An event with the topic of a standard but not its layout
//! (other counts of topics or words, addresses with stray bits, lists of different lengths) yields
//! no transfer. Whether a contract reports honestly is not checked here.

mod call;
mod erc1155;
mod erc20;
mod erc721;
mod event;

pub(super) use call::{
    CallReader, DeclaredCall, Nested, Reading, ZERO_ACCOUNT, calls, selector, token,
};
pub use event::transfers;

use call::CallKind;
use event::EventKind;

/// The standards, in the order in which a shared selector is named.
static STANDARDS: [&Declaration; 3] = [&erc20::ERC20, &erc721::ERC721, &erc1155::ERC1155];

/// A standard as declared in its file.
struct Declaration {
    standard: crate::Standard,
    /// The name in transfers and the data model.
    name: &'static str,
    /// The calls that have effects.
    calls: &'static [CallKind],
    /// The events that report movements.
    events: &'static [EventKind],
}
