//! Transactions, facts and leases on SQLite (embedded) or PostgreSQL, from one SQL text.
//!
//! A transaction is a synchronous closure: `db.on(&lease).write(&namespace, |tx| …).await`.
//! Closures that wait at the same time commit together (group commit). Each may run more than once,
//! so it must have no side effect outside the database. A closure that fails is undone without
//! affecting the others in its group. Facts that a closure appends are linked into its partition's
//! hash chain in the same transaction. The update of the partition's head is the fencing check: an
//! owner that lost its lease cannot commit.
//!
//! What it never does: run user code or touch the network inside a transaction, expose a
//! connection, interpret the tables of other crates.
//!
//! Portable SQL, in short: parameters `?1 …` or `?name` ([`params!`]) and `?ns` (see [`Tx`]), types
//! `BIGINT`, `TEXT`, `BLOB`, booleans 0 and 1, `{rows}` for many rows at once, `ON CONFLICT`,
//! `RETURNING` of the target's own columns, no sums of amounts, no `LIKE`, no JSON operators.
//!
//! Invariants, each with the test that checks it (all in `tests/it`, on both engines):
//! - the facts of a partition form one chain without gaps (`facts`), and the independent verifier
//!   agrees (`verify`'s tests);
//! - a transaction of an owner whose lease was taken over is refused as a whole (`leases`);
//! - a failing closure does not fail the others in its group (`groups`; any mixture of them,
//!   against a model: `model`);
//! - a statement that does not name its namespace does not run (`tenancy`);
//! - a connection lost during a commit neither loses nor repeats the transaction, also when another
//!   process took over meanwhile (`lost_replies`, `group::tests`); where the outcome cannot be
//!   determined, nothing runs twice.

// The derive names this crate, also in the crate itself.
extern crate self as store;

pub mod audit;
mod batch;
mod closure;
mod config;
mod db;
mod dispatch;
mod engine;
mod error;
mod fact;
mod group;
mod hash_chain;
pub mod idempotency;
mod lease;
mod leased;
mod lock;
mod migrate;
pub mod named;
mod partition;
mod reader;
mod record;
mod row;
mod serve;
mod sql;
mod table;
mod tree_head;
mod tx;
mod value;

pub use batch::Batch;
pub use closure::TxResult;
pub use config::{Config, EngineKind, LeaseClock};
pub use db::Db;
pub use error::{Error, Result};
pub use fact::{Fact, Subject};
pub use lease::Lease;
pub use leased::LeasedDb;
pub use partition::Partition;
pub use record::{Group, InNamespace, Record, ScopedTable, UnscopedTable, Updatable, Upsertable};
#[doc(hidden)]
pub use record::{
    RowValues, assert_as_in_json, concatenate, json_value, optional_json_value, total, utf8,
};
pub use row::{Columns, FromRow, ListItem, NamedParams, Params, RowCells, list};
pub use store_derive::Record;
pub use table::fact::{Cursor, StoredFact, facts_after, partitions};
pub use table::tree_head::PartitionHead;
pub use tree_head::{TreeHead, TreeHeadExport, TreeHeadSigner};
pub use tx::{Tx, UnscopedTx};
pub use value::{Cell, FromCell, ToValue, Value, ValueKind};
