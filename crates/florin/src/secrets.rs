//! Where the passphrase and the seal key come from.

use crate::config::{Config, SecretSource, Secrets};
use keys::MasterSource;
use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::secret::{Cost, Master};
use types::Entropy;
use zeroize::Zeroizing;

/// How the name of a file that holds the next passphrase differs, while it is being changed.
const NEXT: &str = "new";

/// Gives the master key, now and whenever the keyring is unlocked again: from the file or the
/// environment, as they are then; what was asked for at a prompt is kept.
pub(crate) fn source(config: &Config) -> Result<MasterSource, String> {
    let secrets = config.secrets.clone();
    if secrets.from == SecretSource::Prompt {
        let typed = passphrase(&secrets)?;
        return Ok(Arc::new(move || master(typed.clone())));
    }
    Ok(Arc::new(move || master(passphrase(&secrets)?)))
}

/// The passphrase: from the file, the environment, or a prompt.
pub(crate) fn passphrase(secrets: &Secrets) -> Result<Zeroizing<String>, String> {
    match secrets.from {
        SecretSource::File => read_private(&secrets.file),
        SecretSource::Env => {
            let name = &secrets.env;
            Ok(Zeroizing::new(
                std::env::var(name).map_err(|_| format!("the environment has no {name}"))?,
            ))
        }
        SecretSource::Prompt => prompt("Passphrase: "),
    }
}

/// The master key of a passphrase.
pub(crate) fn master(passphrase: Zeroizing<String>) -> Result<Master, String> {
    if passphrase.is_empty() {
        return Err("the passphrase is empty".to_owned());
    }
    Ok(Master::Passphrase(passphrase, Cost::STANDARD))
}

/// Where the next passphrase stands until the database is wrapped under it.
pub(crate) fn next_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{NEXT}"));
    PathBuf::from(name)
}

/// Why the keyring does not open, with what may help.
pub(crate) fn hint(config: &Config, why: String) -> String {
    let next = next_file(&config.secrets.file);
    if config.secrets.from == SecretSource::File && next.exists() {
        return format!(
            "{why}; a change of the passphrase was interrupted: run `florin key passphrase` again ({})",
            next.display()
        );
    }
    let from = match config.secrets.from {
        SecretSource::File => format!("in {}", config.secrets.file.display()),
        SecretSource::Env => format!("in the environment's {}", config.secrets.env),
        SecretSource::Prompt => "typed".to_owned(),
    };
    format!("{why} (is the passphrase {from} that of this database?)")
}

/// Ask for a passphrase.
pub(crate) fn prompt(ask: &str) -> Result<Zeroizing<String>, String> {
    if !std::io::stdin().is_terminal() {
        return Err(
            "a passphrase is to be asked for, but there is no terminal to ask at".to_owned(),
        );
    }
    rpassword::prompt_password(ask)
        .map(Zeroizing::new)
        .map_err(|error| error.to_string())
}

/// 32 bytes in hexadecimal from a file.
pub(crate) fn key(path: &Path) -> Result<Zeroizing<[u8; 32]>, String> {
    let text = read_private(path)?;
    let mut key = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(text.as_str(), key.as_mut_slice())
        .map_err(|_| format!("{} does not hold 64 hexadecimal digits", path.display()))?;
    Ok(key)
}

/// A secret file: refused while others may read it.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let missing = |error| format!("cannot read {shown}: {error} (`florin init` makes it)");
    let mode = std::fs::metadata(path)
        .map_err(missing)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "{shown} can be read by others; make it yours alone: chmod 600 {shown}"
        ));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(missing)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Make a secret file of 32 bytes of chance, for its owner alone. False if it is there already.
pub(crate) fn make(path: &Path, entropy: &dyn Entropy) -> Result<bool, String> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    let mut chance = Zeroizing::new([0u8; 32]);
    entropy.fill(chance.as_mut_slice());
    put(path, &Zeroizing::new(hex::encode(chance.as_slice())))
}

/// Write a new secret file for its owner alone, down to the disk. False if there is one already.
pub(crate) fn put(path: &Path, text: &str) -> Result<bool, String> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => {
            let written = file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_all());
            written
                .map(|()| true)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(format!("cannot make {}: {error}", path.display())),
    }
}
