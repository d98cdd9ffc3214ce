//! Who holds which address.

use crate::settings::family;
use crate::table::address as table;
use crate::wallet::found;
use crate::{KeyAddress, Keys, Result};
use serde::Serialize;
use store::Tx;
use types::{ChainId, KeyId, Page, Principal, WalletId};

/// The key of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The address in canonical form.
    pub address: String,
    /// The wallet.
    pub wallet: WalletId,
    /// The path of the key in it; `m` for an imported single key.
    pub path: String,
    /// Its number in the branch.
    pub index: u32,
    /// Its id, where it has a name.
    pub key: Option<KeyId>,
    /// Its name.
    pub name: Option<String>,
}

/// The key of this namespace that signs for an account; none if there is none. The address may be
/// in any form that the chain knows.
pub fn find(tx: &mut Tx<'_, '_>, chain: &ChainId, address: &str) -> Result<Option<Found>> {
    let address = intent::parse_recipient(chain, address)?.account;
    let row = table::find(tx, family(chain)?, &address)?;
    Ok(row.map(|(wallet, path, index, key, name)| {
        let path = if path == "m" {
            path
        } else {
            format!("{path}/{index}")
        };
        Found {
            address,
            wallet,
            path,
            index,
            key,
            name,
        }
    }))
}

/// Addresses that a wallet has handed out on a chain, in their order; the cursor of a page is its
/// last index. Errors: `keys.wallet_unknown`.
pub async fn handed_out(
    keys: &Keys,
    who: &Principal,
    wallet: &WalletId,
    chain: &ChainId,
    page: &Page,
) -> Result<Vec<KeyAddress>> {
    let (settings, wallet, chain, page) = (
        keys.settings().clone(),
        *wallet,
        chain.clone(),
        page.clone(),
    );
    keys.db()
        .read(&who.namespace, move |tx| {
            let account = found(tx, &wallet)?.account;
            let path = settings.path(&chain, account)?.to_string();
            let after = page
                .after
                .as_deref()
                .and_then(|text| text.parse::<i64>().ok())
                .map_or(0, |index| index + 1);
            let rows = table::page(
                tx,
                &wallet,
                family(&chain)?,
                &path,
                after + i64::from(page.skip),
                page.limit,
            )?;
            let shown = |(index, address)| KeyAddress {
                index,
                address,
                path: format!("{path}/{index}"),
            };
            Ok(rows.into_iter().map(shown).collect())
        })
        .await
}
