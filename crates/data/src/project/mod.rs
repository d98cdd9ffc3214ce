//! The built-in projection: what token standards tell of a block, as addresses, pools, NFTs and
//! transfers; and its undoing.
//!
//! Pools are called `main` where a contract has one (ERC-20) and `id-<token>` where it has many
//! (ERC-1155); NFTs `id-<token>`. Text from a chain is hostile: what could not be a key is replaced
//! by what can. Nothing here refuses; only the database may fail.

mod apply;
mod batch;
mod parents;
mod sighting;

pub use apply::{Movements, apply, undo};
