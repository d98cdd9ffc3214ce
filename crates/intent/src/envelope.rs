//! The envelope of a permit: caps on fees and on the number of signatures.

use serde::{Deserialize, Serialize};
use types::{Amount, Canon};

/// Caps in the chain's base unit. `gas` is the chain's measure of work: gas on EVM, virtual bytes
/// on UTXO chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    pub gas: u64,
    /// Price of a unit of work.
    pub fee_per_gas: Amount,
    /// The part of the price paid to the block producer.
    pub tip: Amount,
    /// The total fee, independently of the other caps.
    pub total_fee: Amount,
    /// How many different transactions may be signed for one replay key: the first and its
    /// replacements.
    pub signatures: u32,
}

/// The most that given bytes can spend on fees, read from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeTerms {
    pub gas: u64,
    /// Price of a unit of work. A legacy gas price counts as both this and the tip.
    pub fee_per_gas: Amount,
    /// The part of the price paid to the block producer.
    pub tip: Amount,
    pub total_fee: Amount,
}

/// The first cap of an [`Envelope`] that fee terms exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {requested} is above the permitted {cap}")]
pub struct EnvelopeExceeded {
    /// The name of the exceeded cap.
    pub field: &'static str,
    pub requested: Amount,
    pub cap: Amount,
}

impl Envelope {
    /// For statements, which cost no fee: one signature.
    pub const FREE: Envelope = Envelope {
        gas: 0,
        fee_per_gas: Amount::ZERO,
        tip: Amount::ZERO,
        total_fee: Amount::ZERO,
        signatures: 1,
    };

    /// Checks fee terms against each cap. Does not check `signatures`.
    pub fn allows(&self, terms: &FeeTerms) -> Result<(), EnvelopeExceeded> {
        let caps = [
            ("gas", Amount::from(terms.gas), Amount::from(self.gas)),
            ("fee per gas", terms.fee_per_gas, self.fee_per_gas),
            ("tip", terms.tip, self.tip),
            ("total fee", terms.total_fee, self.total_fee),
        ];
        match caps.into_iter().find(|(_, requested, cap)| requested > cap) {
            Some((field, requested, cap)) => Err(EnvelopeExceeded {
                field,
                requested,
                cap,
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn canon(&self, canon: Canon) -> Canon {
        canon
            .uint(self.gas)
            .display(&self.fee_per_gas)
            .display(&self.tip)
            .display(&self.total_fee)
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
    fn each_cap_is_checked_alone() {
        let within = FeeTerms {
            gas: 5,
            fee_per_gas: Amount::from(5),
            tip: Amount::from(5),
            total_fee: Amount::from(5),
        };
        assert_eq!(envelope(5).allows(&within), Ok(()));
        let above = Amount::from(6);
        for (field, terms) in [
            ("gas", FeeTerms { gas: 6, ..within }),
            (
                "fee per gas",
                FeeTerms {
                    fee_per_gas: above,
                    ..within
                },
            ),
            (
                "tip",
                FeeTerms {
                    tip: above,
                    ..within
                },
            ),
            (
                "total fee",
                FeeTerms {
                    total_fee: above,
                    ..within
                },
            ),
        ] {
            assert_eq!(
                envelope(5)
                    .allows(&terms)
                    .map_err(|exceeded| exceeded.field),
                Err(field)
            );
        }
    }
}
