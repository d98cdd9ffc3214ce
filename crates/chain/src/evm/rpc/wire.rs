//! JSON-RPC 2.0 as text: requests out, answers in. Pure.

use super::depth;
use super::failure::{ErrorObject, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: &'static str,
    /// Its parameters, a list.
    pub(crate) params: Value,
}

/// One answer: the result's exact text, or the node's no.
pub(crate) type Answer = Result<Box<RawValue>, ErrorObject>;

impl Call {
    /// A question.
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

/// `null` is a result; only a missing member is none.
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

/// The text of a request: an object for one call, a list for several. Call `n` has the id `first +
/// n`.
pub(crate) fn encode(calls: &[Call], first: u64) -> Vec<u8> {
    let requests: Vec<Request<'_>> = calls.iter().zip(first..).map(Request::new).collect();
    let text = match requests.as_slice() {
        [single] => serde_json::to_vec(single),
        several => serde_json::to_vec(several),
    };
    // Strings and JSON values always have a text.
    text.unwrap_or_default()
}

/// The answers to `count` calls whose ids start at `first`, in the order of the calls.
///
/// Fails as nonsense if the text is not JSON-RPC, nests too deep, or its ids are not exactly those
/// asked. A single error object in answer to several calls, alone in a list or not, is the node's
/// no to all of them.
pub(crate) fn decode(
    text: &[u8],
    first: u64,
    count: usize,
    depth: usize,
) -> Result<Vec<Answer>, Failure> {
    if !depth::within(text, depth) {
        return Err(nonsense(format!("it nests deeper than {depth}")));
    }
    if count > 1 && is_object(text) {
        return Err(refused_whole(text));
    }
    let replies = if count == 1 {
        vec![parse(text)?]
    } else {
        parse::<Vec<Reply<'_>>>(text)?
    };
    match replies.as_slice() {
        // geth refuses a batch that is too large by a list of one.
        [
            Reply {
                error: Some(error), ..
            },
        ] if count > 1 => Err(Failure::Said(error.clone())),
        _ => matched(replies, first, count),
    }
}

fn matched(replies: Vec<Reply<'_>>, first: u64, count: usize) -> Result<Vec<Answer>, Failure> {
    let mut by_place = BTreeMap::new();
    for reply in replies {
        let place = place(&reply, first, count)?;
        if by_place.insert(place, answer(reply)?).is_some() {
            return Err(nonsense("one id is answered twice"));
        }
    }
    if by_place.len() == count {
        Ok(by_place.into_values().collect())
    } else {
        Err(nonsense("answers are missing"))
    }
}

/// Which call a reply answers. JSON-RPC 2.0, 5: an error whose request could not be read has the id
/// null; that is clear only for one call.
fn place(reply: &Reply<'_>, first: u64, count: usize) -> Result<usize, Failure> {
    if count == 1 && reply.id.is_null() && reply.error.is_some() {
        return Ok(0);
    }
    let place = reply
        .id
        .as_u64()
        .and_then(|id| id.checked_sub(first))
        .and_then(|place| usize::try_from(place).ok());
    place
        .filter(|place| *place < count)
        .ok_or_else(|| nonsense("it answers an id that was not asked"))
}

fn answer(reply: Reply<'_>) -> Result<Answer, Failure> {
    if reply.jsonrpc.is_some_and(|version| version != "2.0") {
        return Err(nonsense("it is not JSON-RPC 2.0"));
    }
    match (reply.result, reply.error) {
        (Some(result), None) => Ok(Ok(result.to_owned())),
        // Some servers write `"result": null` beside an error.
        (None, Some(error)) => Ok(Err(error)),
        (Some(result), Some(error)) if result.get() == "null" => Ok(Err(error)),
        _ => Err(nonsense("it has neither or both of result and error")),
    }
}

fn refused_whole(text: &[u8]) -> Failure {
    match parse::<Reply<'_>>(text) {
        Ok(Reply {
            error: Some(error), ..
        }) => Failure::Said(error),
        Ok(_) => nonsense("one answer to several calls"),
        Err(failure) => failure,
    }
}

fn is_object(text: &[u8]) -> bool {
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Failure> {
    // The parser's words may quote the text, and the text is the node's: only the place is told.
    serde_json::from_slice(text).map_err(|e| {
        nonsense(format!(
            "it is not JSON-RPC (line {}, column {})",
            e.line(),
            e.column()
        ))
    })
}

fn nonsense(why: impl Into<String>) -> Failure {
    Failure::Nonsense { why: why.into() }
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
            Err(Failure::Nonsense { why }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_call_is_an_object_and_several_are_a_list() {
        let call = Call::new("eth_chainId", json!([]));
        let one: Value = serde_json::from_slice(&encode(std::slice::from_ref(&call), 7)).unwrap();
        assert_eq!(
            one,
            json!({"jsonrpc": "2.0", "id": 7, "method": "eth_chainId", "params": []})
        );
        let two: Value = serde_json::from_slice(&encode(&[call.clone(), call], 7)).unwrap();
        assert_eq!(
            (two[0]["id"].as_u64(), two[1]["id"].as_u64()),
            (Some(7), Some(8))
        );
    }

    #[test]
    fn answers_in_any_order_find_their_calls() {
        let text = r#"[{"id":12,"result":"c"},{"jsonrpc":"2.0","id":10,"result":null},{"id":11,"error":{"code":-3,"message":"no"}}]"#;
        let answers = read(text, 3).unwrap();
        assert_eq!(answers[0].as_ref().map(|raw| raw.get()).ok(), Some("null"));
        assert_eq!(answers[1].as_ref().err().map(|error| error.code), Some(-3));
        assert_eq!(answers[2].as_ref().map(|raw| raw.get()).ok(), Some("\"c\""));
    }

    #[test]
    fn ids_that_do_not_fit_are_nonsense() {
        assert_eq!(
            why(r#"[{"id":10,"result":1},{"id":10,"result":2}]"#, 2),
            "one id is answered twice"
        );
        assert_eq!(why(r#"[{"id":10,"result":1}]"#, 2), "answers are missing");
        assert_eq!(
            why(r#"[{"id":10,"result":1},{"id":12,"result":2}]"#, 2),
            "it answers an id that was not asked"
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
                "it answers an id that was not asked"
            );
        }
    }

    #[test]
    fn what_is_neither_result_nor_error_is_nonsense() {
        for text in [
            r#"{"id":10}"#,
            r#"{"id":10,"result":1,"error":{"code":1}}"#,
            r#"{"id":10,"error":null}"#,
        ] {
            assert_eq!(why(text, 1), "it has neither or both of result and error");
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
    fn a_no_without_an_id_is_a_no_where_it_is_clear_to_what() {
        let no = r#"{"id":null,"error":{"code":-32005,"message":"rate limit"}}"#;
        assert_eq!(
            read(no, 1).unwrap()[0]
                .as_ref()
                .err()
                .map(|error| error.code),
            Some(-32005)
        );
        assert!(matches!(
            read(no, 2),
            Err(Failure::Said(ErrorObject { code: -32005, .. }))
        ));
        assert!(matches!(
            read(&format!("[{no}]"), 2),
            Err(Failure::Said(ErrorObject { code: -32005, .. }))
        ));
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!(
            r#"{{"id":10,"result":{}{}}}"#,
            "[".repeat(64),
            "]".repeat(64)
        );
        assert_eq!(why(&deep, 1), "it nests deeper than 64");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300), count in 1usize..4) {
            let _ = decode(&text, 0, count, 64);
        }

        /// Damaged answers either still answer each call exactly once, or are refused.
        #[test]
        fn a_damaged_answer_is_refused_or_whole(place in 0usize..120, with: u8, cut in 0usize..120) {
            let mut text = br#"[{"jsonrpc":"2.0","id":1,"result":{"a":["0x1"]}},{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"x"}}]"#.to_vec();
            let place = place % text.len();
            text[place] = with;
            text.truncate(text.len() - cut % 3);
            if let Ok(answers) = decode(&text, 1, 2, 64) {
                prop_assert_eq!(answers.len(), 2);
            }
        }
    }
}
