//! Secrets at rest: envelope encryption for every crate that stores secrets.
//!
//! A master key, derived from a passphrase with Argon2id (RFC 9106) or read from a file, wraps data
//! keys. The newest data key encrypts with XChaCha20-Poly1305. Every ciphertext carries the version
//! of its data key and is bound to its table, row and column (as associated data): moved elsewhere
//! it cannot be decrypted. Plaintext and keys are wiped from memory when dropped.

pub use crate::table::secret_key::DataKeyInfo;
use crate::table::secret_key::{self as table, NewKey, WrappedKey};
use crate::{Error, Result, UnscopedTx};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use types::{Canon, Digest, Entropy};
use zeroize::Zeroizing;

/// The first byte of a ciphertext.
const FORMAT: u8 = 1;
const NONCE_LEN: usize = 24;
/// Format, version of the data key, nonce.
const HEADER_LEN: usize = 1 + 4 + NONCE_LEN;
/// How long decryption waits for a data key that another process has created.
const UNKNOWN_KEY_TIMEOUT: Duration = Duration::from_secs(10);
/// The highest Argon2id cost that is accepted. A stored cost above it was not written by Florin and
/// would only exhaust memory.
const MAX_COST: KdfCost = KdfCost {
    memory_kib: 2 << 20,
    passes: 64,
};

/// The location that a ciphertext is bound to. It can be decrypted with the same context only.
#[derive(Debug, Clone, Copy)]
pub struct EncryptionContext<'a> {
    pub table: &'a str,
    /// The primary key of the row, as text.
    pub row: &'a str,
    pub column: &'a str,
}

/// The cost parameters of Argon2id (RFC 9106, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KdfCost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl KdfCost {
    /// The second recommended setting of RFC 9106: 64 MiB, 3 passes.
    pub const STANDARD: KdfCost = KdfCost {
        memory_kib: 65_536,
        passes: 3,
    };
    /// The cheapest setting of Argon2id, for tests only.
    pub const TEST: KdfCost = KdfCost {
        memory_kib: 8,
        passes: 1,
    };
}

/// The source of the master key.
pub enum MasterKey {
    /// A passphrase, from which Argon2id derives the key.
    Passphrase(Zeroizing<String>, KdfCost),
    /// The 32 bytes of the key, from a file or a key store.
    Raw(Zeroizing<[u8; 32]>),
}

/// How a data key is wrapped; stored beside it as JSON.
#[derive(Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
enum Wrapping {
    Argon2id {
        #[serde(with = "hex::serde")]
        salt: Vec<u8>,
        cost: KdfCost,
    },
    Key,
}

/// The unlocked data keys of one name. Encrypts with the newest, decrypts with any. Clones share
/// the keys, so keys added by [`Keyring::merge`] are available to all of them.
#[derive(Clone)]
pub struct Keyring(Arc<Shared>);

struct Shared {
    name: String,
    keys: RwLock<DataKeys>,
    /// The newest version in `keys`.
    newest: watch::Sender<u32>,
    /// Notified when a ciphertext names a data key that is not in `keys`.
    unknown_key_seen: Notify,
}

type DataKeys = BTreeMap<u32, Zeroizing<[u8; 32]>>;

/// The result of one step of re-encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReencryptionStep {
    /// Secrets that were re-encrypted.
    pub reencrypted: u64,
    /// Secrets that could not be decrypted, and were left unchanged.
    pub undecryptable: u64,
    /// The position after which the next step continues; none at the end.
    pub after: Option<String>,
}

impl Keyring {
    fn new(name: &str, keys: DataKeys) -> Self {
        let newest = keys.last_key_value().map_or(0, |(version, _)| *version);
        let (newest, unknown_key_seen) = (watch::channel(newest).0, Notify::new());
        Self(Arc::new(Shared {
            name: name.to_owned(),
            keys: RwLock::new(keys),
            newest,
            unknown_key_seen,
        }))
    }

    fn keys(&self) -> RwLockReadGuard<'_, DataKeys> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Add the data keys of another keyring of the same name, which was unlocked later. All clones
    /// of this keyring get them.
    pub fn merge(&self, from: &Keyring) {
        let keys = from.keys().clone();
        self.0
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(keys);
        self.0.newest.send_replace(self.current_version());
    }

    /// Wait until a ciphertext names a data key that is not known here. Another process has then
    /// rotated the data keys, and the keyring must be unlocked again.
    pub async fn wait_for_unknown_key(&self) {
        self.0.unknown_key_seen.notified().await;
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
                let _ = tokio::time::timeout(
                    UNKNOWN_KEY_TIMEOUT,
                    newest.wait_for(|newest| *newest >= version),
                )
                .await;
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

    /// The first bytes of every ciphertext under the newest data key. Ciphertexts that sort below
    /// it are under an older one.
    pub fn current_prefix(&self) -> Vec<u8> {
        version_prefix(self.current_version())
    }

    /// Encrypt a secret for its location.
    pub fn encrypt(
        &self,
        context: &EncryptionContext<'_>,
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        let keys = self.keys();
        let (version, key) = keys.last_key_value().ok_or(Error::Secret {
            why: "the keyring is empty",
        })?;
        let mut nonce = [0u8; NONCE_LEN];
        entropy.fill(&mut nonce);
        let aad = associated_data(&self.0.name, *version, context);
        let ciphertext = aead_encrypt(key, &nonce, secret, &aad)?;
        let mut bytes = version_prefix(*version);
        bytes.reserve_exact(NONCE_LEN + ciphertext.len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        Ok(bytes)
    }

    /// Decrypt a secret from its location. [`Error::UnknownDataKey`] if another process created its
    /// data key after this keyring was unlocked.
    pub fn decrypt(
        &self,
        context: &EncryptionContext<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let version = data_key_version(ciphertext)?;
        let keys = self.keys();
        let Some(key) = keys.get(&version) else {
            self.0.unknown_key_seen.notify_one();
            return Err(Error::UnknownDataKey { version });
        };
        aead_decrypt(
            key,
            &ciphertext[5..HEADER_LEN],
            &ciphertext[HEADER_LEN..],
            &associated_data(&self.0.name, version, context),
        )
    }

    /// Whether a ciphertext is under the newest data key; if not, it should be re-encrypted.
    pub fn is_current(&self, ciphertext: &[u8]) -> bool {
        data_key_version(ciphertext).is_ok_and(|version| version == self.current_version())
    }

    /// The version of the newest data key, which encrypts.
    pub fn current_version(&self) -> u32 {
        self.keys()
            .last_key_value()
            .map_or(0, |(version, _)| *version)
    }

    /// The same keyring with a new data key. [`store_data_keys`] persists it.
    pub fn with_new_key(&self, entropy: &dyn Entropy) -> Keyring {
        let mut keys = self.keys().clone();
        keys.insert(self.current_version() + 1, random_key(entropy));
        Keyring::new(&self.0.name, keys)
    }

    /// Wrap every data key under a master key, for [`store_data_keys`]. Slow with a passphrase, so
    /// never call it inside a transaction.
    pub fn wrap(&self, master: &MasterKey, entropy: &dyn Entropy) -> Result<WrappedKeys> {
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        let wrapping = match master {
            MasterKey::Passphrase(_, cost) => Wrapping::Argon2id {
                salt: salt.to_vec(),
                cost: *cost,
            },
            MasterKey::Raw(_) => Wrapping::Key,
        };
        let kek = key_encryption_key(master, &wrapping)?;
        let text = serde_json::to_string(&wrapping).map_err(|_| Error::Secret {
            why: "the key wrapping cannot be serialized",
        })?;
        let mut keys = Vec::new();
        for (version, key) in self.keys().iter() {
            let mut nonce = [0u8; NONCE_LEN];
            entropy.fill(&mut nonce);
            let mut wrapped = nonce.to_vec();
            wrapped.extend(aead_encrypt(
                &kek,
                &nonce,
                key.as_slice(),
                &wrap_associated_data(&self.0.name, *version),
            )?);
            keys.push(KeyToStore {
                version: *version,
                fingerprint: fingerprint(&self.0.name, *version, key),
                wrapped,
            });
        }
        Ok(WrappedKeys {
            name: self.0.name.clone(),
            wrapping: text,
            keys,
        })
    }
}

/// Wrapped data keys, ready to be stored.
pub struct WrappedKeys {
    name: String,
    wrapping: String,
    keys: Vec<KeyToStore>,
}

struct KeyToStore {
    version: u32,
    fingerprint: Digest,
    wrapped: Vec<u8>,
}

/// Data keys as stored, not yet unlocked.
pub struct LockedKeyring {
    name: String,
    keys: Vec<WrappedKey>,
}

/// Read the wrapped data keys of a name.
pub fn load_data_keys(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<LockedKeyring> {
    Ok(LockedKeyring {
        name: name.to_owned(),
        keys: table::wrapped(tx, name)?,
    })
}

/// Store wrapped data keys; those that exist already are replaced by their new wrapping.
///
/// A data key is never overwritten by another one, and all versions stay under one master key. When
/// two processes create or rotate data keys at the same time, the second gets [`Error::Secret`] and
/// must load again.
pub fn store_data_keys(tx: &mut UnscopedTx<'_, '_>, wrapped: &WrappedKeys) -> Result<()> {
    let created_at = tx.now();
    let WrappedKeys {
        name,
        wrapping,
        keys,
    } = wrapped;
    let rows: Vec<NewKey<'_>> = keys
        .iter()
        .map(|key| NewKey {
            name,
            version: key.version,
            fingerprint: key.fingerprint,
            wrapped: &key.wrapped,
            wrapping,
            created_at,
        })
        .collect();
    if table::put(tx, &rows)? != rows.len() as u64 {
        return Err(Error::Secret {
            why: "another process created this version of the data key",
        });
    }
    if table::count(tx, name)? != rows.len() as u64 {
        return Err(Error::Secret {
            why: "the data key was rotated since it was read",
        });
    }
    Ok(())
}

/// List the stored data keys of a name, oldest first.
pub fn list_data_keys(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<Vec<DataKeyInfo>> {
    table::list(tx, name)
}

/// Record that nothing is encrypted under the data keys before this version any more. Returns how
/// many were retired.
pub fn retire_data_keys(tx: &mut UnscopedTx<'_, '_>, name: &str, before: u32) -> Result<u64> {
    table::retire(tx, name, before)
}

impl LockedKeyring {
    /// Whether there is no data key yet. If so, start with [`LockedKeyring::create`].
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Create a keyring with a first data key. Wrap and store it before it encrypts anything.
    pub fn create(&self, entropy: &dyn Entropy) -> Keyring {
        Keyring::new(&self.name, BTreeMap::from([(1, random_key(entropy))]))
    }

    /// Decrypt every data key with the master key. Deriving a key from a passphrase takes a tenth
    /// of a second on purpose, so never call it inside a transaction.
    pub fn unlock(&self, master: &MasterKey) -> Result<Keyring> {
        let mut keys = BTreeMap::new();
        let mut known: Option<(&str, Zeroizing<[u8; 32]>)> = None;
        for stored in &self.keys {
            let (version, text) = (stored.version, &stored.wrapping);
            if known.as_ref().is_none_or(|(previous, _)| *previous != text) {
                let wrapping = serde_json::from_str(text).map_err(|_| Error::Secret {
                    why: "the key wrapping is unknown",
                })?;
                known = Some((text, key_encryption_key(master, &wrapping)?));
            }
            let Some((_, kek)) = &known else { continue };
            let (nonce, ciphertext) =
                (stored.wrapped.split_at_checked(NONCE_LEN)).ok_or(Error::Secret {
                    why: "it is truncated",
                })?;
            let key = aead_decrypt(
                kek,
                nonce,
                ciphertext,
                &wrap_associated_data(&self.name, version),
            )?;
            let key: [u8; 32] = key.as_slice().try_into().map_err(|_| Error::Secret {
                why: "the data key has the wrong length",
            })?;
            keys.insert(version, Zeroizing::new(key));
        }
        Ok(Keyring::new(&self.name, keys))
    }
}

fn version_prefix(version: u32) -> Vec<u8> {
    let mut prefix = vec![FORMAT];
    prefix.extend_from_slice(&version.to_be_bytes());
    prefix
}

/// The version of the data key that a ciphertext is encrypted under.
pub fn data_key_version(ciphertext: &[u8]) -> Result<u32> {
    if ciphertext.len() < HEADER_LEN || ciphertext[0] != FORMAT {
        return Err(Error::Secret {
            why: "its format is unknown",
        });
    }
    Ok(u32::from_be_bytes([
        ciphertext[1],
        ciphertext[2],
        ciphertext[3],
        ciphertext[4],
    ]))
}

fn random_key(entropy: &dyn Entropy) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0u8; 32]);
    entropy.fill(key.as_mut_slice());
    key
}

fn associated_data(name: &str, version: u32, context: &EncryptionContext<'_>) -> Vec<u8> {
    let canon = Canon::new("secret", 1).text(name).uint(u64::from(version));
    canon
        .text(context.table)
        .text(context.row)
        .text(context.column)
        .finish()
}

fn wrap_associated_data(name: &str, version: u32) -> Vec<u8> {
    Canon::new("secret-key", 1)
        .text(name)
        .uint(u64::from(version))
        .finish()
}

/// Identifies a data key, to compare two of them. A hash of 32 random bytes reveals nothing about
/// them.
fn fingerprint(name: &str, version: u32, key: &Zeroizing<[u8; 32]>) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(
        Canon::new("secret-key-fingerprint", 1)
            .text(name)
            .uint(u64::from(version))
            .finish(),
    );
    hasher.update(key.as_slice());
    Digest(hasher.finalize().into())
}

fn key_encryption_key(master: &MasterKey, wrapping: &Wrapping) -> Result<Zeroizing<[u8; 32]>> {
    match (master, wrapping) {
        (MasterKey::Raw(key), Wrapping::Key) => Ok(key.clone()),
        (MasterKey::Passphrase(passphrase, _), Wrapping::Argon2id { salt, cost }) => {
            derive_key(passphrase, salt, *cost)
        }
        _ => Err(Error::Secret {
            why: "it is wrapped by another kind of master key",
        }),
    }
}

fn derive_key(passphrase: &str, salt: &[u8], cost: KdfCost) -> Result<Zeroizing<[u8; 32]>> {
    let failed = |_| Error::Secret {
        why: "the key derivation failed",
    };
    if cost.memory_kib > MAX_COST.memory_kib || cost.passes > MAX_COST.passes {
        return Err(Error::Secret {
            why: "the key derivation costs more than the maximum",
        });
    }
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(failed)?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(failed)?;
    Ok(key)
}

fn aead_encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LEN],
    secret: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(*nonce), Payload { msg: secret, aad })
        .map_err(|_| Error::Secret {
            why: "it cannot be encrypted",
        })
}

fn aead_decrypt(
    key: &[u8; 32],
    nonce: &[u8],
    ciphertext: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| Error::Secret {
        why: "it is truncated",
    })?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: ciphertext,
                aad,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| Error::Secret {
            why: "the key is wrong, or the bytes were changed or moved",
        })
}
