//! Accounts: 20 bytes, in canonical form lower-case hexadecimal with 0x. Mixed case is a checksum
//! (EIP-55) and must be right.

use crate::{Error, PublicKey, Recipient, Result};
use alloy_primitives::keccak256;

/// An account's 20 bytes.
pub(crate) type Account = [u8; 20];

/// The account of a key: the last 20 bytes of the Keccak-256 of the uncompressed point.
pub fn address(key: &PublicKey) -> Result<String> {
    let point = key
        .uncompressed()
        .ok_or_else(|| wrong(&hex::encode(key.0), "it is not a point of secp256k1"))?;
    let hash = keccak256(&point[1..]);
    Ok(show(&hash.0[12..]))
}

/// Read an address as people write it.
pub fn parse_recipient(text: &str) -> Result<Recipient> {
    Ok(Recipient {
        account: show(&parse(text)?),
        memo: None,
    })
}

/// The address with its checksum (EIP-55), for people; every form that [`parse_recipient`] takes.
pub fn checksum(text: &str) -> Result<String> {
    Ok(mixed(&hex::encode(parse(text)?)))
}

/// All forms: lower case, upper case, or mixed with a right checksum; always with 0x.
pub(crate) fn parse(text: &str) -> Result<Account> {
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| wrong(text, "it does not begin with 0x"))?;
    let mut account = [0; 20];
    hex::decode_to_slice(digits, &mut account)
        .map_err(|_| wrong(text, "it is not 40 hexadecimal digits"))?;
    let one_case = !digits.bytes().any(|b| b.is_ascii_lowercase())
        || !digits.bytes().any(|b| b.is_ascii_uppercase());
    if one_case || mixed(&digits.to_ascii_lowercase())[2..] == *digits {
        Ok(account)
    } else {
        Err(wrong(text, "its checksum is wrong"))
    }
}

/// The canonical form only. One account, one text: else one nonce could be two witnesses.
pub(crate) fn canonical(text: &str) -> Option<Account> {
    let account = parse(text).ok()?;
    (show(&account) == text).then_some(account)
}

/// The canonical form of 20 bytes.
pub(crate) fn show(account: &[u8]) -> String {
    format!("0x{}", hex::encode(account))
}

fn mixed(lower: &str) -> String {
    let hash = keccak256(lower.as_bytes());
    let cased = lower.bytes().enumerate().map(|(place, digit)| {
        let nibble = hash.0[place / 2] >> (4 * (1 - place % 2)) & 0xf;
        char::from(if nibble >= 8 {
            digit.to_ascii_uppercase()
        } else {
            digit
        })
    });
    "0x".chars().chain(cased).collect()
}

fn wrong(text: &str, why: &'static str) -> Error {
    Error::Address {
        text: text.chars().take(100).collect(),
        why,
    }
}
