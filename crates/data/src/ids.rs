//! Ids: chance for what people make, derived for what follows from something known, so that it
//! survives being seen again.

use types::{Canon, ChainId, Entropy, ObjectId, Time, Ulid};

/// A new id.
pub(crate) fn new(now: Time, entropy: &dyn Entropy) -> String {
    ObjectId::new(now, entropy).to_string()
}

/// The outside id of a transfer of a chain: it follows from its identity and survives re-inclusion
/// in another block.
pub(crate) fn of_transfer(chain: &ChainId, transaction: &str, path: &str) -> String {
    derived(
        Canon::new("data-transfer", 1)
            .show(chain)
            .text(transaction)
            .text(path),
    )
}

/// The id of a balance.
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

/// Whether a text has the form of an id, so that no name may.
pub(crate) fn is_id(text: &str) -> bool {
    text.parse::<ObjectId>().is_ok()
}
