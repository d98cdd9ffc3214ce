//! The fees that a permit allows.

use intent::{Envelope, FeeLimits, FeeTerms};
use serde::{Deserialize, Serialize};
use types::Amount;

/// How the envelope of a permit is derived from the fee quote. The limits of the chain apply in any
/// case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvelopeRules {
    /// Gas, as a percentage of the quote.
    pub gas_percent: u32,
    /// Fee per gas and tip, as a percentage of the quote.
    pub fee_percent: u32,
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
            signatures: 16,
            validity_ms: 600_000,
        }
    }
}

impl EnvelopeRules {
    /// The widest envelope for a quote: a percentage of it, rounded up, at least the floor of the
    /// chain and at most its limits. The total includes the L1 fee.
    pub(crate) fn widest(&self, quote: &FeeTerms, limits: &FeeLimits) -> Envelope {
        // Free gas stays free.
        let floor = if quote.fee_per_gas.is_zero() {
            Amount::ZERO
        } else {
            limits.floor
        };
        let gas = scaled(Amount::from(quote.gas), self.gas_percent);
        let price = scaled(quote.fee_per_gas, self.fee_percent).max(floor);
        let tip = scaled(quote.tip, self.fee_percent).max(floor).min(price);
        let total = scaled(scaled(quote.total_fee, self.fee_percent), self.gas_percent);
        let total = total.max(gas.checked_mul(floor).unwrap_or(Amount::MAX));
        let total = total.checked_add(quote.l1_fee).unwrap_or(Amount::MAX);
        Envelope {
            gas: gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: price.min(limits.max_fee_per_gas),
            tip: tip.min(limits.max_tip),
            total_fee: total.min(limits.max_total_fee),
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
    use proptest::prelude::*;

    fn limits(floor: u64, max: Amount) -> FeeLimits {
        FeeLimits {
            max_tip: max,
            max_fee_per_gas: max,
            max_total_fee: max,
            floor: Amount::from(floor),
        }
    }

    fn quote(n: u64) -> FeeTerms {
        FeeTerms {
            gas: n,
            fee_per_gas: Amount::from(n),
            tip: Amount::from(n),
            total_fee: Amount::from(n)
                .checked_mul(Amount::from(n))
                .unwrap_or(Amount::MAX),
            l1_fee: Amount::ZERO,
        }
    }

    fn rules() -> EnvelopeRules {
        EnvelopeRules {
            gas_percent: 150,
            fee_percent: 200,
            ..EnvelopeRules::default()
        }
    }

    #[test]
    fn the_widest_envelope_is_a_percentage_of_the_quote_up_to_the_limits() {
        let widest = rules().widest(&quote(101), &limits(0, Amount::MAX));
        assert_eq!(
            (widest.gas, widest.fee_per_gas, widest.tip),
            (152, Amount::from(202), Amount::from(202))
        );
        assert_eq!(widest.total_fee, Amount::from(30_603));
        let capped = rules().widest(&quote(101), &limits(0, Amount::from(7)));
        let seven = Amount::from(7);
        assert_eq!(
            (capped.fee_per_gas, capped.tip, capped.total_fee),
            (seven, seven, seven)
        );
    }

    #[test]
    fn the_total_includes_the_l1_fee() {
        let with_l1 = FeeTerms {
            l1_fee: Amount::from(1_000),
            ..quote(101)
        };
        let widest = rules().widest(&with_l1, &limits(0, Amount::MAX));
        assert_eq!(widest.total_fee, Amount::from(31_603));
        let capped = rules().widest(&with_l1, &limits(0, Amount::from(31_000)));
        assert_eq!(capped.total_fee, Amount::from(31_000));
    }

    #[test]
    fn a_price_from_a_quiet_chain_can_be_raised_to_the_floor() {
        let low = FeeTerms {
            tip: Amount::from(1),
            ..quote(8)
        };
        let widest = rules().widest(&low, &limits(1_000, Amount::MAX));
        assert_eq!(
            (widest.fee_per_gas, widest.tip, widest.total_fee),
            (1_000.into(), 1_000.into(), 12_000.into())
        );
        let free = FeeTerms {
            gas: 8,
            ..FeeTerms::default()
        };
        let widest = rules().widest(&free, &limits(1_000, Amount::MAX));
        assert_eq!(
            (widest.fee_per_gas, widest.total_fee),
            (Amount::ZERO, Amount::ZERO)
        );
    }

    #[test]
    fn nothing_overflows() {
        let most = FeeTerms {
            gas: u64::MAX,
            fee_per_gas: Amount::MAX,
            tip: Amount::MAX,
            total_fee: Amount::MAX,
            l1_fee: Amount::ZERO,
        };
        let widest = EnvelopeRules::default().widest(&most, &limits(u64::MAX, Amount::MAX));
        assert_eq!((widest.gas, widest.total_fee), (u64::MAX, Amount::MAX));
        assert_eq!(widest.allows(&most), Ok(()));
    }

    fn amount() -> impl Strategy<Value = Amount> {
        prop_oneof![
            any::<u64>().prop_map(Amount::from),
            any::<[u8; 32]>().prop_map(Amount::from_be_bytes),
            Just(Amount::MAX),
        ]
    }

    proptest! {
        #[test]
        fn no_quote_and_no_percentage_exceeds_the_limits(
            gas in any::<u64>(), price in amount(), tip in amount(), total in amount(),
            l1 in amount(), percents in any::<(u32, u32)>(),
            caps in (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()),
        ) {
            let quote = FeeTerms { gas, fee_per_gas: price, tip, total_fee: total, l1_fee: l1 };
            let limits = FeeLimits {
                max_tip: caps.0.into(),
                max_fee_per_gas: caps.1.into(),
                max_total_fee: caps.2.into(),
                floor: caps.3.into(),
            };
            let rules = EnvelopeRules {
                gas_percent: percents.0,
                fee_percent: percents.1,
                ..EnvelopeRules::default()
            };
            let widest = rules.widest(&quote, &limits);
            prop_assert!(widest.tip <= limits.max_tip);
            prop_assert!(widest.fee_per_gas <= limits.max_fee_per_gas);
            prop_assert!(widest.total_fee <= limits.max_total_fee);
        }
    }
}
