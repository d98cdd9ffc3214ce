//! What comes of a question: every document's opinion, and how opinions add up.

use crate::input::Fee;
use intent::Envelope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use types::{Amount, Role};

/// Most approvals that a document may ask for.
const MAX_APPROVALS: u32 = 20;
/// Most reasons that a decision keeps; the first say enough.
const MAX_REASONS: usize = 20;

/// Why something was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What kind of reason.
    pub code: Why,
    /// The policy that said so, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// In words; a document's own words where it gave some.
    pub text: String,
}

/// The kinds of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No policy is attached to anything that is touched: what nobody allowed is denied.
    NoPolicy,
    /// A policy's `allow` does not hold.
    NotAllowed,
    /// A policy's `deny` says so.
    Denied,
    /// A policy that is named is not there, or has no version.
    Missing,
    /// A policy's document does not compile.
    NotCompiled,
    /// A policy did not come to an answer: an error, too many instructions, too much time, an
    /// answer of no known shape.
    NoAnswer,
    /// What a policy had to know could not be found out.
    Lookup,
    /// The intent cannot be read.
    Unreadable,
    /// It would cost more than the permit may allow.
    Fee,
}

/// What must come before a permit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Obligation {
    /// So many people other than the initiator say yes.
    Approval {
        /// How many, 1 to 20.
        count: u32,
        /// The role that each of them holds, where one is asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// It may be signed, within this envelope.
    Permit {
        /// Caps on fees and signatures.
        envelope: Envelope,
        /// How long the first signature may wait.
        validity_ms: u32,
    },
    /// It may not be signed.
    Denied {
        /// Why.
        reasons: Vec<Reason>,
    },
    /// It may be signed once something else has come.
    Needs {
        /// What.
        obligations: Vec<Obligation>,
    },
}

/// Caps that a document sets. All are optional; what is given narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caps {
    gas: Option<Amount>,
    fee_per_gas: Option<Amount>,
    tip: Option<Amount>,
    total_fee: Option<Amount>,
    signatures: Option<u32>,
    validity_ms: Option<u32>,
}

/// What one document says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opinion {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) needs: Vec<Obligation>,
    pub(crate) caps: Caps,
}

impl Reason {
    pub(crate) fn new(code: Why, policy: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            code,
            policy: policy.map(str::to_owned),
            text: clean(&text.into()),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.policy {
            Some(policy) => write!(f, "{policy}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Obligation {
    /// Whether it asks for something that people can give.
    pub(crate) fn is_sound(&self) -> bool {
        let Obligation::Approval { count, .. } = self;
        (1..=MAX_APPROVALS).contains(count)
    }
}

impl Outcome {
    /// A denial for one reason.
    pub(crate) fn denied(reason: Reason) -> Self {
        Self::Denied {
            reasons: vec![reason],
        }
    }

    /// Its word in the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Permit { .. } => "permit",
            Self::Denied { .. } => "denied",
            Self::Needs { .. } => "needs",
        }
    }
}

/// All opinions together: every one must allow, obligations add up, the narrowest caps hold. No
/// opinion at all is a denial.
pub(crate) fn combine(opinions: Vec<Opinion>, fee: &Fee) -> Outcome {
    if opinions.is_empty() {
        let text =
            "no policy is attached to what this touches, and what no policy allows is denied";
        return Outcome::denied(Reason::new(Why::NoPolicy, None, text));
    }
    let mut reasons: Vec<Reason> = opinions
        .iter()
        .flat_map(|opinion| opinion.reasons.iter().cloned())
        .collect();
    let (envelope, validity_ms) = opinions
        .iter()
        .fold(fee.widest(), |widest, opinion| opinion.caps.narrow(widest));
    if let Err(breach) = envelope.allows(&fee.quote()) {
        reasons.push(Reason::new(
            Why::Fee,
            None,
            format!("the fee as quoted does not fit: {breach}"),
        ));
    }
    if !reasons.is_empty() {
        reasons.truncate(MAX_REASONS);
        return Outcome::Denied { reasons };
    }
    let obligations: BTreeSet<Obligation> = opinions
        .into_iter()
        .flat_map(|opinion| opinion.needs)
        .collect();
    if obligations.is_empty() {
        Outcome::Permit {
            envelope,
            validity_ms,
        }
    } else {
        Outcome::Needs {
            obligations: obligations.into_iter().collect(),
        }
    }
}

impl Caps {
    fn narrow(&self, (envelope, validity_ms): (Envelope, u32)) -> (Envelope, u32) {
        let least = |have: Amount, cap: Option<Amount>| cap.map_or(have, |cap| have.min(cap));
        let gas = least(Amount::from(envelope.gas), self.gas);
        let narrow = Envelope {
            gas: gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: least(envelope.fee_per_gas, self.fee_per_gas),
            tip: least(envelope.tip, self.tip),
            total_fee: least(envelope.total_fee, self.total_fee),
            signatures: self
                .signatures
                .map_or(envelope.signatures, |most| envelope.signatures.min(most)),
        };
        (
            narrow,
            self.validity_ms
                .map_or(validity_ms, |most| validity_ms.min(most)),
        )
    }
}

/// Text that a database takes and a person reads: no NUL, not too long.
fn clean(text: &str) -> String {
    const LONGEST: usize = 500;
    let clean = types::hostile_text(text.as_bytes());
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fee(most: u64) -> Fee {
        let terms = |n: u64| serde_json::json!({"gas": "10", "fee_per_gas": "2", "tip": "1", "total_fee": n.to_string()});
        let mut envelope = terms(most);
        envelope["signatures"] = 5.into();
        envelope["validity_ms"] = 1_000.into();
        serde_json::from_value(serde_json::json!({"quote": terms(20), "envelope": envelope}))
            .expect("a fee")
    }

    fn caps(json: &str) -> Opinion {
        Opinion {
            caps: serde_json::from_str(json).expect("caps"),
            ..Opinion::default()
        }
    }

    fn needing(count: u32) -> Opinion {
        Opinion {
            needs: vec![Obligation::Approval { count, role: None }],
            ..Opinion::default()
        }
    }

    #[test]
    fn nobody_said_yes_is_no() {
        let Outcome::Denied { reasons } = combine(vec![], &fee(100)) else {
            panic!("permitted")
        };
        assert_eq!(reasons[0].code, Why::NoPolicy);
    }

    #[test]
    fn the_narrowest_of_all_caps_holds() {
        let both = vec![
            caps(r#"{"total_fee": "50", "signatures": 2}"#),
            caps(r#"{"total_fee": "40", "gas": "99"}"#),
        ];
        let Outcome::Permit {
            envelope,
            validity_ms,
        } = combine(both, &fee(100))
        else {
            panic!("denied")
        };
        assert_eq!(
            (envelope.total_fee, envelope.signatures, envelope.gas),
            (Amount::from(40), 2, 10)
        );
        assert_eq!(validity_ms, 1_000);
    }

    #[test]
    fn a_permit_that_could_not_be_used_is_a_denial() {
        let Outcome::Denied { reasons } = combine(vec![caps(r#"{"total_fee": "19"}"#)], &fee(100))
        else {
            panic!("permitted")
        };
        assert_eq!(reasons[0].code, Why::Fee);
        assert!(matches!(
            combine(vec![caps(r#"{"total_fee": "20"}"#)], &fee(100)),
            Outcome::Permit { .. }
        ));
    }

    #[test]
    fn obligations_add_up_and_a_denial_ends_them() {
        let Outcome::Needs { obligations } =
            combine(vec![needing(2), needing(3), needing(2)], &fee(100))
        else {
            panic!("not needed")
        };
        assert_eq!(obligations.len(), 2);
        let no = Opinion {
            reasons: vec![Reason::new(Why::Denied, Some("p"), "no")],
            ..Opinion::default()
        };
        assert!(matches!(
            combine(vec![needing(2), no], &fee(100)),
            Outcome::Denied { .. }
        ));
    }

    #[test]
    fn words_of_documents_fit_a_database() {
        let reason = Reason::new(Why::Denied, None, format!("a\0{}", "ü".repeat(10_000)));
        assert!(!reason.text.contains('\0'));
        assert_eq!(reason.text.chars().count(), 501);
    }
}
