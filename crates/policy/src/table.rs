//! The only SQL of the crate, a file for each table.

pub(crate) mod attachment;
pub(crate) mod decision;
pub(crate) mod key;
pub(crate) mod policy;
pub(crate) mod standing;
pub(crate) mod version;
