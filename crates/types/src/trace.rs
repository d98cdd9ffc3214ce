//! Trace context, as in W3C Trace Context: which trace and span a unit of work belongs to.

use crate::Entropy;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// A trace and a span in it, written `00-<trace id>-<span id>-<flags>` (W3C Trace Context,
/// `traceparent`, version 00). It correlates logs, spans and messages, and decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// Bit 0 is `sampled`.
    pub flags: u8,
}

/// The text is not a `traceparent` of W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a traceparent: 00-<32 hexadecimal digits>-<16 hexadecimal digits>-<2 hexadecimal digits>"
)]
pub struct TraceContextError;

/// The length of version 00.
const LENGTH: usize = 55;

impl TraceContext {
    /// Start a trace.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 24];
        // Zero ids are invalid.
        while bytes[..16] == [0; 16] || bytes[16..] == [0; 8] {
            entropy.fill(&mut bytes);
        }
        let mut context = Self {
            trace_id: [0; 16],
            span_id: [0; 8],
            flags: 1,
        };
        context.trace_id.copy_from_slice(&bytes[..16]);
        context.span_id.copy_from_slice(&bytes[16..]);
        context
    }

    /// The trace id in hexadecimal, as tracing systems show it.
    pub fn trace(&self) -> String {
        hex::encode(self.trace_id)
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl std::fmt::Display for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (trace, span) = (hex::encode(self.trace_id), hex::encode(self.span_id));
        write!(f, "00-{trace}-{span}-{:02x}", self.flags)
    }
}

impl std::str::FromStr for TraceContext {
    type Err = TraceContextError;

    /// Versions after 00 may append fields, which are ignored. Digits are lower case.
    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        let (head, rest) = text.split_at_checked(LENGTH).ok_or(TraceContextError)?;
        let mut parts = head.split('-');
        let version: [u8; 1] = digits(parts.next())?;
        let has_known_length = rest.is_empty() || (version != [0] && rest.starts_with('-'));
        let (trace_id, span_id) = (digits(parts.next())?, digits(parts.next())?);
        let [flags] = digits(parts.next())?;
        let is_invalid = version == [0xff] || trace_id == [0; 16] || span_id == [0; 8];
        if is_invalid || !has_known_length || parts.next().is_some() {
            return Err(TraceContextError);
        }
        Ok(Self {
            trace_id,
            span_id,
            flags,
        })
    }
}

fn digits<const N: usize>(text: Option<&str>) -> Result<[u8; N], TraceContextError> {
    let text = text.ok_or(TraceContextError)?;
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if is_lower => Ok(bytes),
        _ => Err(TraceContextError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_valid_traceparent_is_accepted() {
        let context: TraceContext = EXAMPLE.parse().expect("the example of the standard");
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let later = format!("01{}-extra", &EXAMPLE[2..]);
        assert_eq!(later.parse(), Ok(context));
        for wrong in [
            "",
            "00",
            &EXAMPLE[..54],
            &EXAMPLE.to_uppercase(),
            &format!("{EXAMPLE}-extra"),
            &format!("01{}extra", &EXAMPLE[2..]),
            &format!("ff{}", &EXAMPLE[2..]),
            &EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &EXAMPLE.replace('b', "g"),
            &EXAMPLE.replace('-', "\u{e9}"),
        ] {
            assert_eq!(
                wrong.parse::<TraceContext>(),
                Err(TraceContextError),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn text_of_any_kind_is_read_without_panic(text in any::<String>()) {
            if let Ok(context) = text.parse::<TraceContext>() {
                prop_assert_eq!(context.to_string().parse(), Ok(context));
            }
        }

        #[test]
        fn a_context_is_read_as_written(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), flags in any::<u8>()) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let context = TraceContext { trace_id: trace, span_id: span, flags };
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }
    }
}
