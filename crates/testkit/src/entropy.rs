//! Reproducible entropy: the same seed gives the same bytes, regardless of request sizes.

use std::sync::Mutex;

use sha2::{Digest, Sha256};
use types::Entropy;

/// A deterministic byte stream: SHA-256 over a seed and a counter.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counter: u64,
    unused: Vec<u8>,
}

impl SeededEntropy {
    /// The stream of a seed. Print the seed of a failing test to reproduce it.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            state: Mutex::default(),
        }
    }

    /// The next eight bytes as a number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0u8; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    /// A number below `bound`; the modulo bias does not matter in tests.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    fn block(&self, counter: u64) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(counter.to_be_bytes())
            .finalize()
            .into()
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, into: &mut [u8]) {
        let mut state = self
            .state
            .lock()
            .expect("no thread panics while it holds this lock");
        for byte in into {
            if state.unused.is_empty() {
                state.unused = self.block(state.counter).to_vec();
                state.counter += 1;
            }
            *byte = state.unused.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(entropy: &SeededEntropy, sizes: &[usize]) -> Vec<u8> {
        sizes
            .iter()
            .flat_map(|size| {
                let mut into = vec![0u8; *size];
                entropy.fill(&mut into);
                into
            })
            .collect()
    }

    #[test]
    fn a_seed_gives_the_same_stream_for_any_request_sizes() {
        let whole = bytes(&SeededEntropy::new(7), &[100]);
        assert_eq!(whole, bytes(&SeededEntropy::new(7), &[1, 40, 59]));
        assert_ne!(whole, bytes(&SeededEntropy::new(8), &[100]));
        assert_ne!(whole[..32], whole[32..64]);
    }

    #[test]
    fn numbers_are_below_their_bound() {
        let entropy = SeededEntropy::new(1);
        assert!((0..100).all(|_| entropy.below(3) < 3));
    }
}
