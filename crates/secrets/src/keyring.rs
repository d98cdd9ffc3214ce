//! The unlocked data keys in the memory of a process.

use crate::cipher::{self, EncryptionContext, Key};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use types::Entropy;
use zeroize::Zeroizing;

/// How long decryption waits for a data key that another process has created.
const UNKNOWN_KEY_TIMEOUT: Duration = Duration::from_secs(10);

/// The unlocked data keys of one name. Encrypts with the newest, decrypts with any. Clones share
/// the keys, so a data key that a rotation adds is available to all of them.
#[derive(Clone)]
pub struct Keyring(Arc<Shared>);

struct Shared {
    name: &'static str,
    keys: RwLock<DataKeys>,
    /// The newest version in `keys`.
    newest: watch::Sender<u32>,
    /// Notified when a ciphertext names a data key that is not in `keys`.
    unknown_key_seen: Notify,
}

/// Data keys by version.
pub(crate) type DataKeys = BTreeMap<u32, Key>;

impl Keyring {
    pub(crate) fn new(name: &'static str, keys: DataKeys) -> Self {
        Self(Arc::new(Shared {
            name,
            newest: watch::channel(newest(&keys)).0,
            keys: RwLock::new(keys),
            unknown_key_seen: Notify::new(),
        }))
    }

    /// A keyring with a first data key. It must be stored before it encrypts anything.
    pub(crate) fn create(name: &'static str, entropy: &dyn Entropy) -> Self {
        Self::new(name, BTreeMap::from([(1, random_key(entropy))]))
    }

    /// The same keyring with a new data key. It must be stored before it encrypts anything.
    pub(crate) fn with_new_key(&self, entropy: &dyn Entropy) -> Self {
        let mut keys = self.keys().clone();
        keys.insert(newest(&keys) + 1, random_key(entropy));
        Self::new(self.0.name, keys)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name
    }

    pub(crate) fn keys(&self) -> RwLockReadGuard<'_, DataKeys> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Add the data keys of the same keyring, which was unlocked later.
    pub(crate) fn merge(&self, later: &Keyring) {
        let added = later.keys().clone();
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.extend(added);
        self.0.newest.send_replace(newest(&keys));
    }

    /// Wait until a ciphertext names a data key that is not known here. Another process has then
    /// rotated the data keys, and the keyring must be refreshed.
    pub(crate) async fn wait_for_unknown_key(&self) {
        self.0.unknown_key_seen.notified().await;
    }

    /// Encrypt a secret for its location.
    pub fn encrypt(
        &self,
        context: &EncryptionContext<'_>,
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        let keys = self.keys();
        let (version, key) = keys
            .last_key_value()
            .ok_or(Error::undecryptable("the keyring is empty"))?;
        let mut bytes = cipher::prefix(*version);
        let associated_data = context.associated_data(self.0.name, *version);
        cipher::encrypt(key, secret, &associated_data, entropy, &mut bytes)?;
        Ok(bytes)
    }

    /// Decrypt a secret from its location. [`Error::UnknownDataKey`] if another process created its
    /// data key after this keyring was unlocked.
    pub fn decrypt(
        &self,
        context: &EncryptionContext<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let (version, encrypted) = cipher::split(ciphertext)?;
        let keys = self.keys();
        let Some(key) = keys.get(&version) else {
            self.0.unknown_key_seen.notify_one();
            return Err(Error::UnknownDataKey { version });
        };
        let associated_data = context.associated_data(self.0.name, version);
        cipher::decrypt(key, encrypted, &associated_data)
    }

    /// Decrypt a secret, waiting up to ten seconds for a data key that is not known yet. Never call
    /// it inside a transaction.
    pub async fn decrypt_or_wait(
        &self,
        context: &EncryptionContext<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let mut newest = self.0.newest.subscribe();
        match self.decrypt(context, ciphertext) {
            Err(Error::UnknownDataKey { version }) => {
                let known = newest.wait_for(|newest| *newest >= version);
                let _ = tokio::time::timeout(UNKNOWN_KEY_TIMEOUT, known).await;
                self.decrypt(context, ciphertext)
            }
            other => other,
        }
    }

    /// Decrypt a secret and encrypt it under the newest data key.
    pub fn reencrypt(
        &self,
        context: &EncryptionContext<'_>,
        ciphertext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        self.encrypt(context, &self.decrypt(context, ciphertext)?, entropy)
    }

    /// The version of the newest data key, which encrypts.
    pub fn current_version(&self) -> u32 {
        newest(&self.keys())
    }

    /// The first bytes of every ciphertext under the newest data key. Ciphertexts that sort below
    /// it are under an older one.
    pub fn current_prefix(&self) -> Vec<u8> {
        cipher::prefix(self.current_version())
    }

    /// Whether a ciphertext is under the newest data key; if not, it should be re-encrypted.
    pub fn is_current(&self, ciphertext: &[u8]) -> bool {
        cipher::data_key_version(ciphertext).is_ok_and(|version| version == self.current_version())
    }
}

fn newest(keys: &DataKeys) -> u32 {
    keys.last_key_value().map_or(0, |(version, _)| *version)
}

fn random_key(entropy: &dyn Entropy) -> Key {
    let mut key = Zeroizing::new([0u8; 32]);
    entropy.fill(key.as_mut_slice());
    key
}
