//! Connectors to chains: quotes fees, plans transaction bytes, submits them, reads blocks, and
//! reports finality.
//!
//! All other crates use a chain through [`Connector`] and never see its encodings. The I/O-free
//! part of each chain (decoding, assembly, addresses, ABI) is in `intent`; what needs a node is
//! here.
//!
//! This crate never holds a key, takes a decision, keeps persistent state, or trusts an answer:
//! every answer of a node is limited in size and depth, its id must match, and a block's hash is
//! recomputed from its header.
//!
//! Invariants, each with the test that checks it (`tests/it`):
//! - one call sends a transaction at most once, whatever the answer
//!   (`limits::a_transaction_is_sent_once_whatever_the_answer`);
//! - an inconclusive answer is reported as [`SubmitOutcome::Unknown`], never as a refusal (the same
//!   test, and the tables of real answers in `evm::errors`);
//! - a block is returned complete or not at all: header, logs and receipts match its hash
//!   (`invalid_responses`, `evm::tests`);
//! - an event's path depends neither on what is watched nor on how it was fetched
//!   (`sending::only_watched_items_are_returned`);
//! - a node's URL is never shown with its credentials
//!   (`limits::credentials_are_sent_to_the_node_only`).

mod connector;
mod error;
pub mod evm;
mod final_block;
mod finality;
mod outcome;

pub use connector::{
    AccountModel, BlockRef, CallRequest, Capabilities, Connector, ContractState, DecodedEvent,
    Implementation, Plan, ProxyKind, Quote, Reservations, Sequence, Sequencing, TxStatus, Watch,
};
pub use error::{Error, Result};
pub use final_block::final_block;
pub use finality::{Finality, FinalityTag};
pub use outcome::{RefusalClass, SubmitOutcome};
