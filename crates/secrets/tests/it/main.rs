//! Integration tests of secrets, each on both engines. Rotations are tested with wallets, in
//! `keys`.
#![allow(clippy::unwrap_used)]

mod keyring;
