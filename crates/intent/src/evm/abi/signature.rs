//! Function signatures as people write them.

use super::ty::Type;
use crate::{Error, Result};
use alloy_primitives::keccak256;

/// The deepest nesting of tuples.
const MAX_DEPTH: usize = 16;

/// The selector of a function, in lower case: of a signature such as `transfer(address,uint256)`,
/// whose types are read as in an ABI (`uint` is `uint256`), or of a selector such as `0xa9059cbb`.
/// Error `intent.abi_mismatch`.
pub fn selector(text: &str) -> Result<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        let is_selector = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return match is_selector {
            true => Ok(text.to_ascii_lowercase()),
            false => Err(invalid("a selector has 0x and 8 hexadecimal digits")),
        };
    }
    let signature = canonical(text);
    let signature = signature.ok_or_else(|| {
        invalid("expected a selector, or a signature such as transfer(address,uint256)")
    })?;
    Ok(format!("0x{}", hex::encode(&keccak256(signature)[..4])))
}

fn invalid(why: &str) -> Error {
    Error::abi_mismatch("selector", why)
}

/// The signature with the canonical names of its types.
fn canonical(text: &str) -> Option<String> {
    let (name, types) = text.split_once('(')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let is_valid = !name.is_empty() && name.chars().all(is_name);
    let types = members(types.strip_suffix(')')?, 0)?;
    is_valid.then(|| format!("{name}({types})"))
}

/// The canonical form of a list of types.
fn members(text: &str, depth: usize) -> Option<String> {
    if text.trim().is_empty() {
        return Some(String::new());
    }
    let types = split(text)?;
    let types: Option<Vec<String>> = types.iter().map(|ty| member(ty.trim(), depth)).collect();
    Some(types?.join(","))
}

fn member(text: &str, depth: usize) -> Option<String> {
    let item = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '[' || c == ']');
    if let Some(inner) = item.strip_prefix('(') {
        if depth == MAX_DEPTH {
            return None;
        }
        let inner = members(inner.strip_suffix(')')?, depth + 1)?;
        // Any type shows whether the sizes of the array are valid.
        array(Type::Bool, &text[item.len()..])?;
        return (!inner.is_empty()).then(|| format!("({inner}){}", &text[item.len()..]));
    }
    let (item, sizes) = text.split_at(text.find('[').unwrap_or(text.len()));
    Some(array(Type::simple(item)?, sizes)?.to_string())
}

/// The array of an item with sizes such as `[2][]`.
fn array(item: Type, sizes: &str) -> Option<Type> {
    if sizes.is_empty() {
        return Some(item);
    }
    let (size, rest) = sizes.strip_prefix('[')?.split_once(']')?;
    array(Type::array(item, size)?, rest)
}

/// The members of a list, separated by commas outside of brackets.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut open, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open = open.checked_sub(1)?,
            ',' if open == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (open == 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::{canonical, selector};

    #[test]
    fn a_selector_follows_from_the_signature() {
        for (text, expected) in [
            ("transfer(address,uint256)", "0xa9059cbb"),
            ("transfer(address, uint)", "0xa9059cbb"),
            ("0xA9059CBB", "0xa9059cbb"),
            ("pause()", "0x8456cb59"),
            ("transferAndCall(address,uint256,bytes)", "0x4000aea0"),
            ("aggregate((address,bytes)[])", "0x252dba42"),
        ] {
            assert_eq!(selector(text).as_deref(), Ok(expected), "{text}");
        }
        let nested = canonical("f((uint,(bool,int8)[2])[],bytes32[3][])");
        assert_eq!(
            nested.as_deref(),
            Some("f((uint256,(bool,int8)[2])[],bytes32[3][])")
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let deep = format!("f({}bool{})", "(".repeat(100_000), ")".repeat(100_000));
        for text in [
            "",
            "transfer",
            "transfer(",
            "transfer(address",
            "(address)",
            "f(address,)",
            "f(,)",
            "f(amount)",
            "f(())",
            "f(uint256[0])",
            "f(uint256[)",
            "f(bool))(",
            "f(a)b()",
            "0x",
            "0xa9059cb",
            "0xa9059cbbb",
            "0xzzzzzzzz",
            "f g(bool)",
            "f((bool)2)",
            &deep,
        ] {
            assert!(selector(text).is_err(), "{text:.40}");
        }
    }
}
