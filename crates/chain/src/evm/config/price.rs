//! Settings for the gas limit and the gas price.

use crate::{Error, Result};
use intent::FeeLimits;
use serde::{Deserialize, Serialize};
use types::Amount;

/// How the gas limit is determined: the node's estimate plus a margin, since state changes until a
/// transaction is mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gas {
    /// Scales the estimate, in percent. A plain payment's 21000 is exact and not scaled.
    pub scale_percent: u64,
    /// The highest gas limit of a transaction, in addition to the block's own (EIP-7825: 16777216
    /// on Ethereum since Osaka).
    pub max: u64,
}

impl Default for Gas {
    fn default() -> Self {
        Self {
            scale_percent: 150,
            max: 30_000_000,
        }
    }
}

/// A fee that a chain takes in addition to gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum L1Fee {
    /// The fee for the data on L1, as the gas price oracle of the OP stack computes it.
    OpStack,
}

/// The fewest blocks with transactions whose tips say what a chain pays: with fewer, a few
/// transactions of one account would set the price of everybody.
pub(crate) const MIN_HISTORY_BLOCKS: usize = 5;

/// How the gas price is determined. All amounts in wei.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Pricing {
    /// EIP-1559: a tip from the fee history, a cap from the base fee. Falls back to a legacy price
    /// on a chain without a base fee.
    Eip1559 {
        /// The cap as a percentage of the next block's base fee; the tip is added.
        #[serde(default = "base_fee_percent")]
        base_fee_percent: u64,
        /// The percentile of the tips paid in a block, 0 to 100.
        #[serde(default = "percentile")]
        percentile: u8,
        /// The number of blocks in the fee history.
        #[serde(default = "history_blocks")]
        history_blocks: u64,
        /// The lowest tip. Nodes reject less than 1 wei.
        #[serde(default = "min_tip")]
        min_tip: Amount,
        /// The tip is at most this percentage of the next base fee, plus `fees.floor`.
        #[serde(default = "tip_percent")]
        tip_percent: u64,
    },
    /// The node's suggested price.
    Legacy {
        /// Scales the suggestion, in percent.
        #[serde(default = "legacy_percent")]
        scale_percent: u64,
    },
    /// A fixed price: EIP-1559 with a tip, legacy without.
    Fixed {
        /// The legacy price, or the EIP-1559 cap.
        fee_per_gas: Amount,
        #[serde(default)]
        tip: Option<Amount>,
    },
    /// A legacy price of 0, for networks with free gas.
    Zero,
}

impl Default for Pricing {
    fn default() -> Self {
        Self::Eip1559 {
            base_fee_percent: base_fee_percent(),
            percentile: percentile(),
            history_blocks: history_blocks(),
            min_tip: min_tip(),
            tip_percent: tip_percent(),
        }
    }
}

/// A doubled cap stays valid for six full blocks: the base fee rises by at most an eighth per block
/// (EIP-1559).
fn base_fee_percent() -> u64 {
    200
}

fn percentile() -> u8 {
    50
}

/// As geth samples for its own suggestion. Enough to find blocks with transactions on a quiet
/// chain.
fn history_blocks() -> u64 {
    20
}

fn min_tip() -> Amount {
    Amount::from(1)
}

/// A tip as high as the base fee at most doubles the price.
fn tip_percent() -> u64 {
    100
}

fn legacy_percent() -> u64 {
    100
}

impl Pricing {
    pub(super) fn validate(&self, fees: &FeeLimits) -> Result<()> {
        let invalid = |field, why: &str| {
            Err(Error::InvalidConfig {
                field,
                why: why.to_owned(),
            })
        };
        match self {
            Self::Eip1559 {
                base_fee_percent: ..100,
                ..
            } => invalid("pricing.base_fee_percent", "at least 100"),
            Self::Eip1559 {
                percentile: 101.., ..
            } => invalid("pricing.percentile", "at most 100"),
            // Nodes return at most 1024 blocks of history.
            Self::Eip1559 {
                history_blocks: 0..5 | 1025..,
                ..
            } => invalid("pricing.history_blocks", "5 to 1024"),
            Self::Eip1559 { min_tip, .. } if *min_tip > fees.max_tip => {
                invalid("fees.max_tip", "at least pricing.min_tip")
            }
            Self::Legacy {
                scale_percent: ..100,
            } => invalid("pricing.scale_percent", "at least 100"),
            Self::Fixed {
                fee_per_gas,
                tip: Some(tip),
            } if tip > fee_per_gas => invalid("pricing.tip", "at most fee_per_gas"),
            Self::Fixed { fee_per_gas, .. } if *fee_per_gas > fees.max_fee_per_gas => invalid(
                "fees.max_fee_per_gas",
                "at least the fixed price pricing.fee_per_gas",
            ),
            Self::Fixed { fee_per_gas, tip } if tip.unwrap_or(*fee_per_gas) > fees.max_tip => {
                invalid(
                    "fees.max_tip",
                    "at least the fixed tip, or the fixed legacy price",
                )
            }
            _ => Ok(()),
        }
    }
}
