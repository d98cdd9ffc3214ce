//! The Merkle tree of RFC 9162 (2.1), used for tree heads and batches. Leaves and nodes are hashed
//! with different prefixes, so that a leaf can never pass for a node.

use crate::Digest;
use sha2::{Digest as _, Sha256};

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// The Merkle tree hash of the leaves, in order (RFC 9162, 2.1.1). Without leaves: the hash of the
/// empty string.
pub fn merkle_root<L: AsRef<[u8]>>(leaves: &[L]) -> Digest {
    if leaves.is_empty() {
        return Digest::of(&[]);
    }
    let mut level: Vec<Digest> = leaves
        .iter()
        .map(|leaf| tagged(LEAF, leaf.as_ref(), &[]))
        .collect();
    while level.len() > 1 {
        // A node without a sibling moves up unchanged, which gives the same tree as splitting at
        // the largest power of two.
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => tagged(NODE, left.as_ref(), right.as_ref()),
                single => single[0],
            })
            .collect();
    }
    level[0]
}

fn tagged(tag: u8, left: &[u8], right: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([tag]);
    hasher.update(left);
    hasher.update(right);
    Digest(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recursive definition of RFC 9162: split at the largest power of two below n.
    fn by_definition(leaves: &[Vec<u8>]) -> Digest {
        match leaves {
            [] => Digest::of(&[]),
            [leaf] => tagged(LEAF, leaf, &[]),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                tagged(
                    NODE,
                    &by_definition(&leaves[..split]).0,
                    &by_definition(&leaves[split..]).0,
                )
            }
        }
    }

    #[test]
    fn equals_the_definition_for_every_small_tree() {
        for count in 0..70u8 {
            let leaves: Vec<Vec<u8>> = (0..count).map(|i| vec![i; 3]).collect();
            assert_eq!(
                merkle_root(&leaves),
                by_definition(&leaves),
                "{count} leaves"
            );
        }
    }

    #[test]
    fn the_published_roots_of_certificate_transparency() {
        assert_eq!(
            merkle_root::<Vec<u8>>(&[]).to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            merkle_root(&[b""]).to_string(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }
}
