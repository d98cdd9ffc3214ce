//! The failure of a call.

use crate::Error;
use serde::Deserialize;
use serde_json::Value;
use types::ChainId;

/// The result of a call.
pub(crate) type RpcResult<T> = Result<T, Failure>;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// No answer: connection refused or reset, time-out, a server error.
    NoResponse { why: String },
    /// The server's rate limit is reached.
    Throttled {
        /// The requested wait, if the server names one.
        wait_ms: Option<u64>,
        why: String,
    },
    /// The answer is invalid.
    InvalidResponse { why: String },
    /// The server rejected the request at the HTTP level.
    HttpStatus { status: u16 },
    /// The node returned a JSON-RPC error.
    RpcError(ErrorObject),
}

/// A JSON-RPC error object.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ErrorObject {
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
    /// Additional data, in any form.
    #[serde(default)]
    pub(crate) data: Option<Value>,
}

/// The longest message that is kept, so that a node cannot fill the disk.
const MAX_MESSAGE: usize = 512;

impl ErrorObject {
    /// The message for logs and storage: short, without control characters.
    pub(crate) fn sanitized_message(&self) -> String {
        sanitize(&self.message)
    }

    /// The server does not accept a batch of this size: geth -32600 `batch too large`, Besu -32005
    /// `Number of requests exceeds max batch size`.
    pub(super) fn is_batch_limit(&self) -> bool {
        self.message.to_lowercase().contains("batch")
    }

    /// The method, or its parameters, are not supported.
    pub(crate) fn is_unsupported(&self) -> bool {
        self.is_unknown_method() || self.code == -32602
    }

    /// The method does not exist.
    pub(crate) fn is_unknown_method(&self) -> bool {
        let text = self.message.to_lowercase();
        self.code == -32601
            || text.contains("method not found")
            || text.contains("does not exist/is not available")
    }
}

/// Makes text from outside fit for logs and storage.
pub(crate) fn sanitize(text: &str) -> String {
    text.chars()
        .take(MAX_MESSAGE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl Failure {
    /// Converts to the crate's error.
    pub(crate) fn into_error(self, chain: &ChainId) -> Error {
        let chain = chain.to_string();
        match self {
            Self::NoResponse { why } | Self::Throttled { why, .. } => {
                Error::Unreachable { chain, why }
            }
            Self::InvalidResponse { why } => Error::InvalidResponse { chain, why },
            Self::HttpStatus { status } => Error::RequestRejected {
                chain,
                number: i64::from(status),
                message: format!("HTTP status {status}"),
            },
            Self::RpcError(error) => Error::RequestRejected {
                chain,
                number: error.code,
                message: error.sanitized_message(),
            },
        }
    }

    /// Whether a retry may succeed.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::NoResponse { .. } | Self::Throttled { .. })
    }
}
