//! A mnemonic (BIP-39, English) and its passphrase.

use crate::{Error, Result};
use bip39::{Language, Mnemonic};
use types::Entropy;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of entropy in a new mnemonic: 24 words.
const STRENGTH: usize = 32;
/// The longest passphrase, in bytes.
const MAX_PASSPHRASE: usize = 1_024;

/// A mnemonic and its passphrase. Both are wiped when dropped; has no `Debug`.
pub(crate) struct Phrase {
    words: Zeroizing<String>,
    passphrase: Zeroizing<String>,
}

impl Phrase {
    /// Generate a mnemonic of 24 words.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Result<Self> {
        let mut random = Zeroizing::new([0u8; STRENGTH]);
        entropy.fill(random.as_mut_slice());
        let mut mnemonic =
            Mnemonic::from_entropy(random.as_slice()).map_err(|_| Error::InvalidMnemonic)?;
        let words = Zeroizing::new(mnemonic.to_string());
        mnemonic.zeroize();
        Ok(Self {
            words,
            passphrase: Zeroizing::default(),
        })
    }

    /// Parse an existing mnemonic of 12 to 24 words, with its passphrase. Errors:
    /// [`Error::InvalidMnemonic`], which never contains a word.
    pub(crate) fn parse(words: &str, passphrase: &str) -> Result<Self> {
        if passphrase.len() > MAX_PASSPHRASE {
            return Err(Error::InvalidMnemonic);
        }
        let lower = Zeroizing::new(words.to_lowercase());
        let mut mnemonic = Mnemonic::parse_in(Language::English, lower.as_str())
            .map_err(|_| Error::InvalidMnemonic)?;
        let words = Zeroizing::new(mnemonic.to_string());
        mnemonic.zeroize();
        Ok(Self {
            words,
            passphrase: Zeroizing::new(passphrase.to_owned()),
        })
    }

    pub(crate) fn words(&self) -> &Zeroizing<String> {
        &self.words
    }

    /// The passphrase; usually empty.
    pub(crate) fn passphrase(&self) -> &Zeroizing<String> {
        &self.passphrase
    }

    /// The seed: 2,048 rounds of PBKDF2, about a millisecond.
    pub(crate) fn seed(&self) -> Result<Zeroizing<[u8; 64]>> {
        let mut mnemonic = Mnemonic::parse_in(Language::English, self.words.as_str())
            .map_err(|_| Error::InvalidMnemonic)?;
        let seed = Zeroizing::new(mnemonic.to_seed(self.passphrase.as_str()));
        mnemonic.zeroize();
        Ok(seed)
    }
}
