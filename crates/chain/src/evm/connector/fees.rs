//! The current gas price, by the configured rule.

use super::Evm;
use crate::evm::config::{MIN_HISTORY_BLOCKS, Pricing};
use crate::evm::header::Header;
use crate::evm::numerals::{Big, Hex, show};
use crate::evm::rpc::{Call, Failure, Reply, parse};
use crate::{Error, Result};
use intent::FeeTerms;
use intent::evm::Price;
use serde::Deserialize;
use serde_json::{Number, json};
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

/// A price, and the least at which a transaction can be mined now.
pub(super) struct MarketPrice {
    pub(super) price: Price,
    pub(super) minimum: Amount,
}

impl MarketPrice {
    fn exactly(price: Price) -> Self {
        let (Price::Legacy {
            gas_price: minimum, ..
        }
        | Price::Eip1559 { cap: minimum, .. }) = price;
        Self { price, minimum }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct History {
    #[serde(default)]
    reward: Option<Vec<Vec<Big>>>,
    #[serde(default)]
    base_fee_per_gas: Option<Vec<Big>>,
    #[serde(default)]
    gas_used_ratio: Vec<Number>,
}

/// The share of a doubled base fee in a price suggested by a node, plus a tip as high as the base
/// fee.
const SUGGESTION_PERCENT: u64 = 300;

impl Evm {
    /// The calls needed, beside the newest block, to determine the price.
    pub(super) fn price_calls(&self) -> Vec<Call> {
        match &self.config.pricing {
            Pricing::Eip1559 {
                percentile,
                history_blocks,
                ..
            } if self.fee_format.observed() != Some(false) => {
                vec![
                    Call::new(
                        "eth_feeHistory",
                        json!([show(*history_blocks), "latest", [percentile]]),
                    ),
                    Call::new("eth_maxPriorityFeePerGas", json!([])),
                ]
            }
            Pricing::Eip1559 { .. } | Pricing::Legacy { .. } => {
                vec![Call::new("eth_gasPrice", json!([]))]
            }
            Pricing::Fixed { .. } | Pricing::Zero => Vec::new(),
        }
    }

    /// The price, from the newest block and the replies to [`Self::price_calls`].
    pub(super) async fn price(&self, head: &Header, replies: Vec<Reply>) -> Result<MarketPrice> {
        let has_base_fee = self.fee_format.observe(head);
        let mut replies = replies.into_iter();
        match &self.config.pricing {
            Pricing::Zero => Ok(MarketPrice::exactly(Price::Legacy {
                gas_price: Amount::ZERO,
            })),
            Pricing::Fixed {
                fee_per_gas,
                tip: None,
            } => Ok(MarketPrice::exactly(Price::Legacy {
                gas_price: *fee_per_gas,
            })),
            Pricing::Fixed {
                fee_per_gas,
                tip: Some(tip),
            } => Ok(MarketPrice::exactly(Price::Eip1559 {
                cap: *fee_per_gas,
                tip: *tip,
            })),
            Pricing::Legacy { .. } => self.legacy(head, replies.next()).await,
            Pricing::Eip1559 { .. } if !has_base_fee => self.legacy(head, None).await,
            Pricing::Eip1559 { .. } => self.eip1559(head, replies.next(), replies.next()),
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

    /// A legacy price can go to the block producer as a whole, so that the limit on tips applies.
    async fn legacy(&self, head: &Header, reply: Option<Reply>) -> Result<MarketPrice> {
        let Hex(suggested): Big = match reply {
            Some(reply) => self.parse(reply)?,
            None => self.request("eth_gasPrice", json!([])).await?,
        };
        let fees = &self.config.fees;
        let believed = head.base_fee_per_gas.map_or(suggested, |Hex(base)| {
            suggested.min(plus(percent(base, SUGGESTION_PERCENT), fees.floor))
        });
        let scale = match &self.config.pricing {
            Pricing::Legacy { scale_percent } => *scale_percent,
            Pricing::Eip1559 { .. } | Pricing::Fixed { .. } | Pricing::Zero => 100,
        };
        let (setting, cap) = if fees.max_tip < fees.max_fee_per_gas {
            ("fees.max_tip", fees.max_tip)
        } else {
            ("fees.max_fee_per_gas", fees.max_fee_per_gas)
        };
        if believed > cap {
            return Err(fee_too_high(setting, believed, cap));
        }
        Ok(MarketPrice {
            price: Price::Legacy {
                gas_price: percent(believed, scale).min(cap),
            },
            minimum: believed,
        })
    }

    fn eip1559(
        &self,
        head: &Header,
        history: Option<Reply>,
        suggestion: Option<Reply>,
    ) -> Result<MarketPrice> {
        let history = match history.map(parse::<History>) {
            Some(Ok(history)) => Some(history),
            // The node may support base fees but not the fee history: use the newest block's base
            // fee.
            Some(Err(Failure::RpcError(error))) if error.is_unknown_method() => None,
            Some(Err(failure)) => return Err(self.error(failure)),
            None => None,
        };
        let suggestion = match suggestion.map(parse::<Big>) {
            Some(Ok(Hex(tip))) => Some(tip),
            // An optional method.
            Some(Err(Failure::RpcError(_))) | None => None,
            Some(Err(failure)) => return Err(self.error(failure)),
        };
        let tip = history.as_ref().and_then(History::median_tip);
        let base = next_base_fee(head, history);
        self.eip1559_price(base, tip.or(suggestion))
    }

    /// The price for a tip that the node or other senders suggest. Neither decides how high it may
    /// be.
    fn eip1559_price(&self, base: Amount, suggested_tip: Option<Amount>) -> Result<MarketPrice> {
        let Pricing::Eip1559 {
            base_fee_percent,
            min_tip,
            tip_percent,
            ..
        } = &self.config.pricing
        else {
            return Err(self.invalid_response("the pricing has no base fee"));
        };
        let fees = &self.config.fees;
        let max_tip = plus(percent(base, *tip_percent), fees.floor)
            .max(*min_tip)
            .min(fees.max_tip);
        let tip = suggested_tip.unwrap_or(*min_tip).max(*min_tip).min(max_tip);
        let minimum = plus(base, *min_tip);
        let ceiling = fees.max_fee_per_gas;
        if minimum > ceiling {
            return Err(fee_too_high("fees.max_fee_per_gas", minimum, ceiling));
        }
        let cap = plus(percent(base, *base_fee_percent), tip).min(ceiling);
        Ok(MarketPrice {
            price: Price::Eip1559 {
                cap,
                tip: tip.min(cap),
            },
            minimum,
        })
    }
}

/// The next block's base fee. It rises by an eighth of the newest block's at most (EIP-1559), on
/// chains with rules of their own by less than the double: what a node reports beyond is not
/// believed.
fn next_base_fee(head: &Header, history: Option<History>) -> Amount {
    let Hex(newest) = head.base_fee_per_gas.unwrap_or_default();
    let next = history.and_then(|history| history.base_fee_per_gas?.last().copied());
    let most = plus(percent(newest, 200), Amount::from(1));
    next.map_or(newest, |Hex(next)| next.min(most))
}

/// Scales an amount, rounding up and saturating.
fn percent(amount: Amount, percent: u64) -> Amount {
    let scaled = amount
        .checked_mul(Amount::from(percent))
        .and_then(|scaled| scaled.checked_div_ceil(Amount::from(100)));
    scaled.unwrap_or(Amount::MAX)
}

/// The saturating sum.
fn plus(a: Amount, b: Amount) -> Amount {
    a.checked_add(b).unwrap_or(Amount::MAX)
}

impl History {
    /// The median over the blocks with transactions. `None` if there are too few of them.
    fn median_tip(&self) -> Option<Amount> {
        let blocks = self.reward.iter().flatten().enumerate();
        let mut tips: Vec<Amount> = blocks
            .filter_map(|(index, tips)| Some((index, tips.first()?)))
            .filter(|(index, Hex(tip))| self.has_transactions(*index, *tip))
            .map(|(_, Hex(tip))| *tip)
            .collect();
        tips.sort_unstable();
        (tips.len() >= MIN_HISTORY_BLOCKS).then(|| tips[(tips.len() - 1) / 2])
    }

    /// A node reports a tip of zero for a block without transactions.
    fn has_transactions(&self, index: usize, tip: Amount) -> bool {
        let ratio = self.gas_used_ratio.get(index).and_then(Number::as_f64);
        ratio.map_or(!tip.is_zero(), |ratio| ratio > 0.0)
    }
}

/// The error for a fee above a limit.
pub(super) fn fee_too_high(setting: &'static str, price: Amount, cap: Amount) -> Error {
    Error::FeeTooHigh {
        setting,
        price,
        cap,
    }
}
