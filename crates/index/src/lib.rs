//! Follows the canonical chain by block hash: stores blocks and chain events, applies and undoes
//! projections, and moves the final watermark.
//!
//! One worker per chain holds the partition `chain/<id>`. Each turn it compares the node's head
//! with the stored tip (`state.rs`), then extends the stored chain or rewinds it to the
//! newest block that both have. Everything that a batch of blocks brings (blocks, events,
//! transactions of watched signers, every projection that is caught up, the cursor, the final
//! watermark and the facts) commits in one transaction.
//!
//! It never trusts a height: a block is identified by its hash and its parent's hash. It never
//! rewinds below the final watermark by itself, and never stops at an event it cannot decode. It
//! stores no *pending* or *final* flag per row: a row has a height, a block hash and a reverted
//! flag, and the watermark decides.
//!
//! ```text
//!                extend                     fork above the watermark
//!   caught up ──────────▶ caught up   caught up ─────────────────────▶ rewound ──▶ extend
//!
//!               fork below the watermark
//!   caught up ──────────────────────────▶ halted ── resume ─▶ caught up
//! ```
//!
//! Invariants, each with the test that checks it (`tests/it`, on both databases):
//! - after any history of forks, crashes, lagging nodes, lease takeovers and late scopes, the
//!   canonical rows, the projections and the state that a consumer derives from the facts equal
//!   those of an index that saw only the final chain; the watermark never falls (`model`,
//!   `finality`);
//! - no branch below the final watermark is followed without an operator's permission, which ends
//!   as soon as the node extends the stored chain again (`forks`);
//! - a chain event keeps its id when it is included again, and at most one row per id is not
//!   reverted (`forks`, `node`);
//! - every transaction of a signer watched before it is sent is stored (`watch`), and a scope
//!   receives each transfer from its start height on, whenever it catches up (`scopes`);
//! - each row of an event or of a watched transaction is covered by the root in exactly one fact
//!   (`model`, `watch`);
//! - an inconsistent block from a node is never stored (`faulty_node`), and nothing that a contract
//!   emits stops the chain (`node`).

mod commit;
mod engine;
mod error;
mod event;
mod fan_out;
mod fetch;
mod finality;
mod ingest;
mod projection;
mod read;
mod scope;
mod state;
mod table;
mod watch;
mod worker;

pub use engine::{BLOCKS_PER_TURN, Index, Parts, Settings, Start, partition};
pub use error::{Error, Result};
pub use event::{BlockId, ChainFact, EventCursor, EventFilter, FinalityUpdate, StoredEvent};
pub use projection::{DecodedBlock, NamespaceBlocks, Projection};
pub use read::{EventsPage, ResumeRequest, events_page, resume, status_of, statuses};
pub use scope::{NewScope, scopes, track, untrack};
pub use state::Tip;
pub use table::block::block_at;
pub use table::cursor::{Status, status};
pub use table::event::{events_in_block, events_through};
pub use table::inclusion::{StoredInclusion, inclusions_between, inclusions_in_block};
pub use table::scope::{Scope, source_of};
pub use watch::{watch_events, watch_signers};
pub use worker::{Progress, Worker, WorkerParts};
