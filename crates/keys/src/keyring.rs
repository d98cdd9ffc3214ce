//! The data keys under which secrets are sealed: begun, unlocked, wrapped anew.

use crate::keys::blocking;
use crate::table::freeze as guard;
use crate::{Error, Keys, Result};
use std::sync::Arc;
use store::secret::{self, Keyring, Loaded, Master, Wrapped};
use store::{Db, Fact, Lease};
use types::{Namespace, Principal};

/// What the keyring is called in the database.
const NAME: &str = "keys";

/// Unlock the keyring of this database, or begin it where there is none. A wrong passphrase is `store.secret`. Takes as long as the
/// stretching of the passphrase.
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
    // Another process may have begun it meanwhile: then that one's data key stands, and ours is thrown away.
    let begun = db.on(lease).write_unbound(move |tx| {
        if !secret::load(tx, NAME)?.is_empty() {
            return Ok(false);
        }
        secret::store(tx, &wrapped)?;
        tx.append(&Namespace::installation(), Fact::new("keyring.begun", 1).about(&NAME, 1));
        Ok::<_, store::Error>(true)
    });
    if begun.await? { Ok(keyring) } else { unlock(load(db).await?, master).await }
}

/// Unlock the keyring again, after another process has rotated it.
pub async fn reload(keys: &Keys, master: Master) -> Result<()> {
    let keyring = unlock(load(keys.db()).await?, Arc::new(master)).await?;
    keys.software().replace(keyring);
    Ok(())
}

/// Another passphrase or master key: every data key is wrapped anew, and no secret is touched. Error: `store.secret` if `old` is wrong;
/// `store.contended` if somebody else changes the keyring at the same time.
pub async fn change_master(keys: &Keys, who: &Principal, old: Master, new: Master) -> Result<()> {
    let (loaded, read) = load_to_change(keys).await?;
    let keyring = unlock(loaded, Arc::new(old)).await?;
    let version = keyring.version();
    let entropy = keys.db().entropy().clone();
    let wrapped = blocking(move || Ok(keyring.wrap(&new, entropy.as_ref())?)).await?;
    put(keys, who, wrapped, read, Fact::new("keyring.wrapped", 1).about(&NAME, u64::from(version))).await
}

/// The data keys, and how often the keyring had changed when they were read.
pub(crate) async fn load_to_change(keys: &Keys) -> Result<(Loaded, i64)> {
    let read = keys.db().read_unbound(|tx| Ok::<_, Error>((secret::load(tx, NAME)?, guard::keyring_generation(tx)?)));
    read.await
}

pub(crate) async fn load(db: &Db) -> Result<Loaded> {
    Ok(db.read_unbound(|tx| secret::load(tx, NAME)).await?)
}

pub(crate) async fn unlock(loaded: Loaded, master: Arc<Master>) -> Result<Keyring> {
    blocking(move || Ok(loaded.unlock(&master)?)).await
}

/// Store wrapped data keys, with the fact that says so, unless the keyring has changed since it was read: two who change it at once would
/// each wrap what the other does not know.
pub(crate) async fn put(keys: &Keys, who: &Principal, wrapped: Wrapped, read: i64, fact: Fact) -> Result<()> {
    let fact = fact.by(who);
    let write = keys.db().on(keys.lease()).write_unbound(move |tx| {
        if !guard::raise_keyring(tx, read)? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        secret::store(tx, &wrapped)?;
        tx.append(&Namespace::installation(), fact.clone());
        Ok(())
    });
    write.await
}
