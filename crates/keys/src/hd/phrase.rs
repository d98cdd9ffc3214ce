//! A mnemonic (BIP-39, English) and its passphrase.

use crate::{Error, Result};
use bip39::{Language, Mnemonic};
use types::Entropy;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of chance in a new mnemonic: 24 words.
const STRENGTH: usize = 32;
/// The longest passphrase.
const MAX_PASSPHRASE: usize = 1_024;

/// Words and passphrase. Both are wiped when dropped; there is no `Debug`.
pub(crate) struct Phrase {
    words: Zeroizing<String>,
    passphrase: Zeroizing<String>,
}

impl Phrase {
    /// 24 words that nobody knows.
    pub(crate) fn fresh(entropy: &dyn Entropy) -> Result<Self> {
        let mut chance = Zeroizing::new([0u8; STRENGTH]);
        entropy.fill(chance.as_mut_slice());
        let mut mnemonic =
            Mnemonic::from_entropy(chance.as_slice()).map_err(|_| Error::Mnemonic)?;
        let words = Zeroizing::new(mnemonic.to_string());
        mnemonic.zeroize();
        Ok(Self {
            words,
            passphrase: Zeroizing::default(),
        })
    }

    /// Words that somebody wrote down, 12 to 24 of them, and their passphrase. Errors:
    /// [`Error::Mnemonic`], which never repeats a word.
    pub(crate) fn parse(words: &str, passphrase: &str) -> Result<Self> {
        if passphrase.len() > MAX_PASSPHRASE {
            return Err(Error::Mnemonic);
        }
        let lower = Zeroizing::new(words.to_lowercase());
        let mut mnemonic =
            Mnemonic::parse_in(Language::English, lower.as_str()).map_err(|_| Error::Mnemonic)?;
        let words = Zeroizing::new(mnemonic.to_string());
        mnemonic.zeroize();
        Ok(Self {
            words,
            passphrase: Zeroizing::new(passphrase.to_owned()),
        })
    }

    /// The words.
    pub(crate) fn words(&self) -> &Zeroizing<String> {
        &self.words
    }

    /// The passphrase; mostly empty.
    pub(crate) fn passphrase(&self) -> &Zeroizing<String> {
        &self.passphrase
    }

    /// The seed: 2,048 rounds of PBKDF2, about a millisecond.
    pub(crate) fn seed(&self) -> Result<Zeroizing<[u8; 64]>> {
        let mut mnemonic = Mnemonic::parse_in(Language::English, self.words.as_str())
            .map_err(|_| Error::Mnemonic)?;
        let seed = Zeroizing::new(mnemonic.to_seed(self.passphrase.as_str()));
        mnemonic.zeroize();
        Ok(seed)
    }
}
