//! The only SQL of this crate, one statement per function.

pub(crate) mod address;
pub(crate) mod freeze;
pub(crate) mod named;
pub(crate) mod permit;
pub(crate) mod request;
pub(crate) mod wallet;
