//! The project's own contracts, with ABIs as the compiler writes them.

use intent::Interface;
use intent::evm::Abi;
use proptest::prelude::*;
use serde_json::{Value, json};

const ARTIFACTS: [&str; 6] = [
    include_str!("../../../../contracts/artifacts/Overloads.json"),
    include_str!("../../../../contracts/artifacts/DemoToken.json"),
    include_str!("../../../../contracts/artifacts/DemoCollectible.json"),
    include_str!("../../../../contracts/artifacts/DemoItems.json"),
    include_str!("../../../../contracts/artifacts/BurstToken.json"),
    include_str!("../../../../contracts/artifacts/HostileToken.json"),
];

fn overloads() -> Abi {
    Abi::parse(&Interface::new(ARTIFACTS[0].to_owned())).unwrap()
}

#[test]
fn every_entry_is_parsed_and_named_as_in_alloy() {
    for artifact in ARTIFACTS {
        let value: Value = serde_json::from_str(artifact).unwrap();
        let expected: alloy_json_abi::JsonAbi =
            serde_json::from_value(value["abi"].clone()).unwrap();
        let ours = Abi::parse(&Interface::new(artifact.to_owned())).unwrap();
        let mut events: Vec<String> = ours
            .events()
            .iter()
            .map(|(signature, _)| (*signature).to_owned())
            .collect();
        let mut expected_events: Vec<String> = expected
            .events()
            .map(alloy_json_abi::Event::signature)
            .collect();
        events.sort();
        expected_events.sort();
        assert_eq!(events, expected_events);
        for function in expected.functions() {
            let name = function.signature();
            let error = ours
                .encode_call(&name, &json!("not arguments"))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("params"), "{name} is known: {error}");
        }
    }
}

fn order(id: u8) -> Value {
    json!({
        "id": format!("0x{}", hex::encode([id; 32])),
        "legs": [{"to": "0x00000000000000000000000000000000000a11ce", "amount": "5"}],
        "terms": {"note": "n", "flags": ["1", "2", "3"], "extra": "0x01"}
    })
}

#[test]
fn orders_are_encoded_and_decoded_by_name() {
    let pairs = json!([[order(1), order(2)], []]);
    let data = overloads()
        .encode_call("echo", &json!({"pairs": pairs}))
        .unwrap();
    let (signature, read) = overloads().decode_call(&data).unwrap();
    assert_eq!(
        signature,
        "echo((bytes32,(address,uint256)[],(string,uint8[3],bytes))[][2])"
    );
    assert_eq!(read, json!({"pairs": pairs}));
    assert_eq!(
        overloads().decode_output("echo", &data[4..]).unwrap(),
        json!({"output": pairs})
    );
    let mut wrong = json!([[order(1), order(2)], []]);
    wrong[0][1]["legs"][0]["amount"] = json!(0.5);
    let error = overloads()
        .encode_call("echo", &json!({"pairs": wrong}))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("params.pairs[0][1].legs[0].amount: "),
        "{error}"
    );
}

#[test]
fn a_custom_error_shows_its_arguments() {
    let data = overloads()
        .encode_call("place", &json!([order(7)]))
        .unwrap();
    let refused = alloy_primitives::keccak256(
        "RefusedOrder((bytes32,(address,uint256)[],(string,uint8[3],bytes)))",
    );
    let reason = overloads().revert_reason(&[&refused[..4], &data[4..]].concat());
    assert!(
        reason.starts_with("RefusedOrder(order: {\"id\":\"0x0707"),
        "{reason}"
    );
    let nothing = alloy_primitives::keccak256("Nothing()");
    assert_eq!(overloads().revert_reason(&nothing[..4]), "Nothing()");
}

proptest! {
    #[test]
    fn overloads_are_distinguished(number in any::<u128>(), text in "[^\0]{0,9}") {
        let calls = [("set(uint256)", json!([number.to_string()])), ("set(string)", json!([text]))];
        for (signature, params) in calls {
            let data = overloads().encode_call(signature, &params).unwrap();
            let (read, arguments) = overloads().decode_call(&data).unwrap();
            prop_assert_eq!(read, signature);
            prop_assert_eq!(&arguments["value"], &params[0]);
        }
        prop_assert!(overloads().encode_call("set", &json!([1])).is_err());
    }
}
