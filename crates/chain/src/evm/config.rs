//! How an EVM chain is set up. What is not written follows from the preset, and what the preset
//! does not say from the defaults here.

mod price;
mod resolve;

pub use price::{Gas, Pricing};

use super::errors::{Client, ErrorRule};
use super::rpc::{Limits, NodeUrl, Retry};
use crate::{Error, Finality, Result};
use serde::{Deserialize, Serialize};
use types::ChainId;

/// An EVM chain and the node that serves it. Read it from JSON, TOML or YAML: `preset` names a row
/// of [`presets`](super::presets), and everything written beside it goes before the preset's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvmConfig {
    /// The chain's number (EIP-155). The node must serve exactly this one.
    pub number: u64,
    /// Where the node listens. May hold credentials; it is shown without them.
    pub url: NodeUrl,
    /// The proxy on the way to it; none asks for none, whatever the environment says.
    pub proxy: Option<NodeUrl>,
    /// The software that answers, as far as the meaning of its error numbers goes.
    pub client: Client,
    /// When a block is final.
    pub finality: Finality,
    /// How the price of gas is found.
    pub pricing: Pricing,
    /// How the amount of gas is found.
    pub gas: Gas,
    /// How often the head is looked at.
    pub poll_interval_ms: u64,
    /// Time, size, depth, batch and concurrency of the connection.
    pub limits: Limits,
    /// When and how often a read is asked again.
    pub retry: Retry,
    /// What is checked of the node's answers about blocks.
    pub check: Check,
    /// How receipts are fetched.
    pub receipts: Receipts,
    /// Own rows before the table of node errors.
    pub errors: Vec<ErrorRule>,
}

/// What is checked of the node's answers about blocks. Less than the default is for chains whose
/// rules are their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// Whether a header's hash is recomputed from its fields.
    pub block_hash: BlockHash,
    /// Whether the logs of a block must explain its header's bloom filter.
    pub logs_bloom: LogsBloom,
    /// Whether the receipts of a block must have the root that its header holds.
    pub receipts_root: ReceiptsRoot,
}

impl Default for Check {
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
    /// It is, and a header that does not give its hash is refused.
    Strict,
    /// It is not: the node's word counts.
    Off,
}

/// How the logs of a block are held against its header's bloom filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogsBloom {
    /// They give exactly that filter: nothing is missing, nothing is added (as far as a bloom
    /// filter tells).
    Exact,
    /// They give at least that filter: nothing is missing. For chains that add logs outside of
    /// transactions (Polygon), or leave the filter empty.
    Covered,
    /// Not at all.
    Off,
}

/// How the receipts of a block, where all are fetched, are held against its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptsRoot {
    /// They give its root: status, logs, their order and number are proven.
    Strict,
    /// Not at all. For chains with kinds of receipts of their own (OP stack deposits, Polygon's
    /// state synchronisation).
    Off,
}

/// How receipts are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipts {
    /// All of a block in one call, where signers are watched and the node can: one round trip, for
    /// chains that are mostly ours.
    #[default]
    Block,
    /// One by one, those of watched signers only: less to read, for chains that are mostly others'.
    Transaction,
}

impl EvmConfig {
    /// The settings of a preset for a chain and a node.
    ///
    /// # Errors
    /// [`Error::Config`]: there is no such preset, or the number is 0.
    pub fn preset(name: &str, number: u64, url: NodeUrl) -> Result<Self> {
        let mut config = resolve::preset(name)?;
        config.number = number;
        config.url = url;
        config.checked()
    }

    /// The chain's name.
    pub fn chain(&self) -> ChainId {
        ChainId::evm(self.number)
    }

    /// The same, if it makes sense.
    pub(crate) fn checked(self) -> Result<Self> {
        let rules = [
            (self.number > 0, "number", "a chain's number is at least 1"),
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
            (
                self.errors.iter().all(ErrorRule::is_sound),
                "errors",
                "a rule needs a code or a phrase",
            ),
        ];
        if let Some((_, field, why)) = rules.into_iter().find(|(holds, ..)| !holds) {
            return Err(Error::Config {
                field,
                why: why.to_owned(),
            });
        }
        self.pricing.checked().map(|()| self)
    }
}
