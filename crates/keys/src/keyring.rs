//! The data keys that encrypt secrets: created, unlocked, wrapped under a new master key.

use crate::blocking::blocking;
use crate::table::freeze as signing_guard;
use crate::table::rotation as table;
use crate::{Error, Keys, Result, Rotation};
use serde::Serialize;
use std::sync::Arc;
use store::secrets::{self, DataKeyInfo, Keyring, LockedKeyring, MasterKey, WrappedKeys};
use store::{Db, Fact, Lease, UnscopedTx};
use types::{Namespace, Principal};

/// The name of the keyring in the database.
pub(crate) const NAME: &str = "keys";

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

/// Unlock the keyring of this database, or create it if there is none. Fails with `store.secret`
/// for a wrong passphrase. Takes as long as the key derivation of the passphrase.
pub async fn open_keyring(db: &Db, lease: &Lease, master: MasterKey) -> Result<Keyring> {
    let master = Arc::new(master);
    let loaded = load(db).await?;
    if !loaded.is_empty() {
        return unlock(loaded, master).await;
    }
    let (entropy, master_for_wrap) = (db.entropy().clone(), master.clone());
    let (keyring, wrapped) = blocking(move || {
        let keyring = loaded.create(entropy.as_ref());
        let wrapped = keyring.wrap(&master_for_wrap, entropy.as_ref())?;
        Ok((keyring, wrapped))
    })
    .await?;
    // Another process may have created the keyring meanwhile. Then its data key is used, and this
    // one is discarded.
    let begun = db.on(lease).write_unscoped(move |tx| {
        if !secrets::load_data_keys(tx, NAME)?.is_empty() {
            return Ok(false);
        }
        secrets::store_data_keys(tx, &wrapped)?;
        tx.append(
            &Namespace::installation(),
            Fact::new("keyring.created", 1).subject(&NAME, 1),
        );
        Ok::<_, store::Error>(true)
    });
    if begun.await? {
        Ok(keyring)
    } else {
        unlock(load(db).await?, master).await
    }
}

/// Unlock the keyring again after another process has rotated it.
pub async fn reload(keys: &Keys, master: MasterKey) -> Result<()> {
    let keyring = unlock(load(keys.db()).await?, Arc::new(master)).await?;
    keys.wallet_secrets().update_keyring(&keyring);
    Ok(())
}

/// Unlock the keyring again if the database has a data key that this process does not know. Returns
/// whether it had. Errors: `keys.master_key`, `store.secret` if the master key was changed.
pub async fn refresh(keys: &Keys) -> Result<bool> {
    let newest = keys
        .db()
        .read_unscoped(|tx| secrets::list_data_keys(tx, NAME))
        .await?
        .last()
        .map_or(0, |key| key.version);
    if newest <= keys.wallet_secrets().version() {
        return Ok(false);
    }
    reload(keys, master(keys).await?).await?;
    tracing::info!(
        event = "keyring.refreshed",
        version = newest,
        "loaded the data key of another process's rotation"
    );
    Ok(true)
}

/// The data keys, and the progress of the latest rotation.
pub async fn keyring(keys: &Keys) -> Result<KeyringInfo> {
    let read = |tx: &mut UnscopedTx<'_, '_>| {
        let (keys, rotation) = (secrets::list_data_keys(tx, NAME)?, table::last(tx)?);
        Ok::<_, Error>(KeyringInfo {
            version: keys.last().map_or(0, |key| key.version),
            keys,
            rotation,
        })
    };
    keys.db().read_unscoped(read).await
}

/// The master key, from the source that the binary has set.
pub(crate) async fn master(keys: &Keys) -> Result<MasterKey> {
    let source = keys.master_source()?;
    blocking(move || source().map_err(|why| Error::MasterKey { why })).await
}

/// Change the passphrase or master key: every data key is wrapped again, and no secret changes.
/// Errors: `store.secret` if `old` is wrong; `store.contended` if another process changes the
/// keyring at the same time.
pub async fn change_master(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    old: MasterKey,
    new: MasterKey,
) -> Result<()> {
    let (loaded, generation) = load_to_change(db).await?;
    let keyring = unlock(loaded, Arc::new(old)).await?;
    let version = keyring.current_version();
    let entropy = db.entropy().clone();
    let wrapped = blocking(move || Ok(keyring.wrap(&new, entropy.as_ref())?)).await?;
    let fact = Fact::new("keyring.wrapped", 1).subject(&NAME, u64::from(version));
    let change = KeyringChange {
        wrapped,
        generation,
        begun: None,
        fact: fact.actor(principal),
    };
    change.store(db, lease).await
}

/// The data keys, and the keyring's generation when they were read.
pub(crate) async fn load_to_change(db: &Db) -> Result<(LockedKeyring, i64)> {
    let read = db.read_unscoped(|tx| {
        Ok::<_, Error>((
            secrets::load_data_keys(tx, NAME)?,
            signing_guard::keyring_generation(tx)?,
        ))
    });
    read.await
}

pub(crate) async fn load(db: &Db) -> Result<LockedKeyring> {
    Ok(db
        .read_unscoped(|tx| secrets::load_data_keys(tx, NAME))
        .await?)
}

pub(crate) async fn unlock(loaded: LockedKeyring, master: Arc<MasterKey>) -> Result<Keyring> {
    blocking(move || Ok(loaded.unlock(&master)?)).await
}

/// Wrapped data keys to store, with the rotation that they start and its fact.
pub(crate) struct KeyringChange {
    pub(crate) wrapped: WrappedKeys,
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
            if !signing_guard::bump_keyring(tx, change.generation)? {
                return Err(store::Error::Contended { attempts: 1 }.into());
            }
            secrets::store_data_keys(tx, &change.wrapped)?;
            if let Some(begun) = &change.begun {
                table::insert(tx, begun)?;
            }
            tx.append(&Namespace::installation(), change.fact.clone());
            Ok(())
        });
        write.await
    }
}
