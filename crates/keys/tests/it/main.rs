//! Tests of keys, each on both databases.
#![allow(clippy::unwrap_used)]

mod world;

mod addresses;
mod chain;
mod export;
mod freezes;
mod late;
mod permits;
mod races;
mod requests;
mod rotation;
mod secrecy;
mod tampering;
mod wallets;
