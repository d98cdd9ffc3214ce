//! The current gas price, by the configured rule.

use super::Evm;
use crate::evm::config::Pricing;
use crate::evm::header::Header;
use crate::evm::numerals::{Big, Hex, show};
use crate::evm::rpc::{Call, Failure, Reply, parse};
use crate::{Error, Result};
use intent::FeeTerms;
use intent::evm::Price;
use serde::Deserialize;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use types::Amount;

/// Whether the chain supports EIP-1559 prices, as its newest block shows. A fork may enable them,
/// so each quote observes it again.
#[derive(Debug)]
pub(super) struct FeeFormat {
    has_base_fee: AtomicBool,
    known: AtomicBool,
}

impl Default for FeeFormat {
    fn default() -> Self {
        Self {
            has_base_fee: AtomicBool::new(true),
            known: AtomicBool::new(false),
        }
    }
}

impl FeeFormat {
    fn observe(&self, head: &Header) -> bool {
        let has = head.base_fee_per_gas.is_some();
        self.has_base_fee.store(has, Ordering::Relaxed);
        self.known.store(true, Ordering::Relaxed);
        has
    }

    fn observed(&self) -> Option<bool> {
        self.known
            .load(Ordering::Relaxed)
            .then(|| self.has_base_fee.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct History {
    #[serde(default)]
    reward: Option<Vec<Vec<Big>>>,
    #[serde(default)]
    base_fee_per_gas: Option<Vec<Big>>,
}

impl Evm {
    /// The calls needed, beside the newest block, to determine the price.
    pub(super) fn price_calls(&self) -> Vec<Call> {
        match &self.config.pricing {
            Pricing::Eip1559 {
                percentile,
                history_blocks,
                ..
            } if self.fee_format.observed() != Some(false) => {
                vec![Call::new(
                    "eth_feeHistory",
                    json!([show(*history_blocks), "latest", [percentile]]),
                )]
            }
            Pricing::Eip1559 { .. } | Pricing::Legacy { .. } => {
                vec![Call::new("eth_gasPrice", json!([]))]
            }
            Pricing::Fixed { .. } | Pricing::Zero => Vec::new(),
        }
    }

    /// The price, from the newest block and the reply to [`Self::price_calls`].
    pub(super) async fn price(&self, head: &Header, reply: Option<Reply>) -> Result<Price> {
        let has_base_fee = self.fee_format.observe(head);
        match &self.config.pricing {
            Pricing::Zero => Ok(Price::Legacy {
                gas_price: Amount::ZERO,
            }),
            Pricing::Fixed {
                fee_per_gas,
                tip: None,
            } => Ok(Price::Legacy {
                gas_price: *fee_per_gas,
            }),
            Pricing::Fixed {
                fee_per_gas,
                tip: Some(tip),
            } => Ok(Price::Eip1559 {
                cap: *fee_per_gas,
                tip: *tip,
            }),
            Pricing::Legacy { .. } => self.legacy(reply).await,
            Pricing::Eip1559 { .. } if !has_base_fee => self.legacy(None).await,
            Pricing::Eip1559 { .. } => self.eip1559(head, reply).await,
        }
    }

    /// The price of planned terms, in the format that the chain supports.
    pub(super) async fn price_of(&self, terms: &FeeTerms) -> Result<Price> {
        let legacy = match &self.config.pricing {
            Pricing::Zero | Pricing::Legacy { .. } | Pricing::Fixed { tip: None, .. } => true,
            Pricing::Fixed { tip: Some(_), .. } => false,
            Pricing::Eip1559 { .. } => !self.has_base_fee().await?,
        };
        match legacy {
            true => Ok(Price::Legacy {
                gas_price: terms.fee_per_gas,
            }),
            false => Ok(Price::Eip1559 {
                cap: terms.fee_per_gas,
                tip: terms.tip,
            }),
        }
    }

    async fn has_base_fee(&self) -> Result<bool> {
        if let Some(has) = self.fee_format.observed() {
            return Ok(has);
        }
        let head = self.header_by_number("latest").await?;
        Ok(self
            .fee_format
            .observe(&head.ok_or_else(|| self.invalid_response("it returned no newest block"))?))
    }

    async fn legacy(&self, reply: Option<Reply>) -> Result<Price> {
        let Hex(suggested): Big = match reply {
            Some(reply) => self.parse(reply)?,
            None => self.request("eth_gasPrice", json!([])).await?,
        };
        let (scale, max) = match &self.config.pricing {
            Pricing::Legacy {
                scale_percent,
                max_gas_price,
            } => (*scale_percent, *max_gas_price),
            Pricing::Eip1559 {
                max_fee_per_gas, ..
            } => (100, *max_fee_per_gas),
            Pricing::Fixed { .. } | Pricing::Zero => (100, None),
        };
        let scaled = percent(suggested, scale);
        match max {
            Some(cap) if suggested > cap => Err(self.fee_too_high(suggested, cap)),
            Some(cap) => Ok(Price::Legacy {
                gas_price: scaled.min(cap),
            }),
            None => Ok(Price::Legacy { gas_price: scaled }),
        }
    }

    async fn eip1559(&self, head: &Header, reply: Option<Reply>) -> Result<Price> {
        let history = match reply.map(parse::<History>) {
            Some(Ok(history)) => Some(history),
            // The node may support base fees but not the fee history: use the newest block's base
            // fee.
            Some(Err(Failure::RpcError(error))) if error.is_unknown_method() => None,
            Some(Err(failure)) => return Err(self.error(failure)),
            None => None,
        };
        let next = history
            .as_ref()
            .and_then(|history| history.base_fee_per_gas.as_ref()?.last().copied());
        let Hex(base) = next.or(head.base_fee_per_gas).unwrap_or_default();
        self.eip1559_price(base, median(history.and_then(|history| history.reward)))
    }

    fn eip1559_price(&self, base: Amount, median_tip: Option<Amount>) -> Result<Price> {
        let Pricing::Eip1559 {
            base_fee_percent,
            min_tip,
            max_tip,
            max_fee_per_gas,
            ..
        } = &self.config.pricing
        else {
            return Err(self.invalid_response("the pricing has no base fee"));
        };
        let tip = median_tip
            .unwrap_or(*min_tip)
            .max(*min_tip)
            .min(max_tip.unwrap_or(Amount::MAX));
        let minimum = base.checked_add(*min_tip).unwrap_or(Amount::MAX);
        let ceiling = max_fee_per_gas.unwrap_or(Amount::MAX);
        if minimum > ceiling {
            return Err(self.fee_too_high(minimum, ceiling));
        }
        let cap = percent(base, *base_fee_percent)
            .checked_add(tip)
            .unwrap_or(Amount::MAX)
            .min(ceiling);
        Ok(Price::Eip1559 {
            cap,
            tip: tip.min(cap),
        })
    }

    fn fee_too_high(&self, price: Amount, cap: Amount) -> Error {
        Error::FeeTooHigh {
            chain: self.chain.to_string(),
            price,
            cap,
        }
    }
}

/// Scales an amount, rounding up and saturating.
fn percent(amount: Amount, percent: u64) -> Amount {
    let scaled = amount
        .checked_mul(Amount::from(percent))
        .and_then(|scaled| scaled.checked_div_ceil(Amount::from(100)));
    scaled.unwrap_or(Amount::MAX)
}

/// The median of the tips paid. Blocks without a tip (mostly empty ones) are ignored.
fn median(reward: Option<Vec<Vec<Big>>>) -> Option<Amount> {
    let tips = reward?
        .into_iter()
        .filter_map(|block| block.first().copied())
        .map(|Hex(tip)| tip);
    let mut tips: Vec<Amount> = tips.filter(|tip| !tip.is_zero()).collect();
    tips.sort_unstable();
    tips.get(tips.len() / 2).copied()
}
