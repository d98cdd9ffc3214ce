//! The data keys under which secrets are sealed: begun, unlocked, wrapped anew.

use crate::keys::blocking;
use crate::table::freeze as guard;
use crate::table::rotation as table;
use crate::{Error, Keys, Result, Rotation};
use serde::Serialize;
use std::sync::Arc;
use store::secret::{self, KeyInfo, Keyring, Loaded, Master, Wrapped};
use store::{Db, Fact, Lease, Unbound};
use types::{Namespace, Principal};

/// What the keyring is called in the database.
pub(crate) const NAME: &str = "keys";

/// Gives the master key whenever the keyring is to be unlocked again; why not, in words. It may
/// read a file.
pub type MasterSource = Arc<dyn Fn() -> std::result::Result<Master, String> + Send + Sync>;

/// The keyring as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyringInfo {
    /// The data key that seals now.
    pub version: u32,
    /// Every data key, oldest first.
    pub keys: Vec<KeyInfo>,
    /// The last rotation, or the one under way.
    pub rotation: Option<Rotation>,
}

/// Unlock the keyring of this database, or begin it where there is none. A wrong passphrase is
/// `store.secret`. Takes as long as the stretching of the passphrase.
pub async fn open_keyring(db: &Db, lease: &Lease, master: Master) -> Result<Keyring> {
    let master = Arc::new(master);
    let loaded = load(db).await?;
    if !loaded.is_empty() {
        return unlock(loaded, master).await;
    }
    let (entropy, with) = (db.entropy().clone(), master.clone());
    let (keyring, wrapped) = blocking(move || {
        let keyring = loaded.begin(entropy.as_ref());
        let wrapped = keyring.wrap(&with, entropy.as_ref())?;
        Ok((keyring, wrapped))
    })
    .await?;
    // Another process may have begun it meanwhile: then that one's data key stands, and ours is
    // thrown away.
    let begun = db.on(lease).write_unbound(move |tx| {
        if !secret::load(tx, NAME)?.is_empty() {
            return Ok(false);
        }
        secret::store(tx, &wrapped)?;
        tx.append(
            &Namespace::installation(),
            Fact::new("keyring.begun", 1).about(&NAME, 1),
        );
        Ok::<_, store::Error>(true)
    });
    if begun.await? {
        Ok(keyring)
    } else {
        unlock(load(db).await?, master).await
    }
}

/// Unlock the keyring again, after another process has rotated it.
pub async fn reload(keys: &Keys, master: Master) -> Result<()> {
    let keyring = unlock(load(keys.db()).await?, Arc::new(master)).await?;
    keys.software().learn(&keyring);
    Ok(())
}

/// Unlock the keyring again if the database has a data key that this process does not know; whether
/// it had. Errors: `keys.master`, `store.secret` if the master key is another by now.
pub async fn refresh(keys: &Keys) -> Result<bool> {
    let newest = keys
        .db()
        .read_unbound(|tx| secret::key_infos(tx, NAME))
        .await?
        .last()
        .map_or(0, |key| key.version);
    if newest <= keys.software().version() {
        return Ok(false);
    }
    reload(keys, master(keys).await?).await?;
    tracing::info!(
        version = newest,
        "another process has rotated the data keys"
    );
    Ok(true)
}

/// The data keys, and how far a rotation is.
pub async fn keyring(keys: &Keys) -> Result<KeyringInfo> {
    let read = |tx: &mut Unbound<'_, '_>| {
        let (keys, rotation) = (secret::key_infos(tx, NAME)?, table::last(tx)?);
        Ok::<_, Error>(KeyringInfo {
            version: keys.last().map_or(0, |key| key.version),
            keys,
            rotation,
        })
    };
    keys.db().read_unbound(read).await
}

/// The master key from where the binary said that it is.
pub(crate) async fn master(keys: &Keys) -> Result<Master> {
    let none = || Error::Master {
        why: "this process was not told where it is".to_owned(),
    };
    let source = keys.master_source().cloned().ok_or_else(none)?;
    blocking(move || source().map_err(|why| Error::Master { why })).await
}

/// Another passphrase or master key: every data key is wrapped anew, and no secret is touched.
/// Error: `store.secret` if `old` is wrong; `store.contended` if somebody else changes the keyring
/// at the same time.
pub async fn change_master(
    db: &Db,
    lease: &Lease,
    who: &Principal,
    old: Master,
    new: Master,
) -> Result<()> {
    let (loaded, read) = load_to_change(db).await?;
    let keyring = unlock(loaded, Arc::new(old)).await?;
    let version = keyring.version();
    let entropy = db.entropy().clone();
    let wrapped = blocking(move || Ok(keyring.wrap(&new, entropy.as_ref())?)).await?;
    put(
        (db, lease),
        wrapped,
        read,
        None,
        Fact::new("keyring.wrapped", 1)
            .about(&NAME, u64::from(version))
            .by(who),
    )
    .await
}

/// The data keys, and how often the keyring had changed when they were read.
pub(crate) async fn load_to_change(db: &Db) -> Result<(Loaded, i64)> {
    let read = db.read_unbound(|tx| {
        Ok::<_, Error>((secret::load(tx, NAME)?, guard::keyring_generation(tx)?))
    });
    read.await
}

pub(crate) async fn load(db: &Db) -> Result<Loaded> {
    Ok(db.read_unbound(|tx| secret::load(tx, NAME)).await?)
}

pub(crate) async fn unlock(loaded: Loaded, master: Arc<Master>) -> Result<Keyring> {
    blocking(move || Ok(loaded.unlock(&master)?)).await
}

/// Store wrapped data keys, with the rotation that they begin and the fact that says so, unless the
/// keyring has changed since it was read: two who change it at once would each wrap what the other
/// does not know.
pub(crate) async fn put(
    (db, lease): (&Db, &Lease),
    wrapped: Wrapped,
    read: i64,
    begun: Option<Rotation>,
    fact: Fact,
) -> Result<()> {
    let write = db.on(lease).write_unbound(move |tx| {
        if !guard::raise_keyring(tx, read)? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        secret::store(tx, &wrapped)?;
        if let Some(begun) = &begun {
            table::insert(tx, begun)?;
        }
        tx.append(&Namespace::installation(), fact.clone());
        Ok(())
    });
    write.await
}
