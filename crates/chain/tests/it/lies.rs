//! A real node's answers, bent: each lie about a block is seen, and one that stops is outlived.

use crate::liar::{asked, bent, node};
use crate::stand::{NOBODY, Stand, connect, stand, watch_all};
use chain::evm::Evm;
use chain::{CallRequest, Connector, Error, FinalityTag, Watch};
use serde_json::{Value, json};
use testkit::anvil::{Mining, Options};
use testkit::http::Server;
use types::{Block, Height};

/// A block of two transactions with three logs each, and who made them.
async fn busy() -> Option<(Stand, Block, Watch)> {
    let stand = stand(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    )?;
    stand.anvil.set_automine(true);
    let token = stand
        .anvil
        .deploy(&testkit::artifact("BurstToken").bytecode);
    stand.anvil.set_automine(false);
    for from in 0..2 {
        let fill = stand.call(
            from,
            &token,
            "BurstToken",
            "fill",
            json!([(from * 3).to_string(), "3", "1"]),
        );
        stand.send(&fill).await;
    }
    stand.anvil.mine(1);
    let watch = watch_all(&[stand.account(0)]);
    let block = stand.newest(&watch).await;
    assert_eq!((block.events.len(), block.included.len()), (6, 1));
    Some((stand, block, watch))
}

fn through(server: &Server, stand: &Stand, settings: Value) -> Evm {
    connect(&server.url("/"), stand.anvil.chain_id(), settings)
}

fn is_untrusted<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::InvalidResponse { .. }))
}

#[tokio::test]
async fn a_bent_header_is_refused_wherever_it_comes_from() {
    let Some((stand, block, watch)) = busy().await else {
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
        let server = bent(&stand.anvil, move |method, reply| {
            if method.starts_with("eth_getBlockBy") {
                reply["result"][field] = value.clone();
            }
        });
        let evm = through(&server, &stand, json!({}));
        assert!(is_untrusted(&evm.head().await), "{field}");
        assert!(is_untrusted(&evm.header(&block.hash).await), "{field}");
        assert!(is_untrusted(&evm.block_at(block.height).await), "{field}");
        assert!(
            is_untrusted(&evm.tagged(FinalityTag::Finalized).await),
            "{field}"
        );
        assert!(
            is_untrusted(&evm.block(&block.hash, &watch).await),
            "{field}"
        );
    }
}

#[tokio::test]
async fn another_block_than_was_asked_for_is_refused() {
    let Some((stand, block, watch)) = busy().await else {
        return;
    };
    let other = stand
        .anvil
        .rpc("eth_getBlockByNumber", json!(["0x1", true]));
    let server = bent(&stand.anvil, move |method, reply| {
        if method.starts_with("eth_getBlockBy") {
            reply["result"] = other.clone();
        }
    });
    let evm = through(&server, &stand, json!({}));
    assert!(is_untrusted(&evm.header(&block.hash).await));
    assert!(is_untrusted(&evm.block_at(block.height).await));
    assert!(is_untrusted(&evm.block(&block.hash, &watch).await));
    assert!(
        evm.block_at(Height(1))
            .await
            .is_ok_and(|block| block.is_some())
    );
}

#[tokio::test]
async fn a_height_that_no_chain_has_is_refused_even_where_hashes_are_believed() {
    let Some((stand, _, _)) = busy().await else {
        return;
    };
    for (number, is_taken) in [
        ("0x7fffffff", true),
        ("0x7fffffffffffffff", false),
        ("0xffffffffffffffff", false),
    ] {
        let server = bent(&stand.anvil, move |method, reply| {
            if method == "eth_getBlockByNumber" {
                reply["result"]["number"] = json!(number);
            }
        });
        let head = through(&server, &stand, json!({"check": {"block_hash": "off"}}))
            .head()
            .await;
        assert_eq!(head.is_ok(), is_taken, "{number}: {head:?}");
        assert!(is_taken || is_untrusted(&head));
    }
}

type LogLie = (&'static str, fn(&mut Vec<Value>));

/// Every way to bend the logs of a block.
fn log_lies() -> Vec<LogLie> {
    vec![
        ("all missing", |logs| logs.clear()),
        ("the last missing", |logs| drop(logs.pop())),
        ("one missing in the middle", |logs| drop(logs.remove(2))),
        ("one twice", |logs| logs.push(logs[5].clone())),
        ("out of order", |logs| logs.swap(0, 5)),
        ("another address", |logs| logs[1]["address"] = json!(NOBODY)),
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
        ("another place", |logs| logs[5]["logIndex"] = json!("0x9")),
        ("removed", |logs| logs[5]["removed"] = json!(true)),
        ("no number", |logs| logs[5]["logIndex"] = json!(5)),
    ]
}

#[tokio::test]
async fn bent_logs_are_seen_and_asked_for_again() {
    let Some((stand, block, _)) = busy().await else {
        return;
    };
    let watch = watch_all(&[]);
    for (name, lie) in log_lies() {
        let server = bent(&stand.anvil, move |method, reply| {
            if method == "eth_getLogs" {
                lie(reply["result"].as_array_mut().unwrap());
            }
        });
        let evm = through(&server, &stand, json!({}));
        let outcome = evm.block(&block.hash, &watch).await;
        assert!(is_untrusted(&outcome), "{name}: {outcome:?}");
        assert_eq!(
            asked(&server, "eth_getLogs"),
            3,
            "{name}: as often as attempts says"
        );
    }
}

#[tokio::test]
async fn a_lie_that_stops_is_outlived() {
    let Some((stand, block, _)) = busy().await else {
        return;
    };
    let mut lies = 2;
    let server = bent(&stand.anvil, move |method, reply| {
        if method == "eth_getLogs" && lies > 0 {
            lies -= 1;
            reply["result"] = json!([]);
        }
    });
    let evm = through(&server, &stand, json!({}));
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
async fn bent_transactions_and_receipts_are_seen() {
    let Some((stand, block, watch)) = busy().await else {
        return;
    };
    type Lie = fn(&str, &mut Value);
    let lies: Vec<(&str, Lie)> = vec![
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
        ("a log told as the next transaction's", |method, reply| {
            if method == "eth_getBlockReceipts" {
                let next = reply["result"][1].clone();
                let log = &mut reply["result"][0]["logs"][2];
                log["transactionHash"] = next["transactionHash"].clone();
                log["transactionIndex"] = next["transactionIndex"].clone();
            }
        }),
        ("a failure told as a success", |method, reply| {
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
    for (name, lie) in lies {
        let server = bent(&stand.anvil, lie);
        let outcome = through(&server, &stand, json!({}))
            .block(&block.hash, &watch)
            .await;
        assert!(is_untrusted(&outcome), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_transaction_without_logs_cannot_be_kept_back() {
    let Some(stand) = stand(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    for from in 0..2 {
        stand.send(&stand.payment(from, NOBODY, 1)).await;
    }
    stand.anvil.mine(1);
    let watch = watch_all(&[stand.account(0), stand.account(1)]);
    let block = stand.newest(&watch).await;
    assert_eq!(block.included.len(), 2);
    let server = bent(&stand.anvil, |method, reply| {
        if method == "eth_getBlockByHash" {
            reply["result"]["transactions"]
                .as_array_mut()
                .unwrap()
                .pop();
        }
    });
    let outcome = through(&server, &stand, json!({}))
        .block(&block.hash, &watch)
        .await;
    assert!(
        is_untrusted(&outcome),
        "its signer would wait for ever: {outcome:?}"
    );
}

#[tokio::test]
async fn a_block_without_its_transactions_is_no_block() {
    let Some((stand, block, _)) = busy().await else {
        return;
    };
    let server = bent(&stand.anvil, |method, reply| {
        if method == "eth_getBlockByHash" {
            reply["result"]["transactions"] = json!([]);
        }
    });
    let watch = Watch {
        everything: false,
        ..watch_all(&[stand.account(0)])
    };
    for receipts in ["block", "transaction"] {
        let outcome = through(&server, &stand, json!({"receipts": receipts}))
            .block(&block.hash, &watch)
            .await;
        assert!(is_untrusted(&outcome), "{receipts}: {outcome:?}");
    }
}

#[tokio::test]
async fn single_receipts_are_held_against_the_block_too() {
    let Some((stand, block, watch)) = busy().await else {
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
        ("another place", "transactionIndex", json!("0x1")),
    ] {
        let server = bent(&stand.anvil, move |method, reply| {
            if method == "eth_getTransactionReceipt" {
                reply["result"][field] = value.clone();
            }
        });
        let evm = through(&server, &stand, json!({"receipts": "transaction"}));
        let outcome = evm.block(&block.hash, &watch).await;
        assert!(is_untrusted(&outcome), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_node_without_receipts_by_block_is_served_the_long_way_and_asked_once() {
    let Some((stand, block, watch)) = busy().await else {
        return;
    };
    let server = bent(&stand.anvil, |method, reply| {
        if method == "eth_getBlockReceipts" {
            let error = json!({"code": -32601, "message": "the method eth_getBlockReceipts does not exist/is not available"});
            *reply = json!({"jsonrpc": "2.0", "id": reply["id"], "error": error});
        }
    });
    let evm = through(&server, &stand, json!({}));
    for _ in 0..3 {
        assert_eq!(
            evm.block(&block.hash, &watch).await.unwrap().unwrap(),
            block
        );
    }
    assert_eq!(asked(&server, "eth_getBlockReceipts"), 1);
}

#[tokio::test]
async fn a_check_that_is_given_up_gives_up_only_that() {
    let Some((stand, block, _)) = busy().await else {
        return;
    };
    let watch = watch_all(&[]);
    let server = bent(&stand.anvil, |method, reply| {
        if method.starts_with("eth_getBlockBy") {
            reply["result"]["strangeField"] = json!("0x1");
            reply["result"]["withdrawalsRoot"] = Value::Null;
        }
    });
    assert!(is_untrusted(
        &through(&server, &stand, json!({}))
            .block(&block.hash, &watch)
            .await
    ));
    let off = through(&server, &stand, json!({"check": {"block_hash": "off"}}));
    assert_eq!(
        off.block(&block.hash, &watch)
            .await
            .unwrap()
            .unwrap()
            .events,
        block.events
    );

    let covered = json!({"check": {"logs_bloom": "covered"}});
    let outside = bent(&stand.anvil, |method, reply| {
        if method == "eth_getLogs" {
            let logs = reply["result"].as_array_mut().unwrap();
            let mut extra = logs[5].clone();
            extra["logIndex"] = json!("0x6");
            extra["transactionIndex"] = json!("0x2");
            extra["transactionHash"] = json!(format!("0x{}", "12".repeat(32)));
            extra["address"] = json!(NOBODY);
            logs.push(extra);
        }
    });
    assert!(is_untrusted(
        &through(&outside, &stand, json!({}))
            .block(&block.hash, &watch)
            .await
    ));
    let more = through(&outside, &stand, covered.clone())
        .block(&block.hash, &watch)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (more.events.len(), &more.events[..6]),
        (7, &block.events[..])
    );
    let hole = bent(&stand.anvil, |method, reply| {
        if method == "eth_getLogs" {
            reply["result"] = json!([]);
        }
    });
    assert!(is_untrusted(
        &through(&hole, &stand, covered)
            .block(&block.hash, &watch)
            .await
    ));
    let blind = through(&hole, &stand, json!({"check": {"logs_bloom": "off"}}));
    assert_eq!(
        blind
            .block(&block.hash, &watch)
            .await
            .unwrap()
            .unwrap()
            .events,
        []
    );
}

#[tokio::test]
async fn a_node_that_knows_no_tags_has_no_tagged_block() {
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
        is_untrusted(&tagged),
        "a node that has no such block yet knows the tag: {tagged:?}"
    );
}

#[tokio::test]
async fn a_nonce_that_no_account_has_is_refused() {
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
    for (mined, pending, is_taken) in counts.into_iter().chain(extremes) {
        let server = node(move |_, params| {
            Ok(json!(if params[1] == "latest" {
                mined
            } else {
                pending
            }))
        });
        let outcome = connect(&server.url("/"), 7, json!({}))
            .sequence(NOBODY)
            .await;
        assert_eq!(outcome.is_ok(), is_taken, "{mined} {pending}: {outcome:?}");
        assert!(is_taken || is_untrusted(&outcome));
    }
}

#[tokio::test]
async fn reverts_are_understood_in_every_form() {
    // Error(string) "no"
    let data = format!("0x08c379a0{:064x}{:064x}{:0<64}", 32, 2, "6e6f");
    let forms: Vec<Result<Value, Value>> = vec![
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
    for form in forms {
        let answer = form.clone();
        let server = node(move |_, _| answer.clone());
        let evm = connect(&server.url("/"), 7, json!({}));
        let request = CallRequest {
            from: None,
            to: NOBODY,
            data: vec![],
            at: None,
        };
        let expected = Error::Reverts {
            reason: "no".to_owned(),
            data: data.clone(),
        };
        assert_eq!(evm.call(&request, None).await, Err(expected), "{form:?}");
    }
    let server = node(|_, _| Err(json!({"code": -32000, "message": "execution reverted"})));
    let request = CallRequest {
        from: None,
        to: NOBODY,
        data: vec![],
        at: None,
    };
    let outcome = connect(&server.url("/"), 7, json!({}))
        .call(&request, None)
        .await;
    assert_eq!(
        outcome,
        Err(Error::Reverts {
            reason: "execution reverted".to_owned(),
            data: "0x".to_owned()
        })
    );
}

#[tokio::test]
async fn a_node_that_estimates_without_a_reason_is_asked_for_it() {
    let Some((stand, _, _)) = busy().await else {
        return;
    };
    stand.anvil.set_automine(true);
    let contract = stand.anvil.deploy(&testkit::artifact("Overloads").bytecode);
    let server = bent(&stand.anvil, |method, reply| {
        if method == "eth_estimateGas" {
            let message = "gas required exceeds allowance or always failing transaction";
            *reply = json!({"jsonrpc": "2.0", "id": reply["id"], "error": {"code": -32000, "message": message}});
        }
    });
    let evm = through(&server, &stand, json!({}));
    let fails = stand.call(0, &contract, "Overloads", "failRequire", json!([false]));
    let works = stand.call(0, &contract, "Overloads", "set(uint256)", json!(["1"]));
    let quotes = evm.quote(&[fails, works]).await;
    assert!(
        matches!(&quotes[0], Err(Error::Reverts { reason, .. }) if reason == "it is not ok"),
        "{quotes:?}"
    );
    assert!(
        matches!(&quotes[1], Err(Error::Reverts { reason, .. }) if reason.contains("allowance")),
        "{quotes:?}"
    );
}
