//! The fees that a permit allows.

use intent::{Envelope, FeeTerms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Amount, ChainId};

/// How the envelope of a permit is derived from the fee quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvelopeRules {
    /// Gas, as a percentage of the quote.
    pub gas_percent: u32,
    /// Fee per gas and tip, as a percentage of the quote.
    pub fee_percent: u32,
    /// The largest total fee in the chain's base unit; chains that are not listed have no such cap.
    pub max_total_fee: BTreeMap<ChainId, Amount>,
    /// Different transactions that may be signed for the same replay key.
    pub signatures: u32,
    /// How long the first signature may wait.
    pub validity_ms: u32,
}

impl Default for EnvelopeRules {
    /// 150 % of the gas, because estimates drift with the state. 400 % of the price, which leaves
    /// room for a dozen bumps of 12.5 %. Ten minutes until the first signature.
    fn default() -> Self {
        Self {
            gas_percent: 150,
            fee_percent: 400,
            max_total_fee: BTreeMap::new(),
            signatures: 16,
            validity_ms: 600_000,
        }
    }
}

impl EnvelopeRules {
    /// The widest envelope for a quote, rounded up and at most 2^256-1.
    pub(crate) fn widest(&self, chain: &ChainId, quote: &FeeTerms) -> Envelope {
        let total = scaled(scaled(quote.total_fee, self.fee_percent), self.gas_percent);
        let gas = scaled(Amount::from(quote.gas), self.gas_percent);
        Envelope {
            gas: gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: scaled(quote.fee_per_gas, self.fee_percent),
            tip: scaled(quote.tip, self.fee_percent),
            total_fee: self
                .max_total_fee
                .get(chain)
                .map_or(total, |limit| total.min(*limit)),
            signatures: self.signatures,
        }
    }
}

fn scaled(amount: Amount, percent: u32) -> Amount {
    let hundredths = amount.checked_mul(Amount::from(u64::from(percent)));
    hundredths
        .and_then(|product| product.checked_div_ceil(Amount::from(100)))
        .unwrap_or(Amount::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(n: u64) -> FeeTerms {
        FeeTerms {
            gas: n,
            fee_per_gas: Amount::from(n),
            tip: Amount::from(n),
            total_fee: Amount::from(n)
                .checked_mul(Amount::from(n))
                .unwrap_or(Amount::MAX),
        }
    }

    #[test]
    fn the_widest_envelope_is_a_percentage_of_the_quote_up_to_the_cap() {
        let chain = ChainId::evm(1337);
        let rules = EnvelopeRules {
            gas_percent: 150,
            fee_percent: 200,
            ..EnvelopeRules::default()
        };
        let widest = rules.widest(&chain, &quote(101));
        assert_eq!(
            (widest.gas, widest.fee_per_gas, widest.tip),
            (152, Amount::from(202), Amount::from(202))
        );
        assert_eq!(widest.total_fee, Amount::from(30_603));
        let capped = EnvelopeRules {
            max_total_fee: [(chain, Amount::from(7))].into(),
            ..rules
        };
        assert_eq!(
            capped.widest(&chain, &quote(101)).total_fee,
            Amount::from(7)
        );
        assert_eq!(
            capped.widest(&ChainId::evm(1), &quote(101)).total_fee,
            Amount::from(30_603)
        );
    }

    #[test]
    fn nothing_overflows() {
        let chain = ChainId::evm(1);
        let limit = FeeTerms {
            gas: u64::MAX,
            fee_per_gas: Amount::MAX,
            tip: Amount::MAX,
            total_fee: Amount::MAX,
        };
        let widest = EnvelopeRules::default().widest(&chain, &limit);
        assert_eq!((widest.gas, widest.total_fee), (u64::MAX, Amount::MAX));
        assert_eq!(widest.allows(&limit), Ok(()));
    }
}
