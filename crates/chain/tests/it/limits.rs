//! Limits on time, size, depth, retries and concurrency, and protection of credentials.

use crate::fake_node::{count_calls, methods, node};
use crate::fixture::{UNUSED_ACCOUNT, connect};
use chain::evm::Evm;
use chain::{Connector, Error, RefusalClass, SubmitOutcome};
use intent::{Intent, Signed};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::http::{Server, ServerReply};
use types::{Amount, ChainId};

fn signed() -> Signed {
    Signed {
        chain: ChainId::evm(7),
        raw: vec![2, 0xc0],
        id: format!("0x{}", "ab".repeat(32)),
    }
}

/// A normal node at first, which then returns scripted answers.
async fn scripted(settings: Value, script: Vec<ServerReply>) -> (Server, Evm) {
    let server = node(|_, _| Ok(json!("0x2a")));
    let evm = connect(&server.url("/"), 7, settings);
    assert_eq!(evm.balance(UNUSED_ACCOUNT).await, Ok(Amount::from(42)));
    server.script(script);
    (server, evm)
}

fn assert_invalid(outcome: Result<Amount, Error>, reason: &str) {
    match outcome {
        Err(Error::InvalidResponse { why, .. }) => assert!(why.contains(reason), "{why}"),
        other => panic!("{reason}: {other:?}"),
    }
}

fn reply(text: &str) -> ServerReply {
    ServerReply::status(200)
        .with_header("content-type", "application/json")
        .with_body(text.as_bytes())
}

#[tokio::test]
async fn an_oversized_answer_is_not_read_completely() {
    let settings = json!({"limits": {"response_bytes": 1_024}});
    let large = format!(
        r#"{{"jsonrpc":"2.0","id":3,"result":"0x{}"}}"#,
        "0".repeat(2_000)
    );
    let (server, evm) = scripted(settings, vec![reply(&large), ServerReply::Endless]).await;
    let before = server.count();
    assert_invalid(evm.balance(UNUSED_ACCOUNT).await, "larger than 1024 bytes");
    assert_invalid(evm.balance(UNUSED_ACCOUNT).await, "larger than 1024 bytes");
    assert_eq!(
        server.count() - before,
        2,
        "an invalid answer is not retried"
    );
    assert!(evm.counters().bytes < 1_024);
}

#[tokio::test]
async fn invalid_answers_are_rejected_and_not_retried() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":3,"result":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let answers = [
        (deep.as_str(), "nested deeper"),
        ("<html>502 Bad Gateway</html>", "not JSON-RPC"),
        (r#"{"jsonrpc":"2.0","id":3,"result":"0x2a""#, "not JSON-RPC"),
        ("", "not JSON-RPC"),
        (
            r#"{"jsonrpc":"2.0","id":999,"result":"0x2a"}"#,
            "an unknown id",
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"result":"0x2a"}"#,
            "an unknown id",
        ),
        (
            r#"[{"jsonrpc":"2.0","id":8,"result":"0x2a"}]"#,
            "not JSON-RPC",
        ),
    ];
    let (server, evm) = scripted(
        json!({}),
        answers.iter().map(|(text, _)| reply(text)).collect(),
    )
    .await;
    let before = server.count();
    for (_, why) in answers {
        assert_invalid(evm.balance(UNUSED_ACCOUNT).await, why);
    }
    assert_eq!(server.count() - before, answers.len());
    assert_eq!(evm.counters().invalid, answers.len() as u64);
    assert_eq!(
        evm.balance(UNUSED_ACCOUNT).await,
        Ok(Amount::from(42)),
        "later answers are accepted"
    );
}

#[tokio::test]
async fn a_result_of_another_type_is_invalid() {
    let server = node(|_, _| Ok(json!({"balance": 7})));
    let evm = connect(&server.url("/"), 7, json!({}));
    assert_invalid(evm.balance(UNUSED_ACCOUNT).await, "does not have the type");
}

#[tokio::test]
async fn reads_are_retried_after_transient_failures() {
    let (server, evm) =
        scripted(json!({}), vec![ServerReply::status(500), ServerReply::Drop]).await;
    let before = server.count();
    assert_eq!(
        evm.balance(UNUSED_ACCOUNT).await,
        Ok(Amount::from(42)),
        "the third attempt was answered"
    );
    assert_eq!(server.count() - before, 3);
    assert_eq!(evm.counters().retries, 2);
    assert_eq!(evm.counters().unanswered, 2);
}

#[tokio::test]
async fn retries_are_limited() {
    let (server, evm) = scripted(json!({}), vec![ServerReply::status(503); 9]).await;
    let before = server.count();
    assert!(
        matches!(evm.balance(UNUSED_ACCOUNT).await, Err(Error::Unreachable { why, .. }) if why.contains("503"))
    );
    assert_eq!(server.count() - before, 3);
}

#[tokio::test]
async fn a_requested_wait_is_honored_or_the_call_fails() {
    let throttled = |seconds: &str| ServerReply::status(429).with_header("retry-after", seconds);
    let (server, evm) = scripted(json!({}), vec![throttled("0"), throttled("0")]).await;
    assert_eq!(evm.balance(UNUSED_ACCOUNT).await, Ok(Amount::from(42)));
    let before = server.count();
    server.script([throttled("3600")]);
    assert!(
        matches!(evm.balance(UNUSED_ACCOUNT).await, Err(Error::Unreachable { why, .. }) if why.contains("too many"))
    );
    assert_eq!(
        server.count() - before,
        1,
        "an hour is more than max_ms: no further attempt"
    );
    assert_eq!(evm.counters().throttled, 3);
}

#[tokio::test]
async fn a_rate_limit_is_retried_and_another_error_is_not() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let server = node(move |_, _| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Err(json!({"code": -32005, "message": "request rate limited"})),
        1 => Ok(json!("0x1")),
        _ => Err(json!({"code": -32000, "message": "no such account"})),
    });
    let evm = connect(&server.url("/"), 7, json!({}));
    assert_eq!(evm.balance(UNUSED_ACCOUNT).await, Ok(Amount::from(1)));
    assert!(matches!(
        evm.balance(UNUSED_ACCOUNT).await,
        Err(Error::RequestRejected { number: -32000, .. })
    ));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_silent_node_times_out() {
    let settings =
        json!({"limits": {"timeout_ms": 40}, "retry": {"attempts": 2, "first_ms": 1, "max_ms": 1}});
    let server = node(|_, _| Ok(json!("0x1")));
    server.script([ServerReply::NoResponse, ServerReply::NoResponse]);
    let evm = connect(&server.url("/"), 7, settings);
    assert!(
        matches!(evm.balance(UNUSED_ACCOUNT).await, Err(Error::Unreachable { why, .. }) if why.contains("in time"))
    );
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let evm = connect(
        &format!("http://127.0.0.1:{}", testkit::free_port()),
        7,
        json!({}),
    );
    assert!(
        matches!(evm.head().await, Err(Error::Unreachable { why, .. }) if why.contains("connection refused"))
    );
}

#[tokio::test]
async fn an_incomplete_answer_is_no_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let half = r#"{"jsonrpc":"2.0","id":1,"result":"0x7"}"#;
            stream
                .write_all(
                    format!("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{half}").as_bytes(),
                )
                .unwrap();
        }
    });
    let evm = connect(&url, 7, json!({}));
    assert!(
        matches!(evm.head().await, Err(Error::Unreachable { why, .. }) if why.contains("broke off"))
    );
    server.join().unwrap();
}

#[tokio::test]
async fn a_failed_tls_handshake_is_unreachable() {
    let server = Server::start();
    let evm = connect(
        &server.url("/").replace("http://", "https://"),
        7,
        json!({}),
    );
    assert!(
        matches!(evm.head().await, Err(Error::Unreachable { why, .. }) if why.contains("no connection"))
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_rejected_request_is_neither_retried_nor_redirected() {
    let elsewhere = Server::start();
    let rejections = vec![
        ServerReply::status(401),
        ServerReply::status(403),
        ServerReply::redirect(307, &elsewhere.url("/")),
    ];
    let (server, evm) = scripted(json!({}), rejections).await;
    let before = server.count();
    for status in [401, 403, 307] {
        assert!(
            matches!(evm.balance(UNUSED_ACCOUNT).await, Err(Error::RequestRejected { number, .. }) if number == status)
        );
    }
    assert_eq!((server.count() - before, elsewhere.count()), (3, 0));
}

#[tokio::test]
async fn a_transaction_is_sent_once_whatever_the_answer() {
    let unknown = [
        ServerReply::status(500),
        ServerReply::status(503),
        ServerReply::Drop,
        ServerReply::status(403),
        reply("<html>"),
        reply(r#"{"jsonrpc":"2.0","id":9999,"result":"0x1"}"#),
        reply(r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"Internal error"}}"#),
    ];
    for answer in unknown {
        let (server, evm) = scripted(json!({}), vec![answer.clone()]).await;
        let submitted = evm.submit(&[signed()]).await;
        assert!(
            matches!(submitted[..], [SubmitOutcome::Unknown { .. }]),
            "{answer:?}: {submitted:?}"
        );
        assert_eq!(
            count_calls(&server, "eth_sendRawTransaction"),
            1,
            "{answer:?}"
        );
    }
    let (server, evm) = scripted(json!({}), vec![ServerReply::status(429)]).await;
    let submitted = evm.submit(&[signed(), signed()]).await;
    assert!(
        submitted.iter().all(|outcome| matches!(
            outcome,
            SubmitOutcome::Refused {
                class: RefusalClass::Throttled,
                ..
            }
        )),
        "{submitted:?}"
    );
    assert_eq!(count_calls(&server, "eth_sendRawTransaction"), 2);
}

#[tokio::test]
async fn the_hash_of_another_transaction_proves_nothing() {
    let server = node(|_, _| Ok(json!(format!("0x{}", "cd".repeat(32)))));
    let evm = connect(&server.url("/"), 7, json!({}));
    assert!(
        matches!(&evm.submit(&[signed()]).await[..], [SubmitOutcome::Unknown { message }] if message.contains("cdcd"))
    );
    let server = node(|_, _| Ok(json!(format!("0x{}", "AB".repeat(32)))));
    let evm = connect(&server.url("/"), 7, json!({}));
    assert_eq!(
        evm.submit(&[signed()]).await,
        [SubmitOutcome::Accepted],
        "hexadecimal is case-insensitive"
    );
}

#[tokio::test]
async fn batches_are_split_and_answers_matched_in_any_order() {
    let server = Server::with_handler(|request| {
        let answer = |call: &Value| {
            let result = match call["method"].as_str().unwrap() {
                "eth_chainId" => json!("0x7"),
                "eth_getTransactionCount" if call["params"][1] == "latest" => json!("0x3"),
                _ => json!("0x9"),
            };
            json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
        };
        match request.json() {
            Value::Array(calls) => ServerReply::json(&calls.iter().rev().map(answer).collect()),
            call => ServerReply::json(&answer(&call)),
        }
    });
    let evm = connect(&server.url("/"), 7, json!({}));
    let sequence = evm.sequence(UNUSED_ACCOUNT).await.unwrap();
    assert_eq!((sequence.mined, sequence.pending), (3, 9));

    let split = connect(&server.url("/"), 7, json!({"limits": {"batch": 3}}));
    let before = server.count();
    split.submit(&vec![signed(); 7]).await;
    let sizes: Vec<usize> = server.requests()[before + 1..]
        .iter()
        .map(|request| methods(request).len())
        .collect();
    assert_eq!(sizes, [3, 3, 1]);
}

#[tokio::test]
async fn batches_are_reduced_if_the_server_rejects_them() {
    let refusals = [
        json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32005, "message": "Number of requests exceeds max batch size"}}),
        json!([{"jsonrpc": "2.0", "id": 2, "error": {"code": -32600, "message": "batch too large"}}]),
    ];
    for refusal in refusals {
        let server = Server::with_handler(move |request| {
            let answer = |call: &Value| json!({"jsonrpc": "2.0", "id": call["id"], "result": if call["method"] == "eth_chainId" { "0x7".to_owned() } else { signed().id }});
            match request.json() {
                Value::Array(calls) if calls.len() > 2 => ServerReply::json(&refusal),
                Value::Array(calls) => ServerReply::json(&calls.iter().map(answer).collect()),
                call => ServerReply::json(&answer(&call)),
            }
        });
        let evm = connect(&server.url("/"), 7, json!({}));
        assert_eq!(
            evm.submit(&vec![signed(); 8]).await,
            vec![SubmitOutcome::Accepted; 8]
        );
        let first: Vec<usize> = server.requests()[1..]
            .iter()
            .map(|request| methods(request).len())
            .collect();
        assert_eq!(first, [8, 4, 2, 2, 4, 2, 2]);
        evm.submit(&vec![signed(); 4]).await;
        let after: Vec<usize> = server.requests()[8..]
            .iter()
            .map(|request| methods(request).len())
            .collect();
        assert_eq!(after, [2, 2], "the reduced size is kept");
    }
}

#[tokio::test]
async fn concurrency_is_limited() {
    let (gate, opened) = (
        Arc::new(std::sync::Barrier::new(3)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (server_gate, in_flight, maximum) = (
        Arc::clone(&gate),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (seen, count) = (Arc::clone(&maximum), Arc::clone(&in_flight));
    let first = Arc::clone(&opened);
    let server = node(move |_, _| {
        seen.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        if first.fetch_add(1, Ordering::SeqCst) < 2 {
            server_gate.wait();
        }
        count.fetch_sub(1, Ordering::SeqCst);
        Ok(json!("0x1"))
    });
    let evm = Arc::new(connect(
        &server.url("/"),
        7,
        json!({"limits": {"concurrency": 2}}),
    ));
    let reads: Vec<_> = (0..10)
        .map(|_| {
            let evm = Arc::clone(&evm);
            tokio::spawn(async move { evm.balance(UNUSED_ACCOUNT).await })
        })
        .collect();
    let waiting = tokio::task::spawn_blocking(move || {
        gate.wait();
        server
    });
    for read in reads {
        assert_eq!(read.await.unwrap(), Ok(Amount::from(1)));
    }
    let server = waiting.await.unwrap();
    assert_eq!(count_calls(&server, "eth_getBalance"), 10);
    assert_eq!(
        maximum.load(Ordering::SeqCst),
        2,
        "two at once, never three"
    );
}

#[tokio::test]
async fn credentials_are_sent_to_the_node_only() {
    let server = node(|_, _| Err(json!({"code": -1, "message": "no"})));
    let url = server
        .url("/v3/k3y?token=t0ken")
        .replace("http://", "http://user:s3cret@");
    let evm = connect(&url, 7, json!({}));
    let mut shown = vec![
        format!("{:?}", evm.config()),
        serde_json::to_string(evm.config()).unwrap(),
    ];
    shown.push(evm.balance(UNUSED_ACCOUNT).await.unwrap_err().to_string());
    let request = server.requests().pop().unwrap();
    assert_eq!(request.target, "/v3/k3y?token=t0ken");
    assert_eq!(
        request.header("authorization"),
        Some("Basic dXNlcjpzM2NyZXQ=")
    );
    for answer in [
        ServerReply::status(500),
        ServerReply::Drop,
        ServerReply::status(429),
        ServerReply::status(401),
        reply("{"),
        ServerReply::Endless,
    ] {
        server.script(vec![answer; 3]);
        shown.push(evm.balance(UNUSED_ACCOUNT).await.unwrap_err().to_string());
    }
    drop(server);
    shown.push(evm.balance(UNUSED_ACCOUNT).await.unwrap_err().to_string());
    for text in shown {
        assert!(
            !["s3cret", "k3y", "t0ken", "user"]
                .iter()
                .any(|secret| text.contains(secret)),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_nodes_messages_are_truncated_and_sanitized() {
    let server =
        node(|_, _| Err(json!({"code": -1, "message": format!("\u{0}\n{}", "x".repeat(100_000))})));
    let evm = connect(&server.url("/"), 7, json!({}));
    let Err(Error::RequestRejected { message, .. }) = evm.balance(UNUSED_ACCOUNT).await else {
        panic!()
    };
    assert!(
        message.len() <= 512 && !message.contains(['\0', '\n']),
        "{message}"
    );
    let quotes = evm
        .quote(&[Intent::cancel(ChainId::evm(7), UNUSED_ACCOUNT.to_owned())])
        .await;
    assert!(quotes[0].is_err());
}
