//! The envelope of a permit: how much its signatures may spend on fees, and how many there may be.

use serde::{Deserialize, Serialize};
use types::{Amount, Canon};

/// Caps, in the chain's base unit. `gas` is the chain's measure of work: gas on EVM, virtual bytes
/// on chains of coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Most work bought.
    pub gas: u64,
    /// Highest price of a unit of work.
    pub fee_per_gas: Amount,
    /// Highest part of that price which goes to the block's maker.
    pub tip: Amount,
    /// Highest fee in all, whatever the parts say.
    pub total_fee: Amount,
    /// How many different transactions may be signed on the one witness: the first, and its
    /// replacements.
    pub signatures: u32,
}

/// What given bytes may spend on fees at most, read from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeTerms {
    /// Work bought.
    pub gas: u64,
    /// Price of a unit of work (a legacy gas price counts as this and as tip).
    pub fee_per_gas: Amount,
    /// Part of the price for the block's maker.
    pub tip: Amount,
    /// The most that can be charged.
    pub total_fee: Amount,
}

/// Which cap given bytes go beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} {asked} is above the permitted {cap}")]
pub struct Breach {
    /// The name of the cap.
    pub what: &'static str,
    /// What the bytes ask.
    pub asked: Amount,
    /// What the envelope allows.
    pub cap: Amount,
}

impl Envelope {
    /// For bytes that cost no fee: messages and typed data. One signature.
    pub const FREE: Envelope = Envelope {
        gas: 0,
        fee_per_gas: Amount::ZERO,
        tip: Amount::ZERO,
        total_fee: Amount::ZERO,
        signatures: 1,
    };

    /// Whether bytes with these terms fit.
    pub fn allows(&self, terms: &FeeTerms) -> Result<(), Breach> {
        let caps = [
            ("gas", Amount::from(terms.gas), Amount::from(self.gas)),
            ("fee per gas", terms.fee_per_gas, self.fee_per_gas),
            ("tip", terms.tip, self.tip),
            ("total fee", terms.total_fee, self.total_fee),
        ];
        match caps.into_iter().find(|(_, asked, cap)| asked > cap) {
            Some((what, asked, cap)) => Err(Breach { what, asked, cap }),
            None => Ok(()),
        }
    }

    pub(crate) fn canon(&self, canon: Canon) -> Canon {
        canon
            .uint(self.gas)
            .show(&self.fee_per_gas)
            .show(&self.tip)
            .show(&self.total_fee)
            .uint(u64::from(self.signatures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(cap: u64) -> Envelope {
        let cap_amount = Amount::from(cap);
        Envelope {
            gas: cap,
            fee_per_gas: cap_amount,
            tip: cap_amount,
            total_fee: cap_amount,
            signatures: 1,
        }
    }

    #[test]
    fn each_cap_holds_alone() {
        let fits = FeeTerms {
            gas: 5,
            fee_per_gas: Amount::from(5),
            tip: Amount::from(5),
            total_fee: Amount::from(5),
        };
        assert_eq!(envelope(5).allows(&fits), Ok(()));
        let above = Amount::from(6);
        for (what, terms) in [
            ("gas", FeeTerms { gas: 6, ..fits }),
            (
                "fee per gas",
                FeeTerms {
                    fee_per_gas: above,
                    ..fits
                },
            ),
            ("tip", FeeTerms { tip: above, ..fits }),
            (
                "total fee",
                FeeTerms {
                    total_fee: above,
                    ..fits
                },
            ),
        ] {
            assert_eq!(
                envelope(5).allows(&terms).map_err(|breach| breach.what),
                Err(what)
            );
        }
    }
}
