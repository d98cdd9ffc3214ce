//! Byzantine-fault-tolerant engines: commit seals sign the block, so the block's hash cannot
//! include them. The hash is computed over a header without the seals in its extra data.
//!
//! | engine | extra data | in the hash |
//! |---|---|---|
//! | QBFT | `rlp([vanity, validators, vote, round, seals])` | round 0, no seals |
//! | IBFT 2.0 | the same | `rlp([vanity, validators, vote])` |
//! | IBFT (GoQuorum) | 32 bytes, `rlp([validators, proposer's seal, seals])` | no seals |

use crate::evm::numerals::Word;
use crate::evm::rlp::{List, items};

/// The mix hash of all three engines: "ctical byzantine fault tolerance".
const MIX: [u8; 32] = *b"ctical byzantine fault tolerance";
const VANITY: usize = 32;
const EMPTY_STRING: &[u8] = &[0x80];
const EMPTY_LIST: &[u8] = &[0xc0];

/// The variants of extra data that the hash may cover, if the header is of such an engine.
pub(super) fn extras(mix: &Word, extra: &[u8]) -> Vec<Vec<u8>> {
    if **mix != MIX {
        return Vec::new();
    }
    [qbft(extra), ibft2(extra), ibft(extra)]
        .into_iter()
        .flatten()
        .collect()
}

fn qbft(extra: &[u8]) -> Option<Vec<u8>> {
    let [vanity, validators, vote, _, _] = items(extra)?[..] else {
        return None;
    };
    Some(list(&[vanity, validators, vote, EMPTY_STRING, EMPTY_LIST]))
}

fn ibft2(extra: &[u8]) -> Option<Vec<u8>> {
    let [vanity, validators, vote, _, _] = items(extra)?[..] else {
        return None;
    };
    Some(list(&[vanity, validators, vote]))
}

fn ibft(extra: &[u8]) -> Option<Vec<u8>> {
    let (vanity, rest) = extra.split_at_checked(VANITY)?;
    let [validators, proposer, _] = items(rest)?[..] else {
        return None;
    };
    Some([vanity, &list(&[validators, proposer, EMPTY_LIST])].concat())
}

fn list(items: &[&[u8]]) -> Vec<u8> {
    let mut list = List::default();
    for item in items {
        list.raw(item);
    }
    list.finish()
}
