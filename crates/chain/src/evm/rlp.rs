//! Recursive length prefix, as much of it as headers and receipts need.

use alloy_rlp::Encodable;

/// A list that is being written.
#[derive(Default)]
pub(super) struct List(Vec<u8>);

impl List {
    /// Add a string of bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        bytes.encode(&mut self.0);
        self
    }

    /// Add a number, given in big-endian bytes of any width.
    pub(super) fn number(&mut self, bytes: &[u8]) -> &mut Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.bytes(&bytes[zeros..])
    }

    /// Add a string of bytes, if there is one.
    pub(super) fn any_bytes<const N: usize>(&mut self, bytes: Option<[u8; N]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.bytes(&bytes),
            None => self,
        }
    }

    /// Add a number, if there is one.
    pub(super) fn any_number<const N: usize>(&mut self, bytes: Option<[u8; N]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.number(&bytes),
            None => self,
        }
    }

    /// Add an item that is encoded already.
    pub(super) fn raw(&mut self, item: &[u8]) -> &mut Self {
        self.0.extend_from_slice(item);
        self
    }

    /// The list with its length before it.
    pub(super) fn finish(&self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.0.len() + 9);
        alloy_rlp::Header {
            list: true,
            payload_length: self.0.len(),
        }
        .encode(&mut whole);
        whole.extend_from_slice(&self.0);
        whole
    }
}

/// The items of a list, each still encoded; none if it is not exactly one well-formed list.
pub(super) fn items(mut list: &[u8]) -> Option<Vec<&[u8]>> {
    let head = alloy_rlp::Header::decode(&mut list)
        .ok()
        .filter(|head| head.list)?;
    let mut rest = (list.len() == head.payload_length).then_some(list)?;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let head = alloy_rlp::Header::decode(&mut rest).ok()?;
        rest = rest.get(head.payload_length..)?;
        items.push(&whole[..whole.len() - rest.len()]);
    }
    Some(items)
}
