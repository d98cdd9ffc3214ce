//! The price of gas now, by the configured rule.

use super::Evm;
use crate::evm::config::Pricing;
use crate::evm::header::Header;
use crate::evm::numerals::{Big, show};
use crate::evm::rpc::{Call, Failure, Reply, parse};
use crate::{Error, Result};
use intent::FeeTerms;
use intent::evm::Price;
use serde::Deserialize;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use types::Amount;

/// Whether the chain takes EIP-1559 prices, as its newest block told. A chain may change from no to
/// yes by a fork, so it is seen anew by each quote.
#[derive(Debug)]
pub(super) struct Format {
    has_base_fee: AtomicBool,
    known: AtomicBool,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            has_base_fee: AtomicBool::new(true),
            known: AtomicBool::new(false),
        }
    }
}

impl Format {
    fn see(&self, head: &Header) -> bool {
        let has = head.base_fee_per_gas.is_some();
        self.has_base_fee.store(has, Ordering::Relaxed);
        self.known.store(true, Ordering::Relaxed);
        has
    }

    fn seen(&self) -> Option<bool> {
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
    /// What to ask a node, beside the newest block, to know the price.
    pub(super) fn price_calls(&self) -> Vec<Call> {
        match &self.config.pricing {
            Pricing::Eip1559 {
                percentile,
                history_blocks,
                ..
            } if self.format.seen() != Some(false) => {
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
        let has_base_fee = self.format.see(head);
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

    /// In which form a price is to be written, so that terms become bytes.
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
        if let Some(has) = self.format.seen() {
            return Ok(has);
        }
        let head = self.header_by_number("latest").await?;
        Ok(self
            .format
            .see(&head.ok_or_else(|| self.untrusted("it has no newest block"))?))
    }

    async fn legacy(&self, reply: Option<Reply>) -> Result<Price> {
        let suggested: Big = match reply {
            Some(reply) => self.parse(reply)?,
            None => self.ask("eth_gasPrice", json!([])).await?,
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
        let asked = percent(suggested.0, scale);
        match max {
            Some(cap) if suggested.0 > cap => Err(self.too_dear(suggested.0, cap)),
            Some(cap) => Ok(Price::Legacy {
                gas_price: asked.min(cap),
            }),
            None => Ok(Price::Legacy { gas_price: asked }),
        }
    }

    async fn eip1559(&self, head: &Header, reply: Option<Reply>) -> Result<Price> {
        let history = match reply.map(parse::<History>) {
            Some(Ok(history)) => Some(history),
            // A node may know base fees and no fee history: the rule goes on with the newest
            // block's base fee.
            Some(Err(Failure::Said(error))) if error.is_unknown_method() => None,
            Some(Err(failure)) => return Err(self.error(failure)),
            None => None,
        };
        let next = history
            .as_ref()
            .and_then(|history| history.base_fee_per_gas.as_ref()?.last().copied());
        let base = next.or(head.base_fee_per_gas).unwrap_or_default().0;
        self.eip1559_price(base, median(history.and_then(|history| history.reward)))
    }

    fn eip1559_price(&self, base: Amount, paid: Option<Amount>) -> Result<Price> {
        let Pricing::Eip1559 {
            base_fee_percent,
            min_tip,
            max_tip,
            max_fee_per_gas,
            ..
        } = &self.config.pricing
        else {
            return Err(self.untrusted("the pricing has no base fee"));
        };
        let tip = paid
            .unwrap_or(*min_tip)
            .max(*min_tip)
            .min(max_tip.unwrap_or(Amount::MAX));
        let least = base.checked_add(*min_tip).unwrap_or(Amount::MAX);
        let ceiling = max_fee_per_gas.unwrap_or(Amount::MAX);
        if least > ceiling {
            return Err(self.too_dear(least, ceiling));
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

    fn too_dear(&self, price: Amount, cap: Amount) -> Error {
        Error::TooDear {
            chain: self.chain.to_string(),
            price,
            cap,
        }
    }
}

/// So many percent of it, rounded up; the largest amount where that passes it.
fn percent(amount: Amount, percent: u64) -> Amount {
    let scaled = amount
        .checked_mul(Amount::from(percent))
        .and_then(|scaled| scaled.checked_div_ceil(Amount::from(100)));
    scaled.unwrap_or(Amount::MAX)
}

/// The middle one of the tips paid. Blocks without a tip (empty ones, most of all) tell nothing.
fn median(reward: Option<Vec<Vec<Big>>>) -> Option<Amount> {
    let paid = reward?
        .into_iter()
        .filter_map(|block| block.first().copied())
        .map(|Big(tip)| tip);
    let mut paid: Vec<Amount> = paid.filter(|tip| !tip.is_zero()).collect();
    paid.sort_unstable();
    paid.get(paid.len() / 2).copied()
}
