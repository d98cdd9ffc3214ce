//! The trace context of a request: taken from `traceparent`, and recorded in the facts.

use crate::client::ApiRequest;
use crate::world::{BOB, SIGNER, World};
use serde_json::{Value, json};
use testkit::on_each_engine;
use types::TraceContext;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Sends a request with the header `traceparent`.
async fn send(world: &World, method: &str, path: &str, body: &Value, trace: &str) -> Value {
    let request = ApiRequest::new(method, &format!("/api/v1{path}"))
        .key(&world.a)
        .with("traceparent", trace)
        .with("idempotency-key", "k1")
        .json(body);
    world.send(request).await.success()
}

/// The facts of the API's partition that have a type.
async fn facts(world: &World, kind: &str) -> Vec<Value> {
    let page = world.get("/facts?partition=api/0&limit=1000").await;
    let mut facts = page.success()["items"].as_array().unwrap().clone();
    facts.retain(|fact| fact["type"] == kind);
    facts
}

fn trace_of(fact: &Value) -> TraceContext {
    fact["traceparent"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_a_request_have_its_trace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let payment = json!({ "signer": SIGNER, "to": BOB, "value": "5" });
        send(&world, "POST", "/submissions", &payment, TRACEPARENT).await;
        send(&world, "PUT", "/tasks/t", &json!({}), OTHER).await;
        for (kind, expected) in [
            ("submission.received", TRACEPARENT),
            ("task.created", OTHER),
        ] {
            let facts = facts(&world, kind).await;
            let traces: Vec<_> = facts.iter().map(|fact| &fact["traceparent"]).collect();
            assert_eq!(traces, [expected], "{kind}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_traceparent_each_request_begins_a_trace() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let sent = TRACEPARENT.parse::<TraceContext>().unwrap();
        let zero_span = format!("{}-{}-01", &TRACEPARENT[..35], "0".repeat(16));
        for (index, invalid) in ["", "a trace", &TRACEPARENT[..54], &zero_span]
            .into_iter()
            .enumerate()
        {
            let path = format!("/tasks/t{index}");
            send(&world, "PUT", &path, &json!({}), invalid).await;
        }
        let without = world.request("PUT", "/tasks/t9", json!({})).await;
        without.success();
        let facts = facts(&world, "task.created").await;
        let mut traces: Vec<_> = facts.iter().map(|fact| trace_of(fact).trace_id).collect();
        assert!(!traces.contains(&sent.trace_id));
        traces.sort_unstable();
        traces.dedup();
        assert_eq!(traces.len(), 5, "each request has its own trace");
    })
    .await;
}

/// A caller that repeats a request under its key sends it within another trace.
#[tokio::test(flavor = "multi_thread")]
async fn the_trace_is_no_part_of_an_idempotent_command() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        world.treasury().await;
        let payment = json!({ "signer": SIGNER, "to": BOB, "value": "5" });
        let first = send(&world, "POST", "/submissions", &payment, TRACEPARENT).await;
        let repeated = send(&world, "POST", "/submissions", &payment, OTHER).await;
        assert_eq!(first["id"], repeated["id"]);

        send(&world, "PUT", "/tasks/t", &json!({}), TRACEPARENT).await;
        let step =
            json!({ "name": "a", "type": "jsonata_template", "options": { "template": "1" } });
        let version = json!({ "steps": [step] });
        world.post("/tasks/t/versions", version).await.success();
        let input = json!({ "input": {} });
        let first = send(&world, "POST", "/tasks/t/runs", &input, TRACEPARENT).await;
        let repeated = send(&world, "POST", "/tasks/t/runs", &input, OTHER).await;
        assert_eq!(first["id"], repeated["id"]);
        let received = facts(&world, "submission.received").await;
        let queued = facts(&world, "run.queued").await;
        assert_eq!((received.len(), queued.len()), (1, 1));
    })
    .await;
}
