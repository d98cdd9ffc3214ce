//! Contract ABIs: calls and their results.

use crate::values::{Ty, ValuePair, arguments};
use alloy_dyn_abi::DynSolValue;
use intent::evm::Abi;
use intent::{Error, Interface};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use types::Coded;

fn abi(entries: Value) -> Abi {
    Abi::parse(&Interface::new(entries.to_string())).unwrap()
}

fn function(types: &[Ty]) -> Abi {
    let params: Vec<Value> = types
        .iter()
        .enumerate()
        .map(|(index, ty)| ty.param(&format!("p{index}")))
        .collect();
    abi(json!([{"type": "function", "name": "f", "inputs": params, "outputs": params}]))
}

fn by_name(values: &[ValuePair]) -> Value {
    Value::Object(
        values
            .iter()
            .enumerate()
            .map(|(n, (json, _))| (format!("p{n}"), json.clone()))
            .collect::<Map<_, _>>(),
    )
}

fn in_order(values: &[ValuePair]) -> Value {
    values.iter().map(|(json, _)| json.clone()).collect()
}

fn encode_with_alloy(values: Vec<ValuePair>) -> Vec<u8> {
    DynSolValue::Tuple(values.into_iter().map(|(_, sol)| sol).collect()).abi_encode_params()
}

/// The path and the reason of an ABI error.
fn abi_error<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    let error = result.unwrap_err();
    let Error::AbiMismatch { at, why } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(error.field().as_ref(), Some(at));
    (at.clone(), why.clone())
}

proptest! {
    #[test]
    fn alloy_encodes_the_same((types, values) in arguments()) {
        let abi = function(&types);
        let ours = abi.encode_call("f", &in_order(&values)).unwrap();
        prop_assert_eq!(&ours, &abi.encode_call("f", &by_name(&values)).unwrap());
        prop_assert_eq!(&ours[4..], &encode_with_alloy(values)[..]);
    }

    #[test]
    fn encoded_values_decode_back((types, values) in arguments()) {
        let abi = function(&types);
        let data = abi.encode_call("f", &in_order(&values)).unwrap();
        let (signature, read) = abi.decode_call(&data).unwrap();
        prop_assert!(signature.starts_with("f("));
        prop_assert_eq!(&read, &by_name(&values));
        let output = abi.decode_output("f", &data[4..]).unwrap();
        prop_assert_eq!(output, if types.is_empty() { Value::Null } else { read });
    }

    #[test]
    fn no_value_causes_a_panic((types, values) in arguments(), (_, others) in arguments()) {
        let abi = function(&types);
        let _ = abi.encode_call("f", &in_order(&others));
        let _ = abi.encode_call("f", &by_name(&others));
        prop_assert!(abi.encode_call("f", &in_order(&values)).is_ok());
    }
}

fn erc20() -> Abi {
    abi(json!([
        {"type": "function", "name": "transfer", "inputs": [{"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}],
         "outputs": [{"name": "", "type": "bool"}]},
        {"type": "function", "name": "balanceOf", "inputs": [{"name": "who", "type": "address"}], "outputs": [{"name": "", "type": "uint256"}]}
    ]))
}

const ALICE: &str = "0x00000000000000000000000000000000000a11ce";

#[test]
fn a_well_known_transfer() {
    let data = erc20()
        .encode_call("transfer", &json!({"to": ALICE, "value": "5"}))
        .unwrap();
    let alice = "00000000000000000000000000000000000000000000000000000000000a11ce";
    assert_eq!(hex::encode(data), format!("a9059cbb{alice}{:064x}", 5));
}

#[test]
fn the_chain_independent_functions_dispatch_to_evm() {
    let chain = types::ChainId::evm(5);
    let interface = Interface::new(
        json!([{"name": "n", "inputs": [], "outputs": [{"type": "uint8"}]}]).to_string(),
    );
    let data = intent::encode_call(&chain, &interface, "n", &Value::Null).unwrap();
    assert_eq!(data, alloy_primitives::keccak256("n()")[..4]);
    assert_eq!(
        intent::decode_output(&chain, &interface, "n()", &[0; 32]).unwrap(),
        json!({"output": "0"})
    );
    assert_eq!(
        intent::encode_deploy(&chain, &interface, &[1, 2], &Value::Null).unwrap(),
        [1, 2]
    );
    let utxo_chain = "bip122:private".parse().unwrap();
    assert!(matches!(
        intent::encode_call(&utxo_chain, &interface, "n", &Value::Null),
        Err(Error::InvalidIntent { .. })
    ));
}

#[test]
fn overloaded_functions_are_selected_by_signature() {
    let abi = abi(json!([
        {"type": "function", "name": "mint", "inputs": [{"name": "to", "type": "address"}]},
        {"type": "function", "name": "mint", "inputs": [{"name": "to", "type": "address"}, {"name": "n", "type": "uint256"}]},
        {"type": "function", "name": "burn", "inputs": []}
    ]));
    let (at, why) = abi_error(abi.encode_call("mint", &json!([ALICE])));
    assert_eq!(at, "method");
    assert!(
        why.contains("mint(address)") && why.contains("mint(address,uint256)"),
        "{why}"
    );
    assert_eq!(
        abi.encode_call("mint(address)", &json!([ALICE]))
            .unwrap()
            .len(),
        36
    );
    assert_eq!(
        abi.encode_call("mint(address, uint256)", &json!([ALICE, 1]))
            .unwrap()
            .len(),
        68
    );
    assert_eq!(abi.encode_call("burn", &json!({})).unwrap().len(), 4);
    let (_, why) = abi_error(abi.encode_call("mint(bool)", &json!([true])));
    assert!(why.contains("mint(address,uint256)"), "{why}");
    let (at, why) = abi_error(abi.encode_call("nothing", &json!([])));
    assert!(at == "method" && why.contains("nothing"), "{why}");
}

fn order() -> Abi {
    abi(json!([{"type": "function", "name": "place", "inputs": [
        {"name": "order", "type": "tuple", "components": [
            {"name": "buyer", "type": "address"},
            {"name": "items", "type": "tuple[]", "components": [{"name": "sku", "type": "bytes4"}, {"name": "price", "type": "uint64"}]}
        ]},
        {"name": "fast", "type": "bool"}
    ]}]))
}

fn item(price: Value) -> Value {
    json!({"sku": "0x01020304", "price": price})
}

#[test]
fn an_error_names_its_path() {
    let error_of = |order: Value, fast: Value| order_error(&json!({"order": order, "fast": fast}));
    let items = |items: Value| json!({"buyer": ALICE, "items": items});
    let third = json!([item(json!(1)), item(json!("2")), item(json!(1.5))]);
    assert_eq!(
        error_of(items(third), json!(true)).0,
        "params.order.items[2].price"
    );
    let cases = [
        (json!({"order": items(json!([])), "fast": 3}), "params.fast"),
        (json!({"order": items(json!([]))}), "params.fast"),
        (
            json!({"order": items(json!([])), "fast": true, "slow": true}),
            "params.slow",
        ),
        (
            json!({"order": {"buyer": ALICE}, "fast": true}),
            "params.order.items",
        ),
        (
            json!({"order": {"buyer": ALICE, "items": [], "x": 1}, "fast": true}),
            "params.order.x",
        ),
        (
            json!({"order": items(json!([{"sku": "0x0102", "price": 1}])), "fast": true}),
            "params.order.items[0].sku",
        ),
        (
            json!([[ALICE, [["0x01020304", "18446744073709551616"]]], false]),
            "params[0][1][0][1]",
        ),
        (json!([[ALICE, []]]), "params"),
        (json!([7, false]), "params[0]"),
        (json!("x"), "params"),
        (Value::Null, "params"),
    ];
    for (params, at) in cases {
        assert_eq!(order_error(&params).0, at, "{params}");
    }
    assert!(
        order()
            .encode_call("place", &json!([[ALICE, [["0x01020304", 1]]], false]))
            .is_ok()
    );
}

fn order_error(params: &Value) -> (String, String) {
    abi_error(order().encode_call("place", params))
}

fn encode_one(ty: &str, value: Value) -> Result<String, Error> {
    let abi = abi(json!([{"name": "f", "inputs": [{"name": "x", "type": ty}]}]));
    abi.encode_call("f", &json!([value]))
        .map(|data| hex::encode(&data[4..]))
}

#[test]
fn integers_are_exact_or_rejected() {
    let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    assert_eq!(encode_one("uint256", json!(max)).unwrap(), "ff".repeat(32));
    assert_eq!(
        encode_one("uint256", json!(format!("0x{}", "ff".repeat(32)))).unwrap(),
        "ff".repeat(32)
    );
    assert_eq!(
        encode_one("uint", json!("0xA")).unwrap(),
        format!("{:064x}", 10)
    );
    assert_eq!(
        encode_one("uint8", json!(255)).unwrap(),
        format!("{:064x}", 255)
    );
    assert_eq!(
        encode_one("int8", json!(-128)).unwrap(),
        format!("{}80", "ff".repeat(31))
    );
    assert_eq!(encode_one("int8", json!("-1")).unwrap(), "ff".repeat(32));
    assert_eq!(
        encode_one("int8", json!("127")).unwrap(),
        format!("{:064x}", 127)
    );
    assert_eq!(
        encode_one("int256", json!(format!("-{}", pow_2_255()))).unwrap(),
        format!("80{}", "00".repeat(31))
    );
    let rejected = [
        ("uint8", json!(256)),
        ("uint8", json!(-1)),
        ("uint8", json!("-0")),
        ("uint8", json!(1.0)),
        ("uint8", json!("1.0")),
        ("uint8", json!("1e2")),
        ("uint8", json!("")),
        ("uint8", json!("0x")),
        ("uint8", json!("0x100")),
        ("uint8", json!("+1")),
        ("uint8", json!(" 1")),
        ("uint8", json!(null)),
        ("uint8", json!(true)),
        ("uint8", json!([1])),
        ("uint256", json!(1e18)),
        (
            "uint256",
            serde_json::from_str("100000000000000000000").unwrap(),
        ),
        ("uint256", json!(format!("{max}0"))),
        ("uint256", json!(format!("0x1{}", "00".repeat(32)))),
        ("int8", json!(128)),
        ("int8", json!(-129)),
        ("int8", json!("0x01")),
        ("int8", json!("-0x01")),
        ("int8", json!("--1")),
        ("int256", json!(pow_2_255())),
        ("int256", json!(format!("-{max}"))),
    ];
    for (ty, value) in rejected {
        assert_eq!(
            abi_error(encode_one(ty, value.clone())).0,
            "params[0]",
            "{ty} {value}"
        );
    }
}

fn pow_2_255() -> &'static str {
    "57896044618658097711785492504343953926634992332820282019728792003956564819968"
}

#[test]
fn other_values_are_strict() {
    assert!(
        encode_one(
            "address",
            json!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
        )
        .is_ok()
    );
    let rejected = [
        (
            "address",
            json!("0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        ),
        ("address", json!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")),
        ("address", json!(0)),
        ("bytes", json!("0102")),
        ("bytes", json!("0x1")),
        ("bytes", json!("0xzz")),
        ("bytes", json!([1])),
        ("bytes4", json!("0x0102030405")),
        ("bytes4", json!("0x")),
        ("bool", json!(1)),
        ("bool", json!("yes")),
        ("string", json!(1)),
        ("string", json!(null)),
        ("uint8[2]", json!([1])),
        ("uint8[]", json!({"0": 1})),
        ("function", json!("0x00")),
    ];
    for (ty, value) in rejected {
        assert!(encode_one(ty, value.clone()).is_err(), "{ty} {value}");
    }
    assert!(
        encode_one("bool", json!("true")).is_ok()
            && encode_one("bytes", json!("0x")).is_ok()
            && encode_one("string", json!("")).is_ok()
    );
    assert!(
        encode_one("function", json!(format!("0x{}", "ab".repeat(24))))
            .unwrap()
            .starts_with("abab")
    );
}

#[test]
fn results_are_returned_by_name() {
    let returns = |outputs: Value| abi(json!([{"name": "f", "inputs": [], "outputs": outputs}]));
    let words = |numbers: &[u8]| {
        numbers
            .iter()
            .flat_map(|n| [[0; 31].to_vec(), vec![*n]].concat())
            .collect::<Vec<u8>>()
    };
    let mixed = json!([{"type": "uint8"}, {"name": "b", "type": "uint8"}, {"name": "", "type": "bool"}, {"name": "b", "type": "uint8"}]);
    let read = returns(mixed)
        .decode_output("f", &words(&[1, 2, 1, 4]))
        .unwrap();
    assert_eq!(
        read.to_string(),
        r#"{"output":"1","b":"2","output2":true,"b3":"4"}"#
    );
    let colliding = json!([{"name": "b2", "type": "uint8"}, {"name": "b", "type": "uint8"}, {"name": "b", "type": "uint8"}]);
    let read = returns(colliding)
        .decode_output("f", &words(&[1, 2, 3]))
        .unwrap();
    assert_eq!(read.to_string(), r#"{"b2":"1","b":"2","b2_":"3"}"#);
    for ty in ["uint8", "int8", "bool", "address", "bytes31", "function"] {
        let returns = returns(json!([{"type": ty}]));
        assert!(returns.decode_output("f", &words(&[0])).is_ok());
        let stray = if ty.starts_with("bytes") || ty == "function" {
            31
        } else {
            0
        };
        let mut word = [0; 32];
        word[stray] = 1;
        assert_eq!(
            abi_error(returns.decode_output("f", &word)).0,
            "output",
            "{ty}"
        );
    }
    assert_eq!(
        erc20().decode_output("balanceOf", &[]).unwrap(),
        Value::Null
    );
    assert_eq!(
        abi_error(erc20().decode_output("balanceOf", &[0; 31])).0,
        "output"
    );
    assert_eq!(
        erc20().decode_output("balanceOf", &[0; 40]).unwrap(),
        json!({"output": "0"})
    );
    assert_eq!(
        abi_error(erc20().decode_output("transfer", &words(&[2]))).0,
        "output"
    );
    let text = [words(&[32, 4]), b"a\0b\xff".to_vec(), vec![0; 28]].concat();
    let read = returns(json!([{"type": "string"}]))
        .decode_output("f", &text)
        .unwrap();
    assert_eq!(read, json!({"output": "a\u{fffd}b\u{fffd}"}));
}

#[test]
fn missing_or_duplicate_names_require_a_list() {
    for names in [["x", "x"], ["x", ""]] {
        let inputs: Vec<Value> = names
            .iter()
            .map(|name| json!({"name": name, "type": "uint8"}))
            .collect();
        let abi = abi(json!([{"name": "f", "inputs": inputs}]));
        let (at, why) = abi_error(abi.encode_call("f", &json!({"x": 1})));
        assert!(at == "params" && why.contains("list"), "{why}");
        assert!(abi.encode_call("f", &json!([1, 2])).is_ok());
    }
}

#[test]
fn a_deployment_includes_the_constructor_arguments() {
    let with_constructor =
        abi(json!([{"type": "constructor", "inputs": [{"name": "cap", "type": "uint256"}]}]));
    assert_eq!(
        with_constructor
            .encode_deploy(&[9, 9], &json!({"cap": 7}))
            .unwrap(),
        [vec![9, 9], vec![0; 31], vec![7]].concat()
    );
    assert_eq!(
        abi_error(with_constructor.encode_deploy(&[9], &json!([]))).0,
        "params"
    );
    assert_eq!(
        abi_error(erc20().encode_deploy(&[9], &json!([1]))).0,
        "params"
    );
    assert_eq!(erc20().encode_deploy(&[9], &Value::Null).unwrap(), [9]);
}

#[test]
fn an_interface_has_three_forms() {
    let entry = json!({"name": "f", "inputs": []});
    for form in [
        json!([entry]),
        json!({"abi": [entry], "bytecode": "0x"}),
        entry.clone(),
    ] {
        assert!(abi(form).encode_call("f", &json!([])).is_ok());
    }
    let sparse = json!([{"type": "function", "name": "f", "inputs": null, "outputs": null, "stateMutability": "view", "constant": true}]);
    assert!(abi(sparse).encode_call("f", &json!([])).is_ok());
    for text in [
        "",
        "{",
        "5",
        "[5]",
        "null",
        "\"f()\"",
        "{}",
        r#"{"abi":5}"#,
        r#"[{"name":"f","inputs":[{"name":"x"}]}]"#,
    ] {
        assert_eq!(
            abi_error(Abi::parse(&Interface::new(text.to_owned()))).0,
            "interface",
            "{text}"
        );
    }
}

#[test]
fn an_unreadable_entry_affects_no_other() {
    let odd = |ty: &str| json!({"name": "odd", "inputs": [{"name": "x", "type": ty}]});
    for ty in [
        "Lib.Data storage",
        "uint7",
        "uint12",
        "uint0",
        "uint264",
        "bytes33",
        "bytes0",
        "uint8[0]",
        "uint8[-1]",
        "uint8[01]",
        "tuple",
        "uint8]",
        "[]",
        "",
        "fixed128x18",
        "uint256[1000000000][1000000000]",
        "uint256[99999999]",
    ] {
        let abi = abi(json!([odd(ty), {"name": "even", "inputs": []}]));
        assert!(abi.encode_call("even", &json!([])).is_ok());
        let (at, why) = abi_error(abi.encode_call("odd", &json!([1])));
        assert!(
            at == "method" && why.contains("cannot be used"),
            "{ty}: {why}"
        );
    }
    let deep = odd(&format!("uint8{}", "[1]".repeat(40)));
    assert_eq!(
        abi_error(abi(json!([deep])).encode_call("odd", &json!([1]))).0,
        "method"
    );
}
