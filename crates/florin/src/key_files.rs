//! Reads and creates the passphrase and the tree head key.

use crate::config::{self, Config, SecretSource, Secrets};
use secrets::{KdfCost, MasterKey, MasterSource};
use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::Entropy;
use zeroize::Zeroizing;

/// Extension of the file with the next passphrase while a change is in progress.
const NEXT_EXTENSION: &str = "new";

/// The source of the master key, used whenever the keyring is unlocked. File and environment are
/// read each time; a passphrase typed at a prompt is kept in memory.
pub(crate) fn source(config: &Config) -> Result<MasterSource, String> {
    let secrets = config.secrets.clone();
    if secrets.source == SecretSource::Prompt {
        let typed = passphrase(&secrets)?;
        return Ok(Arc::new(move || master(typed.clone())));
    }
    Ok(Arc::new(move || master(passphrase(&secrets)?)))
}

/// Read the passphrase from the configured source.
pub(crate) fn passphrase(secrets: &Secrets) -> Result<Zeroizing<String>, String> {
    match secrets.source {
        SecretSource::File => read_private(&secrets.file),
        SecretSource::Env => {
            let name = &secrets.env;
            Ok(Zeroizing::new(config::variable(name).ok_or_else(|| {
                format!("the environment variable {name} is not set")
            })?))
        }
        SecretSource::Prompt => prompt("Passphrase: "),
    }
}

/// Wrap a passphrase as master key.
pub(crate) fn master(passphrase: Zeroizing<String>) -> Result<MasterKey, String> {
    if passphrase.is_empty() {
        return Err("the passphrase is empty".to_owned());
    }
    Ok(MasterKey::Passphrase(passphrase, KdfCost::STANDARD))
}

/// The file with the next passphrase, until the data keys are wrapped under it.
pub(crate) fn next_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{NEXT_EXTENSION}"));
    PathBuf::from(name)
}

/// Add a hint to the error of a keyring that cannot be unlocked.
pub(crate) fn hint(config: &Config, reason: String) -> String {
    let next = next_file(&config.secrets.file);
    if config.secrets.source == SecretSource::File && next.exists() {
        return format!(
            "{reason}; a passphrase change was interrupted: run `florin key passphrase` again ({})",
            next.display()
        );
    }
    let location = match config.secrets.source {
        SecretSource::File => format!("in {}", config.secrets.file.display()),
        SecretSource::Env => format!("in the environment variable {}", config.secrets.env),
        SecretSource::Prompt => "that was typed".to_owned(),
    };
    format!("{reason} (does the passphrase {location} belong to this database?)")
}

/// Prompt for a passphrase.
pub(crate) fn prompt(label: &str) -> Result<Zeroizing<String>, String> {
    if !std::io::stdin().is_terminal() {
        return Err("a passphrase is required, but there is no terminal for a prompt".to_owned());
    }
    rpassword::prompt_password(label)
        .map(Zeroizing::new)
        .map_err(|error| error.to_string())
}

/// Read 32 bytes in hexadecimal from a file.
pub(crate) fn key(path: &Path) -> Result<Zeroizing<[u8; 32]>, String> {
    let text = read_private(path)?;
    let mut key = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(text.as_str(), key.as_mut_slice())
        .map_err(|_| format!("{} does not contain 64 hexadecimal digits", path.display()))?;
    Ok(key)
}

/// Read a secret file. Rejected if group or others may read it.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let path_text = path.display();
    let unreadable = |error| format!("cannot read {path_text}: {error} (`florin init` creates it)");
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "{path_text} is readable by others; run: chmod 600 {path_text}"
        ));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Create a secret file of 32 random bytes, readable by its owner only. False if it exists.
pub(crate) fn create(path: &Path, entropy: &dyn Entropy) -> Result<bool, String> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let mut random = Zeroizing::new([0u8; 32]);
    entropy.fill(random.as_mut_slice());
    write_new(path, &Zeroizing::new(hex::encode(random.as_slice())))
}

/// Write and sync a new secret file, readable by its owner only. False if it exists.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<bool, String> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => {
            let outcome = file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_all());
            outcome
                .map(|()| true)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(format!("cannot create {}: {error}", path.display())),
    }
}
