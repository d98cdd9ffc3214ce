//! Chains of coins: the pure half, after Bitcoin's own rules for coins that one key spends (P2WPKH;
//! BIP-141, 143, 144, 173).
//!
//! Unsigned bytes are `"florin/utxo/v1\n"`, the transaction as Bitcoin serialises it without
//! witnesses, then for each input the coin that it spends: its value (8 bytes, little-endian) and
//! the hash of its owner's key (20 bytes). Each signature commits to its own coin's value,
//! so that a false value gives a signature that no node takes.
//!
//! What it never does: select coins, scripts of other kinds, and believing what a coin is worth
//! beyond what the bytes commit to.

mod address;
mod assemble;
mod bech32;
mod build;
mod read;
mod verify;
mod wire;

pub use address::{address, parse_recipient};
pub use assemble::assemble;
pub use build::{Coin, unsigned};
pub use read::decode;
pub use verify::{Checked, verify};

use crate::{Act, AssetRef, Effects, Error, Intent, Move, Result};

/// Before every unsigned transaction.
const HEAD: &[u8] = b"florin/utxo/v1\n";
/// What is built, and all that is read: replaceable (BIP-125), no lock time.
const VERSION: u32 = 2;
const SEQUENCE: u32 = 0xffff_fffd;
const LOCK_TIME: u32 = 0;

/// What an intent does: its payments. A cancel moves nothing; a memo says something and does
/// nothing. Error `intent.unsuitable`: no payment of this chain, or an account in other than the
/// canonical form.
pub fn effects(intent: &Intent) -> Result<Effects> {
    let Act::Transaction(transaction) = &intent.act else {
        return Err(Error::unsuitable("this chain signs transactions only"));
    };
    if !(transaction.access.is_empty() && transaction.authorisations.is_empty()) {
        return Err(Error::unsuitable(
            "this chain has neither access lists nor authorisations",
        ));
    }
    if address::canonical(&intent.chain, &intent.signer).is_none() {
        return Err(Error::unsuitable(
            "the signer is no address of this chain in canonical form",
        ));
    }
    if intent.is_cancel() {
        return Ok(Effects::default());
    }
    let moves = transaction.outputs.iter().map(|output| {
        let to = output
            .to
            .clone()
            .filter(|to| address::canonical(&intent.chain, to).is_some());
        let to = to.ok_or_else(|| {
            Error::unsuitable("a receiver is no address of this chain in canonical form")
        })?;
        Ok(Move {
            asset: AssetRef::Native,
            from: intent.signer.clone(),
            to,
            amount: output.value,
        })
    });
    Ok(Effects {
        moves: moves.collect::<Result<_>>()?,
        ..Effects::default()
    })
}
