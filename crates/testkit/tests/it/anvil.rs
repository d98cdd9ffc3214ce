//! Control and inspection of a real node.

use serde_json::json;
use testkit::anvil::{Mining, Options, start};

const RECIPIENT: &str = "0x00000000000000000000000000000000000000aa";

#[test]
fn options_apply_to_the_node() {
    let Some(anvil) = start(&Options {
        chain_id: 4242,
        accounts: 3,
        base_fee: Some(7),
        ..Options::default()
    }) else {
        return;
    };
    assert_eq!(anvil.rpc("eth_chainId", json!([])), "0x1092");
    assert_eq!(
        anvil
            .rpc("eth_accounts", json!([]))
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(anvil.accounts().len(), 3);
    assert_eq!(anvil.accounts()[0].private_key.len(), 66);
    assert_eq!(
        anvil.rpc("eth_getBlockByNumber", json!(["0x0", false]))["baseFeePerGas"],
        "0x7"
    );
    assert_eq!(
        anvil.try_rpc("no_such_method", json!([])).unwrap_err()["code"],
        -32601
    );
}

#[test]
fn finalized_is_two_blocks_below_the_head() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    anvil.mine(10);
    assert_eq!(anvil.height(), 10);
    assert_eq!(
        anvil.rpc("eth_getBlockByNumber", json!(["finalized", false]))["number"],
        "0x8"
    );
}

#[test]
fn on_demand_mining_mines_only_on_request() {
    let Some(anvil) = start(&Options {
        mining: Mining::OnDemand,
        ..Options::default()
    }) else {
        return;
    };
    let from = anvil.accounts()[0].address.clone();
    let hash = anvil.send(&from, Some(RECIPIENT), "0x");
    assert_eq!((anvil.receipt(&hash), anvil.nonce(&from)), (None, 0));
    anvil.mine(1);
    assert_eq!(anvil.receipt(&hash).unwrap()["status"], "0x1");
    assert_eq!(anvil.nonce(&from), 1);
}

#[test]
fn a_reorg_drops_transactions_unless_given_back() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    let from = anvil.accounts()[0].address.clone();
    anvil.mine(3);
    let hash = anvil.transact(&from, Some(RECIPIENT), "0x")["transactionHash"]
        .as_str()
        .unwrap()
        .to_owned();
    let raw = anvil
        .rpc("eth_getRawTransactionByHash", json!([hash]))
        .as_str()
        .unwrap()
        .to_owned();
    anvil.mine(2);
    let (height, before) = (anvil.height(), anvil.block_hash(4).unwrap());

    anvil.reorg(3, &[]);
    assert_eq!(anvil.height(), height);
    assert_ne!(anvil.block_hash(4).unwrap(), before);
    assert_eq!((anvil.receipt(&hash), anvil.nonce(&from)), (None, 0));

    anvil.reorg(2, &[(raw, 0)]);
    assert_eq!(anvil.receipt(&hash).unwrap()["blockNumber"], "0x5");
}

#[test]
fn a_snapshot_restores_the_state() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    let from = anvil.accounts()[0].address.clone();
    let before = anvil.snapshot();
    anvil.transact(&from, Some(RECIPIENT), "0x");
    anvil.set_automine(false);
    anvil.send(&from, Some(RECIPIENT), "0x");
    assert_eq!(anvil.nonce(&from), 1);
    anvil.revert(&before);
    assert_eq!(anvil.nonce(&from), 0);
}
