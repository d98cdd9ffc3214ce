//! The plaintext of a wallet's secret: a mnemonic or a single key.

use crate::hd::{Node, Path, Phrase, node_public};
use crate::{Error, Result};
use types::{Canon, Digest, Namespace, WalletId};
use zeroize::Zeroizing;

/// The first byte of the plaintext encoding.
const WORDS: u8 = 1;
const KEY: u8 = 2;

/// A wallet's decrypted secret. Wiped when dropped; has no `Debug`.
pub(crate) enum Secret {
    /// A mnemonic, from which a tree of keys is derived.
    Words(Phrase),
    /// A single key.
    Key(Zeroizing<[u8; 32]>),
}

/// The signing key or node of a branch, kept in memory while it is used.
pub(crate) enum Signer {
    Branch(Node),
    /// The wallet's single key.
    Single(Zeroizing<[u8; 32]>),
}

impl Secret {
    /// A single key; an error if the bytes are not a private key.
    pub(crate) fn key(bytes: Zeroizing<[u8; 32]>) -> Result<Self> {
        node_public(&bytes)
            .map(|_| Self::Key(bytes))
            .ok_or(Error::InvalidPrivateKey)
    }

    /// The plaintext encoding, which is encrypted at rest: a kind byte, then the key, or the
    /// mnemonic with its length and the passphrase.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Large enough: reallocation would leave copies of the secret in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(512));
        match self {
            Self::Key(key) => {
                bytes.push(KEY);
                bytes.extend_from_slice(key.as_slice());
            }
            Self::Words(phrase) => {
                let (words, passphrase) =
                    (phrase.words().as_bytes(), phrase.passphrase().as_bytes());
                bytes.reserve_exact(words.len() + passphrase.len() + 3);
                bytes.push(WORDS);
                bytes.extend_from_slice(
                    &u16::try_from(words.len()).unwrap_or(u16::MAX).to_be_bytes(),
                );
                bytes.extend_from_slice(words);
                bytes.extend_from_slice(passphrase);
            }
        }
        bytes
    }

    /// Read the plaintext encoding.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let broken = || secrets::Error::Undecryptable {
            why: "the plaintext is not a wallet secret",
        };
        let (kind, rest) = bytes.split_first().ok_or_else(broken)?;
        match *kind {
            KEY => Self::key(Zeroizing::new(rest.try_into().map_err(|_| broken())?)),
            WORDS => {
                let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(broken)?;
                let text = std::str::from_utf8(rest).map_err(|_| broken())?;
                let at = usize::from(u16::from_be_bytes(*length));
                let (words, passphrase) = text.split_at_checked(at).ok_or_else(broken)?;
                Phrase::parse(words, passphrase).map(Self::Words)
            }
            _ => Err(broken().into()),
        }
    }

    /// The root of the key tree; `None` for a single key.
    pub(crate) fn master(&self) -> Result<Option<Node>> {
        match self {
            Self::Words(phrase) => Node::master(phrase.seed()?.as_slice())
                .map(Some)
                .ok_or(Error::InvalidMnemonic),
            Self::Key(_) => Ok(None),
        }
    }

    /// The signer of a branch.
    pub(crate) fn signer(&self, path: &str) -> Result<Signer> {
        match self {
            Self::Key(key) => Ok(Signer::Single(key.clone())),
            Self::Words(_) => {
                let path: Path = path.parse()?;
                let node = self.master()?.and_then(|master| master.at(&path));
                node.map(Signer::Branch).ok_or_else(|| Error::InvalidPath {
                    text: path.to_string(),
                })
            }
        }
    }
}

impl Signer {
    /// The key at an index of the branch.
    pub(crate) fn key(&self, index: u32) -> Option<Zeroizing<[u8; 32]>> {
        match self {
            Self::Branch(node) => node.child(index).map(|child| child.secret()),
            Self::Single(key) => (index == 0).then(|| key.clone()),
        }
    }
}

/// Identifies a secret within a namespace: a hash of the public root key and the account.
pub(crate) fn fingerprint(public: &[u8; 33], account: u32) -> Digest {
    Canon::new("wallet-fingerprint", 1)
        .bytes(public)
        .uint(u64::from(account))
        .hash()
}

/// The row that an encrypted secret is bound to.
pub(crate) fn context_row(namespace: &Namespace, wallet: &WalletId) -> String {
    format!("{namespace}/{wallet}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_what_it_wrote() {
        let words =
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";
        let secret = Secret::Words(Phrase::parse(words, "grün").expect("words"));
        let Ok(Secret::Words(read)) = Secret::from_bytes(&secret.to_bytes()) else {
            panic!("words")
        };
        assert_eq!(
            (read.words().as_str(), read.passphrase().as_str()),
            (words, "grün")
        );
        let key = Secret::key(Zeroizing::new([7; 32])).expect("a key");
        let Ok(Secret::Key(read)) = Secret::from_bytes(&key.to_bytes()) else {
            panic!("a key")
        };
        assert_eq!(*read, [7; 32]);
    }

    #[test]
    fn other_bytes_are_rejected() {
        for bytes in [
            &[][..],
            &[1],
            &[1, 0, 9, b'x'],
            &[2, 1, 2],
            &[3],
            &[&[2][..], &[0; 32]].concat(),
        ] {
            assert!(Secret::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}
