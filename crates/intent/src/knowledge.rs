//! What is known of contracts: the part of effects that does not follow from the bytes.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use types::Digest;

/// A standard that a contract implements, as far as its calls are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standard {
    Erc20,
    Erc223,
    /// `transferAndCall` of LINK and others.
    Erc677,
    Erc777,
    Erc1363,
    /// `permit`, as a call and as typed data.
    Erc2612,
    /// Transfers with an authorization (USDC).
    Erc3009,
    Erc721,
    Erc1155,
    /// Security tokens with partitions, including ERC-1410, 1594, 1643 and 1644.
    Erc1400,
    /// Permissioned tokens (T-REX).
    Erc3643,
    /// The identity registry and the compliance contract of ERC-3643.
    Erc3643Registry,
    /// Vaults. What moves is only certain if [`KnownContract::underlying`] is known.
    Erc4626,
    /// Real world assets: forced transfers and frozen amounts.
    Erc7943,
    /// `permit` of DAI: all or nothing.
    DaiPermit,
    /// A token that wraps the chain's native coin.
    Weth,
    /// `mint` of OpenZeppelin's presets.
    Mintable,
    /// `burn` and `burnFrom` of OpenZeppelin's extensions.
    Burnable,
    /// USDC and tokens like it.
    FiatToken,
    /// USDT and tokens like it.
    TetherToken,
    /// Also `Ownable2Step`.
    Ownable,
    AccessControl,
    Pausable,
    /// A proxy whose implementation is replaced by a call of itself (UUPS, transparent).
    Upgradeable,
    /// The administrator of transparent proxies.
    ProxyAdmin,
    /// `multicall` of a contract on itself.
    Multicall,
    /// The contract Multicall3.
    Multicall3,
    Safe,
    /// MultiSend of Safe, with or without delegated calls.
    MultiSend,
    /// ERC-4337.
    EntryPoint,
    /// `execute` and `executeBatch`, ERC-7579 and ERC-7821; also an account with EIP-7702.
    SmartAccount,
    /// A timelock controller of OpenZeppelin.
    Timelock,
    Permit2,
    /// A forwarder of ERC-2771.
    Forwarder,
    Seaport,
    /// The settlement of CoW Protocol.
    CowSettlement,
    /// The exchange proxy of 0x.
    ZeroEx,
    /// The limit order protocol of 1inch.
    OneInch,
}

/// What is known of the accounts of one chain, by address in canonical form. Of an address that it
/// does not contain, nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Knowledge {
    pub accounts: BTreeMap<String, KnownAccount>,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownAccount {
    /// The chain has no code at this address.
    NoCode,
    /// A registered contract.
    Contract(KnownContract),
    /// It is not registered, and may have code.
    Unregistered,
    /// What is known could not be read, for this reason.
    Unreadable(String),
}

/// What is known of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownContract {
    pub name: String,
    pub standards: BTreeSet<Standard>,
    /// Names functions and arguments; it does not change effects.
    pub interface: Option<Interface>,
    /// The asset of a vault (ERC-4626 `asset()`), or the coin that a contract wraps.
    pub underlying: Option<String>,
    /// Why the contract is not what was registered any more, or why that could not be checked.
    pub changed: Option<String>,
}

/// A contract's interface: for EVM, the JSON ABI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub json: String,
    pub hash: Digest,
}

impl Interface {
    /// Wraps the text without parsing it; it is parsed on use.
    pub fn new(json: String) -> Self {
        let hash = Digest::of(json.as_bytes());
        Self { json, hash }
    }
}

impl Knowledge {
    /// A registered contract.
    pub(crate) fn contract(&self, address: &str) -> Option<&KnownContract> {
        match self.accounts.get(address) {
            Some(KnownAccount::Contract(contract)) => Some(contract),
            _ => None,
        }
    }
}

impl KnownContract {
    /// Whether the contract has the calls of a standard, by itself or by one that includes it.
    pub fn implements(&self, standard: Standard) -> bool {
        let includes = |own: &Standard| own.included().contains(&standard);
        self.standards.contains(&standard) || self.standards.iter().any(includes)
    }
}

impl Standard {
    /// The standards that this one requires.
    pub(crate) fn included(self) -> &'static [Standard] {
        match self {
            Self::Erc1363 | Self::Erc4626 | Self::Weth => &[Self::Erc20],
            Self::Erc3643 => &[Self::Erc20, Self::Ownable, Self::Pausable],
            Self::Timelock => &[Self::AccessControl],
            Self::ProxyAdmin => &[Self::Ownable],
            Self::FiatToken | Self::TetherToken => &[Self::Erc20, Self::Ownable, Self::Pausable],
            _ => &[],
        }
    }
}
