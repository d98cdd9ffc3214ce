//! Our own strict RLP reader, which `decode` relies on, and a small writer. Only the canonical
//! encoding of a value is accepted.
//!
//! Transactions are *built* by another library (see `build`), so that a mistake on either side
//! shows as a difference.

use crate::{Error, Result};
use types::Amount;

/// Reads items in order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader<'a> {
    unread: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The items of `bytes`, which must be exactly one list.
    pub(crate) fn whole(bytes: &'a [u8]) -> Result<Self> {
        let mut outer = Self { unread: bytes };
        let list = outer.list()?;
        outer.finish()?;
        Ok(list)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// Fails if items are left.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Error::undecodable("there are extra bytes or fields"))
        }
    }

    /// Reads a list.
    pub(crate) fn list(&mut self) -> Result<Reader<'a>> {
        match self.item()? {
            (true, payload) => Ok(Reader { unread: payload }),
            (false, _) => Err(Error::undecodable("expected a list, found bytes")),
        }
    }

    /// Reads a byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        match self.item()? {
            (false, payload) => Ok(payload),
            (true, _) => Err(Error::undecodable("expected bytes, found a list")),
        }
    }

    /// Reads a byte string of exactly `N` bytes.
    pub(crate) fn exactly<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes()?
            .try_into()
            .map_err(|_| Error::undecodable(format!("a field is not {N} bytes long")))
    }

    /// Reads an integer of at most 32 bytes, without leading zeros.
    pub(crate) fn amount(&mut self) -> Result<Amount> {
        let bytes = self.bytes()?;
        if bytes.len() > 32 || bytes.first() == Some(&0) {
            return Err(Error::undecodable(
                "an integer is too long or has leading zeros",
            ));
        }
        let mut word = [0; 32];
        word[32 - bytes.len()..].copy_from_slice(bytes);
        Ok(Amount::from_be_bytes(word))
    }

    /// Reads an integer of at most 64 bits.
    pub(crate) fn uint(&mut self) -> Result<u64> {
        self.amount()?
            .to_u64()
            .ok_or_else(|| Error::undecodable("an integer is above 2^64-1"))
    }

    /// Reads `count` items, and returns their encoding.
    pub(crate) fn raw(&mut self, count: usize) -> Result<&'a [u8]> {
        let before = self.unread;
        for _ in 0..count {
            self.item()?;
        }
        Ok(&before[..before.len() - self.unread.len()])
    }

    /// The encoding of the remaining items.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.unread
    }

    /// Reads the next item: whether it is a list, and its payload.
    fn item(&mut self) -> Result<(bool, &'a [u8])> {
        let (&head, rest) = self
            .unread
            .split_first()
            .ok_or_else(|| Error::undecodable("a field is missing"))?;
        let (is_list, payload, rest) = match head {
            0..=0x7f => (false, &self.unread[..1], rest),
            0x80..=0xb7 => short(false, head - 0x80, rest)?,
            0xb8..=0xbf => long(false, head - 0xb7, rest)?,
            0xc0..=0xf7 => short(true, head - 0xc0, rest)?,
            0xf8..=0xff => long(true, head - 0xf7, rest)?,
        };
        if head == 0x81 && payload[0] < 0x80 {
            return Err(Error::undecodable(
                "a byte below 0x80 is encoded with a length",
            ));
        }
        self.unread = rest;
        Ok((is_list, payload))
    }
}

type Item<'a> = (bool, &'a [u8], &'a [u8]);

fn short(is_list: bool, length: u8, rest: &[u8]) -> Result<Item<'_>> {
    let (payload, rest) = split(rest, usize::from(length))?;
    Ok((is_list, payload, rest))
}

fn long(is_list: bool, width: u8, rest: &[u8]) -> Result<Item<'_>> {
    let (length, rest) = split(rest, usize::from(width))?;
    if length[0] == 0 {
        return Err(Error::undecodable("a length has leading zeros"));
    }
    let length = length.iter().try_fold(0usize, |sum, &byte| {
        sum.checked_mul(256)?.checked_add(usize::from(byte))
    });
    match length {
        Some(length) if length > 55 => {
            let (payload, rest) = split(rest, length)?;
            Ok((is_list, payload, rest))
        }
        _ => Err(Error::undecodable("a length is not in its shortest form")),
    }
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    bytes
        .split_at_checked(at)
        .ok_or_else(|| Error::undecodable("the bytes end too early"))
}

/// Encodes a list of items that are already encoded.
pub(crate) fn list(items: &[u8]) -> Vec<u8> {
    [&head(0xc0, items.len()), items].concat()
}

/// Encodes a byte string.
pub(crate) fn bytes(payload: &[u8]) -> Vec<u8> {
    match payload {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => [&head(0x80, payload.len()), payload].concat(),
    }
}

/// Encodes a big-endian integer of any length.
pub(crate) fn uint(big_endian: &[u8]) -> Vec<u8> {
    let start = big_endian
        .iter()
        .position(|&byte| byte != 0)
        .unwrap_or(big_endian.len());
    bytes(&big_endian[start..])
}

fn head(base: u8, length: usize) -> Vec<u8> {
    let digits = length.to_be_bytes();
    let digits = &digits[digits
        .iter()
        .position(|&byte| byte != 0)
        .unwrap_or(digits.len() - 1)..];
    match (length, digits) {
        (0..=55, [.., last]) => vec![base + last],
        // A length has at most eight digits.
        _ => [
            &[base + 55 + u8::try_from(digits.len()).unwrap_or(8)],
            digits,
        ]
        .concat(),
    }
}
