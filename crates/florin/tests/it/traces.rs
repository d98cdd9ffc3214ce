//! Export of spans by the process, to a collector.

use crate::installation::Installation;
use serde_json::Value;
use testkit::http::{Server, send};
use testkit::otlp::{Span, spans};
use testkit::{free_port, wait_until};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID: &str = "00f067aa0ba902b7";

#[test]
fn a_collector_receives_the_spans_of_requests_and_jobs() {
    let collector = Server::start();
    let installation = Installation::new(None, "");
    let endpoint = collector.url("/v1/traces");
    let process = installation
        .try_serve(&[
            ("FLORIN__TRACE__ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer hush"),
        ])
        .unwrap();
    let authorization = format!("Bearer {}", installation.key);
    let traceparent = format!("00-{TRACE_ID}-{SPAN_ID}-00");
    let headers = [
        ("authorization", authorization.as_str()),
        ("traceparent", &traceparent),
    ];
    let response = send(&process.address, "GET", "/api/v1/wallets", &headers, &[]).unwrap();
    assert_eq!(response.status, 200);
    wait_for_tree_head(&installation);
    process.stop(); // sends what is left

    let credentials = collector.count_by_header("authorization");
    assert_eq!(credentials.keys().collect::<Vec<_>>(), ["Bearer hush"]);
    let received = || -> Vec<Span> { collector.requests().iter().flat_map(spans).collect() };
    let find = |test: &dyn Fn(&Span) -> bool| received().into_iter().find(test);
    let in_trace = |span: &Span| hex(&span.trace_id) == TRACE_ID;
    let request = find(&in_trace).unwrap_or_else(|| panic!("{:?}", received()));
    assert_eq!(request.name, "request");
    assert_eq!(hex(&request.parent_span_id), SPAN_ID);
    assert_eq!(request.attributes["route"], "/api/v1/wallets");
    let is_tree_head = |span: &Span| {
        span.name == "job"
            && span
                .attributes
                .get("kind")
                .is_some_and(|kind| kind == "tree_head")
    };
    assert!(find(&is_tree_head).is_some(), "{:?}", received());
}

#[test]
fn a_process_works_without_its_collector() {
    let installation = Installation::new(None, "");
    let endpoint = format!("http://127.0.0.1:{}/v1/traces", free_port());
    let process = installation
        .try_serve(&[("FLORIN__TRACE__ENDPOINT", &endpoint)])
        .unwrap();
    installation.request_ok(&process, "GET", "/wallets", &Value::Null);
    wait_for_tree_head(&installation);
    let log = process.log.clone();
    process.stop();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("process.stopping"), "{log}");
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

/// The file exists from the start; a line is written by the job.
fn wait_for_tree_head(installation: &Installation) {
    let file = installation.path("tree-heads.jsonl");
    let is_signed = || std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() > 0);
    assert!(wait_until(20_000, is_signed), "no tree head was signed");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
