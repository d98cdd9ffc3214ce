//! The typed input of documents, described by `policies/input.schema.json`.

mod contracts;
mod numbers;
mod schema;
mod task;

pub(crate) use contracts::{assets, contract_value};
pub(crate) use schema::schema_violation;
pub use task::{ReservedMember, task_input};

use crate::{AccountInfo, Approval, DecisionRequest, Settings, TaskRef, WalletRef};
use contracts::InputContract;
use intent::{AccessEntry, Act, Authorization, Effects, Envelope, FeeTerms, Output};
use numbers::stringify_numbers;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use types::{
    Amount, ApiKeyId, Cause, ChainId, Digest, KeyId, Namespace, PermitId, Principal, PrincipalKind,
    Role, Time,
};

/// The input of a document, without the answers of its lookups.
#[derive(Debug, Serialize)]
pub(crate) struct Input<'q> {
    purpose: &'static str,
    supersedes: Option<PermitId>,
    namespace: &'q Namespace,
    initiator: Initiator<'q>,
    wallet: Option<&'q WalletRef>,
    key: Option<KeyId>,
    signer: &'q str,
    chain: Chain<'q>,
    intent: InputIntent<'q>,
    effects: Value,
    contracts: BTreeMap<&'q str, InputContract<'q>>,
    interface: Option<Digest>,
    fee: Fee,
    time: InputTime,
    task: Option<&'q TaskRef>,
    assets: BTreeSet<&'q str>,
    labels: &'q BTreeMap<String, String>,
    approvals: &'q [Approval],
}

#[derive(Debug, Serialize)]
struct Initiator<'q> {
    id: &'q str,
    kind: PrincipalKind,
    key: Option<ApiKeyId>,
    roles: &'q [Role],
    chain_of: &'q [Cause],
}

#[derive(Debug, Serialize)]
struct Chain<'q> {
    id: &'q ChainId,
    family: &'static str,
}

/// An intent as documents see it: every number is a string.
#[derive(Debug, Serialize)]
struct InputIntent<'q> {
    hash: Digest,
    #[serde(flatten)]
    act: InputAct<'q>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum InputAct<'q> {
    Transaction {
        to: Option<&'q str>,
        value: Amount,
        data: String,
        outputs: &'q [Output],
        access: &'q [AccessEntry],
        authorizations: Vec<InputAuthorization<'q>>,
    },
    TypedData {
        typed_data: Value,
    },
    Authorization {
        authorization: InputAuthorization<'q>,
    },
    Message {
        message: String,
        text: Option<&'q str>,
    },
}

#[derive(Debug, Serialize)]
struct InputAuthorization<'q> {
    authority: &'q str,
    delegate: &'q str,
    nonce: String,
    any_chain: bool,
}

/// Fees as documents see them; parsed again when a decision is replayed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Fee {
    /// The estimated cost at the time of the decision.
    quote: InputFeeTerms,
    /// The widest envelope that the configuration allows.
    envelope: InputEnvelope,
    /// The upper bound of the fee that the chain takes on L1, if it takes one; both totals include
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l1: Option<Amount>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct InputFeeTerms {
    gas: Amount,
    fee_per_gas: Amount,
    tip: Amount,
    total_fee: Amount,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct InputEnvelope {
    #[serde(flatten)]
    terms: InputFeeTerms,
    signatures: u32,
    validity_ms: u32,
}

/// A point in time, in the forms that rules need, because documents cannot read a clock.
#[derive(Debug, Serialize)]
struct InputTime {
    at: Time,
    unix_ms: String,
    /// 1 is Monday, 7 is Sunday. All fields are in UTC.
    weekday: i64,
    hour: i64,
    minute: i64,
}

impl<'q> Input<'q> {
    pub(crate) fn of(
        question: &'q DecisionRequest,
        effects: &'q Effects,
        known: &'q BTreeMap<String, AccountInfo>,
        settings: &Settings,
        now: Time,
    ) -> Self {
        let intent = &question.intent;
        Self {
            purpose: question.purpose.as_str(),
            supersedes: question.purpose.supersedes(),
            namespace: &question.initiator.namespace,
            initiator: Initiator::of(&question.initiator),
            wallet: question.wallet.as_ref(),
            key: question.key,
            signer: &intent.signer,
            chain: Chain {
                id: &intent.chain,
                family: family(&intent.chain),
            },
            intent: InputIntent {
                hash: intent.hash(),
                act: act_input(&intent.act),
            },
            effects: contracts::effects(effects, &intent.chain, known),
            contracts: contracts::contracts(known),
            interface: question.interface.as_ref().map(|interface| interface.hash),
            fee: Fee::of(question, settings),
            time: InputTime::of(now),
            task: question.task.as_ref(),
            assets: assets(effects, known),
            labels: &question.labels,
            approvals: &question.approvals,
        }
    }
}

impl<'q> Initiator<'q> {
    fn of(principal: &'q Principal) -> Self {
        Self {
            id: &principal.id,
            kind: principal.kind,
            key: principal.key,
            roles: &principal.roles,
            chain_of: &principal.chain_of,
        }
    }
}

impl Fee {
    fn of(question: &DecisionRequest, settings: &Settings) -> Self {
        let rules = if question.is_cancel() {
            &settings.cancel_envelope
        } else {
            &settings.envelope
        };
        let widest = match question.intent.act {
            Act::Transaction(_) => rules.widest(&question.quote, &question.limits),
            _ => Envelope::FREE,
        };
        let quote = &question.quote;
        Self {
            quote: InputFeeTerms {
                gas: Amount::from(quote.gas),
                fee_per_gas: quote.fee_per_gas,
                tip: quote.tip,
                total_fee: quote.full_fee(),
            },
            envelope: InputEnvelope {
                terms: InputFeeTerms {
                    gas: Amount::from(widest.gas),
                    fee_per_gas: widest.fee_per_gas,
                    tip: widest.tip,
                    total_fee: widest.total_fee,
                },
                signatures: widest.signatures,
                validity_ms: rules.validity_ms,
            },
            l1: (!quote.l1_fee.is_zero()).then_some(quote.l1_fee),
        }
    }

    /// The estimated cost at the time of the decision, with the L1 fee in its total.
    pub(crate) fn quote(&self) -> FeeTerms {
        let terms = &self.quote;
        FeeTerms {
            gas: terms.gas.to_u64().unwrap_or(u64::MAX),
            fee_per_gas: terms.fee_per_gas,
            tip: terms.tip,
            total_fee: terms.total_fee,
            l1_fee: Amount::ZERO,
        }
    }

    /// The part of an envelope's total that the bytes may spend: the L1 fee comes on top of it.
    pub(crate) fn without_l1(&self, total: Amount) -> Amount {
        let l1 = self.l1.unwrap_or_default();
        total.checked_sub(l1).unwrap_or_default()
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

impl InputTime {
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
    chain.family().map_or("unknown", Into::into)
}

fn act_input(act: &Act) -> InputAct<'_> {
    match act {
        Act::Transaction(transaction) => {
            let value = transaction
                .outputs
                .iter()
                .try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value));
            InputAct::Transaction {
                to: transaction
                    .outputs
                    .first()
                    .and_then(|output| output.to.as_deref()),
                value: value.unwrap_or(Amount::MAX),
                data: hex_prefixed(&transaction.data),
                outputs: &transaction.outputs,
                access: &transaction.access,
                authorizations: transaction
                    .authorizations
                    .iter()
                    .map(authorization_input)
                    .collect(),
            }
        }
        Act::TypedData { json } => {
            // `intent::effects` has already rejected what is not JSON. If something got here
            // anyway, `null` makes documents deny it.
            let typed_data = serde_json::from_str(&stringify_numbers(json)).unwrap_or(Value::Null);
            InputAct::TypedData { typed_data }
        }
        Act::Authorization(authorization) => InputAct::Authorization {
            authorization: authorization_input(authorization),
        },
        Act::Message { bytes } => InputAct::Message {
            message: hex_prefixed(bytes),
            text: std::str::from_utf8(bytes).ok(),
        },
    }
}

fn authorization_input(authorization: &Authorization) -> InputAuthorization<'_> {
    InputAuthorization {
        authority: &authorization.authority,
        delegate: &authorization.delegate,
        nonce: authorization.nonce.to_string(),
        any_chain: authorization.any_chain,
    }
}

fn hex_prefixed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::InputTime;
    use types::Time;

    #[test]
    fn days_and_hours_are_in_utc() {
        // A Thursday, then a Sunday in the last minute before midnight, then a Wednesday before
        // 1970.
        for (text, weekday, hour, minute) in [
            ("2026-01-01T00:00:00Z", 4, 0, 0),
            ("2026-01-04T23:59:59.999999Z", 7, 23, 59),
            ("1969-12-31T23:00:00Z", 3, 23, 0),
        ] {
            let moment = InputTime::of(text.parse::<Time>().expect("a time"));
            assert_eq!(
                (moment.weekday, moment.hour, moment.minute),
                (weekday, hour, minute),
                "{text}"
            );
        }
    }
}
