//! What a node's no to a transaction proves, by a table: code and lower-cased text, first match
//! wins.
//!
//! The order is part of the table. `replacement transaction underpriced` contains `transaction
//! underpriced`, so it stands before it. A phrase matches only where a word begins, because
//! `unknown transaction` contains `known transaction`. The same number means different things at
//! different nodes (-32005 is gas limit, log range or batch size at Besu, and patience at
//! providers), so numbers alone count only for the client that is known to mean them. What matches
//! nothing is [`Class::Lost`]: it proves nothing.

use crate::Class;
use serde::{Deserialize, Serialize};

/// The software that answers, where its numbers are to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// Unknown, or a provider in front of several: texts decide.
    #[default]
    Any,
    /// go-ethereum, its forks, GoQuorum, reth, anvil: texts decide there too, since they put
    /// everything under one or two numbers.
    Geth,
    /// Hyperledger Besu: its numbers have meanings of their own.
    Besu,
}

/// A row of one's own, asked before the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// What it proves.
    pub class: Class,
    /// The JSON-RPC error code; none for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// One of these occurs in the text, whatever its case; none for any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
}

/// One row: matches if the client is meant, the code (if any) is the same, and one of the phrases
/// (if any) begins a word in the text.
struct Row {
    class: Class,
    client: Client,
    code: Option<i64>,
    phrases: &'static [&'static str],
}

const fn says(class: Class, phrases: &'static [&'static str]) -> Row {
    Row {
        class,
        client: Client::Any,
        code: None,
        phrases,
    }
}

const fn besu(class: Class, code: i64, phrases: &'static [&'static str]) -> Row {
    Row {
        class,
        client: Client::Besu,
        code: Some(code),
        phrases,
    }
}

const fn code(class: Class, code: i64) -> Row {
    Row {
        class,
        client: Client::Any,
        code: Some(code),
        phrases: &[],
    }
}

/// What providers answer when they want patience.
const PATIENCE: &[&str] = &[
    "too many requests",
    "rate limit",
    "request rate",
    "quota exceeded",
    "compute units per second",
];

static TABLE: &[Row] = &[
    says(
        Class::Known,
        &[
            "already known",
            "known transaction",
            "same hash was already imported",
            "transaction already imported",
            "transaction already in pool",
        ],
    ),
    says(
        Class::ReplacementUnderpriced,
        &[
            "replacement transaction underpriced",
            "replacement not allowed",
        ],
    ),
    says(
        Class::Underpriced,
        &[
            "transaction underpriced",
            "fee too low",
            "gas price below configured minimum gas price",
            "transaction gas price below minimum",
        ],
    ),
    says(
        Class::BelowBaseFee,
        &[
            "max fee per gas less than block base fee",
            "gas price below current base fee",
        ],
    ),
    says(Class::NonceUsed, &["nonce too low", "nonce is too low"]),
    besu(Class::NonceUsed, -32001, &[]),
    says(
        Class::NonceAhead,
        &[
            "nonce too high",
            "nonce is too high",
            "transaction nonce is too distant from current sender nonce",
            "nonce too far in the future",
            "exceeds next nonce",
            "nonce out of range",
            "tx-nonce-too-high",
            "gapped-nonce tx from delegated accounts",
            "in-flight transaction limit reached for delegated accounts",
        ],
    ),
    besu(Class::NonceAhead, -32006, &[]),
    says(
        Class::HoleBelow,
        &["an invalid transaction with a lower nonce exists"],
    ),
    says(
        Class::Funds,
        &[
            "insufficient funds for gas * price + value",
            "insufficient funds for transfer",
            "insufficient funds",
            "upfront cost exceeds account balance",
            "user cant pay the bills",
        ],
    ),
    besu(Class::Funds, -32004, &[]),
    says(
        Class::GasLimit,
        &[
            "intrinsic gas too low",
            "intrinsic gas too high",
            "intrinsic gas exceeds gas limit",
            "exceeds block gas limit",
            "transaction gas limit too high",
            "insufficient gas for floor data gas cost",
        ],
    ),
    besu(Class::GasLimit, -32003, &[]),
    says(
        Class::Size,
        &["oversized data", "max initcode size exceeded"],
    ),
    says(
        Class::PoolFull,
        &["txpool is full", "account limit exceeded"],
    ),
    says(
        Class::Reserved,
        &[
            "address already reserved",
            "authority already reserved",
            "future transaction tries to replace pending",
        ],
    ),
    says(
        Class::Permission,
        &["sender account not authorized to send transactions"],
    ),
    besu(Class::Permission, -32007, &[]),
    // GoQuorum's free chains take no price but 0: for whoever offers one, that is the node's own
    // cap.
    says(
        Class::FeeCap,
        &[
            "transaction fee cap exceeded",
            "exceeds the configured cap",
            "gas price not 0",
        ],
    ),
    says(
        Class::NotReady,
        &[
            "transaction pool not enabled",
            "initial sync is still in progress",
        ],
    ),
    besu(Class::NotReady, -32008, &[]),
    says(
        Class::WrongChain,
        &[
            "invalid sender",
            "wrong chainid",
            "invalid chain id",
            "invalid chainid",
            "invalid signature",
        ],
    ),
    says(Class::Throttled, PATIENCE),
    code(Class::Throttled, -32029),
    code(Class::Throttled, 429),
    // Beyond the field's table: refusals that are for ever.
    says(
        Class::Size,
        &[
            "max priority fee per gas higher than max fee per gas",
            "max priority fee per gas exceeds max fee per gas",
            "nonce has max value",
            "typed transaction too short",
            "empty typed transaction bytes",
            "empty transaction data",
            "failed to decode transaction",
            "rlp:",
        ],
    ),
    says(
        Class::Unsupported,
        &[
            "transaction type not supported",
            "unsupported transaction type",
            "invalid transaction type",
            "only replay-protected (eip-155) transactions allowed over rpc",
            "chainid is required",
            "chainid not supported",
        ],
    ),
];

/// What a no proves: one's own rules first, then the table.
pub fn classify(client: Client, rules: &[ErrorRule], code: i64, message: &str) -> Class {
    let text = message.to_lowercase();
    let own = rules
        .iter()
        .find(|rule| rule.matches(code, &text))
        .map(|rule| rule.class);
    let known = || {
        TABLE
            .iter()
            .find(|row| row.matches(client, code, &text))
            .map(|row| row.class)
    };
    own.or_else(known)
        .or_else(|| ambiguous(client, code, &text))
        .unwrap_or(Class::Lost)
}

/// -32005 is the field's number for "limit exceeded": at a provider, patience. At Besu it has three
/// meanings, all told by the text.
fn ambiguous(client: Client, code: i64, text: &str) -> Option<Class> {
    (client != Client::Besu && code == -32005 && !is_too_much_at_once(text))
        .then_some(Class::Throttled)
}

/// Whether a no to any call, not only to a transaction, means "later".
pub(crate) fn asks_for_patience(code: i64, message: &str) -> bool {
    let text = message.to_lowercase();
    // A contract may revert with any words, these among them.
    if code == 3 || text.contains("revert") {
        return false;
    }
    let phrased = PATIENCE.iter().any(|phrase| begins_a_word(&text, phrase));
    phrased || code == -32029 || code == 429 || (code == -32005 && !is_too_much_at_once(&text))
}

/// Refusals under -32005 that patience does not mend.
fn is_too_much_at_once(text: &str) -> bool {
    [
        "gas limit",
        "range",
        "batch",
        "block",
        "results",
        "response size",
        "logs",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
}

impl Row {
    fn matches(&self, client: Client, code: i64, text: &str) -> bool {
        (self.client == Client::Any || self.client == client)
            && self.code.is_none_or(|own| own == code)
            && (self.phrases.is_empty()
                || self
                    .phrases
                    .iter()
                    .any(|phrase| begins_a_word(text, phrase)))
    }
}

impl ErrorRule {
    fn matches(&self, code: i64, text: &str) -> bool {
        self.code.is_none_or(|own| own == code)
            && (self.contains.is_empty()
                || self
                    .contains
                    .iter()
                    .any(|phrase| text.contains(&phrase.to_lowercase())))
    }

    /// Whether it says anything at all: a rule without code and phrase would swallow every answer.
    pub fn is_sound(&self) -> bool {
        self.code.is_some() || self.contains.iter().any(|phrase| !phrase.is_empty())
    }
}

/// Whether the phrase occurs, and not in the middle of a word.
fn begins_a_word(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric()))
}

#[cfg(test)]
mod tests;
