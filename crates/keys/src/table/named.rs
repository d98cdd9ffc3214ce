//! Named keys.

use crate::{Error, Result};
use serde::Serialize;
use store::{ScopedTable as _, Tx};
use types::{ChainId, Json, KeyId, Time, WalletId};
use utoipa::ToSchema;

/// A named key of a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, store::Record)]
#[record(table = "named_key")]
#[schema(as = Key)]
pub struct NamedKey {
    #[record(key)]
    pub id: KeyId,
    pub wallet: WalletId,
    #[record(update)]
    pub name: String,
    /// The chain that the key was created for. It signs for the same account on every chain of the
    /// family.
    pub chain: ChainId,
    /// The account on the chain.
    pub address: String,
    // `m` for an imported single key.
    pub path: String,
    #[record(update)]
    pub metadata: Json,
    #[record(next_version)]
    pub version: u64,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
}

store::named!(NamedKey, KeyId, Error, "key", within wallet: WalletId, by "id");

/// A named key to insert.
#[derive(store::Record)]
#[record(table = "named_key", write)]
pub(crate) struct NewNamedKey {
    #[record(flatten)]
    pub(crate) key: NamedKey,
    pub(crate) family: &'static str,
}

/// Insert a key; false if its name is taken.
pub(crate) fn insert(tx: &mut Tx, new: &NewNamedKey) -> Result<bool> {
    Ok(NewNamedKey::insert(tx, std::slice::from_ref(new), "ON CONFLICT DO NOTHING")? == 1)
}
