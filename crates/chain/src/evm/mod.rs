//! EVM chains: the connector, its settings, and the JSON-RPC client.
//!
//! | file | contents |
//! |---|---|
//! | `config`, `presets` | settings, and presets for known networks |
//! | `rpc` | JSON-RPC over HTTP to an untrusted node |
//! | `numerals` | numbers and bytes in JSON-RPC's format |
//! | `errors` | classification of a node's refusals, by a table |
//! | `header`, `bloom`, `logs`, `receipts`, `transactions` | blocks in JSON, verified |
//! | `connector` | the implementation of [`Connector`](crate::Connector) |
//!
//! The node is not trusted: what it reports about a block is checked against the block's hash, and
//! its answer to a transaction is interpreted only by the table.

mod bloom;
mod config;
mod connector;
mod errors;
mod header;
mod logs;
mod numerals;
mod presets;
mod receipts;
mod rlp;
mod rpc;
mod transactions;

pub use config::{
    BlockChecks, BlockHash, EvmConfig, Gas, L1Fee, LogsBloom, Pricing, Receipts, ReceiptsRoot,
};
pub use connector::Evm;
pub use errors::{Client, ErrorRule};
pub use rpc::{Counters, Limits, NodeUrl, NodeUrlError, Retry};

#[cfg(test)]
mod tests;
