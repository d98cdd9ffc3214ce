//! Re-encrypts what is under older data keys, one step at a time.

use crate::open::refresh;
use crate::table::data_key;
use crate::table::keyring::NAME;
use crate::table::rotation::{self as table, Rotation, RotationState};
use crate::{Error, Result, RotationTarget, Secrets};
use std::sync::Arc;
use store::{Fact, Lease};
use tracing::Instrument as _;
use types::{Namespace, Principal};

/// Re-encrypts what is under older data keys. Its lease ensures that only one runs.
pub struct Worker {
    secrets: Secrets,
    lease: Lease,
    targets: Vec<Arc<dyn RotationTarget>>,
}

impl Worker {
    /// A worker for these targets, in this order.
    pub fn new(secrets: Secrets, lease: Lease, targets: Vec<Arc<dyn RotationTarget>>) -> Self {
        Self {
            secrets,
            lease,
            targets,
        }
    }

    /// One turn: one step of the running rotation. Returns `None` if there is nothing to do now.
    pub async fn turn(&self) -> Result<Option<Rotation>> {
        refresh(&self.secrets).await?;
        let running = |last: &Rotation| last.state == RotationState::Reencrypting;
        let Some(current) = self.last().await?.filter(running) else {
            return Ok(None);
        };
        if self.is_early(&current) {
            return Ok(None);
        }
        let span = tracing::info_span!("job", kind = "rotation");
        self.advance(current).instrument(span).await.map(Some)
    }

    async fn advance(&self, current: Rotation) -> Result<Rotation> {
        if current.total.is_none() {
            let counted = Rotation {
                total: Some(self.left().await?),
                target: self.target_name(0),
                ..current
            };
            return self.save(counted, None).await;
        }
        match self.target_index(&current) {
            Some(index) => self.step(current, index).await,
            None => self.finish(current).await,
        }
    }

    /// Whether all targets are processed, and other processes may still encrypt under an older data
    /// key.
    fn is_early(&self, current: &Rotation) -> bool {
        let is_processed = current.total.is_some() && self.target_index(current).is_none();
        let age_ms = self.secrets.now().millis_since(current.begun);
        is_processed && age_ms < self.secrets.settings().retire_delay_ms
    }

    fn target_index(&self, rotation: &Rotation) -> Option<usize> {
        let is_current = |target: &Arc<dyn RotationTarget>| target.name() == rotation.target;
        self.targets.iter().position(is_current)
    }

    /// Check whether a suspended process encrypted something under an older data key after all; if
    /// so, the last rotation resumes.
    pub async fn recheck(&self) -> Result<bool> {
        let ended = |last: &Rotation| last.state != RotationState::Reencrypting;
        let Some(last) = self.last().await?.filter(ended) else {
            return Ok(false);
        };
        let left = self.left().await?;
        if left <= last.broken {
            return Ok(false);
        }
        let resumed = Rotation {
            state: RotationState::Reencrypting,
            ended: None,
            ..self.again(last, left)
        };
        self.save(resumed, None).await?;
        Ok(true)
    }

    async fn last(&self) -> Result<Option<Rotation>> {
        self.secrets.db().read_unscoped(table::last).await
    }

    /// The rotation from its first target on, for what is left.
    fn again(&self, rotation: Rotation, left: u64) -> Rotation {
        Rotation {
            total: Some(rotation.reencrypted + left),
            broken: 0,
            target: self.target_name(0),
            ..rotation
        }
    }

    /// The name of a target; empty after the last.
    fn target_name(&self, index: usize) -> String {
        let target = self.targets.get(index);
        target.map_or_else(String::new, |target| target.name().to_owned())
    }

    async fn left(&self) -> Result<u64> {
        let mut left = 0;
        for target in &self.targets {
            left += target.remaining().await?;
        }
        Ok(left)
    }

    async fn step(&self, mut rotation: Rotation, index: usize) -> Result<Rotation> {
        let step = self.targets[index].step(&rotation.position).await?;
        rotation.reencrypted += step.reencrypted;
        rotation.broken += step.undecryptable;
        if step.after.is_none() {
            rotation.target = self.target_name(index + 1);
        }
        rotation.position = step.after.unwrap_or_default();
        self.save(rotation, None).await
    }

    /// All targets are processed: retire the older data keys, unless something was encrypted under
    /// them meanwhile, or cannot be decrypted.
    async fn finish(&self, current: Rotation) -> Result<Rotation> {
        let left = self.left().await?;
        if left > current.broken {
            return self.save(self.again(current, left), None).await;
        }
        let (state, kind) = match left {
            0 => (RotationState::Done, "keyring.retired"),
            _ => (RotationState::Broken, "keyring.unfinished"),
        };
        let finished = Rotation {
            state,
            broken: left,
            ended: Some(self.secrets.now()),
            ..current
        };
        let payload = serde_json::json!({ "version": finished.version, "reencrypted": finished.reencrypted, "broken": finished.broken });
        let fact = Fact::new(kind, 1)
            .subject(&NAME, u64::from(finished.version))
            .actor(&Principal::system("rotation", Namespace::installation()))
            .payload(&payload);
        self.save(finished, Some(fact)).await
    }

    /// Store the progress of the rotation; its final fact also retires the older data keys.
    async fn save(&self, rotation: Rotation, fact: Option<Fact>) -> Result<Rotation> {
        let db = self.secrets.db().on(&self.lease);
        let write = db.write_unscoped_with((rotation, fact), |tx, (rotation, fact)| {
            table::update(tx, rotation)?;
            if rotation.state == RotationState::Done {
                data_key::retire(tx, NAME, rotation.version)?;
            }
            if let Some(fact) = fact {
                tx.append(&Namespace::installation(), fact.clone());
            }
            Ok::<_, Error>(rotation.clone())
        });
        write.await
    }
}
