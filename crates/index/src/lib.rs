//! Follows the canonical chain by hash: stores blocks and chain events, applies and undoes
//! projections, moves the final watermark.
//!
//! One follower a chain holds the partition `chain/<id>`. Each turn it compares the node's head
//! with its own ([`state::next`]), extends, or rewinds to the block where both agree. What a batch
//! of blocks brings (blocks, events, transactions of watched signers, every projection that is
//! level, the cursor, the final watermark and the facts) commits in one transaction.
//!
//! What it never does: trust a height (a block is known by its hash and its parent's), rewind below
//! the final watermark by itself, stop at an event it cannot read, keep *pending* or *final* per
//! row: a row has its height, its block's hash and whether it was reverted, and the watermark says
//! the rest.
//!
//! ```text
//!            extend                       fork above the watermark
//!   level ──────────▶ level    level ─────────────────────────────▶ rewound ──▶ extend
//!                              level ── fork below the watermark ─▶ halted  ── resume ─▶ level
//! ```
//!
//! Invariants, each with the test that holds it (`tests/it`, on both engines):
//! - after any history of forks, crashes, lagging nodes, take-overs and late scopes the canonical
//!   rows, the projections and what a consumer of the facts knows equal those of who saw the final
//!   chain only; the watermark never falls (`model`, `finality`);
//! - no branch below what is final is followed without an operator's word, which does not outlive
//!   the doubt (`forks`);
//! - a chain event keeps its id through re-inclusion, and only one row of an id is not reverted
//!   (`forks`, `node`);
//! - whoever is watched before he sends is seen (`watching`), and a scope gets each transfer from
//!   its beginning on, once, whenever it becomes level (`scopes`);
//! - each row of an event or of a watched transaction is covered by the root in exactly one fact
//!   (`model`, `watching`);
//! - what a node says that contradicts itself is not stored (`lies`), and nothing that a contract
//!   emits stops the chain (`node`).

mod backfill;
mod commit;
mod error;
mod event;
mod fetch;
mod finality;
mod follower;
mod intake;
mod projection;
mod read;
mod scope;
mod share;
pub mod state;
mod table;
mod watch;

pub use error::{Error, Result};
pub use event::{ChainFact, Dropped, FinalMoved, StoredEvent, StoredIncluded};
pub use follower::{Follower, Progress, Settings, Start};
pub use projection::{Applied, Projection, Work};
pub use read::{
    Cursor, EventFilter, Index, Resume, Status, block_at, events_in, events_through, included,
    included_between, included_in, resume, status,
};
pub use scope::{Scope, Wanted, scopes, track, untrack};
pub use watch::{watch_events, watch_signers};
