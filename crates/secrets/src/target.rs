//! What a rotation re-encrypts.

use crate::Result;
use async_trait::async_trait;

/// A component whose secrets are encrypted under the installation's keyring.
#[async_trait]
pub trait RotationTarget: Send + Sync {
    /// The name of the component.
    fn name(&self) -> &'static str;

    /// How many of its secrets are not under the newest data key.
    async fn remaining(&self) -> Result<u64>;

    /// Re-encrypt some secrets after a position of the component's own choosing; the first position
    /// is empty. Secrets that change concurrently are skipped.
    async fn step(&self, after: &str) -> Result<ReencryptionStep>;
}

/// The result of one step of re-encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReencryptionStep {
    /// Secrets that were re-encrypted.
    pub reencrypted: u64,
    /// Secrets that could not be decrypted, and were left unchanged.
    pub undecryptable: u64,
    /// The position after which the next step continues; none at the end.
    pub after: Option<String>,
}
