//! Tasks through the API: versions, runs, listeners, bindings, variable sets.

use crate::client::ApiRequest;
use crate::world::{BOB, SIGNER, World};
use serde_json::{Value, json};
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;
use types::ChainId;
use workflow::Worker;

const DOUBLE: &str = "description: twice\nsteps:\n- name: sum\n  type: jsonata_template\n  options: {template: input.n * 2}\n  return: {when: 'true', result: steps.sum.data}\n";
const FAILS: &str = "steps:\n- name: no\n  type: jsonata_template\n  options: {template: '1'}\n  fail: {when: 'true', code: no.way, message: never}\n";

/// The worker of the only shard of runs.
async fn worker(world: &World) -> Worker {
    Worker::new(
        world.app.workflow.clone(),
        0,
        world.test.lease(&workflow::shard_partition(0)).await,
    )
}

async fn run_until_idle(worker: &mut Worker) {
    for _ in 0..1_000 {
        let progress = worker.turn().await.unwrap();
        if progress.advanced == 0 && progress.delivered == 0 && progress.in_flight == 0 {
            return;
        }
    }
    panic!("the worker never becomes idle");
}

async fn task(world: &World, name: &str, yaml: &str) -> Value {
    let task = world
        .request(
            "PUT",
            &format!("/tasks/{name}"),
            json!({ "name": name, "description": "d" }),
        )
        .await
        .success();
    let post = ApiRequest::new("POST", &format!("/api/v1/tasks/{name}/versions")).key(&world.a);
    let version = world.send(post.text("application/x-yaml", yaml)).await;
    assert_eq!(version.status, 201, "{}", version.text);
    task
}

async fn start_run(world: &World, task: &str, input: Value) -> String {
    let run = world
        .post(&format!("/tasks/{task}/runs"), json!({ "input": input }))
        .await;
    assert_eq!(run.status, 202, "{}", run.text);
    run.success()["id"].as_str().unwrap().to_owned()
}

async fn control(world: &World, run: &str, verb: &str, body: Value) -> crate::client::ApiResponse {
    world.post(&format!("/runs/{run}/{verb}"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_created_versioned_renamed_and_deleted() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let created = task(&world, "double", DOUBLE).await;
        assert_eq!(created.get("currentVersion"), None);
        let read = world.get("/tasks/double").await.success();
        let label = read["currentVersion"].as_str().unwrap();
        assert!(!label.is_empty());
        let version = world.get(&format!("/tasks/double/versions/{label}")).await.success();
        assert_eq!((&version["document"], &version["steps"], &version["description"]), (&json!(DOUBLE), &json!(1), &json!("twice")));
        let json = json!({ "steps": [{ "name": "a", "type": "jsonata_template", "options": { "template": "1" }, "color": 1 }] });
        world.test.clock.advance_millis(1);
        let second = world.post("/tasks/double/versions", json).await.success();
        assert_eq!(second["warnings"][0]["field"], "steps[0].color");
        let versions = world.get("/tasks/double/versions?limit=10").await.success();
        assert_eq!((&versions["count"], &versions["items"][0]["id"]), (&json!(2), &second["id"]));

        // A client sends back what it read, and renames by id.
        let id = created["id"].as_str().unwrap();
        let mut sent = world.get(&format!("/tasks/{id}")).await.success();
        sent["name"] = json!("twice");
        assert_eq!(world.request("PUT", &format!("/tasks/{id}"), sent).await.success()["id"], created["id"]);
        assert_eq!(world.get("/tasks/double").await.status, 404);
        let patched = world.request("PATCH", "/tasks/twice", json!({ "description": "e" })).await.success();
        assert_eq!((&patched["description"], &patched["name"]), (&json!("e"), &json!("twice")));
        assert_eq!(world.get("/tasks").await.success()["count"], 1);
        assert_eq!(world.request("DELETE", "/tasks/twice", Value::Null).await.status, 204);
        assert_eq!(world.get("/tasks/twice").await.code_and_field().0, "workflow.unknown_resource");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_starts_once_per_idempotency_key_and_reports_each_step() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mut worker = worker(&world).await;
        task(&world, "double", DOUBLE).await;
        let keyed = |body: Value| {
            let request = ApiRequest::new("POST", "/api/v1/tasks/double/runs")
                .key(&world.a)
                .with("idempotency-key", "k");
            world.send(request.json(&body))
        };
        let first = keyed(json!({ "input": { "n": 4 }, "activity": "h" })).await;
        let again = keyed(json!({ "input": { "n": 4 }, "activity": "h" })).await;
        assert_eq!(
            (
                first.status,
                again.status,
                again.header("idempotency-replayed")
            ),
            (202, 200, "true")
        );
        assert_eq!(first.success()["id"], again.success()["id"]);
        assert_eq!(
            keyed(json!({ "input": { "n": 5 } })).await.code_and_field(),
            (
                "workflow.idempotency_key_reused".into(),
                "Idempotency-Key".into()
            )
        );
        run_until_idle(&mut worker).await;
        let run = world
            .get(&format!(
                "/runs/{}",
                first.success()["id"].as_str().unwrap()
            ))
            .await
            .success();
        assert_eq!(
            (&run["state"], &run["result"], &run["steps"][0]["output"]),
            (&json!("succeeded"), &json!(8), &json!(8))
        );
        assert_eq!(
            (&run["origin"], &run["steps"][0]["attempt"]),
            (&json!({ "by": "request" }), &json!(1))
        );
        let count = |query: &'static str| {
            let world = &world;
            async move {
                world.get(&format!("/runs?{query}")).await.success()["count"]
                    .as_u64()
                    .unwrap()
            }
        };
        assert_eq!(count("state=succeeded&task=double&activity=h").await, 1);
        assert_eq!(
            (count("state=failed").await, count("task=none").await),
            (0, 0)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_cancelled_retried_and_decided() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mut worker = worker(&world).await;
        task(&world, "fails", FAILS).await;
        let run = start_run(&world, "fails", json!({})).await;
        let ended = control(&world, &run, "cancel", Value::Null).await.success();
        assert_eq!(ended["state"], "cancelled");
        assert_eq!(control(&world, &run, "cancel", Value::Null).await.code_and_field().0, "workflow.wrong_state");

        let run = start_run(&world, "fails", json!({})).await;
        run_until_idle(&mut worker).await;
        let failed = world.get(&format!("/runs/{run}")).await.success();
        assert_eq!(
            (&failed["state"], &failed["error"]["code"], &failed["error"]["message"]),
            (&json!("failed"), &json!("no.way"), &json!("never"))
        );
        assert_eq!(control(&world, &run, "retry", Value::Null).await.success()["state"], "running");
        assert_eq!(control(&world, &run, "dismiss", Value::Null).await.code_and_field().0, "workflow.wrong_state");

        let server = Server::start();
        let url = server.url("/x");
        task(
            &world,
            "calls",
            &format!("steps: [{{name: call, type: http_request, options: {{url: '{url}', body: {{a: 1}}}}}}]"),
        )
        .await;
        let mut parked = Vec::new();
        for _ in 0..3 {
            server.script([ServerReply::Drop]);
            parked.push(start_run(&world, "calls", json!({})).await);
            run_until_idle(&mut worker).await;
            assert_eq!(world.get(&format!("/runs/{}", parked.last().unwrap())).await.success()["state"], "parked");
        }
        for (body, field) in [
            (json!({ "decision": "maybe" }), "decision"),
            (json!({ "decision": "fail" }), "reason"),
            (json!({ "decision": "fail", "reason": " " }), "reason"),
            (json!({ "decision": "resend", "data": 1 }), "data"),
            (json!({ "decision": "done", "reason": "x" }), "reason"),
        ] {
            assert_eq!(control(&world, &parked[0], "decide", body.clone()).await.code_and_field().1, field, "{body}");
        }
        control(&world, &parked[0], "decide", json!({ "decision": "resend" })).await.success();
        control(&world, &parked[1], "decide", json!({ "decision": "done", "data": { "seen": 1.10 } })).await.success();
        control(&world, &parked[2], "decide", json!({ "decision": "fail", "reason": "the bank says no" })).await.success();
        run_until_idle(&mut worker).await;
        let mut states = Vec::new();
        for run in &parked {
            states.push(world.get(&format!("/runs/{run}")).await.success()["state"].clone());
        }
        assert_eq!(states, ["succeeded", "succeeded", "failed"]);
        assert_eq!(server.count(), 4, "only the resent call was repeated");
    })
    .await;
}

fn chain_listener(first: &str) -> Value {
    let abi = json!([{ "type": "event", "name": "Ping", "inputs": [{ "name": "n", "type": "uint256", "indexed": false }] }]);
    json!({ "config": { "taskName": "double", "firstEvent": first, "blockchainEvents": { "abiEvents": abi, "locations": [{ "address": BOB }] } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_are_created_replaced_and_deleted_and_data_model_events_start_runs() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let mut worker = worker(&world).await;
        task(&world, "double", DOUBLE).await;
        let fails = task(&world, "fails", FAILS).await;

        let created = world
            .request("PUT", "/listeners/firefly/pings", chain_listener("0"))
            .await
            .success();
        assert_eq!(
            (&created["chain"], &created["cursor"]),
            (&json!("eip155:31337"), &json!({ "height": 0, "index": -1 }))
        );
        let id = created["id"].as_str().unwrap();
        let mut renamed = chain_listener("oldest");
        renamed["name"] = json!("pongs");
        renamed["disabled"] = json!(true);
        let again = world
            .request("PUT", &format!("/listeners/firefly/{id}"), renamed)
            .await
            .success();
        assert_eq!(
            (&again["id"], &again["name"], &again["disabled"]),
            (&created["id"], &json!("pongs"), &json!(true))
        );
        assert_eq!(world.get("/listeners/firefly").await.success()["count"], 1);
        assert_eq!(
            world.get("/listeners/datamodel/pongs").await.status,
            404,
            "each kind of listener has its own names"
        );
        assert_eq!(
            world
                .request("DELETE", "/tasks/double", Value::Null)
                .await
                .code_and_field()
                .0,
            "workflow.referenced"
        );
        assert_eq!(
            world
                .request("DELETE", "/listeners/firefly/pongs", Value::Null)
                .await
                .status,
            204
        );
        assert_eq!(world.get("/listeners/firefly/pongs").await.status, 404);

        let body = json!({ "name": "entries", "taskId": fails["id"], "topicFilter": "^history/" });
        let entries = world
            .request("PUT", "/listeners/datamodel/entries", body)
            .await
            .success();
        assert_eq!(
            (&entries["taskId"], &entries["topicFilter"]),
            (&fails["id"], &json!("^history/"))
        );
        assert_eq!(
            world.get("/listeners/datamodel").await.success()["count"],
            1
        );
        world
            .post("/activities", json!({ "name": "history" }))
            .await
            .success();
        for name in ["one", "two"] {
            world
                .post("/events", json!({ "name": name, "activity": "history" }))
                .await
                .success();
        }
        run_until_idle(&mut worker).await;
        let of = format!("/runs?listener={}", entries["id"].as_str().unwrap());
        let runs = world.get(&format!("{of}&state=failed")).await.success();
        assert_eq!(runs["count"], 1, "the second run waits for the first");
        let first = runs["items"][0]["id"].as_str().unwrap();
        control(&world, first, "dismiss", Value::Null)
            .await
            .success();
        run_until_idle(&mut worker).await;
        assert_eq!(
            world.get(&format!("{of}&state=failed")).await.success()["count"],
            2
        );
        assert_eq!(
            world
                .request("DELETE", "/listeners/datamodel/entries", Value::Null)
                .await
                .status,
            204
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_and_variable_sets_are_written_read_and_deleted() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let created = world
            .request(
                "PUT",
                "/bindings/token",
                json!({ "contract": BOB.to_uppercase().replace("0X", "0x"), "signer": SIGNER, "abi": [] }),
            )
            .await
            .success();
        assert_eq!((&created["chain"], &created["contract"]), (&json!(ChainId::evm(31337)), &json!(BOB)));
        let id = created["id"].as_str().unwrap();
        let renamed =
            world.request("PUT", &format!("/bindings/{id}"), json!({ "name": "coin", "chain": "eip155:1" })).await.success();
        assert_eq!((&renamed["id"], renamed.get("contract")), (&created["id"], None), "replaced completely");
        assert_eq!(world.get("/bindings").await.success()["items"][0]["name"], "coin");
        assert_eq!(world.request("DELETE", "/bindings/coin", Value::Null).await.status, 204);
        assert_eq!(world.get("/bindings/coin").await.status, 404);

        let open = json!({ "name": "settings", "variables": { "limit": 5, "long": 12345678901234567890u64 } });
        let set = world.request("PUT", "/variable-sets/settings", open).await.success();
        assert_eq!(set["variables"], json!({ "limit": 5, "long": "12345678901234567890" }), "long numbers keep every digit");
        let secret = json!({ "classification": "secret", "variables": { "token": "hush-hush" } });
        let hidden = world.request("PUT", "/variable-sets/keys", secret).await;
        assert_eq!(hidden.success().get("variables"), None);
        let read = world.get("/variable-sets").await;
        assert_eq!((read.success()["count"].as_u64(), read.text.contains("hush-hush")), (Some(2), false));
        world.request("PUT", "/tasks/t", json!({ "variableSet": "keys" })).await.success();
        assert_eq!(world.request("DELETE", "/variable-sets/keys", Value::Null).await.code_and_field().0, "workflow.referenced");
        assert_eq!(world.request("DELETE", "/variable-sets/settings", Value::Null).await.status, 204);
        assert_eq!(world.get("/variable-sets/settings").await.status, 404);
    })
    .await;
}

/// Method, path, body, status, code, field.
type Row = (
    &'static str,
    &'static str,
    Value,
    u16,
    &'static str,
    &'static str,
);

fn bad_input() -> Vec<Row> {
    let without_on_revert = {
        let mut body = chain_listener("0");
        body["config"]["finality"] = json!("pending");
        body
    };
    let unknown_task = {
        let mut body = chain_listener("0");
        body["config"]["taskName"] = json!("none");
        body
    };
    vec![
        (
            "PUT",
            "/tasks/a",
            json!({ "name": "b" }),
            400,
            "api.invalid_field",
            "name",
        ),
        (
            "PUT",
            "/tasks/a",
            json!({ "color": 1 }),
            400,
            "api.invalid_field",
            "color",
        ),
        (
            "PUT",
            "/tasks/tsk:01ARZ3NDEKTSV4RRFFQ69G5FAV",
            json!({}),
            404,
            "workflow.unknown_resource",
            "",
        ),
        (
            "PATCH",
            "/tasks/none",
            json!({}),
            404,
            "workflow.unknown_resource",
            "",
        ),
        (
            "GET",
            "/tasks?after=x",
            Value::Null,
            400,
            "api.invalid_field",
            "after",
        ),
        (
            "POST",
            "/tasks/double/versions",
            json!({ "steps": [{ "name": "a", "type": "dance" }] }),
            400,
            "workflow.unknown_step_type",
            "steps[0].type",
        ),
        (
            "POST",
            "/tasks/double/versions",
            json!({ "steps": [{ "name": "a", "type": "jsonata_template", "options": { "template": "(1" } }] }),
            400,
            "workflow.expression_error",
            "steps[0].options.template",
        ),
        (
            "POST",
            "/tasks/empty/runs",
            json!({}),
            409,
            "workflow.no_version",
            "",
        ),
        (
            "POST",
            "/tasks/none/runs",
            json!({}),
            404,
            "workflow.unknown_resource",
            "",
        ),
        (
            "POST",
            "/tasks/double/runs",
            json!({ "inputs": {} }),
            400,
            "api.invalid_field",
            "inputs",
        ),
        (
            "GET",
            "/runs?state=lost",
            Value::Null,
            400,
            "api.invalid_field",
            "state",
        ),
        (
            "GET",
            "/runs/x",
            Value::Null,
            400,
            "api.invalid_field",
            "id",
        ),
        (
            "GET",
            "/runs/run:01ARZ3NDEKTSV4RRFFQ69G5FAV",
            Value::Null,
            404,
            "workflow.unknown_resource",
            "",
        ),
        (
            "PUT",
            "/listeners/firefly/l",
            json!({}),
            400,
            "api.invalid_field",
            "config",
        ),
        (
            "PUT",
            "/listeners/firefly/l",
            chain_listener("soon"),
            400,
            "workflow.invalid_field",
            "config.firstEvent",
        ),
        (
            "PUT",
            "/listeners/firefly/l",
            without_on_revert,
            400,
            "workflow.invalid_field",
            "config.onRevert",
        ),
        (
            "PUT",
            "/listeners/firefly/l",
            unknown_task,
            400,
            "workflow.invalid_field",
            "config.taskName",
        ),
        (
            "PUT",
            "/listeners/datamodel/l",
            json!({ "taskId": "double", "topicFilter": "(" }),
            400,
            "workflow.invalid_field",
            "topicFilter",
        ),
        (
            "PUT",
            "/listeners/datamodel/l",
            json!({ "taskId": "none", "topicFilter": "." }),
            400,
            "workflow.invalid_field",
            "taskId",
        ),
        (
            "PUT",
            "/bindings/b",
            json!({ "contract": "0x12" }),
            400,
            "workflow.invalid_field",
            "contract",
        ),
        (
            "PUT",
            "/bindings/b",
            json!({ "chain": "mainnet" }),
            400,
            "api.invalid_field",
            "chain",
        ),
        (
            "PUT",
            "/bindings/b",
            json!({ "abi": "none" }),
            400,
            "workflow.invalid_field",
            "abi",
        ),
        (
            "PUT",
            "/variable-sets/v",
            json!({ "variables": [] }),
            400,
            "api.invalid_field",
            "variables",
        ),
        (
            "PUT",
            "/variable-sets/v",
            json!({ "name": "w" }),
            400,
            "api.invalid_field",
            "name",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_names_its_field_and_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        task(&world, "double", DOUBLE).await;
        world
            .request("PUT", "/tasks/empty", json!({}))
            .await
            .success();
        let before = world.fact_count("a").await;
        for (method, path, body, status, code, field) in bad_input() {
            let answer = world.request(method, path, body.clone()).await;
            let (count, error_field) = answer.code_and_field();
            let count = (answer.status, count.as_str(), error_field.as_str());
            assert_eq!(
                count,
                (status, code, field),
                "{method} {path} {body}: {}",
                answer.text
            );
        }
        let versions = ApiRequest::new("POST", "/api/v1/tasks/double/versions").key(&world.a);
        let broken = world
            .send(versions.text("application/yaml", "steps: ["))
            .await;
        assert_eq!(
            (broken.status, broken.code_and_field().0.as_str()),
            (400, "workflow.invalid_definition")
        );
        assert_eq!(world.fact_count("a").await, before);
    })
    .await;
}
