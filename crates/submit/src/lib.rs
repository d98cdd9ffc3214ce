//! Takes an intent from acceptance to a final transaction: policy decision, nonce, fees, signing,
//! broadcast, replacement and completion.
//!
//! A submission is accepted under an idempotency key ([`enqueue`]), decided by policy, appended to
//! the lane of its signer, planned and signed when the lane has capacity, stored, and only then
//! broadcast. If the back end of the key answers later, its nonce is reserved with the request for
//! the signature, and its bytes are stored when the answer is collected. Its outcome is read from
//! the indexed chain, never from a node's response.
//!
//! A statement, which is a message, typed data or an authorization, is accepted
//! ([`request_statement`]), decided and signed in the same way and never sent; see `statement`.
//!
//! It never signs without a permit, assigns a nonce before policy has allowed the intent,
//! broadcasts bytes that are not stored, treats a timeout as a rejection, or uses another replay
//! key while the bytes already sent may still be mined.
//!
//! ```text
//! received ─▶ deciding ◀▶ permitted ─▶ signed ─▶ accepted ─▶ mined ─▶ final
//!                │  │         │ │         ▲ ▲          ▲         │
//!                │  └▶ denied │ └▶ signing┘ └──────────┴─ reorged ◀
//!                └▶ awaiting_approval     paused: any of permitted, signed, accepted, reorged
//!                             └▶ failed, expired         replaced, cancelled: another transaction
//!                                                        on its replay key became final
//! ```
//!
//! Invariants, each with the test that checks it:
//! - a terminal state is never left, and nothing is signed without a permit (`state::tests`);
//! - one replay key pays once, whatever crashes (`tests/it/crash`, and `cargo xtask torture`);
//! - a signature that arrives later is sent in the order of the nonces, and the nonce of one that
//!   never arrives is filled (`tests/it/signing`);
//! - nothing is signed for the first time under a standing set that has changed since it was
//!   permitted (`tests/it/authority`);
//! - a rejection consumes neither idempotency key nor nonce (`tests/it/rejections`);
//! - every hash ever signed stays watched (`tests/it/reorg`);
//! - the signature of a statement exists for nobody before the use of its permit is committed
//!   (`statement::state::tests`, `tests/it/statements`).

mod cancel;
mod engine;
mod enqueue;
mod error;
mod explain;
mod lane;
mod late;
mod metrics;
mod price;
mod read;
mod record;
mod revoke;
mod state;
mod statement;
mod submission;
mod table;
mod worker;

pub use cancel::cancel;
pub use engine::{Parts, SHARD_PARTITIONS, Settings, Submit, shard_partition};
pub use enqueue::{Outcome, enqueue};
pub use error::{Error, Result};
pub use explain::{Explanation, explain};
pub use lane::{LaneStatus, lane_status, resume_lane};
pub use metrics::{Metrics, metrics};
pub use read::{submission, submissions, transactions};
pub use revoke::stop_submissions_of;
pub use state::{Event, IllegalTransition, State};
pub use statement::{
    IllegalStatementTransition, NewStatement, SignedStatement, Statement, StatementFilter,
    StatementKind, StatementOutcome, StatementState, request_statement, statement, statements,
    withdraw_statement,
};
pub use submission::{Context, Enqueue, Filter, Submission, SubmissionTransaction};
pub use worker::{Progress, Worker};
