//! The asset data model.

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

pub use crud::{create, delete, get, patch, put};
pub use engine::{Chains, Data, OffChain};
pub use error::{Error, Result};
pub use holdings::{BalancesOf, balances};
pub use kind::Type;
pub use lookup::lookup;
pub use metadata::{DeclaredField, Form, declare_field, declared_fields, withdraw_field};
pub use project::{Movements, apply, undo};
pub use query::{Listing, QueryAnswer, bulk_query, list};
pub use update::{
    BulkAnswer, Listed, MAX_ITEMS, Outcome, Prepared, UpdateType, bulk_update, prepare_update, write_update,
};
pub use view::View;
