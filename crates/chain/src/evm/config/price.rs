//! Settings for the gas limit and the gas price.

use crate::{Error, Result};
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
    pub max: Option<u64>,
}

impl Default for Gas {
    fn default() -> Self {
        Self {
            scale_percent: 150,
            max: None,
        }
    }
}

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
        /// The highest tip. A higher tip is reduced to it.
        #[serde(default)]
        max_tip: Option<Amount>,
        /// The highest price. If the base fee is above it, quotes fail with `chain.fee_too_high`.
        #[serde(default)]
        max_fee_per_gas: Option<Amount>,
    },
    /// The node's suggested price.
    Legacy {
        /// Scales the suggestion, in percent.
        #[serde(default = "legacy_percent")]
        scale_percent: u64,
        /// The highest price. If the suggestion is above it, quotes fail with `chain.fee_too_high`.
        #[serde(default)]
        max_gas_price: Option<Amount>,
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
            max_tip: None,
            max_fee_per_gas: None,
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

/// Four blocks, as other transaction managers use.
fn history_blocks() -> u64 {
    4
}

fn min_tip() -> Amount {
    Amount::from(1)
}

fn legacy_percent() -> u64 {
    100
}

impl Pricing {
    pub(super) fn validate(&self) -> Result<()> {
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
                history_blocks: 0 | 1025..,
                ..
            } => invalid("pricing.history_blocks", "1 to 1024"),
            Self::Eip1559 {
                min_tip,
                max_tip: Some(max),
                ..
            } if min_tip > max => invalid("pricing.max_tip", "at least min_tip"),
            Self::Eip1559 {
                min_tip,
                max_fee_per_gas: Some(max),
                ..
            } if min_tip > max => invalid("pricing.max_fee_per_gas", "at least min_tip"),
            Self::Legacy {
                scale_percent: ..100,
                ..
            } => invalid("pricing.scale_percent", "at least 100"),
            Self::Fixed {
                fee_per_gas,
                tip: Some(tip),
            } if tip > fee_per_gas => invalid("pricing.tip", "at most fee_per_gas"),
            _ => Ok(()),
        }
    }
}
