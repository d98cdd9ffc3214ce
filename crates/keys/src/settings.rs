//! What an installation decides about keys.

use crate::Result;
use crate::hd::{Path, Template};
use std::collections::BTreeMap;
use types::{ChainId, Family};

/// SLIP-44 numbers: Ether, Bitcoin, and the coins of all test networks.
const EVM: &str = "m/44'/60'/{account}'/0";
const COINS: &str = "m/84'/0'/{account}'/0";
const TEST_COINS: &str = "m/84'/1'/{account}'/0";
/// CAIP-2 reference of Bitcoin's main network.
const BITCOIN: &str = "000000000019d6689c085ae165831e93";

/// What an installation decides about keys.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether anything is ever exported. Off unless the configuration says otherwise.
    pub export_allowed: bool,
    /// Under which path a chain's addresses stand, where it is not the usual one (BIP-44 for EVM,
    /// BIP-84 for coins).
    pub paths: BTreeMap<ChainId, Template>,
    /// How many opened branches stay in memory.
    pub cached_branches: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            export_allowed: false,
            paths: BTreeMap::new(),
            cached_branches: 256,
        }
    }
}

impl Settings {
    /// The path of the branch from which a chain's addresses are handed out.
    pub(crate) fn path(&self, chain: &ChainId, account: u32) -> Result<Path> {
        if let Some(template) = self.paths.get(chain) {
            return template.path(account);
        }
        let usual = match chain.family() {
            Some(Family::Evm) => EVM,
            Some(Family::Utxo) if chain.reference() == BITCOIN => COINS,
            Some(Family::Utxo) => TEST_COINS,
            None => {
                return Err(intent::Error::UnknownFamily {
                    chain: chain.clone(),
                }
                .into());
            }
        };
        Template::parse(usual)?.path(account)
    }

    /// The branches that every new wallet has: the usual ones, and those that are configured.
    pub(crate) fn usual_paths(&self, account: u32) -> Result<Vec<Path>> {
        let usual = [EVM, COINS, TEST_COINS]
            .iter()
            .map(|text| Template::parse(text)?.path(account));
        let mut paths = usual
            .chain(self.paths.values().map(|template| template.path(account)))
            .collect::<Result<Vec<_>>>()?;
        paths.sort_by_key(Path::to_string);
        paths.dedup();
        Ok(paths)
    }
}

/// What the chains of a family have in common in tables: the CAIP-2 namespace, without the
/// reference.
pub(crate) fn family(chain: &ChainId) -> Result<&'static str> {
    match chain.family() {
        Some(Family::Evm) => Ok("eip155"),
        Some(Family::Utxo) => Ok("bip122"),
        None => Err(intent::Error::UnknownFamily {
            chain: chain.clone(),
        }
        .into()),
    }
}
