//! A second voice: a policy engine elsewhere that must permit as well. It can only deny.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Where an OPA server is asked, as a second voice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpaServer {
    /// The base of its URLs: https, or http on this machine. Empty: no server is asked.
    pub url: String,
    /// The document that must be `true`, with `/` between its parts.
    pub path: String,
    /// The timeout of a question.
    pub timeout_ms: u64,
}

impl Default for OpaServer {
    fn default() -> Self {
        Self {
            url: String::new(),
            path: "florin/permit".to_owned(),
            timeout_ms: 1_000,
        }
    }
}

/// A policy engine that is asked before a permit is given.
#[async_trait]
pub trait SecondVoice: Send + Sync {
    /// Ask whether an input, as JSON text, is permitted. The error tells why not, or why there is
    /// no answer.
    async fn permits(&self, input: &str) -> Result<(), String>;
}
