//! The only SQL of the crate, one module per group of tables.

pub(crate) mod binding;
pub(crate) mod encrypted;
pub(crate) mod listener;
pub(crate) mod metrics;
pub(crate) mod run;
pub(crate) mod step;
pub(crate) mod task;
