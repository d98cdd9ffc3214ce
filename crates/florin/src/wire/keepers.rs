//! `keys::Keeper` for everybody beside the wallets who keeps secrets: the policy key,
//! subscriptions, tasks and their runs.

use async_trait::async_trait;
use keys::{Keeper, Step};
use store::secret::Keyring;
use store::{Db, Lease};
use types::Coded;

/// The key that signs permits.
pub(crate) struct PolicyKeeper {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) keyring: Keyring,
}

/// What subscriptions sign and call with.
pub(crate) struct StreamKeeper(pub(crate) streams::Streams);

/// Variable sets, and what runs keep sealed.
pub(crate) struct TaskKeeper(pub(crate) workflow::Workflow);

fn waits<E: Coded>(keeper: &'static str) -> impl Fn(E) -> keys::Error {
    move |error| keys::Error::Keeper {
        keeper,
        why: error.to_string(),
    }
}

#[async_trait]
impl Keeper for PolicyKeeper {
    fn name(&self) -> &'static str {
        "policy"
    }

    async fn left(&self) -> keys::Result<u64> {
        let outdated = policy::LocalSigner::is_outdated(&self.db, &self.keyring)
            .await
            .map_err(waits(self.name()))?;
        Ok(u64::from(outdated))
    }

    async fn step(&self, _: &str) -> keys::Result<Step> {
        match policy::LocalSigner::reseal(&self.db, &self.lease, &self.keyring).await {
            Ok(resealed) => Ok(Step {
                resealed: u64::from(resealed),
                ..Step::default()
            }),
            Err(policy::Error::Store(store::Error::Secret { why })) => {
                tracing::error!(why, "the policy key does not open");
                Ok(Step {
                    broken: 1,
                    ..Step::default()
                })
            }
            Err(error) => Err(waits(self.name())(error)),
        }
    }
}

#[async_trait]
impl Keeper for StreamKeeper {
    fn name(&self) -> &'static str {
        "subscriptions"
    }

    async fn left(&self) -> keys::Result<u64> {
        streams::sealed_before(&self.0)
            .await
            .map_err(waits(self.name()))
    }

    async fn step(&self, after: &str) -> keys::Result<Step> {
        streams::reseal(&self.0, after)
            .await
            .map_err(waits(self.name()))
    }
}

#[async_trait]
impl Keeper for TaskKeeper {
    fn name(&self) -> &'static str {
        "tasks"
    }

    async fn left(&self) -> keys::Result<u64> {
        workflow::sealed_before(&self.0)
            .await
            .map_err(waits(self.name()))
    }

    async fn step(&self, after: &str) -> keys::Result<Step> {
        workflow::reseal(&self.0, after)
            .await
            .map_err(waits(self.name()))
    }
}
