//! The derivation paths of chains.

use crate::hd::{Path, Template};
use crate::{Result, Settings};
use types::{ChainId, Family};

/// SLIP-44 coin types: Ether, Bitcoin, and the coins of all test networks.
const EVM: &str = "m/44'/60'/{account}'/0";
const BITCOIN_COINS: &str = "m/84'/0'/{account}'/0";
const TEST_COINS: &str = "m/84'/1'/{account}'/0";
/// CAIP-2 reference of the Bitcoin main network.
const BITCOIN: &str = "000000000019d6689c085ae165831e93";

impl Settings {
    /// The path of the branch from which a chain's addresses are derived.
    pub(crate) fn path(&self, chain: &ChainId, account: u32) -> Result<Path> {
        if let Some(template) = self.paths.get(chain) {
            return template.path(account);
        }
        let defaults = match chain.family() {
            Some(Family::Evm) => EVM,
            Some(Family::Utxo) if chain.reference() == BITCOIN => BITCOIN_COINS,
            Some(Family::Utxo) => TEST_COINS,
            None => {
                return Err(intent::Error::UnknownFamily { chain: *chain }.into());
            }
        };
        Template::parse(defaults)?.path(account)
    }

    /// The branches that every new wallet has: the default ones, and the configured ones.
    pub(crate) fn default_paths(&self, account: u32) -> Result<Vec<Path>> {
        let defaults = [EVM, BITCOIN_COINS, TEST_COINS]
            .iter()
            .map(|text| Template::parse(text)?.path(account));
        let mut paths = defaults
            .chain(self.paths.values().map(|template| template.path(account)))
            .collect::<Result<Vec<_>>>()?;
        paths.sort_by_key(Path::to_string);
        paths.dedup();
        Ok(paths)
    }
}

/// The key under which tables store what chains of a family share: the CAIP-2 namespace, without
/// the reference.
pub(crate) fn family(chain: &ChainId) -> Result<&'static str> {
    match chain.family() {
        Some(Family::Evm) => Ok("eip155"),
        Some(Family::Utxo) => Ok("bip122"),
        None => Err(intent::Error::UnknownFamily { chain: *chain }.into()),
    }
}
