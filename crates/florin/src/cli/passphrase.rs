//! `florin key passphrase`: wraps every data key under a new passphrase. Secrets are not
//! re-encrypted.
//!
//! If the passphrase is in a file, the new one is written beside it, the data keys are re-wrapped,
//! and then the new file replaces the old one. After a crash at any point one of the two files
//! unlocks the database, and running the command again completes the change.

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
    /// File with the new passphrase, readable by its owner only. Default: 32 random bytes if the
    /// passphrase is stored in a file, a prompt otherwise.
    #[arg(long)]
    new: Option<PathBuf>,
}

pub(crate) async fn run(config: &Config, options: Options) -> Result<(), String> {
    let db = engines::open_db(config).await?;
    let lease = engines::lease(&db, config).await?;
    let outcome = match config.secrets.source {
        SecretSource::File => change_in_file(config, &db, &lease, options.new.as_deref()).await,
        SecretSource::Env | SecretSource::Prompt => {
            change_interactive(config, &db, &lease, options.new.as_deref()).await
        }
    };
    db.release(&lease)
        .await
        .map_err(|error| error.to_string())?;
    show::text(&outcome?)
}

async fn change_in_file(
    config: &Config,
    db: &Db,
    lease: &Lease,
    new: Option<&Path>,
) -> Result<String, String> {
    let file = &config.secrets.file;
    let next = secrets::next_file(file);
    match new {
        Some(new) => drop(secrets::write_new(
            &next,
            secrets::read_private(new)?.as_str(),
        )?),
        None => drop(secrets::create(&next, &crate::clock::OsEntropy)?),
    }
    let (old, new_passphrase) = (secrets::read_private(file)?, secrets::read_private(&next)?);
    if let Err(error) = change(db, lease, old, new_passphrase.clone()).await {
        // An earlier run may have crashed after re-wrapping the data keys and before replacing the
        // file: then the new passphrase already unlocks the keyring.
        let is_rewrapped = keys::open_keyring(db, lease, secrets::master(new_passphrase)?)
            .await
            .is_ok();
        if !is_rewrapped {
            return Err(error);
        }
    }
    std::fs::rename(&next, file)
        .map_err(|error| format!("cannot replace {}: {error}", file.display()))?;
    Ok(format!(
        "the data keys are wrapped under the new passphrase, stored in {}\n",
        file.display()
    ))
}

async fn change_interactive(
    config: &Config,
    db: &Db,
    lease: &Lease,
    new: Option<&Path>,
) -> Result<String, String> {
    let old = secrets::passphrase(&config.secrets)?;
    let new_passphrase = match new {
        Some(file) => secrets::read_private(file)?,
        None => prompt_twice()?,
    };
    change(db, lease, old, new_passphrase).await?;
    Ok("the data keys are wrapped under the new passphrase; start every process with it from now on\n".to_owned())
}

fn prompt_twice() -> Result<Zeroizing<String>, String> {
    let (first, second) = (
        secrets::prompt("New passphrase: ")?,
        secrets::prompt("Repeat the new passphrase: ")?,
    );
    if first == second {
        Ok(first)
    } else {
        Err("the passphrases differ; nothing was changed".to_owned())
    }
}

async fn change(
    db: &Db,
    lease: &Lease,
    old: Zeroizing<String>,
    new: Zeroizing<String>,
) -> Result<(), String> {
    let principal = Principal::system("passphrase", Namespace::installation());
    let (old, new) = (secrets::master(old)?, secrets::master(new)?);
    keys::change_master(db, lease, &principal, old, new)
        .await
        .map_err(|error| error.to_string())
}
