//! Talks to chains: what a transaction would cost, planning its bytes, sending them, reading
//! blocks, and what is final.
//!
//! Everything above speaks to a chain through [`Connector`] and never sees its encodings. The pure
//! half of each chain (decode, assemble, addresses, ABI) lives in `intent`; what needs a node lives
//! here.
//!
//! What it never does: hold a key, decide, keep state of its own, or trust an answer: every answer
//! of a node is capped in size and depth, its id is matched, and a block's hash is recomputed from
//! its header.
//!
//! Invariants, each with the test that holds it (`tests/it`):
//! - a transaction is sent once a call, whatever comes back
//!   (`limits::a_transaction_is_sent_once_whatever_comes_back`);
//! - an answer that proves nothing is told as [`Submitted::Unknown`], never as a no (the same, and
//!   `evm::errors`' tables of real answers);
//! - a block is told whole or not at all: header, logs and receipts fit its hash (`lies`,
//!   `evm::tests`);
//! - an event's path does not depend on what is watched, nor on how it was fetched
//!   (`sending::only_what_is_watched_is_told`);
//! - no address of a node is shown with its credentials
//!   (`limits::credentials_reach_the_node_and_nobody_else`).

mod connector;
mod error;
pub mod evm;
mod finality;
mod outcome;

pub use connector::{
    BlockRef, CallRequest, Caps, Connector, DecodedEvent, Model, Plan, Quote, Reservations,
    Sequence, Sequencing, TxStatus, Watch,
};
pub use error::{Error, Result};
pub use finality::{Finality, FinalityTag};
pub use outcome::{Class, Submitted};
