//! What a signature does: intents, their effects, the permits that allow them, and the pure half of
//! every chain.
//!
//! An [`Intent`] says what a signature is for, never at which nonce or fee. [`decode`] reads an
//! intent back from the exact bytes that are to be signed, so that whoever holds a key can see for
//! himself; [`effects`] says who loses and gains what. A [`Permit`] is policy's signed word that
//! one intent may be signed within an [`Envelope`] of fees. [`assemble`] joins bytes and
//! signatures.
//!
//! What it never does: I/O, async, a clock, chance, keeping a secret, or trusting a claim about
//! bytes that it can read from the bytes.
//!
//! Invariants, each with the test that holds it:
//! - `decode(plan(intent)) == intent`, and every changed byte says something else or nothing
//!   (`tests/it/transactions.rs`, `utxo.rs`; for every connector the shared suite in `testkit`);
//! - a message, typed data or an authorisation is never a transaction, whatever it contains
//!   (`tests/it/statements.rs`);
//! - two different intents never share a hash (`tests/it/canon.rs`, with a second writer and a
//!   reader; vectors in `vectors/`);
//! - a permit whose any byte is changed does not verify (`permit::tests`);
//! - nothing that a chain answers makes decoding panic, or take more than it is worth
//!   (`tests/it/abi_hostile.rs`, `tokens.rs`);
//! - what [`effects`] could not understand is said to be opaque (`tests/it/effects.rs`).
//!
//! Chain modules ([`evm`], [`utxo`]) hold all that knows a chain's encoding; everything else here
//! is free of it.

mod act;
mod decoded;
mod effects;
mod envelope;
mod error;
pub mod evm;
mod family;
mod permit;
mod recover;
pub mod utxo;

pub use act::{AccessEntry, Act, Authorisation, Intent, Output, Transaction};
pub use decoded::{Decoded, PublicKey, Scheme, SignRequest, Signature, Signed, Unsigned};
pub use effects::{AssetRef, Call, Effects, Grant, Interface, Move};
pub use envelope::{Breach, Envelope, FeeTerms};
pub use error::{Error, Result};
pub use family::{
    Recipient, address, assemble, decode, decode_output, effects, encode_call, encode_deploy,
    parse_recipient, scheme, statement, topics,
};
pub use permit::{Permit, PermitBody, PolicyKey, verify};
