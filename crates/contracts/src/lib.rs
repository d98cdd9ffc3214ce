//! The contract registry: what a namespace knows of the contracts on its chains, and each interface
//! once.
//!
//! A binding or a tracked source names the row of a contract instead of keeping facts about it.
//! [`ensure`] gives the row of an address, and creates it at the first mention; a mention states
//! nothing and needs no permission. [`register`] states the name, the standards and the interface of
//! a contract, and stores what the chain says of it at a final block: the hash of its code, and the
//! implementation of a proxy with the hash of its code. [`known`] compares both with the chain again
//! before a decision. What differs makes the contract *changed*: it is not trusted until a
//! controller accepts what the chain says now ([`verify`]). An interface is stored by the hash of its
//! text ([`add_interface`]) and never changes.
//!
//! What it never does: decide what may be signed, share a row between namespaces, or infer the
//! standards of a contract from its address or from what it answers.
//!
//! ```text
//!            ensure               register               chain differs
//!   unknown ────────▶ mentioned ──────────▶ registered ───────────────▶ changed
//!      └──────────────── register ──────────────▲  ◀── verify: accept ─────┘
//! ```
//!
//! Invariants, each with the test that checks it (`tests/it`, on both databases):
//! - an address of a chain has at most one row in a namespace, however it is written and however
//!   many callers mention it at once (`contracts`);
//! - a mention changes nothing about a contract that is known (`contracts`);
//! - an address without code is not registered, nor one of a chain that cannot be read
//!   (`registering`);
//! - a contract whose code or implementation differs is not trusted until that is accepted, also if
//!   it changes back (`verifying`);
//! - a contract that cannot be verified is not trusted, and nothing is stored of it (`verifying`);
//! - the chain is read once for concurrent decisions, and again after the configured age
//!   (`verifying`);
//! - every new or changed row has a fact in the same transaction, with what was and is; what changes
//!   nothing has none (`contracts`, `registering`, `verifying`);
//! - an interface is returned with exactly the text that was given, and is parsed before it is
//!   stored (`interfaces`);
//! - no namespace sees a contract or an interface of another, nor whether it exists (`isolation`);
//! - the number of rows of a namespace is limited (`limits`).

mod contract;
mod difference;
mod engine;
mod error;
mod interface;
mod observations;
mod register;
mod standards;
mod table;
mod verify;

pub use contract::{
    addresses, canonical_address, contract, contracts, ensure, interface_of, registered_interface,
};
pub use engine::{Contracts, NoReferences, Parts, References, Settings};
pub use error::{Error, Result};
pub use interface::{Interface, add_interface, decode_interface, interfaces};
pub use register::{ContractChanges, NewContract, delete, register, update};
pub use standards::shown_standards;
pub use table::contract::{Contract, Filter};
pub use verify::{Known, KnownContract, Verification, known, verify};
