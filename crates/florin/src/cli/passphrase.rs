//! `florin key passphrase`: wraps every data key under a new passphrase. Secrets are not
//! re-encrypted.
//!
//! If the passphrase is in a file, the new one is written beside it, the data keys are re-wrapped,
//! and then the new file replaces the old one. After a crash at any point one of the two files
//! unlocks the database, and running the command again completes the change.

use crate::cli::output;
use crate::config::{Config, SecretSource};
use crate::{engines, key_files};
use anyhow::{Context as _, Error, Result, bail};
use clap::Args;
use secrets::MasterKey;
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

pub(crate) async fn run(config: &Config, options: Options) -> Result<()> {
    let db = engines::open_db(config).await?;
    let lease = engines::lease(&db, config).await?;
    let outcome = match config.secrets.source {
        SecretSource::File => change_in_file(config, &db, &lease, options.new.as_deref()).await,
        SecretSource::Env | SecretSource::Prompt => {
            change_interactive(config, &db, &lease, options.new.as_deref()).await
        }
    };
    db.release(&lease).await?;
    output::text(&outcome?);
    Ok(())
}

async fn change_in_file(
    config: &Config,
    db: &Db,
    lease: &Lease,
    new: Option<&Path>,
) -> Result<String> {
    let file = &config.secrets.file;
    let next = key_files::next_file(file);
    match new {
        Some(new) => key_files::write_new(&next, read(new)?.as_str()),
        None => key_files::create(&next, &crate::clock::OsEntropy),
    }
    .map_err(Error::msg)?;
    let (old, new_passphrase) = (read(file)?, read(&next)?);
    if let Err(error) = change(db, lease, old, new_passphrase.clone()).await {
        // An earlier run may have crashed after re-wrapping the data keys and before replacing the
        // file: then the new passphrase already unlocks the keyring.
        let new_key = master(new_passphrase)?;
        if secrets::open_keyring(db, lease, new_key).await.is_err() {
            return Err(error);
        }
    }
    std::fs::rename(&next, file).with_context(|| format!("cannot replace {}", file.display()))?;
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
) -> Result<String> {
    let old = key_files::passphrase(&config.secrets).map_err(Error::msg)?;
    let new_passphrase = match new {
        Some(file) => read(file)?,
        None => prompt_twice()?,
    };
    change(db, lease, old, new_passphrase).await?;
    Ok("the data keys are wrapped under the new passphrase; start every process with it from now on\n".to_owned())
}

fn prompt_twice() -> Result<Zeroizing<String>> {
    let prompt = |label| key_files::prompt(label).map_err(Error::msg);
    let first = prompt("New passphrase: ")?;
    if first != prompt("Repeat the new passphrase: ")? {
        bail!("the passphrases differ; nothing was changed");
    }
    Ok(first)
}

async fn change(
    db: &Db,
    lease: &Lease,
    old: Zeroizing<String>,
    new: Zeroizing<String>,
) -> Result<()> {
    let principal = Principal::system("passphrase", Namespace::installation());
    secrets::change_master(db, lease, &principal, master(old)?, master(new)?).await?;
    Ok(())
}

fn read(file: &Path) -> Result<Zeroizing<String>> {
    key_files::read_private(file).map_err(Error::msg)
}

fn master(passphrase: Zeroizing<String>) -> Result<MasterKey> {
    key_files::master(passphrase).map_err(Error::msg)
}
