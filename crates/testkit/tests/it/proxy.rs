//! Fault injection by the proxy.

use serde_json::{Value, json};
use testkit::anvil::{Anvil, Options, start};
use testkit::http::{Response, post_json};
use testkit::{Fault, Proxy};

fn node_and_proxy() -> Option<(Anvil, Proxy)> {
    let anvil = start(&Options::default())?;
    let proxy = Proxy::in_front_of(&anvil.url());
    Some((anvil, proxy))
}

fn post(proxy: &Proxy, body: &Value) -> std::io::Result<Response> {
    post_json(proxy.url().trim_start_matches("http://"), "/", body)
}

fn call(id: u64, method: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": []})
}

#[test]
fn calls_without_a_fault_pass_through() {
    let Some((anvil, proxy)) = node_and_proxy() else {
        return;
    };
    anvil.mine(3);
    assert_eq!(
        post(&proxy, &call(1, "eth_blockNumber")).unwrap().json()["result"],
        "0x3"
    );
    let batch = post(
        &proxy,
        &json!([call(1, "eth_blockNumber"), call(2, "eth_chainId")]),
    )
    .unwrap()
    .json();
    assert_eq!(
        (&batch[0]["result"], &batch[1]["result"]),
        (&json!("0x3"), &json!("0x7a69"))
    );
    assert_eq!((proxy.calls("eth_blockNumber"), proxy.requests()), (2, 2));
}

#[test]
fn a_call_with_a_lost_reply_is_executed_and_a_lost_call_is_not() {
    let Some((anvil, proxy)) = node_and_proxy() else {
        return;
    };
    proxy.fail_next("evm_mine", Fault::LoseReply);
    proxy.fail_next("evm_mine", Fault::LoseCall);
    assert!(post(&proxy, &call(1, "evm_mine")).is_err());
    assert_eq!(anvil.height(), 1);
    assert!(post(&proxy, &call(1, "evm_mine")).is_err());
    assert_eq!(anvil.height(), 1);
    assert!(post(&proxy, &call(1, "evm_mine")).is_ok());
    assert_eq!(anvil.height(), 2);
}

#[test]
fn faults_apply_to_single_calls_of_a_batch() {
    let Some((anvil, proxy)) = node_and_proxy() else {
        return;
    };
    proxy.fail_next(
        "evm_mine",
        Fault::Error(json!({"code": -32000, "message": "no"})),
    );
    proxy.fail_always(
        "eth_chainId",
        Fault::modify_result(|result| *result = json!("0x1")),
    );
    let batch = json!([
        call(1, "evm_mine"),
        call(2, "eth_chainId"),
        call(3, "eth_blockNumber")
    ]);
    let mut answers = post(&proxy, &batch)
        .unwrap()
        .json()
        .as_array()
        .unwrap()
        .clone();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0]["error"]["message"], "no");
    assert_eq!(
        (&answers[1]["result"], &answers[2]["result"]),
        (&json!("0x1"), &json!("0x0"))
    );
    assert_eq!(anvil.height(), 0);

    proxy.clear_faults();
    assert_eq!(
        post(&proxy, &call(2, "eth_chainId")).unwrap().json()["result"],
        "0x7a69"
    );
}

#[test]
fn calls_with_a_local_answer_do_not_reach_the_node() {
    let Some((anvil, proxy)) = node_and_proxy() else {
        return;
    };
    proxy.fail_next("evm_mine", Fault::Status(429));
    proxy.fail_next("evm_mine", Fault::Result(json!("0x0")));
    assert_eq!(post(&proxy, &call(1, "evm_mine")).unwrap().status, 429);
    assert_eq!(
        post(&proxy, &call(1, "evm_mine")).unwrap().json()["result"],
        "0x0"
    );
    assert_eq!(anvil.height(), 0);
}
