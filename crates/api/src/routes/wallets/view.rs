//! Wallets, addresses and keys as they are shown.

use serde::{Deserialize, Serialize};
use types::{ChainId, Json, KeyId, Time, WalletId};
use utoipa::{IntoParams, ToSchema};

/// A wallet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wallet {
    id: WalletId,
    name: String,
    /// `org` or `user`.
    #[schema(value_type = String)]
    kind: keys::WalletKind,
    /// Where its secret comes from: `generated`, `mnemonic`, `private_key`.
    #[schema(value_type = String)]
    origin: keys::Origin,
    /// Which back-end keeps it.
    backend: String,
    /// Its BIP-44 account.
    account: u32,
    metadata: Json,
    version: u64,
    created: Time,
    updated: Time,
}

impl From<keys::Wallet> for Wallet {
    fn from(wallet: keys::Wallet) -> Self {
        Self {
            id: wallet.id,
            name: wallet.name,
            kind: wallet.kind,
            origin: wallet.origin,
            backend: wallet.backend,
            account: wallet.account,
            metadata: wallet.metadata,
            version: wallet.version,
            created: wallet.created_at,
            updated: wallet.updated_at,
        }
    }
}

/// A public node from which addresses follow.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Branch {
    path: String,
    /// Whoever has it can list the wallet's addresses, and sign for none.
    xpub: String,
    /// How many addresses are handed out.
    handed_out: u64,
}

impl From<keys::Branch> for Branch {
    fn from(branch: keys::Branch) -> Self {
        Self {
            path: branch.path,
            xpub: branch.xpub,
            handed_out: branch.handed_out,
        }
    }
}

/// An address that was handed out.
#[derive(Serialize, ToSchema)]
pub(super) struct Address {
    /// Its number in the wallet's branch for the chain.
    index: u32,
    address: String,
    /// The path of its key.
    path: String,
}

impl From<keys::KeyAddress> for Address {
    fn from(address: keys::KeyAddress) -> Self {
        Self {
            index: address.index,
            address: address.address,
            path: address.path,
        }
    }
}

/// A key with a name.
#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    id: KeyId,
    wallet: WalletId,
    name: String,
    /// The chain it was made for; it signs for the same account on every chain of the family.
    chain: ChainId,
    /// Its account.
    address: String,
    path: String,
    metadata: Json,
    version: u64,
    created: Time,
    updated: Time,
}

impl From<keys::NamedKey> for Key {
    fn from(key: keys::NamedKey) -> Self {
        let keys::NamedKey {
            id,
            wallet,
            name,
            chain,
            address,
            path,
            metadata,
            version,
            created_at,
            updated_at,
        } = key;
        Self {
            id,
            wallet,
            name,
            chain,
            address,
            path,
            metadata,
            version,
            created: created_at,
            updated: updated_at,
        }
    }
}

/// Of which chain, and how much.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OnChain {
    /// The namespace's default chain if it is left out.
    pub(super) chain: Option<ChainId>,
    /// How many at most, 1 to 1000; 25 if nothing is said.
    pub(super) limit: Option<u32>,
    /// How many to leave out, at most 10,000.
    pub(super) skip: Option<u32>,
    /// Continue behind this index.
    pub(super) after: Option<String>,
}
