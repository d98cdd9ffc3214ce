//! Response bodies of wallets, addresses and keys.

use serde::{Deserialize, Serialize};
use types::{ChainId, Json, KeyId, Time, WalletId};
use utoipa::{IntoParams, ToSchema};

/// Keys that belong together: derived from one seed, or held in one vault.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wallet {
    id: WalletId,
    name: String,
    /// `org` for a wallet of named keys, `user` for a wallet that issues addresses.
    #[schema(value_type = String)]
    kind: keys::WalletKind,
    /// The origin of the secret: `generated`, `mnemonic`, `private_key`.
    #[schema(value_type = String)]
    origin: keys::Origin,
    /// The signing back end.
    backend: String,
    /// The BIP-44 account.
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

/// An extended public key from which a wallet's addresses are derived.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Branch {
    /// The BIP-32 path of the branch.
    path: String,
    /// The extended public key. It reveals every address of the branch, but cannot sign.
    xpub: String,
    /// The number of addresses issued.
    issued: u64,
}

impl From<keys::Branch> for Branch {
    fn from(branch: keys::Branch) -> Self {
        Self {
            path: branch.path,
            xpub: branch.xpub,
            issued: branch.issued,
        }
    }
}

/// An address that a wallet issued.
#[derive(Serialize, ToSchema)]
pub(super) struct Address {
    /// The index of the address in the wallet's branch for the chain.
    index: u32,
    address: String,
    /// The BIP-32 path of the key.
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

/// A named key of a wallet.
#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    id: KeyId,
    wallet: WalletId,
    name: String,
    /// The chain that the key was created for. It signs for the same account on every chain of the
    /// family.
    chain: ChainId,
    /// The account on the chain.
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

/// Filter and paging of addresses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AddressQuery {
    /// The chain. Defaults to the namespace's default chain.
    pub(super) chain: Option<ChainId>,
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    pub(super) limit: Option<u32>,
    /// The number of items to skip, at most 10,000.
    pub(super) skip: Option<u32>,
    /// Return the addresses after this index, the `next` of the previous page.
    pub(super) after: Option<String>,
}
