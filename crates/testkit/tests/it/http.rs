//! The recording HTTP server and the client.

use serde_json::json;
use testkit::http::{Server, ServerReply, post_json, send};

#[test]
fn requests_are_recorded_and_answered_by_script_then_by_handler() {
    let server =
        Server::with_handler(|request| ServerReply::json(&json!({"target": request.target})));
    server.script([
        ServerReply::status(503).with_header("retry-after", "1"),
        ServerReply::redirect(302, "http://127.0.0.1:1/"),
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
        (200, json!({"target": "/hook?a=1"}))
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
fn requests_are_counted_by_header() {
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
    let calls: Vec<(String, usize)> = server
        .count_by_header("idempotency-key")
        .into_iter()
        .collect();
    assert_eq!(calls, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!(server.count(), 4);
}

#[test]
fn a_dropped_request_is_recorded_without_a_response() {
    let server = Server::start();
    server.script([ServerReply::Drop]);
    assert!(post_json(&server.address(), "/", &json!(1)).is_err());
    assert_eq!(server.count(), 1);
    assert_eq!(
        post_json(&server.address(), "/", &json!(1)).unwrap().status,
        200
    );
}

#[test]
fn a_silent_request_ends_with_the_server() {
    let server = Server::start();
    server.script([ServerReply::NoResponse]);
    let address = server.address();
    let caller = std::thread::spawn(move || post_json(&address, "/", &json!(1)));
    assert!(server.wait_for(1, 10_000));
    assert!(!server.wait_for(2, 10));
    drop(server);
    assert!(caller.join().unwrap().is_err());
}

#[test]
fn an_endless_body_can_be_read_in_part() {
    use std::io::{Read, Write};
    let server = Server::start();
    server.script([ServerReply::Endless]);
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut buffer = vec![0u8; 5 << 20];
    stream.read_exact(&mut buffer).unwrap();
}
