//! The command that requests the signature of a statement.

use crate::submission::check_texts;
use crate::{Error, Result};
use intent::{Act, Intent};
use std::collections::BTreeMap;
use types::{Canon, ChainId, Digest};

/// The longest message, in bytes. Policies see it twice, in hexadecimal and as text, and their
/// input is limited.
const MAX_MESSAGE: usize = 64 << 10;
/// The length of the digests that keys sign.
const DIGEST_BYTES: usize = 32;

/// The command that requests the signature of a statement.
#[derive(Debug, Clone)]
pub struct NewStatement {
    /// The caller's idempotency key, at most 256 bytes.
    pub idempotency_key: Option<String>,
    /// A message, typed data or an authorization.
    pub intent: Intent,
    /// Whether a message of 32 bytes is accepted: it may be a hash of something that nobody has
    /// seen.
    pub allow_hash: bool,
    /// Policies to evaluate in addition to those attached.
    pub policies: Vec<String>,
    /// Labels of the caller, shown to policy.
    pub labels: BTreeMap<String, String>,
}

impl NewStatement {
    /// The hash that identifies the command: a repeat under the same idempotency key must match it.
    pub(super) fn hash(&self) -> Digest {
        Canon::new("submit-statement", 1)
            .bytes(&self.intent.canon().finish())
            .uint(u64::from(self.allow_hash))
            .list(&self.policies, |canon, name| canon.text(name))
            .text(&serde_json::to_string(&self.labels).expect("texts always serialize"))
            .hash()
    }

    /// Checks the limits, and that a database accepts the texts. Error: `submit.invalid_field`.
    pub(super) fn check(&self) -> Result<()> {
        let labels = self.labels.iter().flat_map(|(name, value)| [name, value]);
        check_texts("Idempotency-Key", self.idempotency_key.as_slice(), 1, 256)?;
        check_texts("policies", &self.policies, 64, 256)?;
        check_texts("labels", labels, 128, 1_024)
    }

    /// Checks the message, typed data or authorization alone: that it can be signed on its chain by
    /// its signer, and that its size is within the limits. Errors: `submit.invalid_field`, and
    /// those of [`intent::statement`] and [`intent::typed_data`].
    pub fn check_act(&self) -> Result<()> {
        match &self.intent.act {
            Act::Message { bytes } => self.check_message(bytes)?,
            Act::TypedData { json } => check_typed_data(&self.intent.chain, json)?,
            Act::Authorization(_) | Act::Transaction(_) => {}
        }
        intent::statement(&self.intent)?;
        Ok(())
    }

    fn check_message(&self, bytes: &[u8]) -> Result<()> {
        let reason = if bytes.len() > MAX_MESSAGE {
            format!("is longer than {MAX_MESSAGE} bytes")
        } else if bytes.len() == DIGEST_BYTES && !self.allow_hash {
            "has 32 bytes and may be a hash of something else; to sign it, set allowHash".to_owned()
        } else {
            return Ok(());
        };
        let field = "message";
        Err(Error::InvalidField { field, reason })
    }
}

/// Whether typed data names its chain, and is in the form that is signed.
fn check_typed_data(chain: &ChainId, json: &str) -> Result<()> {
    let value = serde_json::from_str(json).unwrap_or_default();
    if intent::typed_data(chain, &value)? == *json {
        return Ok(());
    }
    Err(Error::InvalidField {
        field: "typedData",
        reason: "is not in canonical form".to_owned(),
    })
}
