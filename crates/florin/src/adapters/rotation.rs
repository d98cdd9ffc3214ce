//! `secrets::RotationTarget` for the engines that store secrets besides wallets: the policy key,
//! subscriptions, tasks and their runs.

use async_trait::async_trait;
use secrets::{Error, Keyring, ReencryptionStep, Result, RotationTarget};
use store::{Db, Lease};
use types::Coded;

/// The policy key, which signs permits.
pub(crate) struct PolicyTarget {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) keyring: Keyring,
}

/// The signing secrets and credentials of subscriptions.
pub(crate) struct StreamsTarget(pub(crate) streams::Streams);

/// Variable sets, and the encrypted inputs and outputs of runs.
pub(crate) struct WorkflowTarget(pub(crate) workflow::Workflow);

fn rotation_error<E: Coded>(target: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::RotationBlocked {
        target,
        why: error.to_string(),
    }
}

#[async_trait]
impl RotationTarget for PolicyTarget {
    fn name(&self) -> &'static str {
        "policy"
    }

    async fn remaining(&self) -> Result<u64> {
        let outdated = policy::LocalSigner::is_outdated(&self.db, &self.keyring)
            .await
            .map_err(rotation_error(self.name()))?;
        Ok(u64::from(outdated))
    }

    async fn step(&self, _: &str) -> Result<ReencryptionStep> {
        match policy::LocalSigner::reencrypt(&self.db, &self.lease, &self.keyring).await {
            Ok(reencrypted) => Ok(ReencryptionStep {
                reencrypted: u64::from(reencrypted),
                ..ReencryptionStep::default()
            }),
            Err(policy::Error::Secrets(Error::Undecryptable { why })) => {
                tracing::error!(
                    event = "secret.decryption_failed",
                    reason = why,
                    "the policy key cannot be decrypted"
                );
                Ok(ReencryptionStep {
                    undecryptable: 1,
                    ..ReencryptionStep::default()
                })
            }
            Err(error) => Err(rotation_error(self.name())(error)),
        }
    }
}

#[async_trait]
impl RotationTarget for StreamsTarget {
    fn name(&self) -> &'static str {
        "subscriptions"
    }

    async fn remaining(&self) -> Result<u64> {
        streams::count_outdated_secrets(&self.0)
            .await
            .map_err(rotation_error(self.name()))
    }

    async fn step(&self, after: &str) -> Result<ReencryptionStep> {
        streams::reencrypt(&self.0, after)
            .await
            .map_err(rotation_error(self.name()))
    }
}

#[async_trait]
impl RotationTarget for WorkflowTarget {
    fn name(&self) -> &'static str {
        "tasks"
    }

    async fn remaining(&self) -> Result<u64> {
        workflow::count_outdated(&self.0)
            .await
            .map_err(rotation_error(self.name()))
    }

    async fn step(&self, after: &str) -> Result<ReencryptionStep> {
        workflow::reencrypt(&self.0, after)
            .await
            .map_err(rotation_error(self.name()))
    }
}
