//! Fee terms of a transaction and of its replacement.

use intent::{FeeTerms, Permit};
use types::Amount;

/// The quote, reduced to the permit's caps where it exceeds them: the permitted price may still be
/// enough.
pub(crate) fn cap_to_permit(quote: FeeTerms, permit: Option<&Permit>) -> FeeTerms {
    let Some(caps) = permit.map(|permit| permit.body.envelope) else {
        return quote;
    };
    let fee_per_gas = quote.fee_per_gas.min(caps.fee_per_gas);
    let gas = quote.gas.min(caps.gas);
    let total_fee = Amount::from(gas)
        .checked_mul(fee_per_gas)
        .unwrap_or(Amount::MAX);
    FeeTerms {
        gas,
        fee_per_gas,
        tip: quote.tip.min(caps.tip).min(fee_per_gas),
        total_fee,
        l1_fee: quote.l1_fee,
    }
}

/// Terms that replace a transaction sent with `sent`: price and tip raised by a tenth, rounded up,
/// as nodes require of a replacement, and never below the quote.
pub(crate) fn outbid(quote: FeeTerms, sent: &FeeTerms) -> FeeTerms {
    let tenth_more = |amount: Amount| {
        let eleven = amount.checked_mul(Amount::from(11)).unwrap_or(Amount::MAX);
        eleven
            .checked_div_ceil(Amount::from(10))
            .unwrap_or(Amount::MAX)
    };
    let fee_per_gas = quote.fee_per_gas.max(tenth_more(sent.fee_per_gas));
    let total_fee = Amount::from(quote.gas)
        .checked_mul(fee_per_gas)
        .unwrap_or(Amount::MAX);
    FeeTerms {
        gas: quote.gas,
        fee_per_gas,
        tip: quote.tip.max(tenth_more(sent.tip)),
        total_fee,
        l1_fee: quote.l1_fee,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(gas: u64, fee: u64, tip: u64) -> FeeTerms {
        let total_fee = Amount::from(gas)
            .checked_mul(Amount::from(fee))
            .expect("small");
        FeeTerms {
            gas,
            fee_per_gas: Amount::from(fee),
            tip: Amount::from(tip),
            total_fee,
            l1_fee: Amount::ZERO,
        }
    }

    proptest! {
        #[test]
        fn a_replacement_raises_price_and_tip_by_a_tenth(gas in 1u64..1_000_000, fee in 0u64..1_000_000, tip in 0u64..1_000_000, now in 0u64..1_000_000) {
            let sent = terms(gas, fee, tip);
            let next = outbid(terms(gas, now, now), &sent);
            for (after, before) in [(next.fee_per_gas, sent.fee_per_gas), (next.tip, sent.tip)] {
                let times = |amount: Amount, factor: u64| amount.checked_mul(Amount::from(factor)).expect("small");
                prop_assert!(times(after, 10) >= times(before, 11));
            }
            prop_assert!(next.fee_per_gas >= Amount::from(now));
        }
    }
}
