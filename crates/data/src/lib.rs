//! The asset data model: collections, assets, addresses, pools, NFTs, fragments, transfers,
//! activities with their events, and data; with balances that follow from transfers, and a query
//! language over all of it.
//!
//! What it never does: talk to a chain, run user code, compare an amount as text or as a float, sum
//! amounts in SQL, or put a name that came with a request into a statement.
//!
//! Everything that changes goes through one door, the bulk update ([`bulk_update`], or
//! [`prepare_update`] and [`write_update`] inside the transaction of a caller); single objects
//! ([`create`], [`put`], [`patch`]) are a bulk update of one. What token standards tell of blocks
//! comes in by [`apply`] and goes by [`undo`], in the transaction of whoever follows the chain.
//! [`bulk_query`], [`list`], [`get`] and [`balances`] read one snapshot each.
//!
//! ```text
//!              apply                    the watermark passes its block
//!   (nothing) ───────▶ pending ───────────────────────────────────────▶ final        written by a person: final
//!                       │    ▲
//!                  undo ▼    │ apply, with this block or another: the same id
//!                     reverted
//! ```
//!
//! Which of these a row is follows from its height, from `reverted`, and from how far its chain is
//! final ([`Chains::finals`]); no row is written anew when a chain becomes final. Reverted
//! transfers stay as evidence: they are found by id, and listed where `status` is asked for. A pool
//! of a contract is called `main` where there is one (ERC-20), `id-<token>` where there are many
//! (ERC-1155), an NFT `id-<token>`.
//!
//! Facts: `data.<type>.created`, `.updated`, `.deleted` with the object; for a block
//! `data.transfers.applied` with the Merkle root of its rows, `.reverted`, `.restored`;
//! `data.address.seen`, `data.pool.distrusted`, `data.field.declared`, `.withdrawn`.
//!
//! Invariants, each with the test that holds it (`tests/it`, on both engines):
//! - a balance is the sum of what counts, whatever was applied, undone, replaced or deleted
//!   (`model`);
//! - what stood before and after each balance change agrees with that sum (`model`);
//! - no delta is lost between several writers (`races`);
//! - a query finds what an evaluation of its own over the shown objects finds (`queries`);
//! - a transfer keeps its id through re-inclusion, and only one row of an id counts (`projection`);
//! - what a chain said is sealed by the root of its batch, and the verifier sees it changed
//!   (`model`);
//! - a bad request changes nothing and names its field (`bulk`, `hostile`);
//! - another namespace sees and changes nothing (`bulk`).

mod balance;
mod changes;
mod crud;
mod decimal;
mod engine;
mod error;
mod facts;
mod field;
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
mod project;
mod query;
mod shape;
mod table;
mod update;
mod view;

pub use crud::{create, delete, get, patch, prepare_create, put};
pub use engine::{Chains, Data, OffChain};
pub use error::{Error, Result};
pub use holdings::{BalancesOf, balances};
pub use kind::Type;
pub use lookup::lookup;
pub use metadata::{DeclaredField, Form, declare_field, declared_fields, withdraw_field};
pub use project::{Movements, apply, undo};
pub use query::{Listing, QueryAnswer, bulk_query, list};
pub use update::{
    BulkAnswer, Listed, MAX_ITEMS, Outcome, Prepared, UpdateType, bulk_update, prepare_update,
    write_update,
};
pub use view::View;
