//! Object ids: random for objects that callers create, derived from the key for balances and chain
//! transfers, which must keep their id across reorgs.

use types::{Canon, ChainId, Entropy, ObjectId, Time, Ulid};

/// A new random id.
pub(crate) fn new(now: Time, entropy: &dyn Entropy) -> String {
    ObjectId::new(now, entropy).to_string()
}

/// The id of a chain transfer. It depends only on the transfer's identity and so survives
/// re-inclusion in another block.
pub(crate) fn of_transfer(chain: &ChainId, transaction: &str, path: &str) -> String {
    derived(
        Canon::new("data-transfer", 1)
            .display(chain)
            .text(transaction)
            .text(path),
    )
}

pub(crate) fn of_balance(chain: &str, address: &str, parent: &str) -> String {
    derived(
        Canon::new("data-balance", 1)
            .text(chain)
            .text(address)
            .text(parent),
    )
}

fn derived(canon: Canon) -> String {
    let hash = canon.hash();
    let bits = hash.0[..16]
        .iter()
        .fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
    ObjectId::from_ulid(Ulid::from_bits(bits)).to_string()
}

/// Whether a text has the form of an id. Names must not.
pub(crate) fn is_id(text: &str) -> bool {
    text.parse::<ObjectId>().is_ok()
}
