//! What can come back instead of a result.

use crate::Error;
use serde::Deserialize;
use serde_json::Value;
use types::ChainId;

/// What came back instead of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// Nothing that could be an answer: refused, reset, timed out, a server error.
    Silent {
        /// What was seen.
        why: String,
    },
    /// The server asks for patience.
    Throttled {
        /// For how long, where it says so.
        wait_ms: Option<u64>,
        /// Its words.
        why: String,
    },
    /// An answer that cannot be right.
    Nonsense {
        /// What is wrong with it.
        why: String,
    },
    /// The server turned the request away before any JSON-RPC.
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The node's own no.
    Said(ErrorObject),
}

/// A JSON-RPC error object.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ErrorObject {
    /// Its number.
    pub(crate) code: i64,
    /// Its words, cut to what a person reads.
    #[serde(default)]
    pub(crate) message: String,
    /// More, in whatever form.
    #[serde(default)]
    pub(crate) data: Option<Value>,
}

/// More of a node's words than this helps nobody, and may be a way to fill a disk.
const LONGEST_MESSAGE: usize = 512;

impl ErrorObject {
    /// The message as it may be logged and stored: short, no control characters.
    pub(crate) fn words(&self) -> String {
        words(&self.message)
    }

    /// The server takes no batch of this size: geth -32600 `batch too large`, Besu -32005 `Number
    /// of requests exceeds max batch size`.
    pub(super) fn is_about_the_batch(&self) -> bool {
        self.message.to_lowercase().contains("batch")
    }

    /// The method does not exist there, or not with these parameters.
    pub(crate) fn is_not_offered(&self) -> bool {
        self.is_unknown_method() || self.code == -32602
    }

    /// JSON-RPC: the method does not exist there.
    pub(crate) fn is_unknown_method(&self) -> bool {
        let text = self.message.to_lowercase();
        self.code == -32601
            || text.contains("method not found")
            || text.contains("does not exist/is not available")
    }
}

/// Somebody else's text, made fit for logs and databases.
pub(crate) fn words(text: &str) -> String {
    text.chars()
        .take(LONGEST_MESSAGE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl Failure {
    /// As the crate's error.
    pub(crate) fn into_error(self, chain: &ChainId) -> Error {
        let chain = chain.to_string();
        match self {
            Self::Silent { why } | Self::Throttled { why, .. } => Error::Unreachable { chain, why },
            Self::Nonsense { why } => Error::Untrusted { chain, why },
            Self::Rejected { status } => Error::Refused {
                chain,
                number: i64::from(status),
                message: format!("HTTP status {status}"),
            },
            Self::Said(error) => Error::Refused {
                chain,
                number: error.code,
                message: error.words(),
            },
        }
    }

    /// Whether the same question may be asked again soon.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::Throttled { .. })
    }
}
