//! Settings of an EVM chain. Unset values come from the preset, then from the defaults here.

mod price;
mod resolve;

pub(super) use price::MIN_HISTORY_BLOCKS;
pub use price::{Gas, L1Fee, Pricing};

use super::errors::{Client, ErrorRule};
use super::rpc::{Limits, NodeUrl, Retry};
use crate::{Error, Finality, Result};
use intent::FeeLimits;
use serde::{Deserialize, Serialize};
use types::ChainId;

/// An EVM chain and its node. Deserialized from JSON, TOML or YAML: `preset` names a row of
/// [`presets`](super::presets), and every other field overrides the preset's.
// `remote` makes the derived functions inherent: `resolve` merges the preset before it calls them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct EvmConfig {
    /// The chain id (EIP-155). The node must serve exactly this chain.
    pub number: u64,
    /// The node's URL. May contain credentials, which are never shown.
    pub url: NodeUrl,
    /// The proxy to the node. Environment variables are ignored.
    #[serde(default)]
    pub proxy: Option<NodeUrl>,
    /// The node software, as far as the meaning of its error codes is concerned.
    #[serde(default)]
    pub client: Client,
    #[serde(default = "finality")]
    pub finality: Finality,
    /// How the gas price is determined.
    #[serde(default)]
    pub pricing: Pricing,
    /// The limits on fees, whatever the node says. Required without a preset.
    pub fees: FeeLimits,
    /// The fee that the chain takes in addition to gas.
    #[serde(default)]
    pub l1_fee: Option<L1Fee>,
    /// How the gas limit is determined.
    #[serde(default)]
    pub gas: Gas,
    /// How often to poll the head.
    #[serde(default = "poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// Limits on time, size, depth, batches and concurrency.
    #[serde(default)]
    pub limits: Limits,
    /// Retries of reads.
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub check: BlockChecks,
    /// How receipts are fetched.
    #[serde(default)]
    pub receipts: Receipts,
    /// Rules applied before the table of node errors.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
}

/// A common depth for public chains, used if the chain has no preset.
fn finality() -> Finality {
    Finality::Depth { blocks: 20 }
}

fn poll_interval_ms() -> u64 {
    1_000
}

/// Checks of the node's answers about blocks. Relax them only for chains with rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlockChecks {
    /// Whether a header's hash is recomputed from its fields.
    pub block_hash: BlockHash,
    /// Whether the logs of a block must match its header's bloom filter.
    pub logs_bloom: LogsBloom,
    /// Whether the receipts of a block must match its header's receipts root.
    pub receipts_root: ReceiptsRoot,
}

impl Default for BlockChecks {
    fn default() -> Self {
        Self {
            block_hash: BlockHash::Strict,
            logs_bloom: LogsBloom::Exact,
            receipts_root: ReceiptsRoot::Strict,
        }
    }
}

/// Whether a header's hash is recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockHash {
    /// Recompute it, and reject a header that does not match.
    Strict,
    /// Trust the node.
    Off,
}

/// How the logs of a block are checked against its header's bloom filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogsBloom {
    /// They must give exactly that filter: nothing is missing or added, as far as a bloom filter
    /// shows.
    Exact,
    /// They must cover that filter: nothing is missing. For chains that add logs outside of
    /// transactions (Polygon) or leave the filter empty.
    Covered,
    /// Not checked.
    Off,
}

/// How the receipts of a block, if all are fetched, are checked against its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptsRoot {
    /// They must give its receipts root, which proves status, logs, order and number.
    Strict,
    /// Not checked. For chains with receipt types of their own (OP stack deposits, Polygon state
    /// sync).
    Off,
}

/// How receipts are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipts {
    /// All receipts of a block in one call, if signers are watched and the node supports it: one
    /// round trip, for chains with mostly our own transactions.
    #[default]
    Block,
    /// Single receipts, for watched signers only: less data, for chains with mostly other
    /// transactions.
    Transaction,
}

impl EvmConfig {
    /// The chain's id.
    pub fn chain(&self) -> ChainId {
        ChainId::evm(self.number)
    }

    /// Validates the settings.
    pub(crate) fn validated(self) -> Result<Self> {
        let checks = [
            (self.number > 0, "number", "at least 1"),
            (self.poll_interval_ms > 0, "poll_interval_ms", "at least 1"),
            (self.retry.attempts > 0, "retry.attempts", "at least 1"),
            (self.limits.batch > 0, "limits.batch", "at least 1"),
            (
                self.limits.concurrency > 0,
                "limits.concurrency",
                "at least 1",
            ),
            (
                self.limits.json_depth >= 8,
                "limits.json_depth",
                "at least 8: receipts nest that deep",
            ),
            (
                self.limits.response_bytes >= 1_024,
                "limits.response_bytes",
                "at least 1024",
            ),
            (
                self.limits.timeout_ms > 0,
                "limits.timeout_ms",
                "at least 1",
            ),
            (
                self.gas.scale_percent >= 100,
                "gas.scale_percent",
                "at least 100",
            ),
            (self.gas.max > 0, "gas.max", "at least 1"),
            (
                self.errors.iter().all(ErrorRule::is_valid),
                "errors",
                "a rule needs a code or a phrase",
            ),
        ];
        if let Some((_, field, why)) = checks.into_iter().find(|(valid, ..)| !valid) {
            return Err(Error::InvalidConfig {
                field,
                why: why.to_owned(),
            });
        }
        self.pricing.validate(&self.fees).map(|()| self)
    }
}
