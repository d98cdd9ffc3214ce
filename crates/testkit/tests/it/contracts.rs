//! The committed contracts behave as documented, on a real chain.

use serde_json::{Value, json};
use testkit::anvil::{Anvil, Options, start};
use testkit::artifact;

const ALICE: &str = "0x00000000000000000000000000000000000000aa";
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const MAX: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

fn word(number: u64) -> String {
    format!("{number:#x}")
}

fn logs(anvil: &Anvil, to: &str, data: &str) -> Vec<Value> {
    let receipt = anvil.transact(&anvil.accounts()[0].address, Some(to), data);
    receipt["logs"].as_array().unwrap().clone()
}

/// The revert data of a call.
fn revert_data(anvil: &Anvil, to: &str, data: &str) -> String {
    let error = anvil
        .try_rpc("eth_call", json!([{"to": to, "data": data}, "latest"]))
        .unwrap_err();
    error["data"].as_str().unwrap_or_default().to_owned()
}

/// The string that a function without arguments returns, in hexadecimal.
fn text(anvil: &Anvil, to: &str, signature: &str) -> String {
    let answer = anvil.call(to, &anvil.calldata(signature, &[]));
    let length = usize::from_str_radix(&answer[2 + 64..2 + 128], 16).unwrap();
    answer[2 + 128..2 + 128 + 2 * length].to_owned()
}

#[test]
fn a_burst_makes_transfers_around_the_ring() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    let token = anvil.deploy(&artifact("BurstToken").bytecode);
    let fill = anvil.calldata(
        "fill(uint256,uint256,uint256)",
        &[&word(0), &word(10), &word(5)],
    );
    assert_eq!(logs(&anvil, &token, &fill).len(), 10);
    let burst = anvil.calldata(
        "burst(uint256,uint256,uint256)",
        &[&word(8), &word(13), &word(10)],
    );
    let logs = logs(&anvil, &token, &burst);
    assert_eq!(logs.len(), 13);
    assert!(logs.iter().all(|log| log["topics"][0] == TRANSFER));
    assert!(
        logs[2]["topics"][1]
            .as_str()
            .unwrap()
            .ends_with("1000000000000000000000000000000000000000")
    );
    // 13 transfers from index 8: members 8, 9 and 0 send twice; 9, 0 and 1 receive twice.
    let balance = |index: u64| {
        let member = anvil.call(&token, &anvil.calldata("member(uint256)", &[&word(index)]));
        anvil.call(&token, &anvil.calldata("balanceOf(address)", &[&member]))
    };
    let balances: Vec<String> = [7, 8, 9, 1].into_iter().map(balance).collect();
    assert!(
        balances
            .iter()
            .zip(["5", "4", "5", "6"])
            .all(|(balance, end)| balance.ends_with(end)),
        "{balances:?}"
    );
}

#[test]
fn the_hostile_token_misbehaves_as_documented() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    let token = anvil.deploy(&artifact("HostileToken").bytecode);
    let name = text(&anvil, &token, "name()");
    assert_eq!((name.len(), &name[..8]), (20_000, "00ffc348"));
    assert!(text(&anvil, &token, "symbol()").starts_with("4800c328"));
    assert!(!revert_data(&anvil, &token, &anvil.calldata("decimals()", &[])).is_empty());

    let mints = logs(
        &anvil,
        &token,
        &anvil.calldata("mint(address,uint256)", &[ALICE, &word(3)]),
    );
    assert_eq!(
        mints
            .iter()
            .filter(|log| log["data"] == MAX && log["topics"][0] == TRANSFER)
            .count(),
        3
    );
    for topics in 1..=4u64 {
        let transfer = anvil.calldata(
            "lieWithTopics(uint256,address,address,uint256)",
            &[&word(topics), ALICE, ALICE, &word(9)],
        );
        let log = &logs(&anvil, &token, &transfer)[0];
        assert_eq!(log["topics"].as_array().unwrap().len() as u64, topics);
        assert_eq!(
            log["data"].as_str().unwrap().len() as u64,
            2 + 64 * (4 - topics)
        );
    }
    let three_bytes = ["60", "3", &format!("abcdef{}", "0".repeat(58))];
    let short = anvil.calldata(
        "lieWithData(address,address,bytes)",
        &[&[ALICE, ALICE][..], &three_bytes].concat(),
    );
    assert_eq!(logs(&anvil, &token, &short)[0]["data"], "0xabcdef");
}

#[test]
fn each_failure_has_its_revert_data() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    let contract = anvil.deploy(&artifact("Overloads").bytecode);
    let fail = |signature: &str, words: &[&str]| {
        revert_data(&anvil, &contract, &anvil.calldata(signature, words))
    };
    let selector = |signature: &str| anvil.calldata(signature, &[]);
    assert!(fail("failRequire(bool)", &["0"]).starts_with(&selector("Error(string)")));
    assert_eq!(
        fail("failAssert()", &[]),
        anvil.calldata("Panic(uint256)", &["0x1"])
    );
    assert_eq!(
        fail("failOverflow(uint256)", &["0x1"]),
        anvil.calldata("Panic(uint256)", &["0x11"])
    );
    assert_eq!(fail("failNothing()", &[]), selector("Nothing()"));
    assert!(
        fail("failError(uint256)", &["0x7"])
            .starts_with(&selector("Refused(address,uint256,string)"))
    );
    assert_eq!(fail("failEmpty()", &[]), "0x");
    let silent = ["9", "40", "2", &format!("beef{}", "0".repeat(60))];
    let log = &logs(
        &anvil,
        &contract,
        &anvil.calldata("whisper(uint256,bytes)", &silent),
    )[0];
    assert_eq!(log["topics"], json!([format!("0x{:0>64}", 9)]));
}

#[test]
fn the_demo_token_issuer_can_freeze_and_pause() {
    let Some(anvil) = start(&Options::default()) else {
        return;
    };
    let issuer = anvil.accounts()[0].address.clone();
    // Constructor: two strings (at 0x80 and 0xc0), decimals, issuer.
    let [name, symbol] = ["466c6f72696e", "464c4e"].map(|text| format!("{:0<64}", text));
    let words = ["80", "c0", "6", &issuer, "6", &name, "3", &symbol];
    let arguments = anvil.calldata("", &words).split_off(10);
    let token = anvil.deploy(&(artifact("DemoToken").bytecode + &arguments));
    assert_eq!(text(&anvil, &token, "symbol()"), "464c4e");

    let call =
        |signature: &str, words: &[&str]| logs(&anvil, &token, &anvil.calldata(signature, words));
    let revert = |words: &[&str]| {
        let data = anvil.calldata("transfer(address,uint256)", words);
        let error = anvil.try_rpc(
            "eth_call",
            json!([{"from": issuer, "to": token, "data": data}, "latest"]),
        );
        error.unwrap_err()["data"].as_str().unwrap().to_owned()
    };
    call("mint(address,uint256)", &[&issuer, &word(100)]);
    call("setFrozen(address,bool)", &[ALICE, "1"]);
    assert_eq!(
        revert(&[ALICE, &word(1)]),
        anvil.calldata("HolderFrozen(address)", &[ALICE])
    );
    call("setFrozen(address,bool)", &[ALICE, "0"]);
    call("pause()", &[]);
    assert_eq!(
        revert(&[ALICE, &word(1)]),
        anvil.calldata("EnforcedPause()", &[])
    );
    call("unpause()", &[]);
    assert_eq!(
        call("transfer(address,uint256)", &[ALICE, &word(1)])[0]["topics"][0],
        TRANSFER
    );
}
