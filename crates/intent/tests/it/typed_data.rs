//! Typed data (EIP-712).

use crate::any;
use crate::key::Key;
use alloy_dyn_abi::TypedData;
use intent::{Act, Error, Intent, Unsigned, decode, statement};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::ChainId;

type Change = Box<dyn FnOnce(&mut Value)>;

/// The example of EIP-712.
fn mail() -> Value {
    json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}
            ],
            "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
            "Mail": [{"name": "from", "type": "Person"}, {"name": "to", "type": "Person"}, {"name": "contents", "type": "string"}]
        },
        "primaryType": "Mail",
        "domain": {
            "name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
        },
        "message": {
            "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
            "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
            "contents": "Hello, Bob!"
        }
    })
}

fn digest(value: &Value) -> Result<[u8; 32], Error> {
    let act = Act::TypedData {
        json: intent::evm::typed_data(value)?,
    };
    let built = statement(&Intent {
        chain: ChainId::evm(1),
        signer: Key::new(1).account(),
        act,
    })?;
    decode(&built).map(|read| read.required_signatures[0].digest)
}

fn alloy_digest(value: &Value) -> [u8; 32] {
    serde_json::from_value::<TypedData>(value.clone())
        .unwrap()
        .eip712_signing_hash()
        .unwrap()
        .0
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut value = mail();
    change(&mut value);
    value
}

/// The mail with `contents` of another type.
fn with_contents(mail: &mut Value, ty: &str, contents: Value) {
    mail["types"]["Mail"][2]["type"] = json!(ty);
    mail["message"]["contents"] = contents;
}

#[test]
fn contents_of_another_type_are_hashed_by_that_type() {
    for (ty, contents) in [
        ("uint8", json!(5)),
        ("uint8[2]", json!([1, 2])),
        ("uint8[]", json!([])),
        ("bytes", json!("0x")),
    ] {
        let mail = changed(|mail| with_contents(mail, ty, contents));
        assert_eq!(digest(&mail).unwrap(), alloy_digest(&mail), "{ty}");
    }
}

#[test]
fn the_example_of_eip_712() {
    let digest = digest(&mail()).unwrap();
    assert_eq!(
        hex::encode(digest),
        "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    );
    assert_eq!(digest, alloy_digest(&mail()));
    let cow = Key::from_hex(&hex::encode(alloy_primitives::keccak256("cow")));
    assert_eq!(cow.account(), "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826");
    let signature = cow.sign(digest);
    assert_eq!(
        hex::encode(signature.rs),
        "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d\
         07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562"
    );
}

#[test]
fn all_types_of_values_hash_as_in_alloy() {
    let value = json!({
        "types": {
            "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "salt", "type": "bytes32"}],
            "Part": [{"name": "of", "type": "Part[]"}, {"name": "n", "type": "int64"}],
            "All": [
                {"name": "small", "type": "uint8"}, {"name": "large", "type": "uint256"}, {"name": "below", "type": "int256"},
                {"name": "yes", "type": "bool"}, {"name": "four", "type": "bytes4"}, {"name": "any", "type": "bytes"},
                {"name": "grid", "type": "uint16[2][]"}, {"name": "texts", "type": "string[]"}, {"name": "one", "type": "Leaf"},
                {"name": "leaves", "type": "Leaf[2]"}
            ],
            "Leaf": [{"name": "who", "type": "address"}]
        },
        "primaryType": "All",
        "domain": {"name": "x", "salt": format!("0x{}", "ab".repeat(32))},
        "message": {
            "small": 255, "large": "115792089237316195423570985008687907853269984665640564039457584007913129639935", "below": "-1",
            "yes": true, "four": "0x01020304", "any": "0x", "grid": [[1, 2], [3, 4]], "texts": ["a", ""],
            "one": {"who": "0x0000000000000000000000000000000000000001"},
            "leaves": [{"who": "0x0000000000000000000000000000000000000002"}, {"who": "0x0000000000000000000000000000000000000003"}]
        }
    });
    assert_eq!(digest(&value).unwrap(), alloy_digest(&value));
}

#[test]
fn a_type_may_contain_a_list_of_itself() {
    let value = json!({
        "types": { "Tree": [{"name": "n", "type": "uint8"}, {"name": "below", "type": "Tree[]"}] },
        "primaryType": "Tree",
        "domain": {"name": "trees"},
        "message": {"n": 1, "below": [{"n": 2, "below": []}]}
    });
    let other = json!({"n": 1, "below": [{"n": 3, "below": []}]});
    let mut changed = value.clone();
    changed["message"] = other;
    assert_ne!(digest(&value).unwrap(), digest(&changed).unwrap());
}

#[test]
fn a_missing_domain_type_is_derived_from_the_domain() {
    let without = changed(|value| {
        value["types"]
            .as_object_mut()
            .unwrap()
            .remove("EIP712Domain");
    });
    assert_eq!(digest(&without).unwrap(), digest(&mail()).unwrap());
}

#[test]
fn a_request_names_its_chain_in_the_domain() {
    let typed_data = |value: &Value| intent::typed_data(&ChainId::evm(1), value);
    let canonical = intent::evm::typed_data(&mail()).unwrap();
    assert_eq!(typed_data(&mail()).unwrap(), canonical);
    let in_hexadecimal = changed(|v| v["domain"]["chainId"] = json!("0x1"));
    assert!(typed_data(&in_hexadecimal).is_ok());
    let without = changed(|v| {
        v["domain"].as_object_mut().unwrap().remove("chainId");
        v["types"]["EIP712Domain"].as_array_mut().unwrap().remove(2);
    });
    let other = changed(|v| v["domain"]["chainId"] = json!(2));
    for (value, expected) in [
        (without, "it is missing"),
        (other, "it is not the chain eip155:1"),
    ] {
        let Err(Error::AbiMismatch { at, why }) = typed_data(&value) else {
            panic!("{value} is accepted");
        };
        assert_eq!((at.as_str(), why.as_str()), ("domain.chainId", expected));
    }
}

#[test]
fn data_that_would_not_be_signed_as_shown_is_rejected() {
    let cases: Vec<(&str, Change)> = vec![
        (
            "an undeclared member",
            Box::new(|v| v["message"]["note"] = json!("free gift")),
        ),
        (
            "an undeclared nested member",
            Box::new(|v| v["message"]["from"]["note"] = json!("x")),
        ),
        (
            "a member missing",
            Box::new(|v| {
                v["message"].as_object_mut().unwrap().remove("contents");
            }),
        ),
        (
            "an undeclared domain member",
            Box::new(|v| v["domain"]["salt"] = json!("0x00")),
        ),
        (
            "another chain",
            Box::new(|v| v["domain"]["chainId"] = json!(2)),
        ),
        (
            "an unknown top-level field",
            Box::new(|v| v["extra"] = json!(1)),
        ),
        (
            "an address with a wrong checksum",
            Box::new(|v| {
                v["message"]["to"]["wallet"] = json!("0xBbBBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB")
            }),
        ),
        (
            "a number for a text",
            Box::new(|v| v["message"]["contents"] = json!(5)),
        ),
        (
            "null for an object",
            Box::new(|v| v["message"]["to"] = Value::Null),
        ),
        (
            "a type name that smuggles another",
            Box::new(|v| {
                v["types"]["Mail(string x)Foo"] = json!([]);
            }),
        ),
        (
            "a field name that smuggles another",
            Box::new(|v| {
                v["types"]["Mail"][2]["name"] = json!("contents,address x");
                v["message"]["contents,address x"] = v["message"]["contents"].clone();
                v["message"].as_object_mut().unwrap().remove("contents");
            }),
        ),
        ("an alias", Box::new(|v| with_contents(v, "uint", json!(5)))),
        (
            "a function",
            Box::new(|v| with_contents(v, "function", json!(format!("0x{}", "00".repeat(24))))),
        ),
        (
            "a list of another length",
            Box::new(|v| with_contents(v, "uint8[2]", json!([1, 2, 3]))),
        ),
        (
            "a list without a length",
            Box::new(|v| with_contents(v, "uint8[0]", json!([]))),
        ),
        (
            "a struct with the name of a simple type",
            Box::new(|v| v["types"]["uint256"] = json!([])),
        ),
        (
            "a field of an unknown type",
            Box::new(|v| v["types"]["Person"][0]["type"] = json!("Nobody[]")),
        ),
        (
            "an unknown primary type",
            Box::new(|v| v["primaryType"] = json!("Nobody")),
        ),
        (
            "a domain as message",
            Box::new(|v| {
                v["primaryType"] = json!("EIP712Domain");
                v["message"] = v["domain"].clone();
            }),
        ),
        (
            "a domain field of another type",
            Box::new(|v| {
                v["types"]["EIP712Domain"][0]["type"] = json!("bytes");
                v["domain"]["name"] = json!("0x");
            }),
        ),
        (
            "an unknown domain field",
            Box::new(|v| {
                v["types"]["EIP712Domain"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"name": "more", "type": "string"}));
                v["domain"]["more"] = json!("x");
            }),
        ),
        (
            "a domain without fields",
            Box::new(|v| {
                v["types"]["EIP712Domain"] = json!([]);
                v["domain"] = json!({});
            }),
        ),
    ];
    for (name, change) in cases {
        assert!(digest(&changed(change)).is_err(), "{name}");
    }
}

#[test]
fn only_the_canonical_text_is_accepted() {
    let act = Act::TypedData {
        json: intent::evm::typed_data(&mail()).unwrap(),
    };
    let built = statement(&Intent {
        chain: ChainId::evm(1),
        signer: Key::new(1).account(),
        act,
    })
    .unwrap();
    let text = String::from_utf8(built.bytes[1..].to_vec()).unwrap();
    let read = |text: String| {
        decode(&Unsigned {
            bytes: [&[0x80], text.as_bytes()].concat(),
            ..built.clone()
        })
    };
    assert!(read(text.clone()).is_ok());
    for (name, changed) in [
        ("a blank", text.replacen("{\"", "{ \"", 1)),
        (
            "a duplicate key",
            text.replacen("\"name\":\"Bob\"", "\"name\":\"Eve\",\"name\":\"Bob\"", 1),
        ),
        (
            "an unnecessary escape",
            text.replacen("Hello", "\\u0048ello", 1),
        ),
        ("trailing data", format!("{text} ")),
        ("another version", text.replacen("/v1", "/v2", 1)),
    ] {
        assert!(
            matches!(read(changed), Err(Error::Undecodable { .. })),
            "{name}"
        );
    }
}

#[test]
fn types_that_double_at_each_level_are_cheap() {
    let mut types = serde_json::Map::new();
    for level in 0..100 {
        let next = format!("T{}[]", level + 1);
        types.insert(
            format!("T{level}"),
            json!([{"name": "a", "type": next}, {"name": "b", "type": next}]),
        );
    }
    types.insert("T100".into(), json!([{"name": "n", "type": "uint8"}]));
    let value = json!({"types": types, "primaryType": "T0", "domain": {"name": "x"}, "message": {"a": [], "b": []}});
    assert!(digest(&value).is_ok());
}

#[test]
fn a_text_that_is_too_long_is_rejected() {
    let long = changed(|value| value["message"]["contents"] = json!("x".repeat(200_000)));
    assert!(matches!(digest(&long), Err(Error::Undecodable { .. })));
}

proptest! {
    #[test]
    fn typed_data_decodes_back(intent in any::typed_data()) {
        prop_assert_eq!(decode(&statement(&intent).unwrap()).unwrap().intent, intent);
    }

    #[test]
    fn no_text_causes_a_panic(text: String) {
        let bytes = [b"\x80florin/eip712/v1\n", text.as_bytes()].concat();
        let _ = decode(&Unsigned { chain: ChainId::evm(1), signer: Key::new(1).account(), bytes });
    }
}
