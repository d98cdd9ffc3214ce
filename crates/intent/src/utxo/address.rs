//! Accounts of a UTXO chain. An account is a key; its text is the Bech32 address of the key's hash.

use super::bech32;
use crate::{Error, PublicKey, Recipient, Result};
use ripemd::{Digest as _, Ripemd160};
use types::{ChainId, Digest};

/// CAIP-2 references of Bitcoin's mainnet and testnet: the first 32 digits of the genesis block's
/// hash.
const MAIN: &str = "000000000019d6689c085ae165831e93";
const TEST: &str = "000000000933ea01ad0ee984209779ba";

/// The account of a key: Bech32 of the RIPEMD-160 of the SHA-256 of the compressed point.
pub fn address(chain: &ChainId, key: &PublicKey) -> Result<String> {
    Ok(format(chain, &key_hash(key)))
}

/// Parses an address as people write it: all lower or all upper case.
pub fn parse_recipient(chain: &ChainId, text: &str) -> Result<Recipient> {
    let hash = bech32::decode(prefix(chain), text);
    let hash = hash.map_err(|why| Error::InvalidAddress {
        text: text.chars().take(100).collect(),
        why,
    })?;
    Ok(Recipient {
        account: format(chain, &hash),
        memo: None,
    })
}

/// Parses an account in canonical form into the key's hash.
pub(super) fn parse_canonical(chain: &ChainId, text: &str) -> Option<[u8; 20]> {
    bech32::decode(prefix(chain), text)
        .ok()
        .filter(|hash| format(chain, hash) == text)
}

pub(super) fn format(chain: &ChainId, hash: &[u8; 20]) -> String {
    bech32::encode(prefix(chain), hash)
}

pub(super) fn key_hash(PublicKey(key): &PublicKey) -> [u8; 20] {
    Ripemd160::digest(Digest::of(key)).into()
}

/// Other chains are private ones and use regtest's prefix.
fn prefix(chain: &ChainId) -> &'static str {
    match chain.reference() {
        MAIN => "bc",
        TEST => "tb",
        _ => "bcrt",
    }
}
