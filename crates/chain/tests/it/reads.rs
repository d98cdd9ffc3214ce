//! Reads of contracts, and every way for a contract to say no.

use crate::stand::{NOBODY, Stand, interface, stand};
use chain::{CallRequest, Connector, Error};
use serde_json::{Value, json};
use testkit::anvil::Options;
use types::Amount;

struct Contract {
    stand: Stand,
    address: String,
}

fn deployed(name: &str) -> Option<Contract> {
    let stand = stand(&Options::default(), json!({}))?;
    let address = stand.anvil.deploy(&testkit::artifact(name).bytecode);
    Some(Contract { stand, address })
}

impl Contract {
    async fn call(&self, method: &str, params: Value) -> Result<Vec<u8>, Error> {
        self.call_at(method, params, None).await
    }

    async fn call_at(
        &self,
        method: &str,
        params: Value,
        at: Option<&str>,
    ) -> Result<Vec<u8>, Error> {
        let interface = interface("Overloads");
        let data = intent::encode_call(&self.stand.chain(), &interface, method, &params).unwrap();
        let request = CallRequest {
            from: Some(self.stand.account(3)),
            to: &self.address,
            data,
            at,
        };
        self.stand.evm.call(&request, Some(&interface)).await
    }

    async fn reason(&self, method: &str, params: Value) -> (String, String) {
        match self.call(method, params).await {
            Err(Error::Reverts { reason, data }) => (reason, data),
            other => panic!("{method}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_reason_for_a_revert_is_told() {
    let Some(contract) = deployed("Overloads") else {
        return;
    };
    let who = contract.stand.account(3).to_owned();
    let refused = format!("Refused(who: {who}, wanted: 7, why: not today)");
    let data = "0xdeadbeef01";
    for (method, params, reason) in [
        ("failRequire", json!([false]), "it is not ok"),
        ("failAssert", json!([]), "panic: assertion failed (0x01)"),
        (
            "failOverflow",
            json!(["1"]),
            "panic: arithmetic overflow or underflow (0x11)",
        ),
        ("failError", json!(["7"]), &refused),
        ("failNothing", json!([]), "Nothing()"),
        ("failRaw", json!([data]), "0xdeadbeef01"),
    ] {
        let (told, _) = contract.reason(method, params).await;
        assert!(told.contains(reason), "{method}: {told}");
    }
    assert_eq!(contract.reason("failRaw", json!([data])).await.1, data);
    assert_eq!(contract.reason("failEmpty", json!([])).await.1, "0x");
    let (reason, _) = contract.reason("failGas", json!([])).await;
    assert!(
        reason.contains("OOG"),
        "out of gas, in anvil's words: {reason}"
    );
}

#[tokio::test]
async fn an_intent_that_would_fail_says_why_and_stops_only_itself() {
    let Some(contract) = deployed("Overloads") else {
        return;
    };
    let (stand, to) = (&contract.stand, contract.address.as_str());
    let intents = [
        stand.payment(0, NOBODY, 1),
        stand.call(0, to, "Overloads", "failRequire", json!([false])),
        stand.call(0, to, "Overloads", "failNothing", json!([])),
        stand.call(0, to, "Overloads", "set(uint256)", json!(["1"])),
    ];
    let quotes = stand.evm.quote(&intents).await;
    assert!(quotes[0].is_ok() && quotes[3].is_ok(), "{quotes:?}");
    assert!(
        matches!(&quotes[1], Err(Error::Reverts { reason, .. }) if reason == "it is not ok"),
        "{quotes:?}"
    );
    assert!(
        matches!(&quotes[2], Err(Error::Reverts { data, .. }) if data.len() == 10),
        "{quotes:?}"
    );
}

#[tokio::test]
async fn a_contract_is_read_at_a_block_by_its_hash() {
    let Some(contract) = deployed("Overloads") else {
        return;
    };
    let before = contract.stand.evm.head().await.unwrap();
    let set = contract.stand.anvil.calldata("set(uint256)", &["0x2a"]);
    contract
        .stand
        .anvil
        .transact(contract.stand.account(0), Some(&contract.address), &set);
    let word = |value: u8| [vec![0u8; 31], vec![value]].concat();
    assert_eq!(contract.call("number", json!([])).await.unwrap(), word(42));
    assert_eq!(
        contract
            .call_at("number", json!([]), Some(&before.hash))
            .await
            .unwrap(),
        word(0)
    );
    let unknown = format!("0x{}", "11".repeat(32));
    assert!(
        contract
            .call_at("number", json!([]), Some(&unknown))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_account_without_code_answers_nothing() {
    let Some(stand) = stand(&Options::default(), json!({})) else {
        return;
    };
    let request = CallRequest {
        from: None,
        to: NOBODY,
        data: vec![1, 2, 3, 4],
        at: None,
    };
    assert_eq!(
        stand.evm.call(&request, None).await.unwrap(),
        Vec::<u8>::new()
    );
    assert_eq!(stand.evm.balance(NOBODY).await.unwrap(), Amount::ZERO);
    assert_eq!(
        stand
            .evm
            .status(&format!("0x{}", "11".repeat(32)))
            .await
            .unwrap(),
        chain::TxStatus::Unknown
    );
}
