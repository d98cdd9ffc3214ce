//! P2WPKH addresses in Bech32 (BIP-173): witness version 0, 20 bytes.

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];
const CHECKSUM: usize = 6;

/// Encodes a key's hash as an address.
pub(super) fn encode(prefix: &str, hash: &[u8; 20]) -> String {
    let mut values = vec![0u8];
    values.extend(regroup(hash, 8, 5));
    let check = polymod(&expand(prefix, &[&values[..], &[0; CHECKSUM]].concat())) ^ 1;
    values.extend((0..CHECKSUM).map(|index| low_bits(check >> (5 * (CHECKSUM - 1 - index)))));
    let text: String = values
        .iter()
        .map(|value| char::from(CHARSET[usize::from(*value)]))
        .collect();
    format!("{prefix}1{text}")
}

/// Decodes an address into the key's hash. The error describes the fault.
pub(super) fn decode(prefix: &str, text: &str) -> Result<[u8; 20], &'static str> {
    let lower = text.to_ascii_lowercase();
    if text != lower && text != text.to_ascii_uppercase() {
        return Err("it mixes upper and lower case");
    }
    let rest = lower
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('1'));
    let rest = rest.ok_or("it does not have the address prefix of this chain")?;
    let value = |byte| {
        CHARSET
            .iter()
            .position(|known| *known == byte)
            .and_then(|value| u8::try_from(value).ok())
    };
    let values: Option<Vec<u8>> = rest.bytes().map(value).collect();
    let values = values
        .filter(|values| values.len() > CHECKSUM)
        .ok_or("it has characters that are not allowed in an address")?;
    if polymod(&expand(prefix, &values)) != 1 {
        return Err("its checksum is wrong");
    }
    let (version, data) = values[..values.len() - CHECKSUM]
        .split_first()
        .ok_or("it is too short")?;
    let bytes = regroup(data, 5, 8);
    // Re-encoding rejects stray padding bits.
    match <[u8; 20]>::try_from(bytes.get(..20).unwrap_or_default()) {
        Ok(hash) if *version == 0 && encode(prefix, &hash) == lower => Ok(hash),
        _ => Err("it is not a P2WPKH address (version 0, 20 bytes)"),
    }
}

fn expand(prefix: &str, values: &[u8]) -> Vec<u8> {
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    high.chain([0])
        .chain(low)
        .chain(values.iter().copied())
        .collect()
}

fn polymod(values: &[u8]) -> u32 {
    values.iter().fold(1, |check, value| {
        let top = check >> 25;
        let shifted = ((check & 0x01ff_ffff) << 5) ^ u32::from(*value);
        (0..5)
            .filter(|bit| top >> bit & 1 == 1)
            .fold(shifted, |check, bit| check ^ GENERATOR[bit])
    })
}

/// Regroups bits into another width. The last group is padded with zeros, but dropped when
/// narrowing to bytes.
fn regroup(values: &[u8], from: u32, to: u32) -> Vec<u8> {
    let (mut buffer, mut bits, mut out) = (0u32, 0, Vec::new());
    for value in values {
        buffer = (buffer << from | u32::from(*value)) & 0xffff;
        bits += from;
        while bits >= to {
            bits -= to;
            out.push(low_bits_of(buffer >> bits, to));
        }
    }
    if bits > 0 && to == 5 {
        out.push(low_bits(buffer << (to - bits)));
    }
    out
}

fn low_bits(value: u32) -> u8 {
    low_bits_of(value, 5)
}

fn low_bits_of(value: u32, bits: u32) -> u8 {
    let [.., last] = (value & ((1 << bits) - 1)).to_be_bytes();
    last
}
