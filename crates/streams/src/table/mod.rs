//! The only SQL of the streams, a file for each table.

pub(crate) mod cursor;
pub(crate) mod delivery;
pub(crate) mod figures;
pub(crate) mod progress;
pub(crate) mod subscription;
