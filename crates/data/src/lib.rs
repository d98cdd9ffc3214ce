//! The asset data model: collections, assets, addresses, pools, NFTs, fragments, transfers,
//! activities with their events, and data; balances computed from transfers; and a query language
//! over all of them.
//!
//! What it never does: talk to a chain, run user code, compare an amount as text or as a float, sum
//! amounts in SQL, or put a name from a request into a statement.
//!
//! All writes by callers are bulk updates: [`bulk_update`], or [`prepare_update`] and
//! [`write_update`] inside the caller's transaction. [`create`], [`put`] and [`patch`] are bulk
//! updates of one item. The transfers of blocks are written by [`apply`] and reverted by [`undo`],
//! in the transaction of the chain's indexer. [`bulk_query`], [`list`], [`get`] and [`balances`]
//! each read one snapshot.
//!
//! ```text
//!              apply            final height reaches its block
//!   (nothing) ───────▶ pending ───────────────────────────────────▶ final
//!                       │    ▲                        (written by a caller: always final)
//!                  undo ▼    │ apply, with this block or another: the same id
//!                     reverted
//! ```
//!
//! The status is computed on read from a row's height, its `reverted` flag and the final height of
//! its chain ([`Chains::final_heights`]); no row is updated when a block becomes final. Reverted
//! transfers are kept: they are found by id, and listed by queries that use `status`. A pool of a
//! contract is called `main` if there is one (ERC-20), unless a caller created the only pool of the
//! contract before, and `id-<token>` if there are many (ERC-1155); an NFT is called `id-<token>`.
//!
//! Facts: `data.<type>.created`, `.updated` and `.deleted` with the object; per block
//! `data.transfers.applied` with the Merkle root of its rows, `.reverted`, `.restored`;
//! `data.address.seen`, `data.pool.distrusted`, `data.pool.set_apart`, `data.field.declared`,
//! `.withdrawn`.
//!
//! Invariants, each with its test (`tests/it`, on both engines):
//! - what a chain did has one writer, the projection: callers annotate its transfers and move
//!   nothing, and what they write at a followed contract stands apart (`writers`);
//! - a balance is the sum of all counted transfers, whatever was applied, undone, replaced or
//!   deleted (`model`);
//! - the balances before and after each change agree with that sum (`model`);
//! - concurrent writers lose no delta (`races`);
//! - a query returns what an independent evaluator finds in the objects (`queries`);
//! - a transfer keeps its id when it is included again, and only one row of an id counts
//!   (`projection`);
//! - a fact commits to the chain data of a batch by its Merkle root, and the verifier detects
//!   changes (`model`);
//! - an invalid request changes nothing and names its field (`bulk`, `hostile`);
//! - another namespace sees and changes nothing (`bulk`).

mod balance;
mod balance_history;
mod crud;
mod decimal;
#[cfg(test)]
mod docs;
mod engine;
mod error;
mod facts;
mod field;
mod filter;
mod fold;
mod holdings;
mod ids;
mod json;
mod kind;
mod lookup;
mod metadata;
mod names;
mod object;
mod path;
mod pending;
mod projection;
mod query;
mod schema;
mod table;
mod token;
mod update;
mod value_type;
mod view;

pub use crud::{create, delete, object, patch, put};
pub use engine::{Chains, Data, OffChain, Parts};
pub use error::{Error, Result};
pub use holdings::{BalanceFilter, balances};
pub use kind::Type;
pub use lookup::{LOOKUPS, LookupInfo, lookup};
pub use metadata::{DeclaredField, declare_field, declared_fields, withdraw_field};
pub use projection::{BlockTransfers, apply, undo};
pub use query::{BulkQueryResult, Listing, OPERATORS, Operand, OperatorInfo, bulk_query, objects};
pub use schema::schema;
pub use token::token_assets;
pub use update::{
    BulkUpdateResult, MAX_ITEMS, ObjectRef, PreparedUpdate, UPDATE_TYPES, UpdateOutcome,
    bulk_update, prepare_update, write_update,
};
pub use value_type::ValueType;
pub use view::View;
