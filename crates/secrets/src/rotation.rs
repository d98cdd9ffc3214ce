//! Rotation: a new data key, which encrypts from now on. The [`Worker`](crate::Worker) re-encrypts
//! what is under older ones, in small steps. A crash between two steps loses nothing: old data keys
//! still decrypt, and the next holder of the worker's lease resumes at the stored position.

use crate::blocking::blocking;
use crate::open::{KeyringChange, load_to_change, refresh};
use crate::table::keyring::NAME;
use crate::table::rotation::{self as table, Rotation, RotationState};
use crate::wrapping::WrappedKeyring;
use crate::{Result, Secrets};
use store::Fact;
use types::Principal;

/// Create a new data key, and start the re-encryption under it. Returns the running rotation if
/// there is one. Errors: `secrets.master_key_unavailable` if the master key cannot be read,
/// `secrets.undecryptable` if it was changed, `store.contended` if another process changes the
/// keyring at the same time.
pub async fn rotate(secrets: &Secrets, principal: &Principal) -> Result<Rotation> {
    refresh(secrets).await?;
    match secrets.db().read_unscoped(table::last).await? {
        Some(current) if current.state == RotationState::Reencrypting => Ok(current),
        _ => begin(secrets, principal).await,
    }
}

/// Add a new data key to the others; it is wrapped and stored before it encrypts anything.
async fn begin(secrets: &Secrets, principal: &Principal) -> Result<Rotation> {
    let (engine, master) = (secrets.clone(), secrets.master().await?);
    let (locked, generation) = load_to_change(secrets.db()).await?;
    let (keyring, wrapped) = blocking(move || {
        let keyring = locked.unlock(&master)?.with_new_key(engine.entropy());
        let wrapped = WrappedKeyring::wrap(&keyring, &master, engine.entropy())?;
        Ok((keyring, wrapped))
    })
    .await?;
    let version = keyring.current_version();
    let begun = Rotation::begun(version, principal, secrets.now());
    let change = KeyringChange {
        wrapped,
        generation,
        begun: Some(begun.clone()),
        fact: Fact::new("keyring.rotated", 1)
            .subject(&NAME, u64::from(version))
            .actor(principal),
    };
    change.store(secrets.db(), secrets.lease()).await?;
    tracing::info!(
        event = "rotation.started",
        version,
        "the keyring has a new data key"
    );
    secrets.keyring().merge(&keyring);
    Ok(begun)
}
