//! Decoding hostile data neither panics nor uses time or memory out of proportion to its size.

use crate::values::{Ty, arguments};
use intent::Interface;
use intent::evm::{Abi, Log};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn abi(params: Vec<Value>) -> Abi {
    let entries = json!([
        {"type": "function", "name": "f", "inputs": params, "outputs": params},
        {"type": "event", "name": "f", "inputs": params, "anonymous": true},
        {"type": "error", "name": "f", "inputs": params}
    ]);
    Abi::parse(&Interface::new(entries.to_string())).unwrap()
}

fn unnamed(types: &[Ty]) -> Abi {
    abi(types.iter().map(|ty| ty.param("")).collect())
}

fn named(ty: &str) -> Abi {
    abi(vec![json!({"name": "x", "type": ty})])
}

fn word(number: u64) -> Vec<u8> {
    [vec![0; 24], number.to_be_bytes().to_vec()].concat()
}

/// The approximate memory of a decoded value.
fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 32 + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => 32 + members.values().map(weight).sum::<usize>(),
        Value::String(text) => 32 + text.len(),
        _ => 32,
    }
}

/// Random bytes that resemble ABI data: mostly small numbers in words.
fn abi_like_bytes() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![
        (0..16u64).prop_map(|n| word(32 * n)),
        (0..5u64).prop_map(word),
        vec(any::<u8>(), 32)
    ];
    (vec(small, 0..30), vec(any::<u8>(), 0..32))
        .prop_map(|(words, rest)| [words.concat(), rest].concat())
}

proptest! {
    #[test]
    fn random_words_are_decoded_or_rejected((types, _) in arguments(), data in abi_like_bytes()) {
        let abi = unnamed(&types);
        if let Ok(value) = abi.decode_output("f", &data) {
            prop_assert!(weight(&value) < 2000 + 40 * data.len());
        }
        let selector = abi.encode_call("f", &json!([])).map(|call| call[..4].to_vec()).unwrap_or(vec![1; 4]);
        let _ = abi.decode_call(&[selector.clone(), data.clone()].concat());
        let _ = abi.revert_reason(&[selector, data.clone()].concat());
        let _ = abi.decode_event(&Log { topics: vec![], data });
    }

    #[test]
    fn a_changed_bit_is_decoded_or_rejected((types, values) in arguments(), position: prop::sample::Index, bit in 0..8u8) {
        let abi = unnamed(&types);
        let params: Value = values.iter().map(|(json, _)| json.clone()).collect();
        let mut data = abi.encode_call("f", &params).unwrap();
        let position = position.index(data.len());
        data[position] ^= 1 << bit;
        let _ = abi.decode_call(&data);
        let _ = abi.decode_output("f", &data[4..]);
    }

    #[test]
    fn random_interfaces_are_parsed_or_rejected(text: String, ty in "(u?int|bytes|tuple|address|function|bool)[0-9]{0,3}(\\[[0-9]{0,4}\\]){0,4}") {
        let _ = Abi::parse(&Interface::new(text.clone()));
        let _ = Abi::parse(&Interface::new(json!([{"name": text, "inputs": [{"type": ty}, {"type": text}]}]).to_string()));
    }
}

/// Asserts that work is quick, with a bound that only a blow-up exceeds.
fn quickly<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        start.elapsed()
    );
    result
}

#[test]
fn a_length_beyond_the_data_allocates_nothing() {
    for length in [u64::MAX, u64::MAX / 32, 1 << 40, 1 << 20, 65] {
        for ty in ["uint256[]", "bytes", "string", "string[]", "uint256[3][]"] {
            let data = [word(32), word(length), vec![0; 64]].concat();
            assert!(
                quickly(|| named(ty).decode_output("f", &data)).is_err(),
                "{ty} {length}"
            );
        }
    }
    let huge = [word(32), vec![0xff; 32]].concat();
    assert!(named("bytes").decode_output("f", &huge).is_err());
    assert!(named("bytes").decode_output("f", &[0xff; 64]).is_err());
    let (mut offset, mut length) = ([word(32), word(0)].concat(), [word(32), word(0)].concat());
    assert!(named("bytes").decode_output("f", &offset).is_ok());
    (offset[0], length[32]) = (1, 1);
    assert!(named("bytes").decode_output("f", &offset).is_err());
    assert!(named("bytes").decode_output("f", &length).is_err());
}

#[test]
fn shared_offsets_do_not_multiply_the_output() {
    // Ten levels, each a list of eight that points back to the same words: 8^10 values if decoded
    // naively.
    let ty = format!("uint256{}", "[]".repeat(10));
    let level = [word(8), (0..8).flat_map(|_| word(0)).collect()].concat();
    let data = [word(32), level].concat();
    let _ = quickly(|| named(&ty).decode_output("f", &data));
    // Lists of lists with valid but shared offsets.
    let mut data = word(32);
    for _ in 0..9 {
        data.extend(word(200));
        (0..200).for_each(|_| data.extend(word(200 * 32)));
    }
    data.extend(word(0));
    assert!(quickly(|| named(&ty).decode_output("f", &data)).is_err());
    // A thousand strings that share the same hundred thousand bytes.
    let shared = [
        word(32),
        word(1000),
        (0..1000).flat_map(|_| word(32_000)).collect(),
        word(100_000),
        vec![b'a'; 100_000],
    ]
    .concat();
    assert!(quickly(|| named("string[]").decode_output("f", &shared)).is_err());
}

#[test]
fn self_referential_offsets_terminate() {
    let ty = format!("uint256{}", "[]".repeat(15));
    let data = [word(0), word(1), word(0)].concat();
    let _ = quickly(|| named(&ty).decode_output("f", &data));
    let data = [word(32), word(1), word(0), word(0), word(0)].concat();
    let _ = quickly(|| named(&ty).decode_output("f", &data));
}

#[test]
fn valid_data_of_a_megabyte_is_decoded() {
    let items: Value = (0..30_000).map(|n| json!(n.to_string())).collect();
    let abi = named("uint256[]");
    let data = abi.encode_call("f", &json!([items])).unwrap();
    let read = quickly(|| abi.decode_call(&data)).unwrap().1;
    assert_eq!(read["x"], items);
    let text = json!("x".repeat(1_000_000));
    let abi = named("string");
    let data = abi.encode_call("f", &json!([text])).unwrap();
    assert_eq!(quickly(|| abi.decode_call(&data)).unwrap().1["x"], text);
}

#[test]
fn an_interface_that_is_too_deep_or_long_is_rejected() {
    let mut deep = json!({"type": "tuple", "components": []});
    for _ in 0..100 {
        deep = json!({"type": "tuple", "components": [deep]});
    }
    let _ = quickly(|| {
        Abi::parse(&Interface::new(
            json!([{"name": "f", "inputs": [deep]}]).to_string(),
        ))
    });
    let long = format!("[{}]", " ".repeat(3 << 20));
    assert!(Abi::parse(&Interface::new(long)).is_err());
    let nested = "[".repeat(100_000);
    assert!(quickly(|| Abi::parse(&Interface::new(nested))).is_err());
}
