//! The secrets of wallets: encrypted in the database, and decrypted in memory to sign.

use super::cache::SignerCache;
use super::{EncryptedSecret, SigningTask};
use crate::hd::sign_digest;
use crate::secret::{Secret, Signer, context_row};
use crate::{Error, Result};
use intent::{Scheme, Signature};
use secrets::{EncryptionContext, Keyring};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::{Entropy, Namespace, WalletId};

/// The data keys, and the cache of decrypted branches. Shared by the back ends that hold no key
/// themselves.
pub(crate) struct WalletSecrets {
    keyring: Keyring,
    cache: Mutex<SignerCache>,
}

impl WalletSecrets {
    pub(crate) fn new(keyring: Keyring, cached_branches: usize) -> Self {
        Self {
            keyring,
            cache: Mutex::new(SignerCache::new(cached_branches)),
        }
    }

    /// Encrypt a wallet's secret for its row.
    pub(crate) fn encrypt(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        secret: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<EncryptedSecret> {
        self.encrypt_bytes(namespace, wallet, &secret.to_bytes(), entropy)
    }

    /// Decrypt a wallet's secret.
    pub(crate) fn decrypt(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        encrypted: &EncryptedSecret,
    ) -> Result<Secret> {
        Secret::from_bytes(&self.decrypt_bytes(namespace, wallet, encrypted)?)
    }

    /// Re-encrypt a secret under the newest data key.
    pub(crate) fn reencrypt(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        encrypted: &EncryptedSecret,
        entropy: &dyn Entropy,
    ) -> Result<EncryptedSecret> {
        let plain = self.decrypt_bytes(namespace, wallet, encrypted)?;
        self.encrypt_bytes(namespace, wallet, &plain, entropy)
    }

    fn encrypt_bytes(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<EncryptedSecret> {
        let row = context_row(namespace, wallet);
        let bytes = self.keyring.encrypt(&context(&row), plain, entropy)?;
        let version = secrets::data_key_version(&bytes)?;
        Ok(EncryptedSecret { bytes, version })
    }

    fn decrypt_bytes(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        encrypted: &EncryptedSecret,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        let row = context_row(namespace, wallet);
        match self.keyring.decrypt(&context(&row), &encrypted.bytes) {
            Err(secrets::Error::UnknownDataKey { .. }) => Err(Error::KeyringLocked),
            other => Ok(other?),
        }
    }

    /// The version of the data key that encrypts new secrets.
    pub(crate) fn version(&self) -> u32 {
        self.keyring.current_version()
    }

    /// Record the generations of wallets: see [`SignerCache::observe`].
    pub(crate) fn observe(&self, namespace: &Namespace, generations: &HashMap<WalletId, i64>) {
        let mut cache = self.cache();
        generations
            .iter()
            .for_each(|(wallet, generation)| cache.observe(namespace, wallet, *generation));
    }

    /// Evict all decrypted branches.
    pub(crate) fn evict_all(&self) {
        self.cache().clear();
    }

    /// Sign what a task requires, in order.
    pub(super) fn sign(&self, task: &SigningTask) -> Result<Vec<Signature>> {
        let key = self.signer(task)?.key(task.position);
        let key = key.ok_or_else(|| Error::InvalidPath {
            text: format!("{}/{}", task.path, task.position),
        })?;
        let signatures = task.required.iter().map(|required| match required.scheme {
            Scheme::EcdsaSecp256k1 => sign_digest(&key, &required.digest),
        });
        Ok(signatures.collect())
    }

    fn signer(&self, task: &SigningTask) -> Result<Arc<Signer>> {
        let key = (task.namespace, task.wallet, task.path.clone());
        if let Some(signer) = self.cache().get(&key) {
            return Ok(signer);
        }
        let signer = Arc::new(
            self.decrypt(&task.namespace, &task.wallet, &task.secret)?
                .signer(&task.path)?,
        );
        self.cache().put(key, signer.clone());
        Ok(signer)
    }

    fn cache(&self) -> MutexGuard<'_, SignerCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn context(row: &str) -> EncryptionContext<'_> {
    EncryptionContext {
        table: "wallet",
        row,
        column: "secret",
    }
}
