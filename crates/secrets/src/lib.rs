//! Secrets at rest: envelope encryption for every crate that stores secrets, and the rotation of
//! its keys.
//!
//! A master key, derived from a passphrase with Argon2id (RFC 9106) or read from a file, wraps data
//! keys. The newest data key encrypts with XChaCha20-Poly1305. Every ciphertext carries the version
//! of its data key and is bound to its table, row and column (as associated data): moved elsewhere
//! it cannot be decrypted. Plaintext and keys are wiped from memory when dropped.
//!
//! [`open_keyring`] unlocks the data keys, or creates the first. [`rotate`] creates another, and
//! the [`Worker`] re-encrypts what is under older ones, in small steps, through the
//! [`RotationTarget`] of each component that stores secrets. [`change_master`] wraps the data keys
//! under another master key. [`refresh`] loads the data key of another process's rotation.
//!
//! What it never does: store the master key or a plaintext, read or write the tables of other
//! crates, derive a key inside a transaction, retire a data key that something is encrypted under.
//!
//! ```text
//! rotation:  reencrypting ─all targets done, nothing left─▶ done      (older data keys retired)
//!                ▲   └─────only undecryptable ones left───▶ broken    (no data key retired)
//!                └──── recheck finds more ◀── done, broken
//! ```
//!
//! Invariants, each with the test that checks it:
//! - a ciphertext can be decrypted in its own place only, and no changed bit goes unnoticed
//!   (`wrapping::tests`);
//! - no data key is ever overwritten, and all versions are under one master key
//!   (`wrapping::tests`; with concurrent changes `keys/tests/it/rotation`);
//! - processes that start together create one keyring (`tests/it/keyring`);
//! - an interrupted rotation is completed by the next worker, and nothing is retired before all
//!   targets are done (`keys/tests/it/rotation`).

mod blocking;
mod cipher;
mod engine;
mod error;
mod keyring;
mod master_key;
mod open;
mod rotation;
mod table;
mod target;
mod worker;
mod wrapping;

pub use cipher::{EncryptionContext, data_key_version};
pub use engine::{MasterSource, Parts, Secrets, Settings};
pub use error::{Error, Result};
pub use keyring::Keyring;
pub use master_key::{KdfCost, MasterKey};
pub use open::{KeyringInfo, change_master, keyring, open_keyring, refresh};
pub use rotation::rotate;
pub use table::data_key::DataKeyInfo;
pub use table::keyring::generation;
pub use table::rotation::{Rotation, RotationState};
pub use target::{ReencryptionStep, RotationTarget};
pub use worker::Worker;
