//! The bloom filter over a block's logs, from its header (Yellow Paper 4.3.1): 2048 bits, three for
//! each address and topic.

use super::numerals::{Account, Fixed, Word};
use alloy_primitives::BloomInput;
use std::collections::HashSet;

/// A header's bloom filter.
pub(super) type Bloom = Fixed<256>;

/// Computes the filter of a block's logs. Addresses and topics repeat within a block: each is
/// hashed once.
#[derive(Default)]
pub(super) struct BloomBuilder {
    seen: HashSet<Vec<u8>>,
    bloom: alloy_primitives::Bloom,
}

impl BloomBuilder {
    /// Adds a log.
    pub(super) fn add(&mut self, address: &Account, topics: &[Word]) {
        self.add_value(address.as_ref());
        topics
            .iter()
            .for_each(|topic| self.add_value(topic.as_ref()));
    }

    fn add_value(&mut self, value: &[u8]) {
        if !self.seen.contains(value) {
            self.seen.insert(value.to_vec());
            self.bloom.accrue(BloomInput::Raw(value));
        }
    }

    /// Whether the logs give exactly this filter.
    pub(super) fn equals(&self, header: &Bloom) -> bool {
        self.bloom == **header
    }

    /// Whether the logs account for every bit of the header's filter, so that none is missing.
    pub(super) fn covers(&self, header: &Bloom) -> bool {
        self.bloom.contains(&(**header).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::numerals::Hex;
    use alloy_primitives::keccak256;

    /// The bits of one value, by definition.
    fn bits(value: &[u8]) -> HashSet<usize> {
        let hash = keccak256(value);
        [0, 2, 4]
            .iter()
            .map(|at| (usize::from(hash[*at]) * 256 + usize::from(hash[at + 1])) % 2048)
            .collect()
    }

    fn bloom(values: &[&[u8]]) -> Bloom {
        let mut bloom = [0u8; 256];
        for bit in values.iter().flat_map(|value| bits(value)) {
            bloom[255 - bit / 8] |= 1 << (bit % 8);
        }
        Hex(bloom)
    }

    #[test]
    fn a_missing_and_an_added_log_are_detected() {
        let (a, b) = (Hex([1u8; 20]), Hex([2u8; 20]));
        let topics = [Hex([3u8; 32]), Hex([4u8; 32])];
        let header = bloom(&[&*a, &*b, &*topics[0], &*topics[1]]);
        let mut builder = BloomBuilder::default();
        builder.add(&a, &topics);
        assert!(!builder.covers(&header) && !builder.equals(&header));
        builder.add(&b, &topics);
        assert!(builder.covers(&header) && builder.equals(&header));
        builder.add(&Hex([9; 20]), &[]);
        assert!(builder.covers(&header) && !builder.equals(&header));
    }

    #[test]
    fn no_logs_give_the_empty_filter() {
        assert!(BloomBuilder::default().equals(&Hex([0; 256])));
    }
}
