//! The tree of RFC 9162 (2.1.1), leaf after leaf: what is kept is one hash for each power of two in
//! the count.

use crate::canon::Hash;
use sha2::{Digest as _, Sha256};

/// A tree that grows.
#[derive(Default)]
pub(crate) struct Tree {
    /// Full subtrees from left to right, each with its height; heights fall.
    full: Vec<(u32, Hash)>,
    count: u64,
}

impl Tree {
    /// One more leaf, by its hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.count += 1;
        let mut node = (0, leaf);
        while let Some((height, left)) = self.full.pop_if(|(height, _)| *height == node.0) {
            node = (height + 1, parent(&left, &node.1));
        }
        self.full.push(node);
    }

    /// How many leaves there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The root: what is not full leans to the left.
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
            let mut grown = Tree::default();
            for leaf in tree["leaves"].as_array().unwrap() {
                let bytes = ::hex::decode(leaf.as_str().unwrap()).unwrap();
                grown.push(
                    Sha256::new()
                        .chain_update([0])
                        .chain_update(bytes)
                        .finalize()
                        .into(),
                );
            }
            assert_eq!(hex(&grown.root()), tree["root"], "{} leaves", grown.count());
        }
    }
}
