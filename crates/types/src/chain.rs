//! Chain ids (CAIP-2) and block heights.

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// CAIP-2: a namespace of up to 8 characters, a colon, and a reference of up to 32.
const MAX_LEN: usize = 8 + 1 + 32;

/// A chain id in CAIP-2 form: `eip155:1337`, `bip122:000000000019d6689c085ae165831e93`.
/// Stored inline, so that it is copied wherever it goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(ArrayString<MAX_LEN>);

/// The family of a chain, determined by the CAIP-2 namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Family {
    /// Accounts with gapless nonces: `eip155`.
    Evm,
    /// Unspent transaction outputs: `bip122`.
    Utxo,
}

/// Why a text is not a valid CAIP-2 chain id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a CAIP-2 chain id such as eip155:1337")]
pub struct ChainIdError;

impl ChainId {
    /// The EVM chain with this EIP-155 chain id.
    pub fn evm(number: u64) -> Self {
        let mut id = ArrayString::new();
        write!(id, "eip155:{number}").expect("a prefix and 20 digits fit");
        Self(id)
    }

    /// The CAIP-2 text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the colon.
    pub fn reference(&self) -> &str {
        self.as_str()
            .split_once(':')
            .map_or("", |(_, reference)| reference)
    }

    /// The family, if Florin supports it.
    pub fn family(&self) -> Option<Family> {
        let (namespace, _) = self.as_str().split_once(':')?;
        match namespace {
            "eip155" => Some(Family::Evm),
            "bip122" => Some(Family::Utxo),
            _ => None,
        }
    }

    /// The EIP-155 chain id of an EVM chain.
    pub fn evm_number(&self) -> Option<u64> {
        (self.family()? == Family::Evm).then(|| self.reference().parse().ok())?
    }
}

impl std::str::FromStr for ChainId {
    type Err = ChainIdError;

    /// CAIP-2: namespace `[-a-z0-9]{3,8}`, reference `[-_a-zA-Z0-9]{1,32}`.
    fn from_str(text: &str) -> Result<Self, ChainIdError> {
        let (namespace, reference) = text.split_once(':').ok_or(ChainIdError)?;
        let namespace_ok = (3..=8).contains(&namespace.len())
            && namespace
                .bytes()
                .all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit());
        let reference_ok = (1..=32).contains(&reference.len())
            && reference
                .bytes()
                .all(|b| b == b'-' || b == b'_' || b.is_ascii_alphanumeric());
        let id = Self(ArrayString::from(text).map_err(|_| ChainIdError)?);
        // Each chain has exactly one name: `eip155:007` and `eip155:7` must not be two keys.
        let number_ok =
            id.family() != Some(Family::Evm) || id.evm_number().map(Self::evm) == Some(id);
        (namespace_ok && reference_ok && number_ok)
            .then_some(id)
            .ok_or(ChainIdError)
    }
}

crate::debug_as_text!(ChainId);
crate::serde_as_text!(ChainId);

impl std::fmt::Display for ChainId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The height of a block on its chain: a block number, slot or ledger index.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Height(pub u64);

impl Height {
    /// The next height.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The previous height; none for the first.
    pub fn prev(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// The stored form. Heights above 2^63 do not exist.
    pub fn stored(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// From the stored form.
    pub fn from_stored(value: i64) -> Self {
        Self(u64::try_from(value).unwrap_or(0))
    }
}

impl std::fmt::Display for Height {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caip_2_names() {
        assert_eq!(
            "eip155:1337"
                .parse::<ChainId>()
                .map(|c| (c.family(), c.evm_number())),
            Ok((Some(Family::Evm), Some(1337)))
        );
        assert!(
            "bip122:000000000019d6689c085ae165831e93"
                .parse::<ChainId>()
                .is_ok()
        );
        for bad in [
            "",
            "eip155",
            "eip155:",
            "EIP155:1",
            "eip155:0x1",
            "eip155:01",
            "ab:1",
            "eip155:1:2",
        ] {
            assert_eq!(bad.parse::<ChainId>(), Err(ChainIdError), "{bad:?}");
        }
    }
}
