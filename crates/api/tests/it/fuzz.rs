//! Fuzzing: no input causes an internal error or a dropped connection.

use crate::client::ApiRequest;
use crate::openapi::operations;
use crate::world::World;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use testkit::on_each_engine;

const ROUNDS: usize = 4;

/// JSON of any shape, with field names of real requests among the keys.
fn bodies() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("name".to_owned()),
        Just("chain".to_owned()),
        Just("kind".to_owned()),
        Just("signer".to_owned()),
        Just("value".to_owned()),
        Just("steps".to_owned()),
        Just("filter".to_owned()),
        "[a-z]{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("eip155:31337")),
        Just(Value::from("0x00000000000000000000000000000000000b0b00")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(names.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_causes_an_internal_error() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mut runner = TestRunner::new(Config::default());
        for (method, path) in operations() {
            for round in 0..ROUNDS {
                let body = bodies().new_tree(&mut runner).unwrap().current();
                let segment = ["x", "obj:01J00000000000000000000000", "%00", "a%2Fb"][round];
                let segments: Vec<&str> = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { segment } else { part })
                    .collect();
                let request = ApiRequest::new(&method, &format!("/api/v1{}", segments.join("/")))
                    .key(&world.a)
                    .json(&body);
                let response = world.send(request).await;
                let allowed =
                    response.status < 500 || response.status == 503 || response.status == 502;
                assert!(
                    allowed,
                    "{method} {path} {body}: {} {}",
                    response.status, response.text
                );
            }
        }
    })
    .await;
}
