//! A real node's answers, modified: each invalid answer about a block is detected, and a temporary
//! one is retried.

use crate::fake_node::{count_calls, modified, node};
use crate::fixture::{Fixture, UNUSED_ACCOUNT, connect, start, watch_all};
use chain::evm::Evm;
use chain::{CallRequest, Connector, Error, FinalityTag, Watch};
use serde_json::{Value, json};
use testkit::anvil::{Mining, Options};
use testkit::http::Server;
use types::{Block, Height};

/// A block of two transactions with three logs each, and a watch for one of their signers.
async fn block_with_logs() -> Option<(Fixture, Block, Watch)> {
    let fixture = start(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    )?;
    fixture.anvil.set_automine(true);
    let token = fixture
        .anvil
        .deploy(&testkit::artifact("BurstToken").bytecode);
    fixture.anvil.set_automine(false);
    for from in 0..2 {
        let fill = fixture.call(
            from,
            &token,
            "BurstToken",
            "fill",
            json!([(from * 3).to_string(), "3", "1"]),
        );
        fixture.send(&fill).await;
    }
    fixture.anvil.mine(1);
    let watch = watch_all(&[fixture.account(0)]);
    let block = fixture.newest(&watch).await;
    assert_eq!((block.events.len(), block.inclusions.len()), (6, 1));
    Some((fixture, block, watch))
}

fn through(server: &Server, fixture: &Fixture, settings: Value) -> Evm {
    connect(&server.url("/"), fixture.anvil.chain_id(), settings)
}

fn is_invalid_response<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::InvalidResponse { .. }))
}

#[tokio::test]
async fn a_modified_header_is_rejected_by_every_method() {
    let Some((fixture, block, watch)) = block_with_logs().await else {
        return;
    };
    for (field, value) in [
        ("hash", json!(format!("0x{}", "12".repeat(32)))),
        ("parentHash", json!(format!("0x{}", "12".repeat(32)))),
        ("number", json!("0x1")),
        ("timestamp", json!("0x1")),
        ("logsBloom", json!(format!("0x{}", "01".repeat(256)))),
        ("receiptsRoot", json!(format!("0x{}", "12".repeat(32)))),
        ("extraData", json!("0x12")),
        ("baseFeePerGas", Value::Null),
        ("requestsHash", json!(format!("0x{}", "12".repeat(32)))),
        (
            "blockAccessListHash",
            json!(format!("0x{}", "12".repeat(32))),
        ),
    ] {
        let server = modified(&fixture.anvil, move |method, reply| {
            if method.starts_with("eth_getBlockBy") {
                reply["result"][field] = value.clone();
            }
        });
        let evm = through(&server, &fixture, json!({}));
        assert!(is_invalid_response(&evm.head().await), "{field}");
        assert!(
            is_invalid_response(&evm.header(&block.hash).await),
            "{field}"
        );
        assert!(
            is_invalid_response(&evm.block_at(block.height).await),
            "{field}"
        );
        assert!(
            is_invalid_response(&evm.tagged(FinalityTag::Finalized).await),
            "{field}"
        );
        assert!(
            is_invalid_response(&evm.block(&block.hash, &watch).await),
            "{field}"
        );
    }
}

#[tokio::test]
async fn another_block_than_the_requested_one_is_rejected() {
    let Some((fixture, block, watch)) = block_with_logs().await else {
        return;
    };
    let other = fixture
        .anvil
        .rpc("eth_getBlockByNumber", json!(["0x1", true]));
    let server = modified(&fixture.anvil, move |method, reply| {
        if method.starts_with("eth_getBlockBy") {
            reply["result"] = other.clone();
        }
    });
    let evm = through(&server, &fixture, json!({}));
    assert!(is_invalid_response(&evm.header(&block.hash).await));
    assert!(is_invalid_response(&evm.block_at(block.height).await));
    assert!(is_invalid_response(&evm.block(&block.hash, &watch).await));
    assert!(
        evm.block_at(Height(1))
            .await
            .is_ok_and(|block| block.is_some())
    );
}

#[tokio::test]
async fn an_implausible_height_is_rejected_even_without_hash_checks() {
    let Some((fixture, _, _)) = block_with_logs().await else {
        return;
    };
    for (number, is_accepted) in [
        ("0x7fffffff", true),
        ("0x7fffffffffffffff", false),
        ("0xffffffffffffffff", false),
    ] {
        let server = modified(&fixture.anvil, move |method, reply| {
            if method == "eth_getBlockByNumber" {
                reply["result"]["number"] = json!(number);
            }
        });
        let head = through(&server, &fixture, json!({"check": {"block_hash": "off"}}))
            .head()
            .await;
        assert_eq!(head.is_ok(), is_accepted, "{number}: {head:?}");
        assert!(is_accepted || is_invalid_response(&head));
    }
}

type LogChange = (&'static str, fn(&mut Vec<Value>));

/// All modifications of a block's logs.
fn log_changes() -> Vec<LogChange> {
    vec![
        ("all missing", |logs| logs.clear()),
        ("the last missing", |logs| drop(logs.pop())),
        ("one missing in the middle", |logs| drop(logs.remove(2))),
        ("one twice", |logs| logs.push(logs[5].clone())),
        ("out of order", |logs| logs.swap(0, 5)),
        ("another address", |logs| {
            logs[1]["address"] = json!(UNUSED_ACCOUNT)
        }),
        ("another topic", |logs| {
            logs[1]["topics"][0] = json!(format!("0x{}", "12".repeat(32)))
        }),
        ("another block", |logs| {
            logs[1]["blockHash"] = json!(format!("0x{}", "12".repeat(32)))
        }),
        ("another transaction", |logs| {
            logs[1]["transactionHash"] = json!(format!("0x{}", "12".repeat(32)))
        }),
        ("a transaction that is not there", |logs| {
            logs[5]["transactionIndex"] = json!("0x9")
        }),
        ("another index", |logs| logs[5]["logIndex"] = json!("0x9")),
        ("removed", |logs| logs[5]["removed"] = json!(true)),
        ("no number", |logs| logs[5]["logIndex"] = json!(5)),
    ]
}

#[tokio::test]
async fn modified_logs_are_detected_and_fetched_again() {
    let Some((fixture, block, _)) = block_with_logs().await else {
        return;
    };
    let watch = watch_all(&[]);
    for (name, change) in log_changes() {
        let server = modified(&fixture.anvil, move |method, reply| {
            if method == "eth_getLogs" {
                change(reply["result"].as_array_mut().unwrap());
            }
        });
        let evm = through(&server, &fixture, json!({}));
        let outcome = evm.block(&block.hash, &watch).await;
        assert!(is_invalid_response(&outcome), "{name}: {outcome:?}");
        assert_eq!(
            count_calls(&server, "eth_getLogs"),
            3,
            "{name}: as many times as retry.attempts"
        );
    }
}

#[tokio::test]
async fn a_temporary_invalid_answer_is_retried() {
    let Some((fixture, block, _)) = block_with_logs().await else {
        return;
    };
    let mut changes = 2;
    let server = modified(&fixture.anvil, move |method, reply| {
        if method == "eth_getLogs" && changes > 0 {
            changes -= 1;
            reply["result"] = json!([]);
        }
    });
    let evm = through(&server, &fixture, json!({}));
    assert_eq!(
        evm.block(&block.hash, &watch_all(&[]))
            .await
            .unwrap()
            .unwrap()
            .events,
        block.events
    );
}

#[tokio::test]
async fn modified_transactions_and_receipts_are_detected() {
    let Some((fixture, block, watch)) = block_with_logs().await else {
        return;
    };
    type Change = fn(&str, &mut Value);
    let changes: Vec<(&str, Change)> = vec![
        ("a receipt missing", |method, reply| {
            if method == "eth_getBlockReceipts" {
                reply["result"].as_array_mut().unwrap().pop();
            }
        }),
        ("receipts of no block", |method, reply| {
            if method == "eth_getBlockReceipts" {
                reply["result"] = Value::Null;
            }
        }),
        ("a receipt of another transaction", |method, reply| {
            if method == "eth_getBlockReceipts" {
                reply["result"][0]["transactionHash"] = json!(format!("0x{}", "12".repeat(32)));
            }
        }),
        ("no status, as before Byzantium", |method, reply| {
            if method == "eth_getBlockReceipts" {
                reply["result"][0].as_object_mut().unwrap().remove("status");
            }
        }),
        ("a log's data changed", |method, reply| {
            if method == "eth_getBlockReceipts" {
                reply["result"][0]["logs"][0]["data"] = json!(format!("0x{}", "12".repeat(32)));
            }
        }),
        ("a log of the next transaction", |method, reply| {
            if method == "eth_getBlockReceipts" {
                let next = reply["result"][1].clone();
                let log = &mut reply["result"][0]["logs"][2];
                log["transactionHash"] = next["transactionHash"].clone();
                log["transactionIndex"] = next["transactionIndex"].clone();
            }
        }),
        ("a success reported as a failure", |method, reply| {
            if method == "eth_getBlockReceipts" {
                reply["result"][0]["status"] = json!("0x0");
            }
        }),
        ("a transaction of another block", |method, reply| {
            if method == "eth_getBlockByHash" {
                reply["result"]["transactions"][0]["blockHash"] =
                    json!(format!("0x{}", "12".repeat(32)));
            }
        }),
        ("a transaction missing", |method, reply| {
            if method == "eth_getBlockByHash" {
                reply["result"]["transactions"]
                    .as_array_mut()
                    .unwrap()
                    .pop();
            }
        }),
        ("transactions swapped", |method, reply| {
            if method == "eth_getBlockByHash" {
                reply["result"]["transactions"]
                    .as_array_mut()
                    .unwrap()
                    .swap(0, 1);
            }
        }),
        ("receipts unknown, block known", |method, reply| {
            if method == "eth_getBlockReceipts" {
                *reply = json!({"jsonrpc": "2.0", "id": reply["id"], "error": {"code": -32000, "message": "block not found"}});
            }
        }),
    ];
    for (name, change) in changes {
        let server = modified(&fixture.anvil, change);
        let outcome = through(&server, &fixture, json!({}))
            .block(&block.hash, &watch)
            .await;
        assert!(is_invalid_response(&outcome), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_transaction_without_logs_cannot_be_withheld() {
    let Some(fixture) = start(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    for from in 0..2 {
        fixture
            .send(&fixture.payment(from, UNUSED_ACCOUNT, 1))
            .await;
    }
    fixture.anvil.mine(1);
    let watch = watch_all(&[fixture.account(0), fixture.account(1)]);
    let block = fixture.newest(&watch).await;
    assert_eq!(block.inclusions.len(), 2);
    let server = modified(&fixture.anvil, |method, reply| {
        if method == "eth_getBlockByHash" {
            reply["result"]["transactions"]
                .as_array_mut()
                .unwrap()
                .pop();
        }
    });
    let outcome = through(&server, &fixture, json!({}))
        .block(&block.hash, &watch)
        .await;
    assert!(
        is_invalid_response(&outcome),
        "its submission would never be final: {outcome:?}"
    );
}

#[tokio::test]
async fn a_block_without_its_transactions_is_rejected() {
    let Some((fixture, block, _)) = block_with_logs().await else {
        return;
    };
    let server = modified(&fixture.anvil, |method, reply| {
        if method == "eth_getBlockByHash" {
            reply["result"]["transactions"] = json!([]);
        }
    });
    let watch = Watch {
        everything: false,
        ..watch_all(&[fixture.account(0)])
    };
    for receipts in ["block", "transaction"] {
        let outcome = through(&server, &fixture, json!({"receipts": receipts}))
            .block(&block.hash, &watch)
            .await;
        assert!(is_invalid_response(&outcome), "{receipts}: {outcome:?}");
    }
}

#[tokio::test]
async fn single_receipts_are_checked_against_the_block() {
    let Some((fixture, block, watch)) = block_with_logs().await else {
        return;
    };
    for (name, field, value) in [
        (
            "another transaction",
            "transactionHash",
            json!(format!("0x{}", "12".repeat(32))),
        ),
        (
            "another block",
            "blockHash",
            json!(format!("0x{}", "12".repeat(32))),
        ),
        ("another index", "transactionIndex", json!("0x1")),
    ] {
        let server = modified(&fixture.anvil, move |method, reply| {
            if method == "eth_getTransactionReceipt" {
                reply["result"][field] = value.clone();
            }
        });
        let evm = through(&server, &fixture, json!({"receipts": "transaction"}));
        let outcome = evm.block(&block.hash, &watch).await;
        assert!(is_invalid_response(&outcome), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_nonce_that_is_not_plausible_is_rejected() {
    let Some((fixture, block, watch)) = block_with_logs().await else {
        return;
    };
    let server = modified(&fixture.anvil, |method, reply| {
        if method == "eth_getBlockByHash" {
            for transaction in reply["result"]["transactions"].as_array_mut().unwrap() {
                transaction["nonce"] = json!("0xffffffffffffffff");
            }
        }
    });
    let evm = through(&server, &fixture, json!({}));
    let outcome = evm.block(&block.hash, &watch).await;
    assert!(is_invalid_response(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_node_without_block_receipts_is_probed_once() {
    let Some((fixture, block, watch)) = block_with_logs().await else {
        return;
    };
    let server = modified(&fixture.anvil, |method, reply| {
        if method == "eth_getBlockReceipts" {
            let error = json!({"code": -32601, "message": "the method eth_getBlockReceipts does not exist/is not available"});
            *reply = json!({"jsonrpc": "2.0", "id": reply["id"], "error": error});
        }
    });
    let evm = through(&server, &fixture, json!({}));
    for _ in 0..3 {
        assert_eq!(
            evm.block(&block.hash, &watch).await.unwrap().unwrap(),
            block
        );
    }
    assert_eq!(count_calls(&server, "eth_getBlockReceipts"), 1);
}

#[tokio::test]
async fn a_disabled_check_disables_only_that_check() {
    let Some((fixture, block, _)) = block_with_logs().await else {
        return;
    };
    let watch = watch_all(&[]);
    let server = modified(&fixture.anvil, |method, reply| {
        if method.starts_with("eth_getBlockBy") {
            reply["result"]["strangeField"] = json!("0x1");
            reply["result"]["withdrawalsRoot"] = Value::Null;
        }
    });
    assert!(is_invalid_response(
        &through(&server, &fixture, json!({}))
            .block(&block.hash, &watch)
            .await
    ));
    let off = through(&server, &fixture, json!({"check": {"block_hash": "off"}}));
    assert_eq!(
        off.block(&block.hash, &watch)
            .await
            .unwrap()
            .unwrap()
            .events,
        block.events
    );

    let covered = json!({"check": {"logs_bloom": "covered"}});
    let extra_log = modified(&fixture.anvil, |method, reply| {
        if method == "eth_getLogs" {
            let logs = reply["result"].as_array_mut().unwrap();
            let mut extra = logs[5].clone();
            extra["logIndex"] = json!("0x6");
            extra["transactionIndex"] = json!("0x2");
            extra["transactionHash"] = json!(format!("0x{}", "12".repeat(32)));
            extra["address"] = json!(UNUSED_ACCOUNT);
            logs.push(extra);
        }
    });
    assert!(is_invalid_response(
        &through(&extra_log, &fixture, json!({}))
            .block(&block.hash, &watch)
            .await
    ));
    let more = through(&extra_log, &fixture, covered.clone())
        .block(&block.hash, &watch)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (more.events.len(), &more.events[..6]),
        (7, &block.events[..])
    );
    let without_logs = modified(&fixture.anvil, |method, reply| {
        if method == "eth_getLogs" {
            reply["result"] = json!([]);
        }
    });
    assert!(is_invalid_response(
        &through(&without_logs, &fixture, covered)
            .block(&block.hash, &watch)
            .await
    ));
    let unchecked = through(
        &without_logs,
        &fixture,
        json!({"check": {"logs_bloom": "off"}}),
    );
    assert_eq!(
        unchecked
            .block(&block.hash, &watch)
            .await
            .unwrap()
            .unwrap()
            .events,
        []
    );
}

#[tokio::test]
async fn a_node_without_tags_has_no_tagged_block() {
    for (code, message, is_none) in [
        (
            -32602,
            "invalid argument 0: hex string without 0x prefix",
            true,
        ),
        (-32000, "finalized block not found", false),
        (-39001, "Unknown block", false),
        (-32000, "internal database error", false),
        (-32601, "method not found", false),
    ] {
        let server = node(move |_, _| Err(json!({"code": code, "message": message})));
        let tagged = connect(&server.url("/"), 7, json!({}))
            .tagged(FinalityTag::Finalized)
            .await;
        assert_eq!(matches!(tagged, Ok(None)), is_none, "{message}: {tagged:?}");
    }
    let server = node(|_, _| Ok(Value::Null));
    let tagged = connect(&server.url("/"), 7, json!({}))
        .tagged(FinalityTag::Safe)
        .await;
    assert!(
        is_invalid_response(&tagged),
        "a node without such a block still supports the tag: {tagged:?}"
    );
}

#[tokio::test]
async fn an_implausible_nonce_is_rejected() {
    let counts = [
        ("0x5", "0x5", true),
        ("0x5", "0x3", true),
        ("0x5", "0x405", true),
        ("0x5", "0x200000", false),
    ];
    let extremes = [
        ("0xffffffffffffffff", "0x0", false),
        ("0x0", "0xfffffffffffffffe", false),
    ];
    for (mined, pending, is_accepted) in counts.into_iter().chain(extremes) {
        let server = node(move |_, params| {
            Ok(json!(if params[1] == "latest" {
                mined
            } else {
                pending
            }))
        });
        let outcome = connect(&server.url("/"), 7, json!({}))
            .sequence(UNUSED_ACCOUNT)
            .await;
        assert_eq!(
            outcome.is_ok(),
            is_accepted,
            "{mined} {pending}: {outcome:?}"
        );
        assert!(is_accepted || is_invalid_response(&outcome));
    }
}

#[tokio::test]
async fn reverts_are_recognized_in_every_format() {
    // Error(string) "no"
    let data = format!("0x08c379a0{:064x}{:064x}{:0<64}", 32, 2, "6e6f");
    let formats: Vec<Result<Value, Value>> = vec![
        Err(json!({"code": 3, "message": "execution reverted: no", "data": data})),
        Err(json!({"code": -32000, "message": "Execution reverted", "data": data})),
        Err(
            json!({"code": -32015, "message": "VM execution error.", "data": format!("Reverted {data}")}),
        ),
        Err(
            json!({"code": -32603, "message": "Error: VM Exception", "data": {"message": "x", "data": data}}),
        ),
        Ok(json!(data)),
    ];
    for format in formats {
        let answer = format.clone();
        let server = node(move |_, _| answer.clone());
        let evm = connect(&server.url("/"), 7, json!({}));
        let request = CallRequest {
            from: None,
            to: UNUSED_ACCOUNT,
            data: vec![],
            block_hash: None,
        };
        let expected = Error::ExecutionReverted {
            reason: "no".to_owned(),
            data: data.clone(),
        };
        assert_eq!(evm.call(&request, None).await, Err(expected), "{format:?}");
    }
    let server = node(|_, _| Err(json!({"code": -32000, "message": "execution reverted"})));
    let request = CallRequest {
        from: None,
        to: UNUSED_ACCOUNT,
        data: vec![],
        block_hash: None,
    };
    let outcome = connect(&server.url("/"), 7, json!({}))
        .call(&request, None)
        .await;
    assert_eq!(
        outcome,
        Err(Error::ExecutionReverted {
            reason: "execution reverted".to_owned(),
            data: "0x".to_owned()
        })
    );
}

#[tokio::test]
async fn a_missing_revert_reason_is_fetched_by_a_call() {
    let Some((fixture, _, _)) = block_with_logs().await else {
        return;
    };
    fixture.anvil.set_automine(true);
    let contract = fixture
        .anvil
        .deploy(&testkit::artifact("Overloads").bytecode);
    let server = modified(&fixture.anvil, |method, reply| {
        if method == "eth_estimateGas" {
            let message = "gas required exceeds allowance or always failing transaction";
            *reply = json!({"jsonrpc": "2.0", "id": reply["id"], "error": {"code": -32000, "message": message}});
        }
    });
    let evm = through(&server, &fixture, json!({}));
    let fails = fixture.call(0, &contract, "Overloads", "failRequire", json!([false]));
    let works = fixture.call(0, &contract, "Overloads", "set(uint256)", json!(["1"]));
    let quotes = evm.quote(&[fails, works]).await;
    assert!(
        matches!(&quotes[0], Err(Error::ExecutionReverted { reason, .. }) if reason == "it is not ok"),
        "{quotes:?}"
    );
    assert!(
        matches!(&quotes[1], Err(Error::ExecutionReverted { reason, .. }) if reason.contains("allowance")),
        "{quotes:?}"
    );
}
