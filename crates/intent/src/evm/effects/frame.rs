//! A call, and where it is.

use types::Amount;

/// A call while it is read.
pub(super) struct Frame<'f> {
    /// As in [`Call::path`](crate::Call::path).
    pub(super) path: String,
    pub(super) depth: usize,
    /// The account that the contract sees as its caller.
    pub(super) sender: &'f str,
    pub(super) contract: &'f str,
    /// The account that acts: the contract, except where its code runs as another.
    pub(super) actor: &'f str,
    pub(super) value: Amount,
    pub(super) data: &'f [u8],
}
