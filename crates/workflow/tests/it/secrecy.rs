//! Secrets of variable sets are used but never stored or shown in clear.

use crate::world::{World, assert_succeeded, data_of};
use serde_json::json;
use store::facts_after;
use testkit::http::{Server, ServerReply};
use testkit::on_each_engine;
use workflow::{NewTask, NewVariables, put_task, put_variable_set};

const TOKEN: &str = "tok-8d1f\"77\\x";

/// Everything the database holds about runs and facts, as text.
async fn dump(world: &World) -> String {
    let read = |tx: &mut store::UnscopedTx| {
        let mut all = String::new();
        for head in store::partitions(tx)? {
            let cursor = store::Cursor {
                partition: head.partition.clone(),
                seq: 0,
            };
            for fact in facts_after(tx, &cursor, 10_000)? {
                all.push_str(fact.payload.as_ref().map_or("", |payload| payload.as_str()));
            }
        }
        let runs: Vec<store::RowCells> = tx.rows(
            "SELECT input, result, error, reason, activity, idempotency_key FROM run",
            (),
        )?;
        let steps: Vec<store::RowCells> =
            tx.rows("SELECT input, output, error FROM run_step", ())?;
        let attempts: Vec<(String,)> = tx.rows("SELECT error FROM run_attempt", ())?;
        all.push_str(&format!("{runs:?}{steps:?}{attempts:?}"));
        let blobs: Vec<(Option<Vec<u8>>,)> = tx.rows(
            "SELECT encrypted_output FROM run_step UNION ALL SELECT request FROM run_step",
            (),
        )?;
        let inputs: Vec<(Option<Vec<u8>>,)> = tx.rows("SELECT encrypted_input FROM run", ())?;
        for bytes in blobs.into_iter().chain(inputs).filter_map(|(bytes,)| bytes) {
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok::<_, store::Error>(all)
    };
    world.test.db.read_unscoped(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_used_and_never_stored_in_clear() {
    on_each_engine(|test| async move {
        let server = Server::with_handler(|request| {
            let token = request.header("authorization").unwrap_or_default().to_owned();
            ServerReply::json(&json!({"you": token, "pin": 987654}))
        });
        let mut world = World::new(test).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        let values = json!({"token": TOKEN, "pin": 987654, "deep": {"list": ["hush-hush"]}});
        let secret = NewVariables {
            classification: Some("secret".into()),
            variables: values.as_object().unwrap().clone(),
            ..NewVariables::default()
        };
        put_variable_set(&engine, &principal, "bank", secret).await.unwrap();
        put_task(&engine, &principal, "child", NewTask::default()).await.unwrap();
        world.task("child", "steps: [{name: echo, type: jsonata_template, options: {template: '{\"again\": input.token & \"!\"}'}}]").await;
        let document = format!(
            r#"
steps:
- {{name: make, type: jsonata_template, options: {{template: '{{"header": "Bearer " & variables.token, "n": variables.pin, "open": "yes"}}'}}}}
- name: call
  type: http_request
  options: {{url: '{}', method: POST}}
  dynamicOptions: {{headers: '{{"authorization": steps.make.data.header}}', body: '{{"pin": variables.pin, "word": variables.deep.list[0]}}'}}
- name: check
  type: jsonata_template
  options: {{template: '{{"same": steps.call.data.body.you = "Bearer " & variables.token, "pin": steps.call.data.body.pin}}'}}
- {{name: child, type: invoke_task, options: {{taskName: child}}, dynamicOptions: {{input: '{{"token": variables.token}}'}}}}
- {{name: kept, type: invoke_task, options: {{taskName: child}}, dynamicOptions: {{idempotencyKey: variables.token, activity: 'variables.token'}}}}
- {{name: ask, type: http_request, dynamicOptions: {{url: '"{0}?t=" & $encodeUrlComponent(variables.token)'}}}}
- {{name: keep, type: data_model_update, dynamicOptions: {{assets: '[{{"name": "a", "description": "none"}}]'}}}}
- {{name: bad, type: jsonata_template, options: {{template: '$error("no " & variables.token)'}}}}
"#,
            server.url("/x")
        );
        put_task(&engine, &principal, "t", NewTask { variable_set: Some("bank".into()), ..NewTask::default() }).await.unwrap();
        workflow::post_version(&engine, &principal, "t", &document, workflow::Format::Yaml).await.unwrap();
        let run = world.run_task("t", "{}").await;

        let request = &server.requests()[0];
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()), "the secret itself was sent");
        assert_eq!(request.json(), json!({"pin": 987654, "word": "hush-hush"}));
        assert_eq!(data_of(&run, "make"), json!({"header": "Bearer •••", "n": "•••", "open": "yes"}));
        assert_eq!(data_of(&run, "check"), json!({"same": true, "pin": "•••"}), "later steps see the unmasked value");
        assert_eq!(run.error.as_ref().unwrap().code, "workflow.expression_error");
        let shown = serde_json::to_string(&run).unwrap();
        let child = world.run(data_of(&run, "child").as_str().unwrap().parse().unwrap()).await;
        assert_succeeded(&child);
        assert_eq!(child.input.as_str(), r#"{"token":"•••"}"#);
        assert_eq!(data_of(&child, "echo"), json!({"again": "•••!"}), "a child run masks the secrets of its parent");

        let stored = dump(&world).await + &shown + &serde_json::to_string(&child).unwrap();
        for secret in [TOKEN, "tok-8d1f", "987654", "hush-hush", "77%5Cx"] {
            assert!(!stored.contains(secret), "{secret} is stored in clear");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_set_fails_only_the_run() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .task(
                "t",
                "steps: [{name: a, type: jsonata_template, options: {template: variables.x}}]",
            )
            .await;
        let task = NewTask {
            variable_set: Some("later".into()),
            ..NewTask::default()
        };
        workflow::patch_task(&world.workflow, &world.principal, "t", task)
            .await
            .unwrap();
        let run = world.run_task("t", "{}").await;
        assert_eq!(run.error.unwrap().code, "workflow.unknown_resource");
        let set = NewVariables {
            variables: json!({"x": "y"}).as_object().unwrap().clone(),
            ..NewVariables::default()
        };
        put_variable_set(&world.workflow, &world.principal, "later", set)
            .await
            .unwrap();
        workflow::retry(&world.workflow, &world.principal, run.id)
            .await
            .unwrap();
        world.run_until_idle().await;
        let run = world.run(run.id).await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "a"), "y");
    })
    .await;
}
