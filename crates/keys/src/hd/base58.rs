//! Base58Check, the text encoding of nodes (BIP-32).

use types::Digest;

const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const CHECK: usize = 4;
/// The longest accepted text: a node has 111 letters.
const MAX_TEXT: usize = 128;

/// Encode bytes with their checksum.
pub(super) fn encode_check(bytes: &[u8]) -> String {
    let checked = [bytes, &checksum(bytes)].concat();
    let mut digits: Vec<u8> = Vec::with_capacity(checked.len() * 7 / 5 + 1);
    for byte in &checked {
        push(&mut digits, u32::from(*byte), 256, 58);
    }
    let zeros = checked.iter().take_while(|byte| **byte == 0).map(|_| &0);
    zeros
        .chain(digits.iter().rev())
        .map(|digit| char::from(LETTERS[usize::from(*digit)]))
        .collect()
}

/// Decode a text; `None` if a letter or the checksum is wrong.
pub(super) fn decode_check(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    for letter in text.bytes() {
        let digit = LETTERS.iter().position(|candidate| *candidate == letter)?;
        push(&mut bytes, u32::try_from(digit).ok()?, 58, 256);
    }
    bytes.extend(
        text.bytes()
            .take_while(|letter| *letter == LETTERS[0])
            .map(|_| 0),
    );
    bytes.reverse();
    let content = bytes.len().checked_sub(CHECK)?;
    let check = bytes.split_off(content);
    (checksum(&bytes) == check[..]).then_some(bytes)
}

/// Append a digit: multiply the number (digits of base `to`, least significant first) by `from`,
/// and add the digit.
fn push(number: &mut Vec<u8>, digit: u32, from: u32, to: u32) {
    let mut carry = digit;
    for position in number.iter_mut() {
        carry += u32::from(*position) * from;
        *position = u8::try_from(carry % to).unwrap_or_default();
        carry /= to;
    }
    while carry > 0 {
        number.push(u8::try_from(carry % to).unwrap_or_default());
        carry /= to;
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECK] {
    let hash = Digest::of(&Digest::of(bytes).0).0;
    [hash[0], hash[1], hash[2], hash[3]]
}
