//! Classifies a node's refusals of transactions, by a table of codes and lower-cased texts. The
//! first match wins.
//!
//! The order is part of the table: `replacement transaction underpriced` contains `transaction
//! underpriced`, so it comes first. A phrase matches only at the start of a word, because `unknown
//! transaction` contains `known transaction`. A code means different things at different nodes
//! (-32005 is gas limit, log range or batch size at Besu, and rate limit at providers), so a code
//! alone counts only for a client that is known to use it so. An answer that matches nothing is
//! [`RefusalClass::Unclassified`]: it proves nothing.

use crate::RefusalClass;
use serde::{Deserialize, Serialize};

/// The node software, which determines the meaning of error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// Unknown, or a provider in front of several nodes: only texts count.
    #[default]
    Any,
    /// go-ethereum, its forks, GoQuorum, reth, anvil: only texts count, since they use the same one
    /// or two codes for everything.
    Geth,
    /// Hyperledger Besu, whose codes have specific meanings.
    Besu,
}

/// A configured rule, applied before the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The class of a matching answer.
    pub class: RefusalClass,
    /// The JSON-RPC error code. `None` matches any code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Matches if the text contains one of these, ignoring case. Empty matches any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
}

/// A row of the table. Matches on the client, the code (if set), and one of the phrases (if any) at
/// the start of a word.
struct Row {
    class: RefusalClass,
    client: Client,
    code: Option<i64>,
    phrases: &'static [&'static str],
}

const fn any_client(class: RefusalClass, phrases: &'static [&'static str]) -> Row {
    Row {
        class,
        client: Client::Any,
        code: None,
        phrases,
    }
}

const fn besu(class: RefusalClass, code: i64, phrases: &'static [&'static str]) -> Row {
    Row {
        class,
        client: Client::Besu,
        code: Some(code),
        phrases,
    }
}

const fn code(class: RefusalClass, code: i64) -> Row {
    Row {
        class,
        client: Client::Any,
        code: Some(code),
        phrases: &[],
    }
}

/// Rate-limit messages of providers.
const RATE_LIMIT_PHRASES: &[&str] = &[
    "too many requests",
    "rate limit",
    "request rate",
    "quota exceeded",
    "compute units per second",
];

static TABLE: &[Row] = {
    use RefusalClass::*;
    &[
        any_client(
            Known,
            &[
                "already known",
                "known transaction",
                "same hash was already imported",
                "transaction already imported",
                "transaction already in pool",
            ],
        ),
        any_client(
            ReplacementUnderpriced,
            &[
                "replacement transaction underpriced",
                "replacement not allowed",
            ],
        ),
        any_client(
            Underpriced,
            &[
                "transaction underpriced",
                "fee too low",
                "gas price below configured minimum gas price",
                "transaction gas price below minimum",
            ],
        ),
        any_client(
            BelowBaseFee,
            &[
                "max fee per gas less than block base fee",
                "gas price below current base fee",
            ],
        ),
        any_client(NonceUsed, &["nonce too low", "nonce is too low"]),
        besu(NonceUsed, -32001, &[]),
        any_client(
            NonceAhead,
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
        besu(NonceAhead, -32006, &[]),
        any_client(
            LowerNonceInvalid,
            &["an invalid transaction with a lower nonce exists"],
        ),
        any_client(
            Funds,
            &[
                "insufficient funds for gas * price + value",
                "insufficient funds for transfer",
                "insufficient funds",
                "upfront cost exceeds account balance",
                "user cant pay the bills",
            ],
        ),
        besu(Funds, -32004, &[]),
        any_client(
            GasLimit,
            &[
                "intrinsic gas too low",
                "intrinsic gas too high",
                "intrinsic gas exceeds gas limit",
                "exceeds block gas limit",
                "transaction gas limit too high",
                "insufficient gas for floor data gas cost",
            ],
        ),
        besu(GasLimit, -32003, &[]),
        any_client(Size, &["oversized data", "max initcode size exceeded"]),
        any_client(PoolFull, &["txpool is full", "account limit exceeded"]),
        any_client(
            Reserved,
            &[
                "address already reserved",
                "authority already reserved",
                "future transaction tries to replace pending",
            ],
        ),
        any_client(
            Permission,
            &["sender account not authorized to send transactions"],
        ),
        besu(Permission, -32007, &[]),
        // Gas-free GoQuorum chains accept only price 0: for a transaction with a price, that is the
        // node's own cap.
        any_client(
            FeeCap,
            &[
                "transaction fee cap exceeded",
                "exceeds the configured cap",
                "gas price not 0",
            ],
        ),
        any_client(
            NotReady,
            &[
                "transaction pool not enabled",
                "initial sync is still in progress",
            ],
        ),
        besu(NotReady, -32008, &[]),
        any_client(
            WrongChain,
            &[
                "invalid sender",
                "wrong chainid",
                "invalid chain id",
                "invalid chainid",
                "invalid signature",
            ],
        ),
        any_client(Throttled, RATE_LIMIT_PHRASES),
        code(Throttled, -32029),
        code(Throttled, 429),
        // Permanent refusals that no node's documentation lists.
        any_client(
            Size,
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
        any_client(
            Unsupported,
            &[
                "transaction type not supported",
                "unsupported transaction type",
                "invalid transaction type",
                "only replay-protected (eip-155) transactions allowed over rpc",
                "chainid is required",
                "chainid not supported",
            ],
        ),
    ]
};

/// Classifies a refusal: configured rules first, then the table.
pub(super) fn classify(
    client: Client,
    rules: &[ErrorRule],
    code: i64,
    message: &str,
) -> RefusalClass {
    let text = message.to_lowercase();
    let configured = rules
        .iter()
        .find(|rule| rule.matches(code, &text))
        .map(|rule| rule.class);
    let from_table = || {
        TABLE
            .iter()
            .find(|row| row.matches(client, code, &text))
            .map(|row| row.class)
    };
    configured
        .or_else(from_table)
        .or_else(|| ambiguous(client, code, &text))
        .unwrap_or(RefusalClass::Unclassified)
}

/// -32005 means "limit exceeded": a rate limit at providers. At Besu it has three meanings,
/// distinguished by the text.
fn ambiguous(client: Client, code: i64, text: &str) -> Option<RefusalClass> {
    (client != Client::Besu && code == -32005 && !is_request_too_large(text))
        .then_some(RefusalClass::Throttled)
}

/// Whether an error to any call, not only of a transaction, is a rate limit.
pub(crate) fn is_rate_limit(code: i64, message: &str) -> bool {
    let text = message.to_lowercase();
    // A contract may revert with any text, including these phrases.
    if code == 3 || text.contains("revert") {
        return false;
    }
    let has_phrase = RATE_LIMIT_PHRASES
        .iter()
        .any(|phrase| contains_at_word_start(&text, phrase));
    has_phrase || code == -32029 || code == 429 || (code == -32005 && !is_request_too_large(&text))
}

/// Errors with code -32005 that waiting does not resolve.
fn is_request_too_large(text: &str) -> bool {
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
            && self.code.is_none_or(|expected| expected == code)
            && (self.phrases.is_empty()
                || self
                    .phrases
                    .iter()
                    .any(|phrase| contains_at_word_start(text, phrase)))
    }
}

impl ErrorRule {
    fn matches(&self, code: i64, text: &str) -> bool {
        self.code.is_none_or(|expected| expected == code)
            && (self.contains.is_empty()
                || self
                    .contains
                    .iter()
                    .any(|phrase| text.contains(&phrase.to_lowercase())))
    }

    /// A rule without code and phrase would match every answer.
    pub fn is_valid(&self) -> bool {
        self.code.is_some() || self.contains.iter().any(|phrase| !phrase.is_empty())
    }
}

/// Whether the text contains the phrase at the start of a word.
fn contains_at_word_start(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric()))
}

#[cfg(test)]
mod tests;
