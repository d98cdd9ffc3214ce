//! What is known of accounts: the part of a decision that follows neither from the bytes nor from
//! the caller. The user of this crate implements where the answers come from.

use async_trait::async_trait;
use intent::{KnownAccount, KnownContract};
use std::collections::BTreeMap;
use types::{ChainId, Namespace, Time};

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountInfo {
    /// The chain has no code at this address.
    NoCode,
    /// A contract that the namespace has registered.
    Contract(Box<ContractInfo>),
    /// It is not registered, and may have code.
    Unregistered,
    /// It could not be read, for this reason.
    Unreadable(String),
}

/// A registered contract, as documents see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContractInfo {
    /// What its effects depend on.
    pub contract: KnownContract,
    /// Keccak-256 of its code.
    pub code_hash: Option<String>,
    /// The contract whose code a proxy runs.
    pub implementation: Option<String>,
    /// The number of decimals of its tokens.
    pub decimals: Option<u8>,
    pub symbol: Option<String>,
    /// The names of the assets that the data model gives its tokens. Operators write them: they add
    /// the policies of the assets, and no document should permit anything because of them.
    pub assets: Vec<String>,
    /// The id of the principal that registered it.
    pub registered_by: Option<String>,
    pub registered_at: Option<Time>,
}

/// The source of what is known of accounts. An error leaves the effects of an intent incomplete.
#[async_trait]
pub trait Contracts: Send + Sync {
    /// What the namespace knows of these accounts of a chain, by address in canonical form. An
    /// address without an answer counts as unreadable.
    async fn known(
        &self,
        namespace: &Namespace,
        chain: &ChainId,
        addresses: &[String],
    ) -> Result<BTreeMap<String, AccountInfo>, String>;
}

/// An installation that knows no contract: the effects of every call are incomplete.
#[derive(Debug, Clone, Copy)]
pub struct NoContracts;

#[async_trait]
impl Contracts for NoContracts {
    async fn known(
        &self,
        _: &Namespace,
        _: &ChainId,
        addresses: &[String],
    ) -> Result<BTreeMap<String, AccountInfo>, String> {
        let unregistered = |address: &String| (address.clone(), AccountInfo::Unregistered);
        Ok(addresses.iter().map(unregistered).collect())
    }
}

impl From<&AccountInfo> for KnownAccount {
    fn from(info: &AccountInfo) -> Self {
        match info {
            AccountInfo::NoCode => Self::NoCode,
            AccountInfo::Contract(info) => Self::Contract(info.contract.clone()),
            AccountInfo::Unregistered => Self::Unregistered,
            AccountInfo::Unreadable(why) => Self::Unreadable(why.clone()),
        }
    }
}
