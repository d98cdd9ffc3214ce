//! The only SQL of the crate, one file per table.

pub(crate) mod contract;
pub(crate) mod interface;
