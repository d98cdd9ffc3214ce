//! The input that documents see: one typed form, described by `policies/input.schema.json`.

mod exact;
mod schema;

pub(crate) use schema::misfit;

use crate::{Approval, Config, Question, TaskRef, WalletRef};
use exact::numbers_as_text;
use intent::{AccessEntry, Act, Authorisation, Effects, Envelope, FeeTerms, Output};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use types::{Amount, ChainId, Digest, Family, KeyId, Kind, Namespace, Role, Time};

/// Everything a document is told, but for the answers of its lookups.
#[derive(Debug, Serialize)]
pub(crate) struct Input<'q> {
    purpose: &'static str,
    namespace: &'q Namespace,
    initiator: Initiator<'q>,
    wallet: Option<&'q WalletRef>,
    key: Option<KeyId>,
    signer: &'q str,
    chain: Chain<'q>,
    intent: ShownIntent<'q>,
    effects: &'q Effects,
    interface: Option<Digest>,
    fee: Fee,
    time: Moment,
    task: Option<&'q TaskRef>,
    assets: &'q [String],
    labels: &'q BTreeMap<String, String>,
    approvals: &'q [Approval],
}

#[derive(Debug, Serialize)]
struct Initiator<'q> {
    id: &'q str,
    kind: Kind,
    roles: &'q [Role],
}

#[derive(Debug, Serialize)]
struct Chain<'q> {
    id: &'q ChainId,
    family: &'static str,
}

/// An intent as documents see it: every number a text.
#[derive(Debug, Serialize)]
struct ShownIntent<'q> {
    hash: Digest,
    #[serde(flatten)]
    act: ShownAct<'q>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ShownAct<'q> {
    Transaction {
        to: Option<&'q str>,
        value: Amount,
        data: String,
        outputs: &'q [Output],
        access: &'q [AccessEntry],
        authorisations: Vec<ShownAuthorisation<'q>>,
    },
    TypedData {
        typed_data: Value,
    },
    Authorisation {
        authorisation: ShownAuthorisation<'q>,
    },
    Message {
        message: String,
        text: Option<&'q str>,
    },
}

#[derive(Debug, Serialize)]
struct ShownAuthorisation<'q> {
    authority: &'q str,
    delegate: &'q str,
    nonce: String,
    any_chain: bool,
}

/// Fees as documents see them; read back where a decision is replayed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fee {
    /// What it would cost now.
    quote: ShownTerms,
    /// The widest envelope that the configuration allows.
    envelope: ShownEnvelope,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ShownTerms {
    gas: Amount,
    fee_per_gas: Amount,
    tip: Amount,
    total_fee: Amount,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ShownEnvelope {
    #[serde(flatten)]
    terms: ShownTerms,
    signatures: u32,
    validity_ms: u32,
}

/// A moment, in the forms that rules need; documents read no clock.
#[derive(Debug, Serialize)]
struct Moment {
    at: Time,
    unix_ms: String,
    /// 1 is Monday, 7 is Sunday; in UTC as all of it.
    weekday: i64,
    hour: i64,
    minute: i64,
}

impl<'q> Input<'q> {
    pub(crate) fn of(
        question: &'q Question,
        effects: &'q Effects,
        config: &Config,
        now: Time,
    ) -> Self {
        let intent = &question.intent;
        Self {
            purpose: if question.is_cancel() {
                "cancel"
            } else {
                "act"
            },
            namespace: &question.initiator.namespace,
            initiator: Initiator {
                id: &question.initiator.id,
                kind: question.initiator.kind,
                roles: &question.initiator.roles,
            },
            wallet: question.wallet.as_ref(),
            key: question.key,
            signer: &intent.signer,
            chain: Chain {
                id: &intent.chain,
                family: family(&intent.chain),
            },
            intent: ShownIntent {
                hash: intent.hash(),
                act: shown(&intent.act),
            },
            effects,
            interface: question.interface.as_ref().map(|interface| interface.hash),
            fee: Fee::of(question, config),
            time: Moment::of(now),
            task: question.task.as_ref(),
            assets: &question.assets,
            labels: &question.labels,
            approvals: &question.approvals,
        }
    }
}

impl Fee {
    fn of(question: &Question, config: &Config) -> Self {
        let rules = if question.is_cancel() {
            &config.cancel_envelope
        } else {
            &config.envelope
        };
        let widest = match question.intent.act {
            Act::Transaction(_) => rules.widest(&question.intent.chain, &question.quote),
            _ => Envelope::FREE,
        };
        let envelope = ShownEnvelope {
            terms: ShownTerms {
                gas: Amount::from(widest.gas),
                fee_per_gas: widest.fee_per_gas,
                tip: widest.tip,
                total_fee: widest.total_fee,
            },
            signatures: widest.signatures,
            validity_ms: rules.validity_ms,
        };
        let quote = &question.quote;
        let quote = ShownTerms {
            gas: Amount::from(quote.gas),
            fee_per_gas: quote.fee_per_gas,
            tip: quote.tip,
            total_fee: quote.total_fee,
        };
        Self { quote, envelope }
    }

    /// What it would cost now.
    pub(crate) fn quote(&self) -> FeeTerms {
        let terms = &self.quote;
        FeeTerms {
            gas: terms.gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: terms.fee_per_gas,
            tip: terms.tip,
            total_fee: terms.total_fee,
        }
    }

    /// The widest envelope, and how long the first signature may wait.
    pub(crate) fn widest(&self) -> (Envelope, u32) {
        let terms = &self.envelope.terms;
        let envelope = Envelope {
            gas: terms.gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: terms.fee_per_gas,
            tip: terms.tip,
            total_fee: terms.total_fee,
            signatures: self.envelope.signatures,
        };
        (envelope, self.envelope.validity_ms)
    }
}

impl Moment {
    fn of(now: Time) -> Self {
        let (minutes, days) = (now.secs().div_euclid(60), now.secs().div_euclid(86_400));
        Self {
            at: now,
            unix_ms: now.millis().to_string(),
            weekday: (days + 3).rem_euclid(7) + 1, // 1970 began on a Thursday
            hour: minutes.div_euclid(60).rem_euclid(24),
            minute: minutes.rem_euclid(60),
        }
    }
}

fn family(chain: &ChainId) -> &'static str {
    match chain.family() {
        Some(Family::Evm) => "evm",
        Some(Family::Utxo) => "utxo",
        None => "unknown",
    }
}

fn shown(act: &Act) -> ShownAct<'_> {
    match act {
        Act::Transaction(transaction) => {
            let value = transaction
                .outputs
                .iter()
                .try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value));
            ShownAct::Transaction {
                to: transaction
                    .outputs
                    .first()
                    .and_then(|output| output.to.as_deref()),
                value: value.unwrap_or(Amount::MAX),
                data: prefixed(&transaction.data),
                outputs: &transaction.outputs,
                access: &transaction.access,
                authorisations: transaction
                    .authorisations
                    .iter()
                    .map(shown_authorisation)
                    .collect(),
            }
        }
        Act::TypedData { json } => {
            // What is not JSON was refused by `intent::effects` before; shown as it is, it could at
            // worst be denied.
            let typed_data = serde_json::from_str(&numbers_as_text(json)).unwrap_or(Value::Null);
            ShownAct::TypedData { typed_data }
        }
        Act::Authorisation(one) => ShownAct::Authorisation {
            authorisation: shown_authorisation(one),
        },
        Act::Message { bytes } => ShownAct::Message {
            message: prefixed(bytes),
            text: std::str::from_utf8(bytes).ok(),
        },
    }
}

fn shown_authorisation(one: &Authorisation) -> ShownAuthorisation<'_> {
    ShownAuthorisation {
        authority: &one.authority,
        delegate: &one.delegate,
        nonce: one.nonce.to_string(),
        any_chain: one.any_chain,
    }
}

fn prefixed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::Moment;
    use types::Time;

    #[test]
    fn days_and_hours_of_utc() {
        // A Thursday, then a Sunday in the last minute before midnight, then a Wednesday before
        // 1970.
        for (text, weekday, hour, minute) in [
            ("2026-01-01T00:00:00Z", 4, 0, 0),
            ("2026-01-04T23:59:59.999999Z", 7, 23, 59),
            ("1969-12-31T23:00:00Z", 3, 23, 0),
        ] {
            let moment = Moment::of(text.parse::<Time>().expect("a time"));
            assert_eq!(
                (moment.weekday, moment.hour, moment.minute),
                (weekday, hour, minute),
                "{text}"
            );
        }
    }
}
