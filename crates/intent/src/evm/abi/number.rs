//! ABI integers: exact, within their width, two's complement in a word of 32 bytes.

use serde_json::Value;
use types::Amount;

/// Reads an unsigned integer of `bits` bits: a decimal string, a hexadecimal string with 0x, or a
/// whole JSON number.
pub(crate) fn uint(value: &Value, bits: usize) -> Result<[u8; 32], String> {
    let word = magnitude(&text(value)?)?.to_be_bytes();
    let width = bits / 8;
    if word[..32 - width].iter().all(|byte| *byte == 0) {
        Ok(word)
    } else {
        Err(format!("it does not fit uint{bits}"))
    }
}

/// Reads a signed integer of `bits` bits: a decimal string, or a whole JSON number.
pub(crate) fn int(value: &Value, bits: usize) -> Result<[u8; 32], String> {
    let text = text(value)?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    if digits.starts_with("0x") {
        return Err("a signed integer is written in decimal".to_owned());
    }
    let word = magnitude(digits)?.to_be_bytes();
    let word = if negative { negate(word) } else { word };
    // Zero may be written -0. Otherwise a negative number has its sign bit set, and a positive one
    // has not.
    let fits = is_extended(&word, bits) && (is_negative(&word) == negative || word == [0; 32]);
    if fits {
        Ok(word)
    } else {
        Err(format!("it does not fit int{bits}"))
    }
}

/// Formats a word as a decimal string.
pub(crate) fn format_uint(word: &[u8; 32]) -> String {
    Amount::from_be_bytes(*word).to_string()
}

/// Formats a word in two's complement as a decimal string.
pub(crate) fn format_int(word: &[u8; 32]) -> String {
    if is_negative(word) {
        format!("-{}", format_uint(&negate(*word)))
    } else {
        format_uint(word)
    }
}

/// Whether a word is a sign-extended integer of `bits` bits.
pub(crate) fn is_extended(word: &[u8; 32], bits: usize) -> bool {
    let (above, low) = word.split_at(32 - bits / 8);
    let fill = if low[0] & 0x80 == 0 { 0 } else { 0xff };
    above.iter().all(|byte| *byte == fill)
}

fn is_negative(word: &[u8; 32]) -> bool {
    word[0] & 0x80 != 0
}

fn negate(word: [u8; 32]) -> [u8; 32] {
    let mut negated = word.map(|byte| !byte);
    for byte in negated.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            break;
        }
    }
    negated
}

fn magnitude(text: &str) -> Result<Amount, String> {
    match text.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits)
            .ok_or_else(|| "expected a hexadecimal integer below 2^256".to_owned()),
        None => text
            .parse::<Amount>()
            .map_err(|_| "expected a whole number, in decimal, below 2^256".to_owned()),
    }
}

fn hexadecimal(digits: &str) -> Option<Amount> {
    let mut word = [0; 32];
    let padded = (1..=64)
        .contains(&digits.len())
        .then(|| format!("{digits:0>64}"))?;
    hex::decode_to_slice(padded, &mut word).ok()?;
    Some(Amount::from_be_bytes(word))
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        // serde_json parsed a longer number as a float, which may have lost digits.
        Value::Number(number) if number.is_f64() => Err(
            "write an integer of this size as a decimal string, without a fraction or an exponent"
                .to_owned(),
        ),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err("expected an integer as a decimal string".to_owned()),
    }
}
