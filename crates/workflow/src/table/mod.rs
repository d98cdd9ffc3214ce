//! The only SQL of the crate, a file for each kind of thing.

pub(crate) mod binding;
pub(crate) mod figures;
pub(crate) mod listener;
pub(crate) mod run;
pub(crate) mod sealed;
pub(crate) mod step;
pub(crate) mod task;
pub(crate) mod variables;
