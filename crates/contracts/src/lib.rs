//! What a namespace knows of the contracts on its chains: one row per contract, and each interface
//! once.
//!
//! A binding or a tracked source names the row of a contract instead of keeping facts about it.
//! [`ensure`] gives the row of an address, and creates it at the first mention. [`register`] states
//! the standard and the interface of a contract. A mention never does: it needs no permission to
//! register a contract. An interface is stored by the hash of its text ([`add_interface`]) and
//! never changes.
//!
//! What it never does: query a chain, decide what may be signed, or share a row between namespaces.
//!
//! ```text
//!            ensure                          register
//!   unknown ────────▶ known by its address ────────────▶ known with standard and interface
//!      └───────────────────── register ────────────────────────────▲
//! ```
//!
//! Invariants, each with the test that checks it (`tests/it`, on both databases):
//! - an address of a chain has at most one row in a namespace, however it is written and however
//!   many callers mention it at once (`contracts`);
//! - a mention changes nothing about a contract that is known (`contracts`);
//! - every new or changed row has a fact in the same transaction; what changes nothing has none
//!   (`contracts`);
//! - an interface is returned with exactly the text that was given, and is parsed before it is
//!   stored (`interfaces`);
//! - no namespace sees a contract or an interface of another, nor whether it exists (`isolation`);
//! - the number of rows of a namespace is limited (`limits`).

mod contract;
mod engine;
mod error;
mod interface;
mod table;

pub use contract::{
    NewContract, addresses, canonical_address, contract, contracts, ensure, register,
};
pub use engine::{Contracts, Parts, Settings};
pub use error::{Error, Result};
pub use interface::{Interface, add_interface, decode_interface, interfaces};
pub use table::contract::{Contract, Standard};
