//! Events and revert reasons.

use crate::values::{Ty, ValuePair, arguments};
use alloy_dyn_abi::DynSolValue;
use alloy_primitives::keccak256;
use intent::Interface;
use intent::evm::{Abi, Log, revert_reason};
use proptest::prelude::*;
use serde_json::{Value, json};

fn interface(entries: Value) -> Interface {
    Interface::new(entries.to_string())
}

fn abi(entries: Value) -> Abi {
    Abi::parse(&interface(entries)).unwrap()
}

fn word(last: u8) -> [u8; 32] {
    let mut word = [0; 32];
    word[31] = last;
    word
}

fn event(name: &str, indexed: [bool; 3]) -> Value {
    let input =
        |name: &str, ty: &str, indexed: bool| json!({"name": name, "type": ty, "indexed": indexed});
    json!({"type": "event", "name": name, "inputs": [
        input("from", "address", indexed[0]), input("to", "address", indexed[1]), input("value", "uint256", indexed[2])
    ]})
}

const TRANSFER: &str = "Transfer(address,address,uint256)";

fn transfer_topic() -> [u8; 32] {
    keccak256(TRANSFER).0
}

fn address(last: &str) -> String {
    format!("0x{}{last}", "0".repeat(40 - last.len()))
}

#[test]
fn two_events_with_one_signature() {
    let both = abi(json!([
        event("Transfer", [true, true, false]),
        event("Transfer", [true, true, true])
    ]));
    let fungible = Log {
        topics: vec![transfer_topic(), word(1), word(2)],
        data: word(7).to_vec(),
    };
    let non_fungible = Log {
        topics: vec![transfer_topic(), word(1), word(2), word(7)],
        data: vec![],
    };
    for log in [fungible, non_fungible] {
        let read = both.decode_event(&log).unwrap();
        assert_eq!(
            (read.name.as_str(), read.signature.as_str()),
            ("Transfer", TRANSFER)
        );
        assert_eq!(
            read.output,
            json!({"from": address("1"), "to": address("2"), "value": "7"})
        );
    }
    let topic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    assert_eq!(both.events()[0], (TRANSFER, Some(topic.to_owned())));
}

#[test]
fn a_log_that_does_not_match_is_not_decoded() {
    let abi = Abi::parse(&interface(json!([event("Transfer", [true, true, false])]))).unwrap();
    let assert_none = |topics: Vec<[u8; 32]>, data: Vec<u8>| {
        assert_eq!(
            abi.decode_event(&Log {
                topics: topics.clone(),
                data
            }),
            None,
            "{topics:?}"
        );
    };
    assert_none(vec![], vec![]);
    assert_none(vec![[9; 32], word(1), word(2)], word(7).to_vec());
    assert_none(vec![transfer_topic()], word(7).to_vec());
    assert_none(
        vec![transfer_topic(), word(1), word(2), word(3)],
        word(7).to_vec(),
    );
    assert_none(
        vec![transfer_topic(), word(1), [0xff; 32]],
        word(7).to_vec(),
    );
    assert_none(vec![transfer_topic(), word(1), word(2)], vec![]);
    assert_none(vec![transfer_topic(), word(1), word(2)], vec![0; 31]);
}

#[test]
fn indexed_values_that_do_not_fit_a_topic_are_their_hashes() {
    let input = |name: &str, ty: &str| json!({"name": name, "type": ty, "indexed": true});
    let events = json!([{"type": "event", "name": "E", "inputs": [input("s", "string"), input("a", "uint8[2]"), input("n", "int8")]}]);
    let topics = vec![
        keccak256("E(string,uint8[2],int8)").0,
        [0xaa; 32],
        [0xbb; 32],
        [0xff; 32],
    ];
    let read = abi(events)
        .decode_event(&Log {
            topics,
            data: vec![],
        })
        .unwrap();
    let hash = |byte: &str| format!("0x{}", byte.repeat(32));
    assert_eq!(
        read.output,
        json!({"s": hash("aa"), "a": hash("bb"), "n": "-1"})
    );
}

#[test]
fn anonymous_events_are_matched_by_their_form() {
    let mut secret = event("Secret", [true, true, false]);
    secret["anonymous"] = json!(true);
    let both = abi(json!([secret, event("Transfer", [true, true, false])]));
    let log = Log {
        topics: vec![word(1), word(2)],
        data: word(7).to_vec(),
    };
    assert_eq!(both.decode_event(&log).unwrap().name, "Secret");
    let named = Log {
        topics: vec![transfer_topic(), word(1), word(2)],
        data: word(7).to_vec(),
    };
    assert_eq!(both.decode_event(&named).unwrap().name, "Transfer");
    assert_eq!(both.events()[0].1, None);
    assert!(
        both.decode_event(&Log {
            topics: vec![word(1)],
            data: vec![]
        })
        .is_none()
    );
}

#[test]
fn a_body_is_parsed_as_it_is_formatted() {
    let log = Log {
        topics: vec![word(1), word(2)],
        data: vec![1, 2, 3],
    };
    assert_eq!(Log::from_body(&log.to_body()), Some(log));
    let empty = Log::default();
    assert_eq!(empty.to_body(), r#"{"topics":[],"data":"0x"}"#);
    assert_eq!(Log::from_body(&empty.to_body()), Some(empty));
    let too_many = format!("{:?}", vec![format!("0x{}", "00".repeat(32)); 5]);
    for body in [
        "",
        "{}",
        "[]",
        r#"{"topics":["0x00"],"data":"0x"}"#,
        r#"{"topics":[],"data":"00"}"#,
        r#"{"topics":[],"data":"0x0"}"#,
    ] {
        assert_eq!(Log::from_body(body), None, "{body}");
    }
    assert_eq!(
        Log::from_body(&format!(r#"{{"topics":{too_many},"data":"0x"}}"#)),
        None
    );
}

fn errors() -> Interface {
    interface(json!([
        {"type": "error", "name": "Insufficient", "inputs": [{"name": "available", "type": "uint256"}, {"name": "", "type": "address"}]},
        {"type": "error", "name": "Paused", "inputs": []},
        {"type": "function", "name": "f", "inputs": []}
    ]))
}

fn selector(signature: &str, rest: &[u8]) -> Vec<u8> {
    [&keccak256(signature)[..4], rest].concat()
}

#[test]
fn revert_reasons_as_text() {
    let reason = |data: &[u8]| revert_reason(Some(&errors()), data);
    let text =
        DynSolValue::Tuple(vec![DynSolValue::String("too\0late".into())]).abi_encode_params();
    assert_eq!(reason(&selector("Error(string)", &text)), "too\u{fffd}late");
    assert_eq!(
        reason(&selector("Panic(uint256)", &word(0x11))),
        "panic: arithmetic overflow or underflow (0x11)"
    );
    assert_eq!(
        reason(&selector("Panic(uint256)", &word(0x12))),
        "panic: division or modulo by zero (0x12)"
    );
    assert_eq!(
        reason(&selector("Panic(uint256)", &word(0x99))),
        "panic: code 153"
    );
    assert_eq!(reason(&selector("Paused()", &[])), "Paused()");
    let arguments = [word(5), word(9)].concat();
    assert_eq!(
        reason(&selector("Insufficient(uint256,address)", &arguments)),
        format!("Insufficient(available: 5, arg1: {})", address("9"))
    );
    assert_eq!(reason(&[]), "reverted without a reason");
    assert_eq!(reason(&[1, 2]), "reverted with 0x0102");
    assert_eq!(
        reason(&[1, 2, 3, 4, 5]),
        "reverted with an error that is not in the interface: 0x0102030405"
    );
    let broken = selector("Error(string)", &[0xff; 40]);
    assert!(reason(&broken).contains("0x08c379a0ff"));
    assert_eq!(
        revert_reason(None, &selector("Panic(uint256)", &word(1))),
        "panic: assertion failed (0x01)"
    );
}

#[test]
fn a_reason_is_limited_in_length() {
    let long =
        DynSolValue::Tuple(vec![DynSolValue::String("é".repeat(100_000))]).abi_encode_params();
    assert_eq!(
        revert_reason(None, &selector("Error(string)", &long))
            .chars()
            .count(),
        1000
    );
    assert_eq!(revert_reason(None, &[7; 100_000]).chars().count(), 1000);
}

fn indexed_params(types: &[Ty], indexed: &[bool]) -> Vec<Value> {
    let param = |(index, (ty, indexed)): (usize, (&Ty, &bool))| {
        let mut param = ty.param(&format!("p{index}"));
        param["indexed"] = json!(indexed);
        param
    };
    types.iter().zip(indexed).enumerate().map(param).collect()
}

fn split(values: &[ValuePair], indexed: &[bool]) -> (Vec<[u8; 32]>, Vec<u8>) {
    let part = |is_indexed: bool| {
        values
            .iter()
            .zip(indexed)
            .filter(move |(_, i)| **i == is_indexed)
            .map(|((_, sol), _)| sol.clone())
    };
    let topics = part(true)
        .map(|sol| sol.as_word().map_or([0xee; 32], |word| word.0))
        .collect();
    (
        topics,
        DynSolValue::Tuple(part(false).collect()).abi_encode_params(),
    )
}

proptest! {
    #[test]
    fn events_of_any_types_are_decoded((types, values) in arguments(), flags: [bool; 4]) {
        let indexed: Vec<bool> = (0..types.len()).map(|index| flags[index] && index < 3).collect();
        let abi = abi(json!([{"type": "event", "name": "E", "inputs": indexed_params(&types, &indexed)}]));
        let (mut topics, data) = split(&values, &indexed);
        let signature = abi.events()[0].0.to_owned();
        topics.insert(0, keccak256(&signature).0);
        let read = abi.decode_event(&Log { topics, data }).unwrap();
        for (index, ((json, sol), indexed)) in values.iter().zip(&indexed).enumerate() {
            let expected = if *indexed && sol.as_word().is_none() { json!(format!("0x{}", "ee".repeat(32))) } else { json.clone() };
            prop_assert_eq!(&read.output[format!("p{index}")], &expected);
        }
    }
}
