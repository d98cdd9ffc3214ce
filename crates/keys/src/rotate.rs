//! Rotation: a new data key, and every secret sealed under it, in small steps that another run can finish.

use crate::backend::Sealed;
use crate::keyring::{load, load_to_change, put, unlock};
use crate::keys::spread;
use crate::table::wallet as table;
use crate::{Keys, Result};
use serde::Serialize;
use std::sync::Arc;
use store::Fact;
use store::secret::Master;
use types::{Namespace, Principal, WalletId};

/// Secrets sealed anew in one transaction.
const STEP: u32 = 200;

/// How far a rotation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rotation {
    /// The data key that seals now.
    pub version: u32,
    /// Secrets sealed anew in this run.
    pub resealed: u64,
    /// Secrets that do not open, and stay as they are: changed by hand, or by a broken disk.
    pub broken: u64,
    /// Secrets that are not under the newest data key.
    pub left: u64,
}

/// Rotate: begin a new data key and seal every secret of the installation under it. Where an earlier rotation was interrupted, finish that
/// one instead. `progress` is told after each step. Errors: `store.secret` if the master key is wrong, `store.contended` if somebody else
/// changes the keyring at the same time.
pub async fn rotate(
    keys: &Keys,
    who: &Principal,
    master: Master,
    mut progress: impl FnMut(&Rotation) + Send,
) -> Result<Rotation> {
    let master = Arc::new(master);
    let keyring = unlock(load(keys.db()).await?, master.clone()).await?;
    keys.software().replace(keyring);
    let unfinished = reseal(keys, who, &mut progress).await?;
    if unfinished.resealed > 0 {
        return Ok(unfinished);
    }
    begin(keys, who, master).await?;
    reseal(keys, who, progress).await
}

/// Seal every secret anew that is under an older data key: what is left of a rotation that was interrupted. The binary may call it at start.
pub async fn reseal(keys: &Keys, who: &Principal, mut progress: impl FnMut(&Rotation) + Send) -> Result<Rotation> {
    let version = keys.software().version();
    let mut total = Rotation { version, left: left(keys).await?, ..Rotation::default() };
    let mut after = (String::new(), String::new());
    while total.left > total.broken {
        let Some((last, step)) = step(keys, who, version, after).await? else { break };
        after = last;
        total.resealed += step.resealed;
        total.broken += step.broken;
        total.left = left(keys).await?;
        progress(&total);
    }
    Ok(total)
}

/// A new data key in front of the others, wrapped and stored before it seals anything.
async fn begin(keys: &Keys, who: &Principal, master: Arc<Master>) -> Result<()> {
    let engine = keys.clone();
    let (loaded, read) = load_to_change(keys).await?;
    let (keyring, wrapped) = crate::keys::blocking(move || {
        let keyring = loaded.unlock(&master)?.rotated(engine.entropy());
        let wrapped = keyring.wrap(&master, engine.entropy())?;
        Ok((keyring, wrapped))
    })
    .await?;
    let fact = Fact::new("keyring.rotated", 1).about(&"keys", u64::from(keyring.version()));
    put(keys, who, wrapped, read, fact).await?;
    tracing::info!(version = keyring.version(), "the keyring has a new data key");
    keys.software().replace(keyring);
    Ok(())
}

type Resealed = (Namespace, WalletId, u32, Vec<u8>, u32);
/// Namespace and wallet of the last row that was seen.
type Last = (String, String);

/// One step behind a row; none if there is nothing left there.
async fn step(keys: &Keys, who: &Principal, version: u32, after: Last) -> Result<Option<(Last, Rotation)>> {
    let read = keys.db().read_unbound(move |tx| table::sealed_before(tx, version, &after.0, &after.1, STEP));
    let old = read.await?;
    let Some(last) = old.last().map(|row| (row.0.to_string(), row.1.to_string())) else { return Ok(None) };
    let seen = old.len() as u64;
    let engine = keys.clone();
    let rows: Vec<Resealed> = spread(old, move |row| seal_anew(&engine, row)).await?.into_iter().flatten().collect();
    let broken = seen - rows.len() as u64;
    let resealed = put_anew(keys, who, version, rows).await?;
    Ok(Some((last, Rotation { version, resealed, broken, left: 0 })))
}

async fn put_anew(keys: &Keys, who: &Principal, version: u32, rows: Vec<Resealed>) -> Result<u64> {
    let actor = who.clone();
    let write = keys.db().on(keys.lease()).write_unbound(move |tx| {
        let resealed = table::reseal(tx, &rows)?;
        if resealed > 0 {
            let says = serde_json::json!({ "version": version, "resealed": resealed });
            tx.append(&Namespace::installation(), Fact::new("keyring.resealed", 1).by(&actor).says(&says));
        }
        Ok::<_, crate::Error>(resealed)
    });
    write.await
}

fn seal_anew(keys: &Keys, (namespace, wallet, bytes, old): table::SealedRow) -> Option<Resealed> {
    let sealed = Sealed { bytes, version: old };
    match keys.software().reseal(&namespace, &wallet, &sealed, keys.entropy()) {
        Ok(Sealed { bytes, version }) => Some((namespace, wallet, old, bytes, version)),
        Err(error) => {
            tracing::error!(%namespace, %wallet, %error, "a wallet's secret does not open");
            None
        }
    }
}

async fn left(keys: &Keys) -> Result<u64> {
    let version = keys.software().version();
    Ok(keys.db().read_unbound(move |tx| table::count_before(tx, version)).await?.max(0).cast_unsigned())
}
