//! Tests of keys, each on both databases.
#![allow(clippy::unwrap_used)]

mod world;

mod addresses;
mod chain;
mod export;
mod freezes;
mod permits;
mod races;
mod requests;
mod rotation;
mod secrecy;
mod wallets;
