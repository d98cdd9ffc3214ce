//! Where the passphrase and the seal key come from.

use crate::config::{Config, SecretSource};
use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use store::secret::{Cost, Master};
use types::Entropy;
use zeroize::Zeroizing;

/// The master key: from the file, the environment, or a prompt.
pub(crate) fn master(config: &Config) -> Result<Master, String> {
    let passphrase = match config.secrets.from {
        SecretSource::File => read_private(&config.secrets.file)?,
        SecretSource::Env => {
            let name = &config.secrets.env;
            Zeroizing::new(std::env::var(name).map_err(|_| format!("the environment has no {name}"))?)
        }
        SecretSource::Prompt => prompt()?,
    };
    if passphrase.is_empty() {
        return Err("the passphrase is empty".to_owned());
    }
    Ok(Master::Passphrase(passphrase, Cost::STANDARD))
}

fn prompt() -> Result<Zeroizing<String>, String> {
    if !std::io::stdin().is_terminal() {
        return Err("secrets.from is \"prompt\", but there is no terminal to ask at".to_owned());
    }
    rpassword::prompt_password("Passphrase: ").map(Zeroizing::new).map_err(|error| error.to_string())
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
fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let missing = |error| format!("cannot read {shown}: {error} (`florin init` makes it)");
    let mode = std::fs::metadata(path).map_err(missing)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("{shown} can be read by others; make it yours alone: chmod 600 {shown}"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(missing)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Make a secret file of 32 bytes of chance, for its owner alone. False if it is there already.
pub(crate) fn make(path: &Path, entropy: &dyn Entropy) -> Result<bool, String> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    let mut chance = Zeroizing::new([0u8; 32]);
    entropy.fill(chance.as_mut_slice());
    let text = Zeroizing::new(hex::encode(chance.as_slice()));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
            written.map(|()| true).map_err(|error| format!("cannot write {}: {error}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(format!("cannot make {}: {error}", path.display())),
    }
}
