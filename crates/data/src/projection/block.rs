//! What a block brings to the projection.

use types::{Height, Time, Transfer};

/// The transfers of one block.
#[derive(Debug, Clone, Copy)]
pub struct BlockTransfers<'a> {
    pub height: Height,
    pub hash: &'a str,
    /// The block's timestamp.
    pub time: Time,
    /// The transfers, in block order.
    pub transfers: &'a [Transfer],
}
