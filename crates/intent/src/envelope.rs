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
    /// Without `l1_fee`.
    pub total_fee: Amount,
    /// The upper bound of a fee that the chain takes in addition and that the bytes do not limit,
    /// as it was quoted: the L1 fee of an OP-stack chain. Zero if read from bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub l1_fee: Amount,
}

/// The most that a transaction of a chain may spend on fees, whatever its node or a quote says, in
/// the chain's base unit. Set by the configuration of the chain. The default allows no fee at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeLimits {
    /// The part of the price paid to the block producer. Applies to a legacy gas price too.
    pub max_tip: Amount,
    /// Price of a unit of work.
    pub max_fee_per_gas: Amount,
    /// The total fee of a transaction, with its L1 fee.
    pub max_total_fee: Amount,
    /// A price that a permit always allows within the limits, so that a price that was quoted on a
    /// quiet chain can be raised.
    pub floor: Amount,
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
        first_exceeded(caps)
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

impl FeeTerms {
    /// The total fee with the L1 fee; at most 2^256-1.
    pub fn full_fee(&self) -> Amount {
        let full = self.total_fee.checked_add(self.l1_fee);
        full.unwrap_or(Amount::MAX)
    }
}

impl FeeLimits {
    /// Checks fee terms against each limit. The field of the error is the name of a setting.
    pub fn allow(&self, terms: &FeeTerms) -> Result<(), EnvelopeExceeded> {
        let limits = [
            ("fees.max_tip", terms.tip, self.max_tip),
            (
                "fees.max_fee_per_gas",
                terms.fee_per_gas,
                self.max_fee_per_gas,
            ),
            ("fees.max_total_fee", terms.full_fee(), self.max_total_fee),
        ];
        first_exceeded(limits)
    }
}

fn first_exceeded<const N: usize>(
    caps: [(&'static str, Amount, Amount); N],
) -> Result<(), EnvelopeExceeded> {
    match caps.into_iter().find(|(_, requested, cap)| requested > cap) {
        Some((field, requested, cap)) => Err(EnvelopeExceeded {
            field,
            requested,
            cap,
        }),
        None => Ok(()),
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(amount: &Amount) -> bool {
    amount.is_zero()
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
            l1_fee: Amount::ZERO,
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

    #[test]
    fn each_limit_is_checked_alone_and_the_l1_fee_counts() {
        let five = Amount::from(5);
        let limits = FeeLimits {
            max_tip: five,
            max_fee_per_gas: five,
            max_total_fee: five,
            floor: Amount::ZERO,
        };
        let within = FeeTerms {
            gas: u64::MAX,
            fee_per_gas: five,
            tip: five,
            total_fee: Amount::from(3),
            l1_fee: Amount::from(2),
        };
        assert_eq!(limits.allow(&within), Ok(()));
        let above = Amount::from(6);
        for (field, terms) in [
            (
                "fees.max_tip",
                FeeTerms {
                    tip: above,
                    ..within
                },
            ),
            (
                "fees.max_fee_per_gas",
                FeeTerms {
                    fee_per_gas: above,
                    ..within
                },
            ),
            (
                "fees.max_total_fee",
                FeeTerms {
                    l1_fee: Amount::from(3),
                    ..within
                },
            ),
            (
                "fees.max_total_fee",
                FeeTerms {
                    l1_fee: Amount::MAX,
                    ..within
                },
            ),
        ] {
            let refused = limits.allow(&terms).map_err(|exceeded| exceeded.field);
            assert_eq!(refused, Err(field));
        }
    }
}
