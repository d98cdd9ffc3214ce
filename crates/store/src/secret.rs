//! Secrets at rest: envelope encryption for all who keep any.
//!
//! A master key, derived from a passphrase with Argon2id (RFC 9106) or read from a file, wraps data
//! keys; the newest data key seals with XChaCha20-Poly1305. Every sealed secret carries its data
//! key's name and version, and is bound to table, row and column: moved elsewhere it does not open.
//! What leaves memory is wiped.

use crate::table::{self, DataKey};
use crate::{Error, Result, Unbound};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use types::{Canon, Digest, Entropy, Time};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const NONCE: usize = 24;
const HEAD: usize = 1 + 4 + NONCE;
/// How long somebody waits for a data key that another process has begun.
const LEARNT_WITHIN: Duration = Duration::from_secs(10);
/// The costliest stretching that is tried: what a row asks for beyond it was not written by Florin.
const MAX_COST: Cost = Cost {
    memory_kib: 2 << 20,
    passes: 64,
};

/// Where a secret is kept. A sealed secret opens there and nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row, by its key.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

/// How costly a passphrase is to try (RFC 9106, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Cost {
    /// The second recommended setting of RFC 9106: 64 MiB, 3 passes.
    pub const STANDARD: Cost = Cost {
        memory_kib: 65_536,
        passes: 3,
    };
    /// As cheap as Argon2id goes: for tests alone.
    pub const TEST: Cost = Cost {
        memory_kib: 8,
        passes: 1,
    };
}

/// What the master key is made from.
pub enum Master {
    /// A passphrase, stretched.
    Passphrase(Zeroizing<String>, Cost),
    /// 32 bytes from a file or a key store.
    Key(Zeroizing<[u8; 32]>),
}

/// How a data key is wrapped, as stored beside it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
enum Wrapping {
    Argon2id {
        #[serde(with = "hex::serde")]
        salt: Vec<u8>,
        cost: Cost,
    },
    Key,
}

/// The data keys of one name, opened. Seals with the newest, opens with any. Clones share them:
/// what one learns, all know.
#[derive(Clone)]
pub struct Keyring(Arc<Shared>);

struct Shared {
    name: String,
    keys: RwLock<DataKeys>,
    /// The newest version that is known.
    newest: watch::Sender<u32>,
    /// Somebody met a version that is not known.
    missed: Notify,
}

type DataKeys = BTreeMap<u32, Zeroizing<[u8; 32]>>;

/// A data key as it stands in the database, closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Its version. The newest seals.
    pub version: u32,
    /// When it was begun.
    pub created: Time,
    /// Since when nothing is under it any more. It still opens what an old backup brings back.
    pub retired: Option<Time>,
}

/// What one step of sealing anew has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Secrets sealed anew.
    pub resealed: u64,
    /// Secrets that do not open, and stay as they are.
    pub broken: u64,
    /// Where the next step begins; none at the end.
    pub after: Option<String>,
}

impl Keyring {
    fn new(name: &str, keys: DataKeys) -> Self {
        let newest = keys.last_key_value().map_or(0, |(version, _)| *version);
        let (newest, missed) = (watch::channel(newest).0, Notify::new());
        Self(Arc::new(Shared {
            name: name.to_owned(),
            keys: RwLock::new(keys),
            newest,
            missed,
        }))
    }

    fn keys(&self) -> RwLockReadGuard<'_, DataKeys> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Take over the data keys of another unlocking of the same keyring, for all who share this
    /// one.
    pub fn learn(&self, from: &Keyring) {
        let keys = from.keys().clone();
        self.0
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(keys);
        self.0.newest.send_replace(self.version());
    }

    /// Wait until somebody has met a data key that is not known here: another process has rotated,
    /// and the keyring is to be unlocked again.
    pub async fn missed(&self) {
        self.0.missed.notified().await;
    }

    /// Open a secret, and wait for a data key that is not known yet, but no longer than ten
    /// seconds. Never inside a transaction.
    pub async fn open_soon(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut newest = self.0.newest.subscribe();
        match self.open(place, sealed) {
            Err(Error::KeyUnknown { version }) => {
                let _ = tokio::time::timeout(
                    LEARNT_WITHIN,
                    newest.wait_for(|newest| *newest >= version),
                )
                .await;
                self.open(place, sealed)
            }
            other => other,
        }
    }

    /// Open a secret and seal it under the newest data key.
    pub fn reseal(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        self.seal(place, &self.open(place, sealed)?, entropy)
    }

    /// With what everything begins that is sealed under the newest data key: bytes that sort below
    /// it are under an older one.
    pub fn head(&self) -> Vec<u8> {
        head(self.version())
    }

    /// Seal a secret for its place.
    pub fn seal(&self, place: &Place<'_>, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        let keys = self.keys();
        let (version, key) = keys.last_key_value().ok_or(Error::Secret {
            why: "the keyring is empty",
        })?;
        let mut nonce = [0u8; NONCE];
        entropy.fill(&mut nonce);
        let bound = bound(&self.0.name, *version, place);
        let sealed = encrypt(key, &nonce, secret, &bound)?;
        let mut bytes = head(*version);
        bytes.reserve_exact(NONCE + sealed.len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Open a secret at its place. [`Error::KeyUnknown`] if another process has begun its data key
    /// since this keyring was unlocked.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let version = version_of(sealed)?;
        let keys = self.keys();
        let Some(key) = keys.get(&version) else {
            self.0.missed.notify_one();
            return Err(Error::KeyUnknown { version });
        };
        decrypt(
            key,
            &sealed[5..HEAD],
            &sealed[HEAD..],
            &bound(&self.0.name, version, place),
        )
    }

    /// Whether a sealed secret is under the newest data key; if not, open and seal it anew.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        version_of(sealed).is_ok_and(|version| version == self.version())
    }

    /// The version that seals now.
    pub fn version(&self) -> u32 {
        self.keys()
            .last_key_value()
            .map_or(0, |(version, _)| *version)
    }

    /// The same keyring with a new data key in front; [`Keyring::store`] makes it last.
    pub fn rotated(&self, entropy: &dyn Entropy) -> Keyring {
        let mut keys = self.keys().clone();
        keys.insert(self.version() + 1, fresh_key(entropy));
        Keyring::new(&self.0.name, keys)
    }

    /// Wrap every data key under a master key; [`store`] writes the result. Slow with a passphrase:
    /// outside any transaction.
    pub fn wrap(&self, master: &Master, entropy: &dyn Entropy) -> Result<Wrapped> {
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        let wrapping = match master {
            Master::Passphrase(_, cost) => Wrapping::Argon2id {
                salt: salt.to_vec(),
                cost: *cost,
            },
            Master::Key(_) => Wrapping::Key,
        };
        let kek = unwrap_key(master, &wrapping)?;
        let text = serde_json::to_string(&wrapping).map_err(|_| Error::Secret {
            why: "its wrapping cannot be written",
        })?;
        let mut rows = Vec::new();
        for (version, key) in self.keys().iter() {
            let mut nonce = [0u8; NONCE];
            entropy.fill(&mut nonce);
            let mut wrapped = nonce.to_vec();
            wrapped.extend(encrypt(
                &kek,
                &nonce,
                key.as_slice(),
                &bound_wrap(&self.0.name, *version),
            )?);
            rows.push((*version, fingerprint(&self.0.name, *version, key), wrapped));
        }
        Ok(Wrapped {
            name: self.0.name.clone(),
            wrapping: text,
            rows,
        })
    }
}

/// Data keys, wrapped and ready to be stored.
pub struct Wrapped {
    name: String,
    wrapping: String,
    /// Version, fingerprint, wrapped bytes.
    rows: Vec<(u32, Digest, Vec<u8>)>,
}

/// Data keys as stored, not yet opened.
pub struct Loaded {
    name: String,
    rows: Vec<(u32, Vec<u8>, String)>,
}

/// Read the wrapped data keys of a name.
pub fn load(tx: &mut Unbound<'_, '_>, name: &str) -> Result<Loaded> {
    Ok(Loaded {
        name: name.to_owned(),
        rows: table::data_keys(tx, name)?,
    })
}

/// Store wrapped data keys; those that are there are wrapped anew.
///
/// A data key is never overwritten by another, and all versions stay under one master key: whoever
/// comes second, of two who begin or rotate at the same time, gets [`Error::Secret`], and loads
/// again.
pub fn store(tx: &mut Unbound<'_, '_>, wrapped: &Wrapped) -> Result<()> {
    let now: Time = tx.now();
    let Wrapped {
        name,
        wrapping,
        rows,
    } = wrapped;
    for (version, fingerprint, bytes) in rows {
        let key = DataKey {
            name,
            version: *version,
            fingerprint: *fingerprint,
            wrapped: bytes,
            wrapping,
        };
        if !table::put_data_key(tx, &key, now)? {
            return Err(Error::Secret {
                why: "another process made this version of the data key",
            });
        }
    }
    if table::count_data_keys(tx, name)? != i64::try_from(rows.len()).unwrap_or(i64::MAX) {
        return Err(Error::Secret {
            why: "the data key was rotated since it was read",
        });
    }
    Ok(())
}

/// The data keys of a name as they stand in the database, oldest first.
pub fn key_infos(tx: &mut Unbound<'_, '_>, name: &str) -> Result<Vec<KeyInfo>> {
    let rows = table::data_key_times(tx, name)?;
    Ok(rows
        .into_iter()
        .map(|(version, created, retired)| KeyInfo {
            version,
            created,
            retired,
        })
        .collect())
}

/// Note that nothing is under the data keys before this version any more; how many were noted.
pub fn retire(tx: &mut Unbound<'_, '_>, name: &str, before: u32) -> Result<u64> {
    let now = tx.now();
    table::retire_data_keys(tx, name, before, now)
}

impl Loaded {
    /// Whether there is no data key yet: begin with [`Loaded::begin`].
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A keyring with a first data key; wrap and store it before it seals anything.
    pub fn begin(&self, entropy: &dyn Entropy) -> Keyring {
        Keyring::new(&self.name, BTreeMap::from([(1, fresh_key(entropy))]))
    }

    /// Open every data key with the master key. Stretching a passphrase takes a tenth of a second
    /// on purpose: outside any transaction.
    pub fn unlock(&self, master: &Master) -> Result<Keyring> {
        let mut keys = BTreeMap::new();
        let mut known: Option<(&str, Zeroizing<[u8; 32]>)> = None;
        for (version, wrapped, text) in &self.rows {
            if known.as_ref().is_none_or(|(same, _)| *same != text) {
                let wrapping = serde_json::from_str(text).map_err(|_| Error::Secret {
                    why: "its wrapping is not known",
                })?;
                known = Some((text, unwrap_key(master, &wrapping)?));
            }
            let Some((_, kek)) = &known else { continue };
            let (nonce, sealed) = wrapped.split_at_checked(NONCE).ok_or(Error::Secret {
                why: "it is cut short",
            })?;
            let key = decrypt(kek, nonce, sealed, &bound_wrap(&self.name, *version))?;
            let key: [u8; 32] = key.as_slice().try_into().map_err(|_| Error::Secret {
                why: "it is not a key",
            })?;
            keys.insert(*version, Zeroizing::new(key));
        }
        Ok(Keyring::new(&self.name, keys))
    }
}

fn head(version: u32) -> Vec<u8> {
    let mut head = vec![FORMAT];
    head.extend_from_slice(&version.to_be_bytes());
    head
}

/// The version of the data key under which something is sealed.
pub fn version_of(sealed: &[u8]) -> Result<u32> {
    if sealed.len() < HEAD || sealed[0] != FORMAT {
        return Err(Error::Secret {
            why: "it has no known form",
        });
    }
    Ok(u32::from_be_bytes([
        sealed[1], sealed[2], sealed[3], sealed[4],
    ]))
}

fn fresh_key(entropy: &dyn Entropy) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0u8; 32]);
    entropy.fill(key.as_mut_slice());
    key
}

fn bound(name: &str, version: u32, place: &Place<'_>) -> Vec<u8> {
    let head = Canon::new("secret", 1).text(name).uint(u64::from(version));
    head.text(place.table)
        .text(place.row)
        .text(place.column)
        .finish()
}

fn bound_wrap(name: &str, version: u32) -> Vec<u8> {
    Canon::new("secret-key", 1)
        .text(name)
        .uint(u64::from(version))
        .finish()
}

/// Tells whether two data keys are the same. A hash of 32 bytes of chance gives nothing of them
/// away.
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

fn unwrap_key(master: &Master, wrapping: &Wrapping) -> Result<Zeroizing<[u8; 32]>> {
    match (master, wrapping) {
        (Master::Key(key), Wrapping::Key) => Ok(key.clone()),
        (Master::Passphrase(passphrase, _), Wrapping::Argon2id { salt, cost }) => {
            stretch(passphrase, salt, *cost)
        }
        _ => Err(Error::Secret {
            why: "it is wrapped by another kind of master key",
        }),
    }
}

fn stretch(passphrase: &str, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>> {
    let refused = |_| Error::Secret {
        why: "its stretching cannot be done",
    };
    if cost.memory_kib > MAX_COST.memory_kib || cost.passes > MAX_COST.passes {
        return Err(Error::Secret {
            why: "its stretching costs more than is sane",
        });
    }
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(refused)?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(refused)?;
    Ok(key)
}

fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE], secret: &[u8], bound: &[u8]) -> Result<Vec<u8>> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(
            &XNonce::from(*nonce),
            Payload {
                msg: secret,
                aad: bound,
            },
        )
        .map_err(|_| Error::Secret {
            why: "it cannot be sealed",
        })
}

fn decrypt(
    key: &[u8; 32],
    nonce: &[u8],
    sealed: &[u8],
    bound: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| Error::Secret {
        why: "it is cut short",
    })?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: sealed,
                aad: bound,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| Error::Secret {
            why: "the key is another, or the bytes were changed or moved",
        })
}
