//! Data keys as they are stored: wrapped by the master key.

use crate::cipher::{self, Key};
use crate::keyring::{DataKeys, Keyring};
use crate::master_key::{MasterKey, Wrapping};
use crate::table::data_key::{self as table, NewKey, WrappedKey};
use crate::{Error, Result};
use sha2::{Digest as _, Sha256};
use store::UnscopedTx;
use types::{Canon, Digest, Entropy};
use zeroize::Zeroizing;

/// The stored data keys of a name, not yet unlocked.
pub(crate) struct LockedKeyring {
    name: &'static str,
    keys: Vec<WrappedKey>,
}

/// Wrapped data keys, ready to be stored.
pub(crate) struct WrappedKeyring {
    name: &'static str,
    wrapping: Wrapping,
    keys: Vec<FreshlyWrapped>,
}

struct FreshlyWrapped {
    version: u32,
    fingerprint: Digest,
    wrapped: Vec<u8>,
}

impl LockedKeyring {
    /// Read the data keys of a name.
    pub(crate) fn load(tx: &mut UnscopedTx, name: &'static str) -> Result<Self> {
        let keys = table::wrapped(tx, name)?;
        Ok(Self { name, keys })
    }

    /// Whether there is no data key yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Decrypt every data key. Deriving a key from a passphrase takes a tenth of a second on
    /// purpose, so never call it inside a transaction.
    pub(crate) fn unlock(&self, master: &MasterKey) -> Result<Keyring> {
        let mut keys = DataKeys::new();
        let mut last: Option<(&Wrapping, Key)> = None;
        for stored in &self.keys {
            let wrapping_key = match last {
                Some((wrapping, key)) if *wrapping == stored.wrapping => key,
                _ => master.wrapping_key(&stored.wrapping)?,
            };
            let associated_data = associated_data(self.name, stored.version);
            let key = cipher::decrypt(&wrapping_key, &stored.wrapped, &associated_data)?;
            let key = key
                .as_slice()
                .try_into()
                .map_err(|_| Error::undecryptable("the data key has the wrong length"))?;
            keys.insert(stored.version, Zeroizing::new(key));
            last = Some((&stored.wrapping, wrapping_key));
        }
        Ok(Keyring::new(self.name, keys))
    }
}

impl WrappedKeyring {
    /// Wrap every data key. Slow with a passphrase, so never call it inside a transaction.
    pub(crate) fn wrap(
        keyring: &Keyring,
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let name = keyring.name();
        let wrapping = master.new_wrapping(entropy);
        let wrapping_key = master.wrapping_key(&wrapping)?;
        let wrap = |(version, key): (&u32, &Key)| {
            let mut wrapped = Vec::new();
            let associated_data = associated_data(name, *version);
            cipher::encrypt(
                &wrapping_key,
                key.as_slice(),
                &associated_data,
                entropy,
                &mut wrapped,
            )?;
            Ok(FreshlyWrapped {
                version: *version,
                fingerprint: fingerprint(name, *version, key),
                wrapped,
            })
        };
        let keys = keyring.keys().iter().map(wrap).collect::<Result<_>>()?;
        Ok(Self {
            name,
            wrapping,
            keys,
        })
    }

    /// Store the data keys; those that exist already are replaced by their new wrapping.
    ///
    /// A data key is never overwritten by another one, and all versions stay under one master key.
    /// When two processes create or rotate data keys at the same time, the second gets
    /// [`Error::Undecryptable`] and must load again.
    pub(crate) fn store(&self, tx: &mut UnscopedTx) -> Result<()> {
        let created_at = tx.now();
        let rows = self.keys.iter().map(|key| NewKey {
            name: self.name,
            version: key.version,
            fingerprint: key.fingerprint,
            wrapped: &key.wrapped,
            wrapping: &self.wrapping,
            created_at,
        });
        let rows: Vec<NewKey<'_>> = rows.collect();
        if table::put(tx, &rows)? != rows.len() as u64 {
            return Err(Error::undecryptable(
                "another process created this version of the data key",
            ));
        }
        if table::count(tx, self.name)? != rows.len() as u64 {
            return Err(Error::undecryptable(
                "the data key was rotated since it was read",
            ));
        }
        Ok(())
    }
}

fn associated_data(name: &str, version: u32) -> Vec<u8> {
    let canon = Canon::new("secret-key", 1).text(name);
    canon.uint(u64::from(version)).finish()
}

/// Identifies a data key, to compare two of them. A hash of 32 random bytes reveals nothing about
/// them.
fn fingerprint(name: &str, version: u32, key: &Key) -> Digest {
    let canon = Canon::new("secret-key-fingerprint", 1).text(name);
    let mut hasher = Sha256::new();
    hasher.update(canon.uint(u64::from(version)).finish());
    hasher.update(key.as_slice());
    Digest(hasher.finalize().into())
}

#[cfg(test)]
mod tests;
