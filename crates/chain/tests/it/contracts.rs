//! What the chain says of contracts, on a real node.

use crate::fixture::{Fixture, UNUSED_ACCOUNT, connect, interface, start};
use chain::{Connector as _, ContractState, Error, ProxyKind};
use serde_json::json;
use testkit::anvil::Options;
use testkit::proxy_code;

const SLOT: &str = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
const BEACON_SLOT: &str = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";
const PROXY: &str = "0x00000000000000000000000000000000000000f1";
const BEACON: &str = "0x00000000000000000000000000000000000000b1";

impl Fixture {
    fn token(&self) -> String {
        let artifact = testkit::artifact("DemoToken");
        let code = hex::decode(artifact.bytecode.trim_start_matches("0x")).unwrap();
        let params = json!(["Demo", "DEM", 6, self.account(0)]);
        let data = intent::encode_deploy(&self.chain(), &interface("DemoToken"), &code, &params);
        self.anvil
            .deploy(&format!("0x{}", hex::encode(data.unwrap())))
    }

    fn set_code(&self, address: &str, code: &str) {
        self.anvil.rpc("anvil_setCode", json!([address, code]));
    }

    fn set_slot(&self, address: &str, slot: &str, value: &str) {
        let word = format!("0x{:0>64}", value.trim_start_matches("0x"));
        self.anvil
            .rpc("anvil_setStorageAt", json!([address, slot, word]));
    }

    async fn contract(&self, address: &str) -> Result<Option<ContractState>, Error> {
        self.anvil.mine(3);
        let block = chain::final_block(&self.evm).await?.unwrap();
        assert_eq!(block.height.0 + 2, self.anvil.height(), "finalized, by tag");
        self.evm.contract(address, &block).await
    }
}

#[tokio::test]
async fn code_and_constants_are_read_at_the_final_block() {
    let Some(fixture) = start(&Options::default(), json!({})) else {
        return;
    };
    assert_eq!(fixture.contract(UNUSED_ACCOUNT).await, Ok(None));
    let token = fixture.token();
    let head = fixture.evm.head().await.unwrap();
    let deployed = fixture.contract(&token).await.unwrap().unwrap();
    assert_eq!(deployed.implementation, None);
    assert_eq!(deployed.decimals, Some(6));
    assert_eq!(deployed.symbol.as_deref(), Some("DEM"));
    assert_eq!(deployed.underlying, None);
    let code = fixture.anvil.rpc("eth_getCode", json!([token, "latest"]));
    let hash = fixture.anvil.rpc("web3_sha3", json!([code]));
    assert_eq!(deployed.code_hash, hash.as_str().unwrap());

    let before = fixture.evm.header(&head.parent).await.unwrap().unwrap();
    assert_eq!(fixture.evm.contract(&token, &before).await, Ok(None));
    let code = "0x00";
    fixture.set_code(&token, code);
    let unchanged = chain::final_block(&fixture.evm).await.unwrap().unwrap();
    let unchanged = fixture.evm.contract(&token, &unchanged).await.unwrap();
    assert_eq!(unchanged.unwrap().code_hash, deployed.code_hash);
    let changed = fixture.contract(&token).await.unwrap().unwrap();
    assert_ne!(changed.code_hash, deployed.code_hash);
    assert_eq!((changed.decimals, changed.symbol), (None, None));
}

#[tokio::test]
async fn each_kind_of_proxy_shows_its_implementation() {
    let Some(fixture) = start(&Options::default(), json!({})) else {
        return;
    };
    let token = fixture.token();
    let target = token.trim_start_matches("0x");
    fixture.set_code(PROXY, &proxy_code(SLOT));
    fixture.set_slot(PROXY, SLOT, &token);
    let minimal = format!("0x363d3d373d3d3d363d73{target}5af43d82803e903d91602b57fd5bf3");
    let clone = "0x00000000000000000000000000000000000000c1";
    fixture.set_code(clone, &minimal);
    let delegating = fixture.account(4).to_owned();
    fixture.set_code(&delegating, &format!("0xef0100{target}"));
    // Returns the address of the token, whatever it is asked.
    fixture.set_code(BEACON, &format!("0x73{target}60005260206000f3"));
    let of_beacon = "0x00000000000000000000000000000000000000d1";
    fixture.set_code(of_beacon, &proxy_code(SLOT));
    fixture.set_slot(of_beacon, BEACON_SLOT, BEACON);

    let own = fixture.contract(&token).await.unwrap().unwrap();
    for (proxy, kind) in [
        (PROXY, ProxyKind::Eip1967),
        (clone, ProxyKind::Eip1167),
        (&delegating, ProxyKind::Eip7702),
        (of_beacon, ProxyKind::Beacon),
    ] {
        let state = fixture.contract(proxy).await.unwrap().unwrap();
        let implementation = state.implementation.unwrap();
        assert_eq!(implementation.kind, kind);
        assert_eq!(implementation.address, token);
        assert_eq!(implementation.code_hash, own.code_hash);
        assert_ne!(state.code_hash, own.code_hash);
    }
    let through = fixture.contract(PROXY).await.unwrap().unwrap();
    assert_eq!(through.decimals, Some(6), "read through the proxy");

    fixture.set_code(BEACON, "0x60006000f3");
    let error = fixture.contract(of_beacon).await.unwrap_err();
    assert!(
        error.to_string().contains("names no implementation"),
        "{error}"
    );
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_an_error_and_no_missing_contract() {
    let evm = connect(
        "http://127.0.0.1:9",
        31337,
        json!({"retry": {"attempts": 1}}),
    );
    let error = chain::final_block(&evm).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}
