//! Rotation: a new data key, and the re-encryption of everything under it in small steps. A crash
//! between two steps loses nothing: old data keys still decrypt, and the next holder of the lease
//! resumes at the stored position.

use crate::blocking::{blocking, map_parallel};
use crate::keyring::{KeyringChange, NAME, load_to_change, master, refresh};
use crate::secret::context_row;
use crate::table::rotation::{self as progress, Rotation, RotationState};
use crate::table::wallet::{self as table, Reencrypted, WalletSecret};
use crate::{Error, Keys, Result};
use async_trait::async_trait;
use std::sync::Arc;
pub use store::secrets::ReencryptionStep as Step;
use store::{Fact, InNamespace, Lease, UnscopedTx, secrets};
use types::{Namespace, Principal};

/// Secrets re-encrypted per transaction.
const STEP: u32 = 200;

/// A component whose secrets are encrypted under the installation's keyring.
#[async_trait]
pub trait RotationTarget: Send + Sync {
    /// The name of the component.
    fn name(&self) -> &'static str;

    /// How many of its secrets are not under the newest data key.
    async fn remaining(&self) -> Result<u64>;

    /// Re-encrypt some secrets after a position of the component's own choosing; the first position
    /// is empty. Secrets that change concurrently are skipped.
    async fn step(&self, after: &str) -> Result<Step>;
}

/// Create a new data key. It encrypts from now on, and the [`RotationWorker`] re-encrypts what is
/// under older ones. Returns the running rotation if there is one. Errors: `keys.master_key` if the
/// master key cannot be read, `store.secret` if it was changed, `store.contended` if another
/// process changes the keyring at the same time.
pub async fn rotate(keys: &Keys, principal: &Principal) -> Result<Rotation> {
    refresh(keys).await?;
    match rotation(keys).await? {
        Some(current) if current.state == RotationState::Reencrypting => Ok(current),
        _ => begin(keys, principal).await,
    }
}

async fn rotation(keys: &Keys) -> Result<Option<Rotation>> {
    keys.db().read_unscoped(progress::last).await
}

/// Add a new data key to the others; it is wrapped and stored before it encrypts anything.
async fn begin(keys: &Keys, principal: &Principal) -> Result<Rotation> {
    let (engine, master) = (keys.clone(), master(keys).await?);
    let (loaded, generation) = load_to_change(keys.db()).await?;
    let (keyring, wrapped) = blocking(move || {
        let keyring = loaded.unlock(&master)?.with_new_key(engine.entropy());
        let wrapped = keyring.wrap(&master, engine.entropy())?;
        Ok((keyring, wrapped))
    })
    .await?;
    let begun = Rotation::begun(keyring.current_version(), principal, keys.now());
    let fact = Fact::new("keyring.rotated", 1)
        .subject(&NAME, u64::from(begun.version))
        .actor(principal);
    let change = KeyringChange {
        wrapped,
        generation,
        begun: Some(begun.clone()),
        fact,
    };
    change.store(keys.db(), keys.lease()).await?;
    tracing::info!(
        event = "rotation.started",
        version = begun.version,
        "the keyring has a new data key"
    );
    keys.wallet_secrets().update_keyring(&keyring);
    Ok(begun)
}

/// Re-encrypts what is under older data keys, one step at a time. Its lease ensures that only one
/// runs.
pub struct RotationWorker {
    keys: Keys,
    lease: Lease,
    targets: Vec<Arc<dyn RotationTarget>>,
    grace_ms: i64,
}

impl RotationWorker {
    /// A worker for the wallets and the other targets. Nothing is retired before `grace_ms` after
    /// the start; within that time every process must load the new data key and stop encrypting
    /// under older ones.
    pub fn new(
        keys: Keys,
        lease: Lease,
        targets: Vec<Arc<dyn RotationTarget>>,
        grace_ms: i64,
    ) -> Self {
        let wallets: Arc<dyn RotationTarget> = Arc::new(Wallets {
            keys: keys.clone(),
            lease: lease.clone(),
        });
        let targets = std::iter::once(wallets).chain(targets).collect();
        Self {
            keys,
            lease,
            targets,
            grace_ms,
        }
    }

    /// One turn: one step of the running rotation. Returns `None` if there is nothing to do now.
    pub async fn turn(&self) -> Result<Option<Rotation>> {
        refresh(&self.keys).await?;
        let Some(current) = rotation(&self.keys)
            .await?
            .filter(|last| last.state == RotationState::Reencrypting)
        else {
            return Ok(None);
        };
        if current.total.is_none() {
            let counted = Rotation {
                total: Some(self.left().await?),
                target: self.first_target(),
                ..current
            };
            return self.save(counted, None).await.map(Some);
        }
        match self
            .targets
            .iter()
            .position(|target| target.name() == current.target)
        {
            Some(index) => self.step(current, index).await.map(Some),
            None => self.finish(current).await,
        }
    }

    /// Check whether a suspended process encrypted something under an older data key after all; if
    /// so, the last rotation resumes.
    pub async fn recheck(&self) -> Result<bool> {
        let Some(last) = rotation(&self.keys)
            .await?
            .filter(|last| last.state != RotationState::Reencrypting)
        else {
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
        self.save(resumed, None).await.map(|_| true)
    }

    /// The rotation from its first target on, for what is left.
    fn again(&self, rotation: Rotation, left: u64) -> Rotation {
        Rotation {
            total: Some(rotation.reencrypted + left),
            broken: 0,
            target: self.first_target(),
            ..rotation
        }
    }

    fn first_target(&self) -> String {
        self.targets[0].name().to_owned()
    }

    async fn left(&self) -> Result<u64> {
        let mut left = 0;
        for target in &self.targets {
            left += target.remaining().await?;
        }
        Ok(left)
    }

    async fn step(&self, current: Rotation, index: usize) -> Result<Rotation> {
        let step = self.targets[index].step(&current.position).await?;
        let next = self
            .targets
            .get(index + 1)
            .map_or("", |target| target.name());
        let mut rotation = current;
        rotation.reencrypted += step.reencrypted;
        rotation.broken += step.undecryptable;
        match step.after {
            Some(after) => rotation.position = after,
            None => (rotation.target, rotation.position) = (next.to_owned(), String::new()),
        }
        self.save(rotation, None).await
    }

    /// All targets are processed: retire the older data keys, unless something was encrypted under
    /// them meanwhile, or cannot be decrypted.
    async fn finish(&self, current: Rotation) -> Result<Option<Rotation>> {
        let now = self.keys.now();
        if now.millis_since(current.begun) < self.grace_ms {
            return Ok(None);
        }
        let left = self.left().await?;
        if left > current.broken {
            return self.save(self.again(current, left), None).await.map(Some);
        }
        let (state, kind) = match left {
            0 => (RotationState::Done, "keyring.retired"),
            _ => (RotationState::Broken, "keyring.unfinished"),
        };
        let finished = Rotation {
            state,
            broken: left,
            ended: Some(now),
            ..current
        };
        let payload = serde_json::json!({ "version": finished.version, "reencrypted": finished.reencrypted, "broken": finished.broken });
        let fact = Fact::new(kind, 1)
            .subject(&NAME, u64::from(finished.version))
            .actor(&worker())
            .payload(&payload);
        self.save(finished, Some(fact)).await.map(Some)
    }

    /// Store the progress of the rotation; its final fact also retires the older data keys.
    async fn save(&self, rotation: Rotation, fact: Option<Fact>) -> Result<Rotation> {
        let db = self.keys.db().on(&self.lease);
        let write = db.write_unscoped_with((rotation, fact), |tx, (rotation, fact)| {
            progress::update(tx, rotation)?;
            if rotation.state == RotationState::Done {
                secrets::retire_data_keys(tx, NAME, rotation.version)?;
            }
            if let Some(fact) = fact {
                tx.append(&Namespace::installation(), fact.clone());
            }
            Ok::<_, Error>(rotation.clone())
        });
        write.await
    }
}

fn worker() -> Principal {
    Principal::system("rotation", Namespace::installation())
}

/// The wallets' secrets, as a rotation target.
struct Wallets {
    keys: Keys,
    lease: Lease,
}

#[async_trait]
impl RotationTarget for Wallets {
    fn name(&self) -> &'static str {
        "wallets"
    }

    async fn remaining(&self) -> Result<u64> {
        let version = self.keys.wallet_secrets().version();
        let read = move |tx: &mut UnscopedTx<'_, '_>| table::count_before(tx, version);
        self.keys.db().read_unscoped(read).await
    }

    async fn step(&self, after: &str) -> Result<Step> {
        let version = self.keys.wallet_secrets().version();
        let db = self.keys.db();
        let read = db.read_unscoped_with(after.to_owned(), move |tx, after| {
            let (namespace, wallet) = after.split_once('/').unwrap_or_default();
            table::encrypted_before(tx, version, namespace, wallet, STEP)
        });
        let old = read.await?;
        let position =
            |last: &InNamespace<WalletSecret>| context_row(&last.namespace, &last.row.id);
        let Some(after) = old.last().map(position) else {
            return Ok(Step::default());
        };
        let count = old.len() as u64;
        let engine = self.keys.clone();
        let reencrypted = map_parallel(old, move |row| reencrypt(&engine, row)).await?;
        let rows: Vec<Reencrypted> = reencrypted.into_iter().flatten().collect();
        let undecryptable = count - rows.len() as u64;
        Ok(Step {
            reencrypted: self.store_reencrypted(version, rows).await?,
            undecryptable,
            after: Some(after),
        })
    }
}

impl Wallets {
    async fn store_reencrypted(&self, version: u32, rows: Vec<Reencrypted>) -> Result<u64> {
        let db = self.keys.db().on(&self.lease);
        let write = db.write_unscoped_with(rows, move |tx, rows| {
            let reencrypted = table::reencrypt(tx, rows)?;
            if reencrypted > 0 {
                let payload = serde_json::json!({ "version": version, "target": "wallets", "reencrypted": reencrypted });
                tx.append(&Namespace::installation(), Fact::new("keyring.reencrypted", 1).actor(&worker()).payload(&payload));
            }
            Ok::<_, Error>(reencrypted)
        });
        write.await
    }
}

fn reencrypt(keys: &Keys, old: InNamespace<WalletSecret>) -> Option<Reencrypted> {
    let (namespace, WalletSecret { id: wallet, secret }) = (old.namespace, old.row);
    let (secrets, entropy) = (keys.wallet_secrets(), keys.entropy());
    match secrets.reencrypt(&namespace, &wallet, &secret, entropy) {
        Ok(new) => Some(Reencrypted {
            namespace,
            wallet,
            old_version: secret.version,
            secret: new,
        }),
        Err(error) => {
            tracing::error!(event = "wallet_secret.undecryptable", %namespace, %wallet, %error, "a wallet's secret cannot be decrypted");
            None
        }
    }
}
