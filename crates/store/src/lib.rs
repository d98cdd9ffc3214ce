//! One SQL text, two engines: SQLite embedded, PostgreSQL where one machine is outgrown.
//!
//! A transaction is a synchronous closure: `db.on(&lease).write(&namespace, |tx| …).await`.
//! Closures that wait at the same time commit together (group commit); each may be run again, so it
//! has no side effect outside the database. A closure that fails undoes itself and no neighbour.
//! Facts that a closure appends are linked into its partition's hash chain in the same transaction,
//! and the update of the partition's head is the fence: whoever lost the lease commits nothing.
//!
//! What it never does: run user code or touch the network inside a transaction, hand out a
//! connection, know what a table means.
//!
//! Portable SQL, in short: parameters `?1 …` and `?ns` (see [`Tx`]), types `BIGINT`, `TEXT`,
//! `BLOB`, booleans 0 and 1, `{rows}` for many rows at once, `ON CONFLICT`, `RETURNING` of the
//! target's own columns, no sums of amounts, no `LIKE`, no JSON operators.
//!
//! Invariants, each with the test that holds it (all in `tests/it`, on both engines):
//! - the facts of a partition form one chain without gaps (`facts`), and the verifier agrees
//!   (`verify`'s tests);
//! - a transaction of an owner whose lease was taken over is lost as a whole (`leases`);
//! - one failing closure fails no neighbour in its group (`groups`; any mixture of them, against a
//!   model: `model`);
//! - a statement that forgets its namespace does not run (`tenancy`);
//! - a lost connection during a commit neither loses nor repeats the transaction, also when another
//!   process took over meanwhile (`lost_answers`, `group::tests`); where nobody can know, nothing
//!   runs twice.

mod batch;
mod batcher;
mod chain;
mod db;
mod dispatch;
mod engine;
mod error;
mod fact;
mod group;
pub mod idempotency;
mod lease;
mod lock;
mod migrate;
mod reader;
mod seal;
pub mod secret;
mod serve;
mod sql;
mod table;
mod task;
mod tx;
mod value;

pub use batch::Batch;
pub use batcher::Batcher;
pub use db::{Config, Db, EngineKind, LeaseTime, On};
pub use error::{Error, Result};
pub use fact::{Cursor, Fact, StoredFact, Subject, facts_after, partitions};
pub use lease::{Lease, Partition};
pub use seal::{Export, Head, Seal, Sealer};
pub use tx::{Tx, Unbound};
pub use value::{Cell, Columns, FromCell, FromRow, Kind, Params, Row, ToValue, Value};

/// A value of which the installation has one, such as its id. The first that is given stays; that
/// one is returned.
pub fn installation_value(tx: &mut Unbound<'_, '_>, name: &str, otherwise: &str) -> Result<String> {
    table::installation_value(tx, name, otherwise)
}
