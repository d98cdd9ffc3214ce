//! EVM addresses. The canonical form is lower-case hexadecimal with 0x; mixed case must carry a
//! valid checksum (EIP-55).

use crate::{Error, PublicKey, Recipient, Result};
use alloy_primitives::keccak256;

pub(crate) type Account = [u8; 20];

/// The address of a key: the last 20 bytes of the Keccak-256 of the uncompressed point.
pub fn address(key: &PublicKey) -> Result<String> {
    let point = key
        .uncompressed()
        .ok_or_else(|| invalid(&hex::encode(key.0), "it is not a point of secp256k1"))?;
    let hash = keccak256(&point[1..]);
    Ok(format(&hash[12..]))
}

/// Parses an address as people write it.
pub fn parse_recipient(text: &str) -> Result<Recipient> {
    Ok(Recipient {
        account: format(&parse(text)?),
        memo: None,
    })
}

/// Formats an address with its checksum (EIP-55). Takes every form that [`parse_recipient`] takes.
pub fn checksum(text: &str) -> Result<String> {
    Ok(with_checksum(&hex::encode(parse(text)?)))
}

/// Parses lower case, upper case, or mixed case with a valid checksum; always with 0x.
pub(crate) fn parse(text: &str) -> Result<Account> {
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| invalid(text, "it does not begin with 0x"))?;
    let mut account = [0; 20];
    hex::decode_to_slice(digits, &mut account)
        .map_err(|_| invalid(text, "it is not 40 hexadecimal digits"))?;
    let one_case = !digits.bytes().any(|b| b.is_ascii_lowercase())
        || !digits.bytes().any(|b| b.is_ascii_uppercase());
    if one_case || with_checksum(&digits.to_ascii_lowercase())[2..] == *digits {
        Ok(account)
    } else {
        Err(invalid(text, "its checksum is invalid"))
    }
}

/// Parses the canonical form only. An account with two spellings would give one nonce two replay
/// keys.
pub(crate) fn parse_canonical(text: &str) -> Option<Account> {
    let account = parse(text).ok()?;
    (format(&account) == text).then_some(account)
}

/// Formats 20 bytes in canonical form.
pub(crate) fn format(account: &[u8]) -> String {
    format!("0x{}", hex::encode(account))
}

fn with_checksum(lower: &str) -> String {
    let hash = keccak256(lower.as_bytes());
    let cased = lower.bytes().enumerate().map(|(index, digit)| {
        let nibble = hash[index / 2] >> (4 * (1 - index % 2)) & 0xf;
        char::from(if nibble >= 8 {
            digit.to_ascii_uppercase()
        } else {
            digit
        })
    });
    "0x".chars().chain(cased).collect()
}

fn invalid(text: &str, why: &'static str) -> Error {
    Error::InvalidAddress {
        text: text.chars().take(100).collect(),
        why,
    }
}
