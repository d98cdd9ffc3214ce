//! P2WPKH addresses in Bech32 (BIP-173): witness version 0, 20 bytes.

use bech32::Hrp;
use bech32::primitives::decode::{SegwitHrpstring, SegwitHrpstringError};
use bech32::segwit::{VERSION_0, encode_v0};

/// Encodes a key's hash as an address.
pub(super) fn encode(prefix: &'static str, hash: &[u8; 20]) -> String {
    encode_v0(Hrp::parse_unchecked(prefix), hash).expect("20 bytes are a program of version 0")
}

/// Decodes an address into the key's hash. The error describes the fault.
pub(super) fn decode(prefix: &'static str, text: &str) -> Result<[u8; 20], &'static str> {
    let has_prefix = text
        .rsplit_once('1')
        .is_some_and(|(hrp, _)| hrp.eq_ignore_ascii_case(prefix));
    if !has_prefix {
        return Err("it does not have the address prefix of this chain");
    }
    let address = SegwitHrpstring::new(text).map_err(|error| fault(&error))?;
    let hash: Vec<u8> = address.byte_iter().collect();
    match <[u8; 20]>::try_from(hash) {
        Ok(hash) if address.witness_version() == VERSION_0 => Ok(hash),
        _ => Err("it is not a P2WPKH address (version 0, 20 bytes)"),
    }
}

fn fault(error: &SegwitHrpstringError) -> &'static str {
    match error {
        SegwitHrpstringError::Checksum(_) => "its checksum is wrong",
        SegwitHrpstringError::Unchecked(_) => {
            "it mixes upper and lower case, or has characters that are not allowed in an address"
        }
        _ => "it is not a P2WPKH address (version 0, 20 bytes)",
    }
}
