//! Contract reads, and every kind of revert.

use crate::fixture::{Fixture, UNUSED_ACCOUNT, interface, start};
use chain::{CallRequest, Connector, Error};
use serde_json::{Value, json};
use testkit::anvil::Options;
use types::Amount;

struct Contract {
    fixture: Fixture,
    address: String,
}

fn deployed(name: &str) -> Option<Contract> {
    let fixture = start(&Options::default(), json!({}))?;
    let address = fixture.anvil.deploy(&testkit::artifact(name).bytecode);
    Some(Contract { fixture, address })
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
        let data = intent::encode_call(&self.fixture.chain(), &interface, method, &params).unwrap();
        let request = CallRequest {
            from: Some(self.fixture.account(3)),
            to: &self.address,
            data,
            block_hash: at,
        };
        self.fixture.evm.call(&request, Some(&interface)).await
    }

    async fn reason(&self, method: &str, params: Value) -> (String, String) {
        match self.call(method, params).await {
            Err(Error::ExecutionReverted { reason, data }) => (reason, data),
            other => panic!("{method}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_revert_reason_is_decoded() {
    let Some(contract) = deployed("Overloads") else {
        return;
    };
    let caller = contract.fixture.account(3).to_owned();
    let refused = format!("Refused(who: {caller}, wanted: 7, why: not today)");
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
        let (decoded, _) = contract.reason(method, params).await;
        assert!(decoded.contains(reason), "{method}: {decoded}");
    }
    assert_eq!(contract.reason("failRaw", json!([data])).await.1, data);
    assert_eq!(contract.reason("failEmpty", json!([])).await.1, "0x");
    let (reason, _) = contract.reason("failGas", json!([])).await;
    assert!(
        reason.contains("OOG"),
        "anvil's text for out of gas: {reason}"
    );
}

#[tokio::test]
async fn a_failing_intent_returns_its_reason_and_affects_no_other() {
    let Some(contract) = deployed("Overloads") else {
        return;
    };
    let (fixture, to) = (&contract.fixture, contract.address.as_str());
    let intents = [
        fixture.payment(0, UNUSED_ACCOUNT, 1),
        fixture.call(0, to, "Overloads", "failRequire", json!([false])),
        fixture.call(0, to, "Overloads", "failNothing", json!([])),
        fixture.call(0, to, "Overloads", "set(uint256)", json!(["1"])),
    ];
    let quotes = fixture.evm.quote(&intents).await;
    assert!(quotes[0].is_ok() && quotes[3].is_ok(), "{quotes:?}");
    assert!(
        matches!(&quotes[1], Err(Error::ExecutionReverted { reason, .. }) if reason == "it is not ok"),
        "{quotes:?}"
    );
    assert!(
        matches!(&quotes[2], Err(Error::ExecutionReverted { data, .. }) if data.len() == 10),
        "{quotes:?}"
    );
}

#[tokio::test]
async fn a_contract_is_read_at_a_block_by_hash() {
    let Some(contract) = deployed("Overloads") else {
        return;
    };
    let before = contract.fixture.evm.head().await.unwrap();
    let set = contract.fixture.anvil.calldata("set(uint256)", &["0x2a"]);
    contract
        .fixture
        .anvil
        .transact(contract.fixture.account(0), Some(&contract.address), &set);
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
async fn a_call_to_an_account_without_code_returns_nothing() {
    let Some(fixture) = start(&Options::default(), json!({})) else {
        return;
    };
    let request = CallRequest {
        from: None,
        to: UNUSED_ACCOUNT,
        data: vec![1, 2, 3, 4],
        block_hash: None,
    };
    assert_eq!(
        fixture.evm.call(&request, None).await.unwrap(),
        Vec::<u8>::new()
    );
    assert_eq!(
        fixture.evm.balance(UNUSED_ACCOUNT).await.unwrap(),
        Amount::ZERO
    );
    assert_eq!(
        fixture
            .evm
            .status(&format!("0x{}", "11".repeat(32)))
            .await
            .unwrap(),
        chain::TxStatus::Unknown
    );
}
