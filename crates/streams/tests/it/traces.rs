//! The trace of an event reaches the receiver of a webhook.

use crate::world::{World, principal};
use serde_json::{Value, json};
use store::Fact;
use testkit::http::{Request, Server};
use testkit::{namespace, on_each_engine};

const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The same trace, another span.
const SAME_TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

impl World {
    /// Append a fact with each of these traces, and return the call that delivers them.
    async fn deliver(&mut self, server: &Server, traces: &'static [Option<&str>]) -> Request {
        let lease = self.lease("work/0").await;
        let db = self.test.db.on(&lease);
        let write = db.write(&namespace("ns"), move |tx| {
            for trace in traces {
                let trace = trace.map(|text| text.parse().unwrap());
                tx.append(Fact::new("test.traced", 1).trace(trace));
            }
            Ok::<_, store::Error>(())
        });
        write.await.unwrap();
        self.run_until_idle().await;
        server.requests().pop().unwrap()
    }
}

/// The member `traceparent` of each event of a call.
fn members(request: &Request) -> Vec<Value> {
    let body = request.json();
    let events = body["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["traceparent"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_has_the_trace_of_its_events_if_they_share_one() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let server = Server::start();
        world.hook("a", &server).await;

        let call = world.deliver(&server, &[Some(ONE)]).await;
        assert_eq!(call.header("traceparent"), Some(ONE));
        assert_eq!(members(&call), [ONE]);

        let call = world.deliver(&server, &[Some(ONE), Some(SAME_TRACE)]).await;
        assert_eq!(call.header("traceparent"), Some(ONE));
        assert_eq!(members(&call), [ONE, SAME_TRACE]);

        let call = world.deliver(&server, &[Some(ONE), Some(OTHER)]).await;
        assert_eq!(call.header("traceparent"), None);
        assert_eq!(members(&call), [ONE, OTHER]);

        let call = world.deliver(&server, &[Some(ONE), None]).await;
        assert_eq!(call.header("traceparent"), None);
        assert_eq!(members(&call), [json!(ONE), Value::Null]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_cannot_set_the_header_traceparent() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        for name in ["traceparent", "TraceParent"] {
            let delivery = json!({ "type": "webhook", "url": "http://127.0.0.1:9/", "headers": { name: ONE } });
            let new = json!({ "name": "a", "filter": { "types": ["test.*"] }, "delivery": delivery });
            let new = serde_json::from_value(new).unwrap();
            let created = streams::subscribe(&world.streams, &principal("ns"), new, None).await;
            let error = created.expect_err("the header is reserved").to_string();
            assert!(error.contains(name) && error.contains("reserved"), "{error}");
        }
    })
    .await;
}
