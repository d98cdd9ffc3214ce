//! The master key, and how it becomes the key that wraps data keys.

use crate::cipher::Key;
use crate::{Error, Result};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use types::Entropy;
use zeroize::Zeroizing;

/// The highest Argon2id cost that is accepted. A stored cost above it was not written by Florin and
/// would only exhaust memory.
const MAX_COST: KdfCost = KdfCost {
    memory_kib: 2 << 20,
    passes: 64,
};
const SALT_LEN: usize = 16;

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

/// The source of the key that wraps the data keys.
pub enum MasterKey {
    /// A passphrase, from which Argon2id derives the key.
    Passphrase(Zeroizing<String>, KdfCost),
    /// The 32 bytes of the key, from a file or a key store.
    Raw(Zeroizing<[u8; 32]>),
}

/// How a data key is wrapped; stored beside it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Wrapping {
    Argon2id {
        #[serde(with = "hex::serde")]
        salt: Vec<u8>,
        cost: KdfCost,
    },
    Key,
}

impl MasterKey {
    /// A new wrapping by this master key.
    pub(crate) fn new_wrapping(&self, entropy: &dyn Entropy) -> Wrapping {
        let mut salt = vec![0u8; SALT_LEN];
        entropy.fill(&mut salt);
        match self {
            Self::Passphrase(_, cost) => Wrapping::Argon2id { salt, cost: *cost },
            Self::Raw(_) => Wrapping::Key,
        }
    }

    /// The key that wraps data keys in this way.
    pub(crate) fn wrapping_key(&self, wrapping: &Wrapping) -> Result<Key> {
        match (self, wrapping) {
            (Self::Raw(key), Wrapping::Key) => Ok(key.clone()),
            (Self::Passphrase(passphrase, _), Wrapping::Argon2id { salt, cost }) => {
                derive(passphrase, salt, *cost)
            }
            _ => Err(Error::undecryptable(
                "it is wrapped by another kind of master key",
            )),
        }
    }
}

fn derive(passphrase: &str, salt: &[u8], cost: KdfCost) -> Result<Key> {
    if cost.memory_kib > MAX_COST.memory_kib || cost.passes > MAX_COST.passes {
        return Err(Error::undecryptable(
            "the key derivation costs more than the maximum",
        ));
    }
    let failed = |_| Error::undecryptable("the key derivation failed");
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(failed)?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(failed)?;
    Ok(key)
}
