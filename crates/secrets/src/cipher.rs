//! The form of a ciphertext: a format byte, the version of the data key, the nonce, and the output
//! of XChaCha20-Poly1305.

use crate::{Error, Result};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use types::{Canon, Entropy};
use zeroize::Zeroizing;

/// The first byte of a ciphertext.
const FORMAT: u8 = 1;
const NONCE_LEN: usize = 24;
/// Format and version of the data key.
const PREFIX_LEN: usize = 1 + 4;

/// A 256-bit key, wiped when it is dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// The location that a ciphertext is bound to. It can be decrypted with the same context only.
#[derive(Debug, Clone, Copy)]
pub struct EncryptionContext<'a> {
    pub table: &'a str,
    /// The primary key of the row, as text.
    pub row: &'a str,
    pub column: &'a str,
}

impl EncryptionContext<'_> {
    /// The associated data of a ciphertext under this version of the keyring's data key.
    pub(crate) fn associated_data(&self, keyring: &str, version: u32) -> Vec<u8> {
        let canon = Canon::new("secret", 1).text(keyring);
        let canon = canon.uint(u64::from(version));
        canon
            .text(self.table)
            .text(self.row)
            .text(self.column)
            .finish()
    }
}

/// The first bytes of every ciphertext under this version of the data key.
pub(crate) fn prefix(version: u32) -> Vec<u8> {
    let mut prefix = vec![FORMAT];
    prefix.extend_from_slice(&version.to_be_bytes());
    prefix
}

/// The version of the data key that a ciphertext is encrypted under.
pub fn data_key_version(ciphertext: &[u8]) -> Result<u32> {
    split(ciphertext).map(|(version, _)| version)
}

/// The version of the data key, and the nonce with the rest.
pub(crate) fn split(ciphertext: &[u8]) -> Result<(u32, &[u8])> {
    match ciphertext.split_first_chunk::<PREFIX_LEN>() {
        Some(([FORMAT, version @ ..], rest)) if rest.len() >= NONCE_LEN => {
            Ok((u32::from_be_bytes(*version), rest))
        }
        _ => Err(Error::undecryptable("its format is unknown")),
    }
}

/// Encrypt under a fresh nonce, and append the nonce and the result.
pub(crate) fn encrypt(
    key: &Key,
    secret: &[u8],
    associated_data: &[u8],
    entropy: &dyn Entropy,
    to: &mut Vec<u8>,
) -> Result<()> {
    let mut nonce = [0u8; NONCE_LEN];
    entropy.fill(&mut nonce);
    let payload = Payload {
        msg: secret,
        aad: associated_data,
    };
    let ciphertext = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Error::undecryptable("it cannot be encrypted"))?;
    to.reserve_exact(NONCE_LEN + ciphertext.len());
    to.extend_from_slice(&nonce);
    to.extend_from_slice(&ciphertext);
    Ok(())
}

/// Decrypt a nonce and the rest.
pub(crate) fn decrypt(
    key: &Key,
    encrypted: &[u8],
    associated_data: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = encrypted
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(Error::undecryptable("it is truncated"))?;
    let payload = Payload {
        msg: ciphertext,
        aad: associated_data,
    };
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| Error::undecryptable("the key is wrong, or the bytes were changed or moved"))
}
