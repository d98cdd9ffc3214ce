//! Stories of keys, each on both databases.
#![allow(clippy::unwrap_used)]

mod house;

mod addresses;
mod chain;
mod export;
mod freezing;
mod races;
mod requests;
mod rotation;
mod rounds;
mod secrecy;
mod wallets;
