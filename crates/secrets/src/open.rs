//! Opening the keyring: created, unlocked, refreshed, wrapped under a new master key.

use crate::blocking::blocking;
use crate::keyring::Keyring;
use crate::master_key::MasterKey;
use crate::table::data_key::{self, DataKeyInfo};
use crate::table::keyring::{self as table, NAME};
use crate::table::rotation::{self, Rotation};
use crate::wrapping::{LockedKeyring, WrappedKeyring};
use crate::{Error, Result, Secrets};
use serde::Serialize;
use std::sync::Arc;
use store::{Db, Fact, Lease, UnscopedTx};
use types::{Namespace, Principal};

/// The state of the keyring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyringInfo {
    /// The version of the data key that encrypts new secrets.
    pub version: u32,
    /// Every data key, oldest first.
    pub keys: Vec<DataKeyInfo>,
    /// The latest rotation, running or finished.
    pub rotation: Option<Rotation>,
}

/// Unlock the keyring of this database, or create it if there is none. Fails with
/// `secrets.undecryptable` for a wrong passphrase. Takes as long as the key derivation of the
/// passphrase.
pub async fn open_keyring(db: &Db, lease: &Lease, master: MasterKey) -> Result<Keyring> {
    let master = Arc::new(master);
    let locked = load(db).await?;
    if !locked.is_empty() {
        return unlock(locked, master).await;
    }
    let (entropy, wrapped_by) = (db.entropy().clone(), master.clone());
    let (keyring, wrapped) = blocking(move || {
        let keyring = Keyring::create(NAME, entropy.as_ref());
        let wrapped = WrappedKeyring::wrap(&keyring, &wrapped_by, entropy.as_ref())?;
        Ok((keyring, wrapped))
    })
    .await?;
    // Another process may have created the keyring meanwhile. Then its data key is used, and this
    // one is discarded.
    if db.on(lease).write_unscoped_with(wrapped, create).await? {
        Ok(keyring)
    } else {
        unlock(load(db).await?, master).await
    }
}

/// Store the first data key; false if there is one.
fn create(tx: &mut UnscopedTx, wrapped: &WrappedKeyring) -> Result<bool> {
    if !table::insert(tx)? {
        return Ok(false);
    }
    wrapped.store(tx)?;
    let fact = Fact::new("keyring.created", 1).subject(&NAME, 1);
    tx.append(&Namespace::installation(), fact);
    Ok(true)
}

/// Unlock the keyring again if the database has a data key that this process does not know. Returns
/// whether it had. Errors: `secrets.master_key_unavailable`; `secrets.undecryptable` if the master
/// key was changed.
pub async fn refresh(secrets: &Secrets) -> Result<bool> {
    let newest = secrets.db().read_unscoped(|tx| data_key::newest(tx, NAME));
    let version = newest.await?;
    if version <= secrets.keyring().current_version() {
        return Ok(false);
    }
    let master = Arc::new(secrets.master().await?);
    let later = unlock(load(secrets.db()).await?, master).await?;
    secrets.keyring().merge(&later);
    tracing::info!(
        event = "keyring.refreshed",
        version,
        "loaded the data key of another process's rotation"
    );
    Ok(true)
}

/// The data keys, and the progress of the latest rotation.
pub async fn keyring(secrets: &Secrets) -> Result<KeyringInfo> {
    let read = |tx: &mut UnscopedTx| {
        let keys = data_key::list(tx, NAME)?;
        Ok(KeyringInfo {
            version: keys.last().map_or(0, |key| key.version),
            keys,
            rotation: rotation::last(tx)?,
        })
    };
    secrets.db().read_unscoped(read).await
}

/// Change the passphrase or master key: every data key is wrapped again, and no secret changes.
/// Errors: `secrets.undecryptable` if `old` is wrong; `store.contended` if another process changes
/// the keyring at the same time.
pub async fn change_master(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    old: MasterKey,
    new: MasterKey,
) -> Result<()> {
    let (locked, generation) = load_to_change(db).await?;
    let keyring = unlock(locked, Arc::new(old)).await?;
    let version = u64::from(keyring.current_version());
    let entropy = db.entropy().clone();
    let wrap = move || WrappedKeyring::wrap(&keyring, &new, entropy.as_ref());
    let change = KeyringChange {
        wrapped: blocking(wrap).await?,
        generation,
        begun: None,
        fact: Fact::new("keyring.wrapped", 1)
            .subject(&NAME, version)
            .actor(principal),
    };
    change.store(db, lease).await
}

/// The data keys, and the keyring's generation when they were read.
pub(crate) async fn load_to_change(db: &Db) -> Result<(LockedKeyring, i64)> {
    let read = db.read_unscoped(|tx| {
        let locked = LockedKeyring::load(tx, NAME)?;
        Ok::<_, Error>((locked, table::generation_to_change(tx)?))
    });
    read.await
}

async fn load(db: &Db) -> Result<LockedKeyring> {
    db.read_unscoped(|tx| LockedKeyring::load(tx, NAME)).await
}

async fn unlock(locked: LockedKeyring, master: Arc<MasterKey>) -> Result<Keyring> {
    blocking(move || locked.unlock(&master)).await
}

/// Wrapped data keys to store, with the rotation that they start and its fact.
pub(crate) struct KeyringChange {
    pub(crate) wrapped: WrappedKeyring,
    /// The keyring's generation when it was read.
    pub(crate) generation: i64,
    pub(crate) begun: Option<Rotation>,
    pub(crate) fact: Fact,
}

impl KeyringChange {
    /// Store the change, unless the keyring has changed since it was read: two concurrent changes
    /// would each wrap a set that lacks the other's data key.
    pub(crate) async fn store(self, db: &Db, lease: &Lease) -> Result<()> {
        let write = db.on(lease).write_unscoped_with(self, |tx, change| {
            if !table::bump(tx, change.generation)? {
                return Err(store::Error::Contended { attempts: 1 }.into());
            }
            change.wrapped.store(tx)?;
            if let Some(begun) = &change.begun {
                rotation::insert(tx, begun)?;
            }
            tx.append(&Namespace::installation(), change.fact.clone());
            Ok(())
        });
        write.await
    }
}
