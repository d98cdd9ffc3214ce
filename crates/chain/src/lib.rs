//! Talks to chains: what a transaction would cost, planning its bytes, sending them, reading blocks, and what is final.
//!
//! Everything above speaks to a chain through [`Connector`] and never sees its encodings. The pure half of each chain (decode, assemble,
//! addresses, ABI) lives in `intent`; what needs a node lives here.
//!
//! What it never does: hold a key, decide, keep state of its own, or trust an answer: every answer of a node is capped in size and depth,
//! its id is matched, and a block's hash is recomputed from its header.

mod connector;
mod error;
pub mod evm;
mod finality;
mod outcome;

pub use connector::{
    BlockRef, CallRequest, Caps, Connector, DecodedEvent, Model, Plan, Quote, Reservations, Sequence, Sequencing,
    TxStatus, Watch,
};
pub use error::{Error, Result};
pub use finality::{Finality, FinalityTag};
pub use outcome::{Class, Submitted};
