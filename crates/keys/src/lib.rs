//! Wallets and keys. The only crate that signs: never without a permit, and only what the permit
//! allows.
//!
//! A wallet is one secret, encrypted at rest: a mnemonic from which keys are derived, or a single
//! private key. Addresses are derived from public nodes, without reading the secret. Signing has
//! two steps: [`sign`] checks the permit and the bytes outside of any transaction and returns an
//! opaque [`Signed`]; [`record`] commits the use of the permit, the replay keys and the bytes in
//! the caller's transaction. Only then does [`bytes`] return them. A back end that takes long is
//! asked through [`request_signatures`]; the [`Worker`] verifies the requests, and verifies and
//! records the answers.
//!
//! What it never does: decide what is allowed, trust a claim about bytes that it can decode itself,
//! export the key of a single child, put a secret into a fact, a log or an error, store a nonce.
//!
//! ```text
//! permit:  unused ─sign, record▶ used ─▶ used again (same anchor, up to its limit) ─▶ spent
//!             │                    └─▶ superseded by a cancel or by the same intent, new envelope
//!             ├▶ expired   (after not_after: no first signature; later ones only for cancels)
//!             └▶ revoked   (frozen: cancels of earlier signatures only; with `hard` nothing)
//! ```
//!
//! Invariants, each with the test that checks it:
//! - all signatures of a permit chain share a replay key, so a chain accepts at most one of them
//!   (`state::tests`);
//! - nothing is signed without a valid permit (`tests/it/permits`), also not by two processes at
//!   once (`tests/it/races`);
//! - once a freeze has returned, no process records a signature, including those in progress
//!   (`tests/it/races`);
//! - an address is issued once, and its key can be derived again after any crash
//!   (`tests/it/addresses`);
//! - no secret appears in a fact, a trace or a `Debug` output (`tests/it/secrecy`);
//! - an interrupted rotation is completed by the next worker (`tests/it/rotation`);
//! - a back end sees nothing before the use of the permit is committed, and its answer is the
//!   signer's signature over exactly the requested bytes (`tests/it/requests`);
//! - a row that asks for a signature is evidence of nothing: the permit is verified before the back
//!   end is asked and when its signature is recorded (`tests/it/tampering`);
//! - a late signature outlives neither its permit nor one that supersedes it (`tests/it/late`).

mod address;
mod backend;
mod blocking;
mod engine;
mod error;
mod export;
mod freeze;
mod hd;
mod job;
mod named;
mod path;
mod read;
mod record;
mod request;
mod rotation;
mod scope;
mod secret;
mod sign;
mod state;
mod table;
mod wallet;
mod worker;

pub use address::{KeyAddress, MAX_ADDRESSES, addresses};
pub use backend::{AnswerTime, Backend, DEFAULT_BACKEND, SignOutcome, SigningTask};
pub use engine::{Keys, Parts, Settings};
pub use error::{Error, Result};
pub use export::{Exported, export, export_key};
pub use freeze::{freeze, freezes, permit_usage, revoke, revoke_in, unfreeze};
pub use hd::{Path, Template};
pub use job::{Signed, SigningJob, VerifiedJob, verify_job};
pub use named::{NewKey, create_key, named_key, named_keys, patch_key};
pub use read::{KeyLocation, find, issued_addresses};
pub use record::{RecordedSignature, bytes, record, release};
pub use request::{check_requests, request_signatures, signature_requests, withdraw_request};
pub use rotation::WalletTarget;
pub use scope::{Freeze, Scope};
pub use sign::{MAX_JOBS, sign};
pub use table::named::NamedKey;
pub use table::permit::PermitUsage;
pub use table::request::{RequestState, SignatureRequest};
pub use wallet::{
    Branch, NewSecret, NewWallet, Origin, Patch, Wallet, WalletKind, branches, create_wallet,
    patch_wallet, wallet, wallets,
};
pub use worker::{Progress, Worker};
