//! A strict reader of Bitcoin's transaction serialization, and the signature digest of BIP-143.

use crate::{Error, Result};
use types::Digest;

/// Reads little-endian fields in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) unread: &'a [u8],
}

/// A transaction without witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) version: u32,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    pub(super) lock_time: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// The transaction hash (the text form is reversed), then the output index: 36 bytes.
    pub(super) outpoint: [u8; 36],
    pub(super) sequence: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) value: u64,
    pub(super) script: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.unread.split_at_checked(count).ok_or_else(too_short)?;
        self.unread = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.unread.split_first_chunk::<N>().ok_or_else(too_short)?;
        self.unread = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a compact size in its shortest form, no larger than the remaining data.
    pub(super) fn count(&mut self) -> Result<usize> {
        let [first] = self.array()?;
        let (count, minimum) = match first {
            0xfd => (u64::from(u16::from_le_bytes(self.array()?)), 0xfd),
            0xfe => (u64::from(self.u32()?), 0x1_0000),
            0xff => (self.u64()?, 0x1_0000_0000),
            small => (u64::from(small), 0),
        };
        let shortest = Some(count)
            .filter(|count| *count >= minimum)
            .and_then(|count| usize::try_from(count).ok());
        let count = shortest.filter(|count| *count <= self.unread.len());
        count.ok_or_else(|| Error::undecodable("a count is too large, or not in its shortest form"))
    }

    /// Reads a list: its count, then each item.
    pub(super) fn list<T>(&mut self, each: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        (0..self.count()?).map(|_| each(self)).collect()
    }

    pub(super) fn finish(&self) -> Result<()> {
        if self.unread.is_empty() {
            Ok(())
        } else {
            Err(Error::undecodable("there are extra bytes"))
        }
    }
}

impl Input {
    /// Reads an input, whose script must be empty as for all segwit inputs.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let outpoint = reader.array()?;
        if reader.count()? != 0 {
            return Err(Error::undecodable("an input has a script"));
        }
        Ok(Self {
            outpoint,
            sequence: reader.u32()?,
        })
    }

    /// The id of the spent transaction as text, and the output index.
    pub(super) fn spends(&self) -> (String, u32) {
        let (id, number) = self.outpoint.split_at(32);
        let number = number
            .try_into()
            .map(u32::from_le_bytes)
            .unwrap_or_default();
        (format_id(id), number)
    }
}

impl Output {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let value = reader.u64()?;
        let length = reader.count()?;
        Ok(Self {
            value,
            script: reader.take(length)?.to_vec(),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.value.to_le_bytes());
        out.extend(compact(self.script.len()));
        out.extend(&self.script);
    }
}

impl Tx {
    /// Reads the serialization without witnesses.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let version = reader.u32()?;
        let (inputs, outputs) = (reader.list(Input::read)?, reader.list(Output::read)?);
        Ok(Self {
            version,
            inputs,
            outputs,
            lock_time: reader.u32()?,
        })
    }

    /// BIP-143's digest for an input that spends a P2WPKH coin of this value and key hash, with
    /// SIGHASH_ALL.
    pub(super) fn digest(&self, input: usize, value: u64, hash: &[u8; 20]) -> Option<[u8; 32]> {
        let spending = self.inputs.get(input)?;
        let outpoints: Vec<u8> = self
            .inputs
            .iter()
            .flat_map(|input| input.outpoint)
            .collect();
        let sequences: Vec<u8> = self
            .inputs
            .iter()
            .flat_map(|input| input.sequence.to_le_bytes())
            .collect();
        let mut outputs = Vec::new();
        self.outputs
            .iter()
            .for_each(|output| output.write(&mut outputs));
        let preimage = [
            &self.version.to_le_bytes()[..],
            &double_sha256(&outpoints),
            &double_sha256(&sequences),
            &spending.outpoint,
            &[0x19, 0x76, 0xa9, 0x14],
            hash,
            &[0x88, 0xac],
            &value.to_le_bytes(),
            &spending.sequence.to_le_bytes(),
            &double_sha256(&outputs),
            &self.lock_time.to_le_bytes(),
            &[1, 0, 0, 0],
        ];
        Some(double_sha256(&preimage.concat()))
    }
}

pub(super) fn double_sha256(bytes: &[u8]) -> [u8; 32] {
    Digest::of(Digest::of(bytes).as_ref()).0
}

/// Formats a transaction id: the hash reversed.
pub(super) fn format_id(hash: &[u8]) -> String {
    hex::encode(hash.iter().rev().copied().collect::<Vec<u8>>())
}

/// Encodes a compact size.
pub(super) fn compact(count: usize) -> Vec<u8> {
    let [a, b, c, d, ..] = (count as u64).to_le_bytes();
    match count {
        0..=0xfc => vec![a],
        0xfd..=0xffff => vec![0xfd, a, b],
        _ => vec![0xfe, a, b, c, d],
    }
}

fn too_short() -> Error {
    Error::undecodable("the bytes end too early")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The native P2WPKH example of BIP-143: its second input.
    #[test]
    fn the_example_of_bip_143() {
        let bytes = hex::decode(
            "0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffffef51e1b804cc89d182d2\
             79655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85\
             c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000",
        );
        let tx = Tx::read(&mut Reader {
            unread: &bytes.unwrap(),
        })
        .unwrap();
        let key = hex::decode("025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee6357")
            .unwrap();
        let hash = super::super::address::key_hash(&crate::PublicKey(key.try_into().unwrap()));
        let digest = tx.digest(1, 600_000_000, &hash).unwrap();
        assert_eq!(
            hex::encode(digest),
            "c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670"
        );
    }

    #[test]
    fn counts_have_one_encoding() {
        let read = |bytes: &[u8]| {
            Reader {
                unread: &[bytes, &[0; 70_000]].concat(),
            }
            .count()
            .ok()
        };
        assert_eq!(read(&[0xfc]), Some(0xfc));
        assert_eq!(read(&[0xfd, 0xfd, 0]), Some(0xfd));
        assert_eq!(read(&[0xfe, 0, 0, 1, 0]), Some(0x1_0000));
        for invalid in [
            &[0xfd, 0xfc, 0][..],
            &[0xfe, 0xff, 0xff, 0, 0],
            &[0xff, 1, 0, 0, 0, 0, 0, 0, 0],
            &[0xff; 9],
        ] {
            assert_eq!(read(invalid), None);
        }
        for count in [0, 0xfc, 0xfd, 0xffff, 0x1_0000] {
            assert_eq!(read(&compact(count)), Some(count));
        }
    }
}
