//! The built-in projection of token transfers: addresses, pools, NFTs and transfers of each block,
//! and how they are reverted.
//!
//! A pool is called `main` if the contract has one (ERC-20), and `id-<token>` if it has many
//! (ERC-1155). If a caller created the only pool of the contract, that one is used. An NFT is called
//! `id-<token>`. Nothing that callers write moves what the projection wrote: their transfers and
//! pools are their own, and stand apart. Text from a chain is untrusted and sanitized before
//! it becomes part of a key. Nothing is rejected; only the database can fail.

mod apply;
mod batch;
mod block;
mod followed;
mod observed;
mod parents;

pub use apply::{apply, undo};
pub use block::BlockTransfers;
