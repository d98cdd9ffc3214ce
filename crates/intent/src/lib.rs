//! Intents, their effects, the permits that allow signing them, and the I/O-free part of each
//! chain's encoding.
//!
//! An [`Intent`] describes what a signature is for; it never includes a nonce or fees. [`decode`]
//! reads an intent back from the exact bytes to be signed, so that a key holder verifies what it
//! signs instead of trusting the caller. [`effects`] lists who loses and gains what. A [`Permit`]
//! is a policy-signed statement that one intent may be signed within an [`Envelope`] of fees.
//! [`assemble`] joins bytes and signatures.
//!
//! This crate never performs I/O, runs async code, reads a clock or a random source, keeps a
//! secret, or trusts a claim about bytes that it can verify from the bytes.
//!
//! Invariants, each with the test that checks it:
//! - `decode(plan(intent)) == intent`, and any changed byte decodes to something else or is
//!   rejected (`tests/it/transactions.rs`, `utxo.rs`; for every connector, the shared suite in
//!   `testkit`);
//! - a message, typed data or an authorization never decodes as a transaction, whatever it contains
//!   (`tests/it/statements.rs`);
//! - two different intents never share a hash (`tests/it/canon.rs`, with a second writer and a
//!   reader; vectors in `vectors/`);
//! - a permit with any byte changed does not verify (`permit::tests`);
//! - no answer of a chain makes decoding panic, or use time or memory out of proportion to its size
//!   (`tests/it/abi_hostile.rs`, `tokens.rs`);
//! - effects are complete only if every call, nested ones too, is one of a standard that its target
//!   is known to implement, and exactly its encoding; an interface only names arguments
//!   (`tests/it/effects.rs`).
//!
//! Only the chain modules ([`evm`], [`utxo`]) know a chain's encoding.

mod act;
mod decoded;
mod effects;
mod envelope;
mod error;
pub mod evm;
mod family;
mod knowledge;
mod permit;
mod recover;
pub mod utxo;

pub use act::{AccessEntry, Act, Authorization, Intent, Output, Transaction};
pub use decoded::{Decoded, PublicKey, RequiredSignature, Scheme, Signature, Signed, Unsigned};
pub use effects::{
    AssetRef, Call, DecodedBy, Effects, Grant, Incomplete, IncompleteCode, Move, Power, PowerKind,
};
pub use envelope::{Envelope, EnvelopeExceeded, FeeLimits, FeeTerms};
pub use error::{Error, Result};
pub use family::{
    Recipient, address, assemble, decode, decode_output, effects, encode_call, encode_deploy,
    event_topics, function_signatures, parse_recipient, revert_reason, selector, statement,
    statement_digest, statement_signature, typed_data,
};
pub use knowledge::{Interface, Knowledge, KnownAccount, KnownContract, Standard};
pub use permit::{Permit, PermitBody, PolicyKey, verify};
