//! The software back-end: secrets sealed in the database, opened in memory.

use crate::backend::{Backend, SOFTWARE, Sealed, Task};
use crate::cache::Cache;
use crate::hd::sign_digest;
use crate::secret::{Secret, Signer, row_of};
use crate::{Error, Result};
use intent::{Scheme, Signature};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::secret::{Keyring, Place};
use types::{Entropy, Namespace, WalletId};

/// The data keys, and the branches that are open.
pub(crate) struct Software {
    keyring: Keyring,
    cache: Mutex<Cache>,
}

impl Software {
    pub(crate) fn new(keyring: Keyring, cached_branches: usize) -> Self {
        Self {
            keyring,
            cache: Mutex::new(Cache::new(cached_branches)),
        }
    }

    /// Seal a wallet's secret for its row.
    pub(crate) fn seal(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        secret: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<Sealed> {
        self.seal_bytes(namespace, wallet, &secret.to_bytes(), entropy)
    }

    /// Open a wallet's secret.
    pub(crate) fn open(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        sealed: &Sealed,
    ) -> Result<Secret> {
        Secret::from_bytes(&self.open_bytes(namespace, wallet, sealed)?)
    }

    /// Seal what is sealed under an older data key under the newest.
    pub(crate) fn reseal(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        sealed: &Sealed,
        entropy: &dyn Entropy,
    ) -> Result<Sealed> {
        let plain = self.open_bytes(namespace, wallet, sealed)?;
        self.seal_bytes(namespace, wallet, &plain, entropy)
    }

    fn seal_bytes(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Sealed> {
        let row = row_of(namespace, wallet);
        let bytes = self.keyring.seal(&place(&row), plain, entropy)?;
        let version = store::secret::version_of(&bytes)?;
        Ok(Sealed { bytes, version })
    }

    fn open_bytes(
        &self,
        namespace: &Namespace,
        wallet: &WalletId,
        sealed: &Sealed,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        let row = row_of(namespace, wallet);
        match self.keyring.open(&place(&row), &sealed.bytes) {
            Err(store::Error::KeyUnknown { .. }) => Err(Error::Keyring),
            other => Ok(other?),
        }
    }

    /// Learn what another unlocking of the keyring knows.
    pub(crate) fn learn(&self, keyring: &Keyring) {
        self.keyring.learn(keyring);
        self.cache().clear();
    }

    /// The version that seals now.
    pub(crate) fn version(&self) -> u32 {
        self.keyring.version()
    }

    /// The data keys.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Take note of the generations of wallets: see [`Cache::observe`].
    pub(crate) fn observe(&self, namespace: &Namespace, generations: &HashMap<WalletId, i64>) {
        let mut cache = self.cache();
        generations
            .iter()
            .for_each(|(wallet, generation)| cache.observe(namespace, wallet, *generation));
    }

    /// Forget every opened branch.
    pub(crate) fn forget(&self) {
        self.cache().clear();
    }

    fn signer(&self, task: &Task) -> Result<Arc<Signer>> {
        let key = (task.namespace.clone(), task.wallet, task.path.clone());
        if let Some(signer) = self.cache().get(&key) {
            return Ok(signer);
        }
        let signer = Arc::new(
            self.open(&task.namespace, &task.wallet, &task.sealed)?
                .signer(&task.path)?,
        );
        self.cache().put(key, signer.clone());
        Ok(signer)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Software {
    fn name(&self) -> &'static str {
        SOFTWARE
    }

    fn sign(&self, task: &Task) -> Result<Vec<Signature>> {
        let key = self.signer(task)?.key(task.position);
        let key = key.ok_or_else(|| Error::Path {
            text: format!("{}/{}", task.path, task.position),
        })?;
        let signatures = task.requests.iter().map(|request| match request.scheme {
            Scheme::EcdsaSecp256k1 => sign_digest(&key, &request.digest),
        });
        Ok(signatures.collect())
    }
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "wallet",
        row,
        column: "secret",
    }
}
