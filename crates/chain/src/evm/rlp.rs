//! The part of RLP that headers and receipts need.

use super::numerals::{Fixed, Hex};
use alloy_rlp::Encodable;
use types::Amount;

/// Encodes a list.
#[derive(Default)]
pub(super) struct List {
    payload: Vec<u8>,
}

impl List {
    /// Appends a byte string.
    pub(super) fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        bytes.as_ref().encode(&mut self.payload);
        self
    }

    /// Appends a number.
    pub(super) fn number(&mut self, Hex(number): Hex<impl Into<Amount>>) -> &mut Self {
        let bytes = number.into().to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.bytes(&bytes[zeros..])
    }

    /// Appends a byte string, if there is one.
    pub(super) fn optional_bytes<const N: usize>(&mut self, bytes: Option<Fixed<N>>) -> &mut Self {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self,
        }
    }

    /// Appends a number, if there is one.
    pub(super) fn optional_number(&mut self, number: Option<Hex<impl Into<Amount>>>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self,
        }
    }

    /// Appends an item that is already encoded.
    pub(super) fn raw(&mut self, item: &[u8]) -> &mut Self {
        self.payload.extend_from_slice(item);
        self
    }

    /// The encoded list.
    pub(super) fn finish(&self) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(self.payload.len() + 9);
        alloy_rlp::Header {
            list: true,
            payload_length: self.payload.len(),
        }
        .encode(&mut encoded);
        encoded.extend_from_slice(&self.payload);
        encoded
    }
}

/// Splits a list into its items, still encoded. `None` if the input is not exactly one well-formed
/// list.
pub(super) fn items(mut list: &[u8]) -> Option<Vec<&[u8]>> {
    let head = alloy_rlp::Header::decode(&mut list)
        .ok()
        .filter(|head| head.list)?;
    let mut rest = (list.len() == head.payload_length).then_some(list)?;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let head = alloy_rlp::Header::decode(&mut rest).ok()?;
        rest = rest.get(head.payload_length..)?;
        items.push(&start[..start.len() - rest.len()]);
    }
    Some(items)
}
