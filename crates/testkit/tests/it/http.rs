//! The server that judges from outside, and the client beside it.

use serde_json::json;
use testkit::http::{Answer, Server, post_json, send};

#[test]
fn it_records_what_came_and_answers_by_script_and_then_as_usual() {
    let server = Server::answering(|request| Answer::json(&json!({"you": request.target})));
    server.script([
        Answer::status(503).with_header("retry-after", "1"),
        Answer::redirect(302, "http://127.0.0.1:1/"),
    ]);
    let post = || post_json(&server.address(), "/hook?a=1", &json!({"n": 1})).unwrap();
    let (first, second, third) = (post(), post(), post());
    assert_eq!(
        (first.status, first.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(
        (second.status, second.header("location")),
        (302, Some("http://127.0.0.1:1/"))
    );
    assert_eq!(
        (third.status, third.json()),
        (200, json!({"you": "/hook?a=1"}))
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|r| r.method == "POST" && r.target == "/hook?a=1" && r.json() == json!({"n": 1}))
    );
}

#[test]
fn it_counts_calls_by_a_header() {
    let server = Server::start();
    for key in ["a", "b", "a"] {
        send(
            &server.address(),
            "PUT",
            "/",
            &[("Idempotency-Key", key)],
            b"",
        )
        .unwrap();
    }
    send(&server.address(), "GET", "/", &[], b"").unwrap();
    let calls: Vec<(String, usize)> = server.calls_by("idempotency-key").into_iter().collect();
    assert_eq!(calls, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!(server.count(), 4);
}

#[test]
fn a_dropped_call_was_received_and_got_no_answer() {
    let server = Server::start();
    server.script([Answer::Drop]);
    assert!(post_json(&server.address(), "/", &json!(1)).is_err());
    assert_eq!(server.count(), 1);
    assert_eq!(
        post_json(&server.address(), "/", &json!(1)).unwrap().status,
        200
    );
}

#[test]
fn silence_lasts_until_the_server_ends() {
    let server = Server::start();
    server.script([Answer::Silence]);
    let address = server.address();
    let caller = std::thread::spawn(move || post_json(&address, "/", &json!(1)));
    assert!(server.wait_for(1, 10_000));
    assert!(!server.wait_for(2, 10));
    drop(server);
    assert!(caller.join().unwrap().is_err());
}

#[test]
fn an_endless_body_goes_on_until_the_caller_has_enough() {
    use std::io::{Read, Write};
    let server = Server::start();
    server.script([Answer::Endless]);
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut much = vec![0u8; 5 << 20];
    stream.read_exact(&mut much).unwrap();
}
