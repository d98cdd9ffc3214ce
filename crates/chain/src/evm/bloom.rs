//! The filter over a block's logs that stands in its header (Yellow Paper 4.3.1): 2048 bits, three
//! for each address and topic.

use super::numerals::{Account, Fixed, Word};
use alloy_primitives::keccak256;
use std::collections::HashSet;

/// A header's filter.
pub(super) type Bloom = Fixed<256>;

/// Gathers the filter of a block's logs. Addresses and topics repeat within a block: each is hashed
/// once.
pub(super) struct Gathered {
    seen: HashSet<Vec<u8>>,
    bits: [u8; 256],
}

impl Default for Gathered {
    fn default() -> Self {
        Self {
            seen: HashSet::new(),
            bits: [0; 256],
        }
    }
}

impl Gathered {
    /// Add a log.
    pub(super) fn add(&mut self, address: &Account, topics: &[Word]) {
        self.add_one(&address.0);
        topics.iter().for_each(|topic| self.add_one(&topic.0));
    }

    fn add_one(&mut self, value: &[u8]) {
        if !self.seen.contains(value) {
            self.seen.insert(value.to_vec());
            self.set(value);
        }
    }

    /// Each of the three bits is named by the low 11 bits of a pair of bytes of the hash.
    fn set(&mut self, value: &[u8]) {
        let hash = keccak256(value);
        for pair in hash[..6].chunks_exact(2) {
            let bit = (usize::from(pair[0]) << 8 | usize::from(pair[1])) & 2047;
            self.bits[255 - bit / 8] |= 1 << (bit % 8);
        }
    }

    /// Whether they give exactly this filter.
    pub(super) fn is(&self, header: &Bloom) -> bool {
        self.bits == header.0
    }

    /// Whether every bit of the header's filter is explained by them, so that none can be missing.
    pub(super) fn covers(&self, header: &Bloom) -> bool {
        self.bits
            .iter()
            .zip(&header.0)
            .all(|(own, theirs)| theirs & !own == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits of one value, by the definition.
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
        Fixed(bloom)
    }

    #[test]
    fn a_missing_log_and_an_added_one_are_seen() {
        let (a, b) = (Fixed([1u8; 20]), Fixed([2u8; 20]));
        let topics = [Fixed([3u8; 32]), Fixed([4u8; 32])];
        let header = bloom(&[&a.0, &b.0, &topics[0].0, &topics[1].0]);
        let mut gathered = Gathered::default();
        gathered.add(&a, &topics);
        assert!(!gathered.covers(&header) && !gathered.is(&header));
        gathered.add(&b, &topics);
        assert!(gathered.covers(&header) && gathered.is(&header));
        gathered.add(&Fixed([9; 20]), &[]);
        assert!(gathered.covers(&header) && !gathered.is(&header));
    }

    #[test]
    fn no_logs_give_the_empty_filter() {
        assert!(Gathered::default().is(&Fixed([0; 256])));
    }
}
