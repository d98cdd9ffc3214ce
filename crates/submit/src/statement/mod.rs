//! Statements: messages, typed data and authorizations. They are signed like transactions, under a
//! permit, but never sent: the caller gets the signature.
//!
//! ```text
//! received ─▶ deciding ◀▶ permitted ─────────▶ signed
//!                │            │  └▶ signing ──┘
//!                └▶ denied    └▶ expired, failed       withdrawn: any state before signed
//! ```
//!
//! A signature exists for a caller only once the use of its permit is committed: it is read from
//! what `keys` recorded, and stored nowhere else. What lets a statement be signed once is the hash
//! of its bytes. Another statement with the same bytes is decided on its own; its permit then
//! supersedes the last one that was used for them, as `keys` allows for the same intent, and the
//! signature is the same (RFC 6979).

mod accept;
mod command;
mod read;
mod record;
mod save;
mod state;
mod withdraw;

pub use accept::{StatementOutcome, request_statement};
pub use command::NewStatement;
pub use read::{SignedStatement, statement, statements};
pub use record::{Statement, StatementFilter, StatementKind};
pub use state::{IllegalStatementTransition, StatementState};
pub use withdraw::withdraw_statement;

pub(crate) use save::{release_idempotency_keys, save, save_all};
pub(crate) use state::StatementEvent;
pub(crate) use withdraw::stop_statements_of;
