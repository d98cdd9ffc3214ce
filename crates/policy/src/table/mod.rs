//! The only SQL of this crate, one file per table.

pub(crate) mod attachment;
pub(crate) mod decision;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod policy;
pub(crate) mod revision;
pub(crate) mod version;
