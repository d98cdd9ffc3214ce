//! Encodes and decodes JSON-RPC 2.0 messages. Pure.

use super::depth;
use super::failure::{ErrorObject, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    /// A list.
    pub(crate) params: Value,
}

/// An answer: the result's exact text, or the node's error.
pub(crate) type Answer = Result<Box<RawValue>, ErrorObject>;

impl Call {
    pub(crate) fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default)]
    jsonrpc: Option<String>,
    #[serde(default)]
    id: Value,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

/// `null` is a result; only a missing member is `None`.
fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(d).map(Some)
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'static str,
    params: &'a Value,
}

impl<'a> Request<'a> {
    fn new((call, id): (&'a Call, u64)) -> Self {
        Self {
            jsonrpc: "2.0",
            id,
            method: call.method,
            params: &call.params,
        }
    }
}

/// Encodes a request: an object for one call, a list for several. Call `n` has the id `first + n`.
pub(crate) fn encode(calls: &[Call], first: u64) -> Vec<u8> {
    let requests: Vec<Request<'_>> = calls.iter().zip(first..).map(Request::new).collect();
    let text = match requests.as_slice() {
        [single] => serde_json::to_vec(single),
        several => serde_json::to_vec(several),
    };
    // Strings and JSON values always serialize.
    text.unwrap_or_default()
}

/// Decodes the answers to `count` calls whose ids start at `first`, in the order of the calls.
///
/// Fails with [`Failure::InvalidResponse`] if the text is not JSON-RPC, is nested too deep, or its
/// ids are not exactly those of the calls. A single error object in answer to several calls, alone
/// in a list or not, rejects all of them.
pub(crate) fn decode(
    text: &[u8],
    first: u64,
    count: usize,
    depth: usize,
) -> Result<Vec<Answer>, Failure> {
    if !depth::within(text, depth) {
        return Err(invalid(format!("it is nested deeper than {depth}")));
    }
    if count > 1 && is_object(text) {
        return Err(batch_rejection(text));
    }
    let replies = if count == 1 {
        vec![parse(text)?]
    } else {
        parse::<Vec<Reply<'_>>>(text)?
    };
    match replies.as_slice() {
        // geth rejects a batch that is too large with a list of one error.
        [
            Reply {
                error: Some(error), ..
            },
        ] if count > 1 => Err(Failure::RpcError(error.clone())),
        _ => matched(replies, first, count),
    }
}

fn matched(replies: Vec<Reply<'_>>, first: u64, count: usize) -> Result<Vec<Answer>, Failure> {
    let mut by_index = BTreeMap::new();
    for reply in replies {
        let index = call_index(&reply, first, count)?;
        if by_index.insert(index, answer(reply)?).is_some() {
            return Err(invalid("an id is answered twice"));
        }
    }
    if by_index.len() == count {
        Ok(by_index.into_values().collect())
    } else {
        Err(invalid("answers are missing"))
    }
}

/// The index of the call that a reply answers. JSON-RPC 2.0, 5: an error about an unreadable
/// request has the id null, which is unambiguous only for one call.
fn call_index(reply: &Reply<'_>, first: u64, count: usize) -> Result<usize, Failure> {
    if count == 1 && reply.id.is_null() && reply.error.is_some() {
        return Ok(0);
    }
    let index = reply
        .id
        .as_u64()
        .and_then(|id| id.checked_sub(first))
        .and_then(|index| usize::try_from(index).ok());
    index
        .filter(|index| *index < count)
        .ok_or_else(|| invalid("it answers an unknown id"))
}

fn answer(reply: Reply<'_>) -> Result<Answer, Failure> {
    if reply.jsonrpc.is_some_and(|version| version != "2.0") {
        return Err(invalid("it is not JSON-RPC 2.0"));
    }
    match (reply.result, reply.error) {
        (Some(result), None) => Ok(Ok(result.to_owned())),
        // Some servers write `"result": null` next to an error.
        (None, Some(error)) => Ok(Err(error)),
        (Some(result), Some(error)) if result.get() == "null" => Ok(Err(error)),
        _ => Err(invalid("it has neither result nor error, or both")),
    }
}

fn batch_rejection(text: &[u8]) -> Failure {
    match parse::<Reply<'_>>(text) {
        Ok(Reply {
            error: Some(error), ..
        }) => Failure::RpcError(error),
        Ok(_) => invalid("one answer to several calls"),
        Err(failure) => failure,
    }
}

fn is_object(text: &[u8]) -> bool {
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Failure> {
    // The parser's message may quote the node's text, so only the position is reported.
    serde_json::from_slice(text).map_err(|e| {
        invalid(format!(
            "it is not JSON-RPC (line {}, column {})",
            e.line(),
            e.column()
        ))
    })
}

fn invalid(why: impl Into<String>) -> Failure {
    Failure::InvalidResponse { why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str, count: usize) -> Result<Vec<Answer>, Failure> {
        decode(text.as_bytes(), 10, count, 64)
    }

    fn why(text: &str, count: usize) -> String {
        match read(text, count) {
            Err(Failure::InvalidResponse { why }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_call_is_an_object_and_several_are_a_list() {
        let call = Call::new("eth_chainId", json!([]));
        let single: Value =
            serde_json::from_slice(&encode(std::slice::from_ref(&call), 7)).unwrap();
        assert_eq!(
            single,
            json!({"jsonrpc": "2.0", "id": 7, "method": "eth_chainId", "params": []})
        );
        let pair: Value = serde_json::from_slice(&encode(&[call.clone(), call], 7)).unwrap();
        assert_eq!(
            (pair[0]["id"].as_u64(), pair[1]["id"].as_u64()),
            (Some(7), Some(8))
        );
    }

    #[test]
    fn answers_are_matched_to_calls_in_any_order() {
        let text = r#"[{"id":12,"result":"c"},{"jsonrpc":"2.0","id":10,"result":null},{"id":11,"error":{"code":-3,"message":"no"}}]"#;
        let answers = read(text, 3).unwrap();
        assert_eq!(answers[0].as_ref().map(|raw| raw.get()).ok(), Some("null"));
        assert_eq!(answers[1].as_ref().err().map(|error| error.code), Some(-3));
        assert_eq!(answers[2].as_ref().map(|raw| raw.get()).ok(), Some("\"c\""));
    }

    #[test]
    fn mismatched_ids_are_rejected() {
        assert_eq!(
            why(r#"[{"id":10,"result":1},{"id":10,"result":2}]"#, 2),
            "an id is answered twice"
        );
        assert_eq!(why(r#"[{"id":10,"result":1}]"#, 2), "answers are missing");
        assert_eq!(
            why(r#"[{"id":10,"result":1},{"id":12,"result":2}]"#, 2),
            "it answers an unknown id"
        );
        for foreign in [
            "9",
            "11",
            "-10",
            "10.5",
            "\"10\"",
            "null",
            "1e30",
            "18446744073709551616",
        ] {
            assert_eq!(
                why(&format!(r#"{{"id":{foreign},"result":1}}"#), 1),
                "it answers an unknown id"
            );
        }
    }

    #[test]
    fn a_reply_with_neither_result_nor_error_is_rejected() {
        for text in [
            r#"{"id":10}"#,
            r#"{"id":10,"result":1,"error":{"code":1}}"#,
            r#"{"id":10,"error":null}"#,
        ] {
            assert_eq!(why(text, 1), "it has neither result nor error, or both");
        }
        assert_eq!(
            why(r#"{"jsonrpc":"1.0","id":10,"result":1}"#, 1),
            "it is not JSON-RPC 2.0"
        );
        for text in [
            "",
            "<html>",
            r#"{"id":10,"result":1"#,
            r#"{"id":10,"id":10,"result":1}"#,
            "[1]",
            "\u{feff}{}",
        ] {
            assert!(
                why(text, 1).starts_with("it is not JSON-RPC (line"),
                "{text}"
            );
        }
        assert_eq!(
            why(r#"{"id":10,"result":1}"#, 2),
            "one answer to several calls"
        );
    }

    #[test]
    fn an_error_without_an_id_is_accepted_if_unambiguous() {
        let error = r#"{"id":null,"error":{"code":-32005,"message":"rate limit"}}"#;
        assert_eq!(
            read(error, 1).unwrap()[0]
                .as_ref()
                .err()
                .map(|error| error.code),
            Some(-32005)
        );
        assert!(matches!(
            read(error, 2),
            Err(Failure::RpcError(ErrorObject { code: -32005, .. }))
        ));
        assert!(matches!(
            read(&format!("[{error}]"), 2),
            Err(Failure::RpcError(ErrorObject { code: -32005, .. }))
        ));
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!(
            r#"{{"id":10,"result":{}{}}}"#,
            "[".repeat(64),
            "]".repeat(64)
        );
        assert_eq!(why(&deep, 1), "it is nested deeper than 64");
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(text in prop::collection::vec(any::<u8>(), 0..300), count in 1usize..4) {
            let _ = decode(&text, 0, count, 64);
        }

        /// A damaged answer either still answers each call exactly once, or is rejected.
        #[test]
        fn a_damaged_answer_is_rejected_or_complete(index in 0usize..120, with: u8, cut in 0usize..120) {
            let mut text = br#"[{"jsonrpc":"2.0","id":1,"result":{"a":["0x1"]}},{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"x"}}]"#.to_vec();
            let index = index % text.len();
            text[index] = with;
            text.truncate(text.len() - cut % 3);
            if let Ok(answers) = decode(&text, 1, 2, 64) {
                prop_assert_eq!(answers.len(), 2);
            }
        }
    }
}
