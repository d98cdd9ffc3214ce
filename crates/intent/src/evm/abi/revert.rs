//! Revert reasons as text.

use super::{
    Abi,
    entry::Entry,
    output::{self, to_hex},
    ty::Type,
};
use serde_json::Value;

/// `Error(string)`, raised by `require` and `revert("…")`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// `Panic(uint256)`, raised by the compiler's own checks.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];
/// Limits a reason in characters: it comes from a chain and goes into logs and answers.
const MAX_REASON: usize = 1000;

impl Abi {
    /// The reason as text: the text of `Error(string)`, the meaning of `Panic(uint256)`, a custom
    /// error of the interface as `InsufficientBalance(available: 5, required: 7)`, or the raw data
    /// if the error is unknown. At most 1,000 characters.
    pub fn revert_reason(&self, data: &[u8]) -> String {
        let reason = match data.split_first_chunk::<4>() {
            None if data.is_empty() => "reverted without a reason".to_owned(),
            None => format!("reverted with {}", to_hex(data)),
            Some((selector, arguments)) => builtin(*selector, arguments)
                .or_else(|| self.custom(*selector, arguments))
                .unwrap_or_else(|| {
                    format!(
                        "reverted with an error that is not in the interface: {}",
                        to_hex(data)
                    )
                }),
        };
        reason.chars().take(MAX_REASON).collect()
    }

    fn custom(&self, selector: [u8; 4], arguments: &[u8]) -> Option<String> {
        let candidates = self
            .entries
            .errors
            .iter()
            .filter(|error| error.selector() == selector);
        candidates
            .into_iter()
            .find_map(|error| format_error(error, arguments))
    }
}

fn format_error(error: &Entry, arguments: &[u8]) -> Option<String> {
    let values = output::named(&error.inputs, arguments, output::ARGUMENT).ok()?;
    let each = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    };
    let values: Vec<String> = values.iter().map(each).collect();
    Some(format!("{}({})", error.name, values.join(", ")))
}

fn builtin(selector: [u8; 4], arguments: &[u8]) -> Option<String> {
    match selector {
        ERROR => single(Type::String, arguments),
        PANIC => single(Type::Uint(256), arguments)
            .map(|code| format!("panic: {}", panic_meaning(&code))),
        _ => None,
    }
}

fn single(ty: Type, arguments: &[u8]) -> Option<String> {
    let values = output::values(std::iter::once(&ty), arguments).ok()?;
    values.first()?.as_str().map(str::to_owned)
}

/// The codes of Solidity 0.8 ("Panic via assert and Error via require").
fn panic_meaning(code: &str) -> String {
    let meaning = match code {
        "0" => "compiler-made check (0x00)",
        "1" => "assertion failed (0x01)",
        "17" => "arithmetic overflow or underflow (0x11)",
        "18" => "division or modulo by zero (0x12)",
        "33" => "invalid enum value (0x21)",
        "34" => "storage byte array is wrongly encoded (0x22)",
        "49" => "pop from an empty array (0x31)",
        "50" => "array index out of bounds (0x32)",
        "65" => "out of memory, or array too large (0x41)",
        "81" => "call of an uninitialized internal function (0x51)",
        other => return format!("code {other}"),
    };
    meaning.to_owned()
}
