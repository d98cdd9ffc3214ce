//! Bitcoin's serialisation of a transaction, read strictly; and its digest for a signature
//! (BIP-143).

use crate::{Error, Result};
use types::Digest;

/// Reads fields one after the other, little-endian.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// A transaction without witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) version: u32,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    pub(super) lock_time: u32,
}

/// What an input spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// Transaction id as hashed (the text form is reversed), then the output's number: 36 bytes.
    pub(super) outpoint: [u8; 36],
    pub(super) sequence: u32,
}

/// What an output pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) value: u64,
    pub(super) script: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(too_short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(too_short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A compact size, in its shortest form, no larger than what there is.
    pub(super) fn count(&mut self) -> Result<usize> {
        let [first] = self.array()?;
        let (count, least) = match first {
            0xfd => (u64::from(u16::from_le_bytes(self.array()?)), 0xfd),
            0xfe => (u64::from(self.u32()?), 0x1_0000),
            0xff => (self.u64()?, 0x1_0000_0000),
            small => (u64::from(small), 0),
        };
        let shortest = Some(count)
            .filter(|count| *count >= least)
            .and_then(|count| usize::try_from(count).ok());
        let count = shortest.filter(|count| *count <= self.0.len());
        count.ok_or_else(|| Error::undecodable("a count is too large, or not in its shortest form"))
    }

    /// A list: its count, then each item.
    pub(super) fn list<T>(&mut self, each: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        (0..self.count()?).map(|_| each(self)).collect()
    }

    pub(super) fn finish(&self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::undecodable("there is more than there should be"))
        }
    }
}

impl Input {
    /// An input whose script is empty, as of all that are spent by witness.
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self> {
        let outpoint = from.array()?;
        if from.count()? != 0 {
            return Err(Error::undecodable("an input carries a script"));
        }
        Ok(Self {
            outpoint,
            sequence: from.u32()?,
        })
    }

    /// The transaction it spends from as text, and the output's number.
    pub(super) fn spends(&self) -> (String, u32) {
        let (id, number) = self.outpoint.split_at(32);
        let number = number
            .try_into()
            .map(u32::from_le_bytes)
            .unwrap_or_default();
        (show_id(id), number)
    }
}

impl Output {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self> {
        let value = from.u64()?;
        let length = from.count()?;
        Ok(Self {
            value,
            script: from.take(length)?.to_vec(),
        })
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend(self.value.to_le_bytes());
        into.extend(compact(self.script.len()));
        into.extend(&self.script);
    }
}

impl Tx {
    /// The serialisation without witnesses.
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self> {
        let version = from.u32()?;
        let (inputs, outputs) = (from.list(Input::read)?, from.list(Output::read)?);
        Ok(Self {
            version,
            inputs,
            outputs,
            lock_time: from.u32()?,
        })
    }

    /// BIP-143's digest for one input that spends a P2WPKH coin of this value and key hash, signing
    /// everything (SIGHASH_ALL).
    pub(super) fn digest(&self, input: usize, value: u64, hash: &[u8; 20]) -> Option<[u8; 32]> {
        let own = self.inputs.get(input)?;
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
            &twice(&outpoints),
            &twice(&sequences),
            &own.outpoint,
            &[0x19, 0x76, 0xa9, 0x14],
            hash,
            &[0x88, 0xac],
            &value.to_le_bytes(),
            &own.sequence.to_le_bytes(),
            &twice(&outputs),
            &self.lock_time.to_le_bytes(),
            &[1, 0, 0, 0],
        ];
        Some(twice(&preimage.concat()))
    }
}

/// SHA-256 of SHA-256.
pub(super) fn twice(bytes: &[u8]) -> [u8; 32] {
    Digest::of(&Digest::of(bytes).0).0
}

/// A transaction's id as text: the hash reversed.
pub(super) fn show_id(hash: &[u8]) -> String {
    hex::encode(hash.iter().rev().copied().collect::<Vec<u8>>())
}

/// A compact size.
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
        let tx = Tx::read(&mut Reader(&bytes.unwrap())).unwrap();
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
    fn counts_have_one_form() {
        let read = |bytes: &[u8]| Reader(&[bytes, &[0; 70_000]].concat()).count().ok();
        assert_eq!(read(&[0xfc]), Some(0xfc));
        assert_eq!(read(&[0xfd, 0xfd, 0]), Some(0xfd));
        assert_eq!(read(&[0xfe, 0, 0, 1, 0]), Some(0x1_0000));
        for long in [
            &[0xfd, 0xfc, 0][..],
            &[0xfe, 0xff, 0xff, 0, 0],
            &[0xff, 1, 0, 0, 0, 0, 0, 0, 0],
            &[0xff; 9],
        ] {
            assert_eq!(read(long), None);
        }
        for count in [0, 0xfc, 0xfd, 0xffff, 0x1_0000] {
            assert_eq!(read(&compact(count)), Some(count));
        }
    }
}
