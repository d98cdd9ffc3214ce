//! What an installation sets: whether documents are checked, limits, and how much fee a permit
//! allows.

use intent::{Envelope, FeeTerms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Amount, ChainId};

/// Settings of policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether a document that is no policy, or an example input that does not fit, is refused
    /// when it is uploaded. Where it is not, such a version is kept, and denies.
    pub check_documents: bool,
    /// Limits.
    pub limits: Limits,
    /// What permits of ordinary intents allow to spend on fees.
    pub envelope: EnvelopeRules,
    /// What permits of cancels and fills allow: they have to outbid what they replace.
    pub cancel_envelope: EnvelopeRules,
}

/// Limits, each with an error or a denial of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest document, and longest example input, in bytes.
    pub document_bytes: usize,
    /// Policies of a namespace.
    pub policies: usize,
    /// Versions of a policy.
    pub versions: usize,
    /// Attachments of a namespace.
    pub attachments: usize,
    /// Policies that one decision may ask.
    pub policies_asked: usize,
    /// Lookups that one policy may ask for in one decision.
    pub lookups: usize,
    /// Longest answer of a lookup as JSON, in bytes.
    pub lookup_bytes: usize,
    /// How long a lookup may take.
    pub lookup_ms: u64,
    /// Longest input as JSON, in bytes, without lookups.
    pub input_bytes: usize,
    /// Instructions that one rule of a document may take.
    pub instructions: usize,
    /// How long one rule of a document may take.
    pub evaluation_ms: u64,
    /// Threads that evaluate at a time.
    pub threads: usize,
}

/// How the envelope of a permit follows from the quote of fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvelopeRules {
    /// Gas, in hundredths of the quote's.
    pub gas_percent: u32,
    /// Fee per gas and tip, in hundredths of the quote's.
    pub fee_percent: u32,
    /// Most fee in all, in a chain's base unit; chains that are not listed have no such cap.
    pub max_total_fee: BTreeMap<ChainId, Amount>,
    /// Different transactions that may be signed on the one witness.
    pub signatures: u32,
    /// How long the first signature may wait.
    pub validity_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            check_documents: true,
            limits: Limits::default(),
            envelope: EnvelopeRules::default(),
            cancel_envelope: EnvelopeRules {
                fee_percent: 2_000,
                validity_ms: 3_600_000,
                ..EnvelopeRules::default()
            },
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 256 * 1024,
            policies: 1_000,
            versions: 1_000,
            attachments: 10_000,
            policies_asked: 50,
            lookups: 64,
            lookup_bytes: 64 * 1024,
            lookup_ms: 5_000,
            input_bytes: 1024 * 1024,
            instructions: 100_000,
            evaluation_ms: 250,
            threads: 4,
        }
    }
}

impl Default for EnvelopeRules {
    /// Half as much gas again, because estimates drift with the state; four times the price, which
    /// leaves room for a dozen bumps by an eighth; ten minutes to the first signature.
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
    /// The widest envelope for a quote. Rounded up, and never above 2^256-1.
    pub fn widest(&self, chain: &ChainId, quote: &FeeTerms) -> Envelope {
        let total = scaled(scaled(quote.total_fee, self.fee_percent), self.gas_percent);
        let gas = scaled(Amount::from(quote.gas), self.gas_percent);
        Envelope {
            gas: gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: scaled(quote.fee_per_gas, self.fee_percent),
            tip: scaled(quote.tip, self.fee_percent),
            total_fee: self
                .max_total_fee
                .get(chain)
                .map_or(total, |most| total.min(*most)),
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
    fn the_widest_envelope_is_a_multiple_of_the_quote_up_to_the_cap() {
        let chain = ChainId::evm(1337);
        let rules = EnvelopeRules {
            gas_percent: 150,
            fee_percent: 200,
            ..EnvelopeRules::default()
        };
        let wide = rules.widest(&chain, &quote(101));
        assert_eq!(
            (wide.gas, wide.fee_per_gas, wide.tip),
            (152, Amount::from(202), Amount::from(202))
        );
        assert_eq!(wide.total_fee, Amount::from(30_603));
        let capped = EnvelopeRules {
            max_total_fee: [(chain.clone(), Amount::from(7))].into(),
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
        let most = FeeTerms {
            gas: u64::MAX,
            fee_per_gas: Amount::MAX,
            tip: Amount::MAX,
            total_fee: Amount::MAX,
        };
        let wide = EnvelopeRules::default().widest(&chain, &most);
        assert_eq!((wide.gas, wide.total_fee), (u64::MAX, Amount::MAX));
        assert_eq!(wide.allows(&most), Ok(()));
    }
}
