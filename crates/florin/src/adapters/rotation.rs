//! `keys::RotationTarget` for the engines that store secrets besides wallets: the policy key,
//! subscriptions, tasks and their runs.

use async_trait::async_trait;
use keys::{RotationTarget, Step};
use store::secrets::Keyring;
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

fn rotation_error<E: Coded>(keeper: &'static str) -> impl Fn(E) -> keys::Error {
    move |error| keys::Error::RotationTarget {
        target: keeper,
        why: error.to_string(),
    }
}

#[async_trait]
impl RotationTarget for PolicyTarget {
    fn name(&self) -> &'static str {
        "policy"
    }

    async fn remaining(&self) -> keys::Result<u64> {
        let outdated = policy::LocalSigner::is_outdated(&self.db, &self.keyring)
            .await
            .map_err(rotation_error(self.name()))?;
        Ok(u64::from(outdated))
    }

    async fn step(&self, _: &str) -> keys::Result<Step> {
        match policy::LocalSigner::reencrypt(&self.db, &self.lease, &self.keyring).await {
            Ok(reencrypted) => Ok(Step {
                reencrypted: u64::from(reencrypted),
                ..Step::default()
            }),
            Err(policy::Error::Store(store::Error::Secret { why })) => {
                tracing::error!(
                    event = "secret.decryption_failed",
                    reason = why,
                    "the policy key cannot be decrypted"
                );
                Ok(Step {
                    undecryptable: 1,
                    ..Step::default()
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

    async fn remaining(&self) -> keys::Result<u64> {
        streams::count_outdated_secrets(&self.0)
            .await
            .map_err(rotation_error(self.name()))
    }

    async fn step(&self, after: &str) -> keys::Result<Step> {
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

    async fn remaining(&self) -> keys::Result<u64> {
        workflow::count_outdated(&self.0)
            .await
            .map_err(rotation_error(self.name()))
    }

    async fn step(&self, after: &str) -> keys::Result<Step> {
        workflow::reencrypt(&self.0, after)
            .await
            .map_err(rotation_error(self.name()))
    }
}
