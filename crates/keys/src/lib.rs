//! Wallets and their keys, and the only place that signs: nothing without a permit, and nothing but
//! what the permit says.
//!
//! A wallet is one secret, sealed at rest: a mnemonic from which keys follow, or a single key.
//! Addresses are handed out from public nodes, without a look at the secret. Signing has two steps:
//! [`sign`] checks permit and bytes, outside of any transaction, and gives an opaque [`Signed`];
//! [`record`] commits the use of the permit, the witness and the bytes in the caller's transaction;
//! only then [`bytes`] gives them out. A back-end that takes long is asked by [`request`], and its
//! answer names a row.
//!
//! What it never does: decide what is allowed, believe a claim about bytes that it can read itself,
//! hand out the key of a single child, show a secret in a fact, a log or an error, keep a nonce.
//!
//! ```text
//! permit:  unused ─sign, record▶ used ─▶ used again (same anchor, within its number) ─▶ spent
//!             │                    └─▶ superseded by a cancel, or by the same intent with a new envelope
//!             ├▶ expired           (after not_after: no first signature; later ones only for cancels)
//!             └▶ revoked           (frozen: cancels of what was signed before, and with `hard` nothing)
//! ```
//!
//! Invariants, each with the test that holds it:
//! - all that was signed under a line of permits shares a witness, so that a chain takes at most
//!   one of it (`state::tests`);
//! - there is no way round a permit (`tests/it/rounds`), neither by two processes at once
//!   (`tests/it/races`);
//! - once a freeze has returned, nothing more is recorded, whatever was under way in whichever
//!   process (`tests/it/races`);
//! - an address is handed out once, and its key is found again after any crash
//!   (`tests/it/addresses`);
//! - no secret is in a fact, a trace or a `Debug` (`tests/it/secrecy`);
//! - a rotation that was interrupted is finished by the next (`tests/it/rotation`).

mod address;
mod backend;
mod cache;
mod error;
mod export;
mod freeze;
mod hd;
mod keyring;
mod keys;
mod named;
mod order;
mod read;
mod record;
mod request;
mod rotate;
mod secret;
mod settings;
mod sign;
mod software;
mod state;
mod table;
mod wallet;
mod worker;

pub use address::{KeyAddress, MAX_ADDRESSES, addresses};
pub use error::{Error, Result};
pub use export::{Exported, export, export_key};
pub use freeze::{Freeze, Scope, freeze, freezes, revoke, unfreeze};
pub use hd::{Path, Template};
pub use keyring::{
    KeyringInfo, MasterSource, change_master, keyring, open_keyring, refresh, reload,
};
pub use keys::Keys;
pub use named::{NamedKey, NewKey, create_key, key, key_named, named_keys, patch_key};
pub use order::{Checked, Order, check};
pub use read::{Found, find, handed_out};
pub use record::{Recorded, bytes, record, release, signed_ids};
pub use request::{Request, RequestState, answer, decline, request, request_of};
pub use rotate::{Keeper, Rotation, RotationState, Rotator, Step, rotate};
pub use settings::Settings;
pub use sign::{MAX_ORDERS, Signed, sign};
pub use wallet::{
    Branch, NewSecret, NewWallet, Origin, Patch, Wallet, WalletKind, branches, create_wallet,
    patch_wallet, wallet, wallet_named, wallets,
};
pub use worker::serve;
