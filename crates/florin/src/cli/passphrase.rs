//! `florin key passphrase`: every data key wrapped under another passphrase; no secret is touched.
//!
//! Where the passphrase is in a file: the new one is written beside it, the database wrapped, the
//! file put in place. Whatever is interrupted, one of the two files opens the database, and the
//! same command finishes.

use crate::cli::show;
use crate::config::{Config, SecretSource};
use crate::{engines, secrets};
use clap::Args;
use std::path::{Path, PathBuf};
use store::{Db, Lease};
use types::{Namespace, Principal};
use zeroize::Zeroizing;

#[derive(Args)]
pub(crate) struct Options {
    /// A file that holds the new passphrase, readable by its owner alone; without it 32 bytes of
    /// chance where the passphrase is in a file, and a prompt otherwise.
    #[arg(long)]
    new: Option<PathBuf>,
}

pub(crate) async fn run(config: &Config, options: Options) -> Result<(), String> {
    let db = engines::open_db(config).await?;
    let lease = engines::lease(&db, config).await?;
    let done = match config.secrets.from {
        SecretSource::File => in_file(config, &db, &lease, options.new.as_deref()).await,
        SecretSource::Env | SecretSource::Prompt => {
            by_hand(config, &db, &lease, options.new.as_deref()).await
        }
    };
    db.release(&lease)
        .await
        .map_err(|error| error.to_string())?;
    show::text(&done?)
}

async fn in_file(
    config: &Config,
    db: &Db,
    lease: &Lease,
    new: Option<&Path>,
) -> Result<String, String> {
    let file = &config.secrets.file;
    let next = secrets::next_file(file);
    match new {
        Some(new) => drop(secrets::put(&next, secrets::read_private(new)?.as_str())?),
        None => drop(secrets::make(&next, &crate::clock::OsEntropy)?),
    }
    let (old, fresh) = (secrets::read_private(file)?, secrets::read_private(&next)?);
    if let Err(why) = change(db, lease, old, fresh.clone()).await {
        // Interrupted after the database was wrapped, and before the file was put in place: the new
        // one opens it.
        let opens = keys::open_keyring(db, lease, secrets::master(fresh)?)
            .await
            .is_ok();
        if !opens {
            return Err(why);
        }
    }
    std::fs::rename(&next, file)
        .map_err(|error| format!("cannot put {} in place: {error}", file.display()))?;
    Ok(format!(
        "the data keys are wrapped under the passphrase that is now in {}\n",
        file.display()
    ))
}

async fn by_hand(
    config: &Config,
    db: &Db,
    lease: &Lease,
    new: Option<&Path>,
) -> Result<String, String> {
    let old = secrets::passphrase(&config.secrets)?;
    let fresh = match new {
        Some(file) => secrets::read_private(file)?,
        None => twice()?,
    };
    change(db, lease, old, fresh).await?;
    Ok("the data keys are wrapped under the new passphrase; give it to every process from now on\n".to_owned())
}

fn twice() -> Result<Zeroizing<String>, String> {
    let (once, again) = (
        secrets::prompt("New passphrase: ")?,
        secrets::prompt("The same again: ")?,
    );
    if once == again {
        Ok(once)
    } else {
        Err("the two differ; nothing was changed".to_owned())
    }
}

async fn change(
    db: &Db,
    lease: &Lease,
    old: Zeroizing<String>,
    new: Zeroizing<String>,
) -> Result<(), String> {
    let who = Principal::system("passphrase", Namespace::installation());
    let (old, new) = (secrets::master(old)?, secrets::master(new)?);
    keys::change_master(db, lease, &who, old, new)
        .await
        .map_err(|error| error.to_string())
}
