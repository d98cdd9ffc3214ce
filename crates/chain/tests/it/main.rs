//! The connector against a real node (anvil), and against servers that lie.
#![allow(clippy::unwrap_used)]

mod blocks;
mod liar;
mod lies;
mod limits;
mod prices;
mod reads;
mod refusals;
mod reorgs;
mod sending;
mod stand;
