//! The standards. Each is declared in one file: the calls and typed data whose effects are known,
//! and the events that report movements.
//!
//! A call is recognized by its selector, since the contract dispatches on nothing else. Several
//! standards may share one (ERC-20 and ERC-721 have the same `transferFrom` and `approve`): what is
//! known of the contract decides between them. Of an unknown contract, every reading counts.
//!
//! Typed data (EIP-712) is recognized by the exact `encodeType` of its primary type.
//!
//! Events are read for every log of every block, so the first topic is checked before anything
//! else and words are read in place. An event with the topic of a standard but not its layout
//! (other counts of topics or words, addresses with stray bits, lists of different lengths) yields
//! no transfer. Whether a contract reports honestly is not checked here.

mod access_control;
mod burnable;
mod call;
#[cfg(test)]
mod docs;
mod entry_point;
mod erc1155;
mod erc1363;
mod erc1400;
mod erc20;
mod erc223;
mod erc2612;
mod erc3009;
mod erc3643;
mod erc4626;
mod erc677;
mod erc721;
mod erc777;
mod erc7943;
mod event;
mod fiat_token;
mod forwarder;
mod mintable;
mod multicall;
mod orders;
mod ownable;
mod pausable;
mod permit2;
mod safe;
mod smart_account;
mod tether_token;
mod timelock;
mod upgradeable;
mod weth;

pub(super) use call::{
    CallReader, Declared, Nested, NestedKind, Reading, ZERO_ACCOUNT, calls, selector, token, typed,
};
pub use event::transfers;

use call::{CallKind, TypedKind};
use event::EventKind;

/// The standards, in the order in which a shared selector is named.
static STANDARDS: [&Declaration; 38] = [
    &erc20::ERC20,
    &erc721::ERC721,
    &erc1155::ERC1155,
    &erc223::ERC223,
    &erc677::ERC677,
    &erc777::ERC777,
    &erc1363::ERC1363,
    &erc2612::ERC2612,
    &erc2612::DAI_PERMIT,
    &erc3009::ERC3009,
    &erc1400::ERC1400,
    &erc3643::ERC3643,
    &erc3643::ERC3643_REGISTRY,
    &erc4626::ERC4626,
    &erc7943::ERC7943,
    &weth::WETH,
    &mintable::MINTABLE,
    &burnable::BURNABLE,
    &fiat_token::FIAT_TOKEN,
    &tether_token::TETHER_TOKEN,
    &ownable::OWNABLE,
    &access_control::ACCESS_CONTROL,
    &pausable::PAUSABLE,
    &upgradeable::UPGRADEABLE,
    &upgradeable::PROXY_ADMIN,
    &multicall::MULTICALL,
    &multicall::MULTICALL3,
    &safe::SAFE,
    &safe::MULTI_SEND,
    &entry_point::ENTRY_POINT,
    &smart_account::SMART_ACCOUNT,
    &timelock::TIMELOCK,
    &permit2::PERMIT2,
    &forwarder::FORWARDER,
    &orders::SEAPORT,
    &orders::COW_SETTLEMENT,
    &orders::ZERO_EX,
    &orders::ONE_INCH,
];

/// A standard as declared in its file.
struct Declaration {
    standard: crate::Standard,
    /// The name in transfers and the data model.
    name: &'static str,
    /// The calls that have effects.
    calls: &'static [CallKind],
    /// The typed data that it reads.
    typed: &'static [TypedKind],
    /// The events that report movements.
    events: &'static [EventKind],
}
