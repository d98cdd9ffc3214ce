//! The token standards. Each is one file with one entry in [`STANDARDS`]: the calls whose effects
//! are known, and the events that report movements of value.
//!
//! Calls are recognized by selector alone, since the contract dispatches on nothing else; the name
//! in an interface does not matter. ERC-20 and ERC-721 share
//! `transferFrom(address,address,uint256)` and `approve(address,uint256)`; the interface may show
//! which one the contract implements ([`Holdings`]). Otherwise the call is read as that of the
//! first standard and marked incomplete.
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
mod holdings;

pub(super) use call::{grant, movement, read_call, token};
pub use event::transfers;

use call::CallKind;
use event::EventKind;

/// The standards, in the order in which a shared selector is read.
static STANDARDS: [&Standard; 3] = [&erc20::STANDARD, &erc721::STANDARD, &erc1155::STANDARD];

/// A token standard.
struct Standard {
    /// The name in transfers and the data model.
    name: &'static str,
    /// The calls that move or grant something.
    calls: &'static [CallKind],
    /// The events that report movements.
    events: &'static [EventKind],
}
