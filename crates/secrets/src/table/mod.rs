//! The only SQL of this crate.

pub(crate) mod data_key;
pub(crate) mod keyring;
pub(crate) mod rotation;
