//! The only SQL of this crate, one file per table.

pub(crate) mod cursor;
pub(crate) mod delivery;
pub(crate) mod metrics;
pub(crate) mod progress;
pub(crate) mod subscription;
