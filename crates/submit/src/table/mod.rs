//! The only SQL of the crate, by table.

pub(crate) mod cursor;
pub(crate) mod lane;
pub(crate) mod metrics;
pub(crate) mod replay_key;
pub(crate) mod request;
pub(crate) mod statement;
pub(crate) mod submission;
pub(crate) mod transaction;
