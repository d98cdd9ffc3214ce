//! How gas and its price are found.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use types::Amount;

/// How the amount of gas is found: the node's estimate, and something on top, since state moves
/// until a transaction is mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gas {
    /// What becomes of an estimate, in percent. A plain payment of 21000 is exact and stays.
    pub scale_percent: u64,
    /// The most that is bought for one transaction, besides the block's own limit (EIP-7825:
    /// 16777216 on Ethereum since Osaka).
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

/// How the price of gas is found. All amounts in wei.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Pricing {
    /// EIP-1559: a tip by the fee history, a cap by the base fee. A chain without a base fee gets a
    /// legacy price.
    Eip1559 {
        /// What part of the base fee of the next block the cap allows for, in percent; the tip
        /// comes on top.
        #[serde(default = "base_fee_percent")]
        base_fee_percent: u64,
        /// Which of the tips paid in a block counts, 0..100.
        #[serde(default = "percentile")]
        percentile: u8,
        /// How many blocks are looked at.
        #[serde(default = "history_blocks")]
        history_blocks: u64,
        /// The least tip: nodes refuse less than 1 wei.
        #[serde(default = "min_tip")]
        min_tip: Amount,
        /// The highest tip; above it, this is offered.
        #[serde(default)]
        max_tip: Option<Amount>,
        /// The highest price; a chain whose base fee is above it is too dear.
        #[serde(default)]
        max_fee_per_gas: Option<Amount>,
    },
    /// One price, as the node suggests.
    Legacy {
        /// What becomes of the suggestion, in percent.
        #[serde(default = "legacy_percent")]
        scale_percent: u64,
        /// The highest price; a chain that asks more is too dear.
        #[serde(default)]
        max_gas_price: Option<Amount>,
    },
    /// As written here. With a tip it is an EIP-1559 price, without one a legacy price.
    Fixed {
        /// The price, or its cap.
        fee_per_gas: Amount,
        /// The tip.
        #[serde(default)]
        tip: Option<Amount>,
    },
    /// Nothing: networks whose gas is free. A legacy price of 0.
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

/// Doubled, the cap outlives six full blocks: the base fee rises by at most an eighth a block
/// (EIP-1559).
fn base_fee_percent() -> u64 {
    200
}

fn percentile() -> u8 {
    50
}

/// As other transaction managers look back: four blocks.
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
    pub(super) fn checked(&self) -> Result<()> {
        let wrong = |field, why: &str| {
            Err(Error::Config {
                field,
                why: why.to_owned(),
            })
        };
        match self {
            Self::Eip1559 {
                base_fee_percent: ..100,
                ..
            } => wrong("pricing.base_fee_percent", "at least 100"),
            Self::Eip1559 {
                percentile: 101.., ..
            } => wrong("pricing.percentile", "at most 100"),
            // Nodes give at most 1024 blocks of history.
            Self::Eip1559 {
                history_blocks: 0 | 1025..,
                ..
            } => wrong("pricing.history_blocks", "1 to 1024"),
            Self::Eip1559 {
                min_tip,
                max_tip: Some(max),
                ..
            } if min_tip > max => wrong("pricing.max_tip", "at least min_tip"),
            Self::Eip1559 {
                min_tip,
                max_fee_per_gas: Some(max),
                ..
            } if min_tip > max => wrong("pricing.max_fee_per_gas", "at least min_tip"),
            Self::Legacy {
                scale_percent: ..100,
                ..
            } => wrong("pricing.scale_percent", "at least 100"),
            Self::Fixed {
                fee_per_gas,
                tip: Some(tip),
            } if tip > fee_per_gas => wrong("pricing.tip", "at most fee_per_gas"),
            _ => Ok(()),
        }
    }
}
