//! Lookup of addresses and their keys.

use crate::path::family;
use crate::table::{address as table, wallet as wallets};
use crate::{KeyAddress, Keys, Result};
use serde::Serialize;
use store::Tx;
use types::{ChainId, KeyId, Page, Principal, WalletId};

/// The key of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyLocation {
    /// The address, in the chain's canonical form.
    pub address: String,
    pub wallet: WalletId,
    /// The name of the back end that signs.
    pub backend: String,
    /// The path of the key in the wallet; `m` for an imported single key.
    pub path: String,
    /// The index in the branch.
    pub index: u32,
    /// The id of the key, if it has a name.
    pub key: Option<KeyId>,
    pub name: Option<String>,
}

/// The key of this namespace that signs for an account, if any. The address may have any form that
/// the chain accepts.
pub fn find(tx: &mut Tx, chain: &ChainId, address: &str) -> Result<Option<KeyLocation>> {
    let address = intent::parse_recipient(chain, address)?.account;
    let row = table::find(tx, family(chain)?, &address)?;
    Ok(row.map(|row| KeyLocation {
        address,
        wallet: row.wallet,
        backend: row.backend,
        path: match row.path.as_str() {
            "m" => row.path,
            branch => format!("{branch}/{}", row.position),
        },
        index: row.position,
        key: row.id,
        name: row.name,
    }))
}

/// The addresses that a wallet has issued on a chain, in order. The cursor of a page is its last
/// index. Errors: `keys.unknown_wallet`.
pub async fn issued_addresses(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    chain: &ChainId,
    page: &Page,
) -> Result<Vec<KeyAddress>> {
    let (wallet, chain) = (*wallet, *chain);
    let args = (keys.settings().clone(), page.clone());
    keys.db()
        .read_with(&principal.namespace, args, move |tx, (settings, page)| {
            let account = wallets::require(tx, &wallet)?.account;
            let path = settings.path(&chain, account)?.to_string();
            let after = page.after.as_deref().and_then(|text| text.parse().ok());
            let first = after.map_or(0, |index: i64| index + 1) + i64::from(page.skip);
            let rows = table::page(tx, &wallet, family(&chain)?, &path, first, page.limit)?;
            let key_address = |(index, address)| KeyAddress {
                index,
                address,
                path: format!("{path}/{index}"),
            };
            Ok(rows.into_iter().map(key_address).collect())
        })
        .await
}
