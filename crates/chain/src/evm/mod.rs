//! EVM chains: the connector, its settings, and the way to the node.
//!
//! | file | what |
//! |---|---|
//! | `config`, `presets` | settings, and chains whose settings are known |
//! | `rpc` | JSON-RPC over HTTP, as to a stranger |
//! | `numerals` | numbers and bytes as JSON-RPC writes them |
//! | `errors` | what a node's no to a transaction proves, by a table |
//! | `header`, `bloom`, `logs`, `receipts` | what a block must be like to be believed |
//! | `connector` | the interface to the rest of Florin |
//!
//! The node is a stranger: what it says about a block is held against the block's hash, and what it
//! says about a transaction proves only what the table says it proves.

mod bloom;
mod config;
mod connector;
mod errors;
mod header;
mod logs;
mod numerals;
pub mod presets;
mod receipts;
mod rlp;
mod rpc;

pub use config::{BlockHash, Check, EvmConfig, Gas, LogsBloom, Pricing, Receipts, ReceiptsRoot};
pub use connector::Evm;
pub use errors::{Client, ErrorRule, classify};
pub use rpc::{Counters, Limits, NodeUrl, NodeUrlError, Retry};

#[cfg(test)]
mod tests;
