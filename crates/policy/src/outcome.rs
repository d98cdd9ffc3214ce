//! Outcomes: the opinion of each document, and how opinions are combined.

use crate::input::Fee;
use intent::Envelope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use types::{Amount, Role, clip, sanitize_text};

/// The largest number of reasons that a decision keeps.
const MAX_REASONS: usize = 20;

/// A reason for a denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The kind of reason.
    pub code: ReasonCode,
    /// The policy that gave the reason, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The explanation; the document's own message if it gave one.
    pub text: String,
}

/// The kinds of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// No policy is attached to any target: what no policy allows is denied.
    NoPolicy,
    /// A policy's `allow` is not true.
    NotAllowed,
    /// A policy's `deny` gave a message.
    Denied,
    /// A named policy does not exist or has no version.
    Missing,
    /// A policy's document does not compile.
    NotCompiled,
    /// A policy could not be evaluated: an error, a limit, or a result of an unknown form.
    NoAnswer,
    /// A lookup of a policy has no answer.
    Lookup,
    /// The intent cannot be decoded.
    Unreadable,
    /// The quoted fee exceeds the envelope.
    Fee,
    /// The API key of the initiator, or of one in whose name it acts, is revoked or expired, may not
    /// submit any more, or is not recorded.
    NoAuthority,
    /// Every policy that permits it was written or attached by the initiator, or by one in whose
    /// name it acts.
    SamePerson,
}

/// What must be fulfilled before a permit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Obligation {
    /// Approvals by people other than the initiator.
    Approval {
        /// The number of approvals, 1 to 20.
        count: u32,
        /// The role that each approver must hold, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
}

/// The outcome of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::EnumDiscriminants)]
#[serde(tag = "result", rename_all = "snake_case")]
#[strum_discriminants(name(OutcomeKind), vis(pub(crate)))]
#[strum_discriminants(doc = "The kind of an outcome.")]
#[strum_discriminants(derive(strum::EnumString, strum::IntoStaticStr))]
#[strum_discriminants(strum(serialize_all = "snake_case"))]
pub enum Outcome {
    /// The intent may be signed, within this envelope.
    Permit {
        /// The limits of fees and signatures.
        envelope: Envelope,
        /// How long the first signature may wait.
        validity_ms: u32,
    },
    /// The intent may not be signed.
    Denied { reasons: Vec<Reason> },
    /// The intent may be signed once the obligations are fulfilled.
    Needs { obligations: Vec<Obligation> },
}

store::text_columns! { OutcomeKind }

/// Limits set by a document. All are optional and can only narrow the envelope.
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

/// The opinion of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opinion {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) needs: Vec<Obligation>,
    pub(crate) caps: Caps,
}

impl Reason {
    pub(crate) fn new(code: ReasonCode, policy: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            code,
            policy: policy.map(str::to_owned),
            text: sanitized(&text.into()),
        }
    }

    /// No policy is attached to anything that the caller does not choose.
    pub(crate) fn no_policy() -> Self {
        let text = "no policy is attached to any target of this request, so it is denied";
        Self::new(ReasonCode::NoPolicy, None, text)
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

impl Outcome {
    /// A denial for one reason.
    pub(crate) fn denied(reason: Reason) -> Self {
        Self::Denied {
            reasons: vec![reason],
        }
    }

    /// The name of the outcome in the log.
    pub fn as_str(&self) -> &'static str {
        OutcomeKind::from(self).into()
    }
}

/// Combine all opinions: every one must allow, obligations accumulate, and the narrowest caps
/// apply. No opinion at all is a denial.
pub(crate) fn combine(opinions: Vec<Opinion>, fee: &Fee) -> Outcome {
    if opinions.is_empty() {
        return Outcome::denied(Reason::no_policy());
    }
    let (mut reasons, mut obligations) = (Vec::new(), BTreeSet::new());
    let (mut envelope, mut validity_ms) = fee.widest();
    for opinion in opinions {
        (envelope, validity_ms) = opinion.caps.narrow((envelope, validity_ms));
        reasons.extend(opinion.reasons);
        obligations.extend(opinion.needs);
    }
    reasons.extend(fee_reason(fee, &envelope));
    if !reasons.is_empty() {
        reasons.truncate(MAX_REASONS);
        return Outcome::Denied { reasons };
    }
    if obligations.is_empty() {
        envelope.total_fee = fee.without_l1(envelope.total_fee);
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

/// Why the quoted fee does not fit: a limit of the chain, or the envelope of a document.
fn fee_reason(fee: &Fee, envelope: &Envelope) -> Option<Reason> {
    let (quote, (widest, _)) = (fee.quote(), fee.widest());
    let text = match (widest.allows(&quote), envelope.allows(&quote)) {
        (Ok(()), Ok(())) => return None,
        (Ok(()), Err(breach)) => {
            format!("the quoted fee exceeds the envelope of a policy: {breach}")
        }
        (Err(breach), _) => {
            let setting = match breach.field {
                "tip" => "fees.max_tip",
                "fee per gas" => "fees.max_fee_per_gas",
                _ => "fees.max_total_fee",
            };
            format!(
                "the quoted fee exceeds a limit of the chain: {breach}; {setting} in the \
                 configuration of the chain sets it"
            )
        }
    };
    Some(Reason::new(ReasonCode::Fee, None, text))
}

impl Caps {
    fn narrow(&self, (envelope, validity_ms): (Envelope, u32)) -> (Envelope, u32) {
        let narrower = |have: Amount, cap: Option<Amount>| cap.map_or(have, |cap| have.min(cap));
        let gas = narrower(Amount::from(envelope.gas), self.gas);
        let narrow = Envelope {
            gas: gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: narrower(envelope.fee_per_gas, self.fee_per_gas),
            tip: narrower(envelope.tip, self.tip),
            total_fee: narrower(envelope.total_fee, self.total_fee),
            signatures: self
                .signatures
                .map_or(envelope.signatures, |limit| envelope.signatures.min(limit)),
        };
        (
            narrow,
            self.validity_ms
                .map_or(validity_ms, |limit| validity_ms.min(limit)),
        )
    }
}

/// Text that is safe to store and to display: no NUL, limited length.
fn sanitized(text: &str) -> String {
    const MAX_CHARS: usize = 500;
    clip(&sanitize_text(text.as_bytes()), MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fee(limit: u64) -> Fee {
        let terms = |n: u64| serde_json::json!({"gas": "10", "fee_per_gas": "2", "tip": "1", "total_fee": n.to_string()});
        let mut envelope = terms(limit);
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

    fn requiring(count: u32) -> Opinion {
        Opinion {
            needs: vec![Obligation::Approval { count, role: None }],
            ..Opinion::default()
        }
    }

    #[test]
    fn no_opinion_is_a_denial() {
        let Outcome::Denied { reasons } = combine(vec![], &fee(100)) else {
            panic!("permitted")
        };
        assert_eq!(reasons[0].code, ReasonCode::NoPolicy);
    }

    #[test]
    fn the_narrowest_caps_apply() {
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
        assert_eq!(reasons[0].code, ReasonCode::Fee);
        assert!(matches!(
            combine(vec![caps(r#"{"total_fee": "20"}"#)], &fee(100)),
            Outcome::Permit { .. }
        ));
    }

    #[test]
    fn the_bytes_may_not_spend_the_part_of_the_total_that_the_l1_fee_takes() {
        let mut with_l1 = serde_json::to_value(fee(100)).expect("a fee");
        with_l1["l1"] = "8".into();
        let with_l1: Fee = serde_json::from_value(with_l1).expect("a fee");
        let Outcome::Permit { envelope, .. } = combine(vec![Opinion::default()], &with_l1) else {
            panic!("denied")
        };
        assert_eq!(envelope.total_fee, Amount::from(92));
    }

    #[test]
    fn a_fee_above_a_limit_of_the_chain_names_the_setting() {
        let Outcome::Denied { reasons } = combine(vec![Opinion::default()], &fee(19)) else {
            panic!("permitted")
        };
        assert_eq!(reasons[0].code, ReasonCode::Fee);
        assert!(
            reasons[0].text.contains("fees.max_total_fee"),
            "{reasons:?}"
        );
    }

    #[test]
    fn obligations_accumulate_and_a_denial_overrides_them() {
        let Outcome::Needs { obligations } =
            combine(vec![requiring(2), requiring(3), requiring(2)], &fee(100))
        else {
            panic!("no obligations")
        };
        assert_eq!(obligations.len(), 2);
        let denial = Opinion {
            reasons: vec![Reason::new(ReasonCode::Denied, Some("p"), "no")],
            ..Opinion::default()
        };
        assert!(matches!(
            combine(vec![requiring(2), denial], &fee(100)),
            Outcome::Denied { .. }
        ));
    }

    #[test]
    fn messages_of_documents_can_be_stored() {
        let reason = Reason::new(
            ReasonCode::Denied,
            None,
            format!("a\0{}", "ü".repeat(10_000)),
        );
        assert!(!reason.text.contains('\0'));
        assert_eq!(reason.text.chars().count(), 501);
    }
}
