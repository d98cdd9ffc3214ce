//! UTXO chains, without I/O: Bitcoin's rules for coins that one key spends (P2WPKH; BIP-141, 143,
//! 144, 173).
//!
//! Unsigned bytes are `"florin/utxo/v1\n"`, the transaction in Bitcoin's serialization without
//! witnesses, then for each input the coin that it spends: its value (8 bytes, little-endian) and
//! the hash of its owner's key (20 bytes). Each signature commits to the value of its coin, so that
//! a false value gives a signature that every node rejects.
//!
//! This module does not select coins, does not support other scripts, and does not trust the value
//! of a coin beyond what the bytes commit to.

mod address;
mod assemble;
mod bech32;
mod build;
mod read;
mod verify;
mod wire;

pub use address::{address, parse_recipient};
pub use assemble::assemble;
pub use build::{Coin, build_unsigned};
pub use read::decode;
pub use verify::{VerifiedTransaction, verify};

use crate::{Act, AssetRef, Effects, Error, Intent, Move, Result};

/// The prefix of unsigned bytes.
const HEAD: &[u8] = b"florin/utxo/v1\n";
/// The only values that are built or accepted: replaceable (BIP-125), no lock time.
const VERSION: u32 = 2;
const SEQUENCE: u32 = 0xffff_fffd;
const LOCK_TIME: u32 = 0;

/// Computes the effects of an intent: its payments. A cancel moves nothing, and a memo has no
/// effect. Error `intent.invalid_intent`: not a payment of this chain, or an account in another
/// than the canonical form.
pub fn effects(intent: &Intent) -> Result<Effects> {
    let Act::Transaction(transaction) = &intent.act else {
        return Err(Error::invalid_intent("this chain only signs transactions"));
    };
    if !(transaction.access.is_empty() && transaction.authorizations.is_empty()) {
        return Err(Error::invalid_intent(
            "this chain has neither access lists nor authorizations",
        ));
    }
    if address::parse_canonical(&intent.chain, &intent.signer).is_none() {
        return Err(Error::invalid_intent(
            "the signer is not an address of this chain in canonical form",
        ));
    }
    if intent.is_cancel() {
        return Ok(Effects::none());
    }
    let moves = transaction.outputs.iter().map(|output| {
        let to = output
            .to
            .clone()
            .filter(|to| address::parse_canonical(&intent.chain, to).is_some());
        let to = to.ok_or_else(|| {
            Error::invalid_intent("a receiver is not an address of this chain in canonical form")
        })?;
        Ok(Move {
            asset: AssetRef::Native,
            from: intent.signer.clone(),
            to,
            amount: Some(output.value),
        })
    });
    Ok(Effects {
        moves: moves.collect::<Result<_>>()?,
        ..Effects::none()
    })
}
