//! Ids: a prefix that names the type, and a ULID. Never a cursor, never proof of order.

use crate::{Entropy, Time};

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_CHARS: usize = 26;

/// Why a text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// An id of another type, or no id.
    #[error("expected an id that starts with \"{expected}:\"")]
    Prefix { expected: &'static str },
    /// The part after the prefix is not a ULID.
    #[error("expected 26 characters of Crockford base 32 after the prefix")]
    Ulid,
}

/// 48 bits of milliseconds and 80 random bits, as in the ULID specification. Parsed strictly, so
/// that an id has exactly one text: the `ulid` crate also accepts lower case and overflowing
/// values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ulid(u128);

impl Ulid {
    /// Generate a ULID for this time.
    pub fn new(now: Time, entropy: &dyn Entropy) -> Self {
        let mut random = [0u8; 10];
        entropy.fill(&mut random);
        let millis = u128::try_from(now.millis().max(0)).unwrap_or(0) & 0xffff_ffff_ffff;
        let low = random
            .iter()
            .fold(0u128, |acc, byte| (acc << 8) | u128::from(*byte));
        Self((millis << 80) | low)
    }

    /// From its 128 bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

crate::debug_as_text!(Ulid);
crate::serde_as_text!(Ulid);

impl std::fmt::Display for Ulid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [0u8; ULID_CHARS];
        for (index, character) in text.iter_mut().enumerate() {
            let shift = 5 * (ULID_CHARS - 1 - index);
            *character = CROCKFORD[((self.0 >> shift) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
    }
}

impl std::str::FromStr for Ulid {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        // The first character carries only three bits: above '7' the value would not fit 128 bits.
        if bytes.len() != ULID_CHARS || bytes[0] > b'7' {
            return Err(IdError::Ulid);
        }
        let mut bits = 0u128;
        for byte in bytes {
            let digit = CROCKFORD
                .iter()
                .position(|c| c == byte)
                .ok_or(IdError::Ulid)?;
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self(bits))
    }
}

/// Declares id newtypes: `ids! { /// doc  Name = "prefix"; }`.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($crate::Ulid);

        impl $name {
            /// The part before the colon.
            pub const PREFIX: &'static str = $prefix;

            /// Generate an id.
            pub fn new(now: $crate::Time, entropy: &dyn $crate::Entropy) -> Self {
                Self($crate::Ulid::new(now, entropy))
            }

            /// From an existing ULID (for tests and derived ids).
            pub const fn from_ulid(ulid: $crate::Ulid) -> Self {
                Self(ulid)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}:{}", $prefix, self.0)
            }
        }

        $crate::debug_as_text!($name);
        $crate::serde_as_text!($name);

        impl std::str::FromStr for $name {
            type Err = $crate::IdError;
            fn from_str(text: &str) -> Result<Self, $crate::IdError> {
                let rest = text
                    .strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix(':'))
                    .ok_or($crate::IdError::Prefix { expected: $prefix })?;
                Ok(Self(rest.parse()?))
            }
        }
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubmissionId;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&self, into: &mut [u8]) {
            into.fill(self.0);
        }
    }

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = SubmissionId::new(Time::from_millis(1_700_000_000_000), &Fixed(0xab));
        assert_eq!(id.to_string().parse::<SubmissionId>(), Ok(id));
        assert!(id.to_string().starts_with("sub:01HF"), "{id}");
    }

    #[test]
    fn the_largest_ulid_is_accepted_and_the_next_is_not() {
        assert_eq!(
            "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<Ulid>(),
            Ok(Ulid(u128::MAX))
        );
        assert_eq!(
            "80000000000000000000000000".parse::<Ulid>(),
            Err(IdError::Ulid)
        );
    }

    #[test]
    fn another_prefix_is_rejected_with_the_expected_one() {
        let error = "run:01HF7YAT00NENENENENENENENE".parse::<SubmissionId>();
        assert_eq!(error, Err(IdError::Prefix { expected: "sub" }));
    }
}
