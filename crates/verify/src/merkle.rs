//! The Merkle tree of RFC 9162 (2.1.1), built leaf by leaf. It keeps one hash for each power of two
//! in the count.

use crate::canon::Hash;
use sha2::{Digest as _, Sha256};

/// A Merkle tree under construction.
#[derive(Default)]
pub(crate) struct Tree {
    /// Complete subtrees from left to right with their heights, which decrease.
    full: Vec<(u32, Hash)>,
    count: u64,
}

impl Tree {
    /// Append a leaf by its hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.count += 1;
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.full.pop_if(|(other, _)| *other == height) {
            height += 1;
            hash = parent(&left, &hash);
        }
        self.full.push((height, hash));
    }

    /// The number of leaves.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The root. Incomplete subtrees are joined from the right.
    pub(crate) fn root(&self) -> Hash {
        let mut from_right = self.full.iter().rev().map(|(_, hash)| *hash);
        match from_right.next() {
            None => Sha256::digest([]).into(),
            Some(last) => from_right.fold(last, |right, left| parent(&left, &right)),
        }
    }
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{hex, tests::vectors};

    #[test]
    fn the_committed_vectors() {
        for tree in vectors()["trees"].as_array().unwrap() {
            let mut tree_under_test = Tree::default();
            for leaf in tree["leaves"].as_array().unwrap() {
                let bytes = ::hex::decode(leaf.as_str().unwrap()).unwrap();
                tree_under_test.push(
                    Sha256::new()
                        .chain_update([0])
                        .chain_update(bytes)
                        .finalize()
                        .into(),
                );
            }
            assert_eq!(
                hex(&tree_under_test.root()),
                tree["root"],
                "{} leaves",
                tree_under_test.count()
            );
        }
    }
}
