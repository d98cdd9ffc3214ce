//! Semantics of steps: skipping, ending a run, and the values that expressions see.

use crate::world::{World, assert_succeeded, data_of, json};
use serde_json::json;
use testkit::on_each_engine;
use types::Json;
use workflow::state::{State, StepState};

#[tokio::test(flavor = "multi_thread")]
async fn expressions_see_the_input_previous_steps_and_the_run() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let document = r#"
policies: []
steps:
- name: first
  type: jsonata_template
  options: {template: '{"sum": $amountAdd(input.a, input.b), "at": $now(), "list": [1, 2]}'}
- name: left-out
  type: jsonata_template
  skip: steps.first.data.sum != "0"
  options: {template: '"never"'}
- name: second
  type: jsonata_template
  options:
    template: |-
      {"doubled": $amountMul(steps.first.data.sum, 2), "gap": $exists(steps.`left-out`), "task": run.task, "count": $count(steps.first.data.list)}
  return: {result: '[steps.second.data.doubled, run.id]'}
- name: third
  type: jsonata_template
  options: {template: '"never"'}
"#;
        world.task("t", document).await;
        let run = world.run_task("t", r#"{"a": 1000000000000000000000000, "b": "1"}"#).await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "first")["sum"], "1000000000000000000000001");
        assert_eq!(data_of(&run, "first")["at"], "2026-01-01T00:00:00.000000Z");
        let second = json!({"doubled": "2000000000000000000000002", "gap": false, "task": "t", "count": 2});
        assert_eq!(data_of(&run, "second"), second);
        assert_eq!(run.result, Some(json(&format!("[\"2000000000000000000000002\",\"{}\"]", run.id))));
        let states: Vec<StepState> = run.steps.iter().map(|step| step.state).collect();
        assert_eq!(states, [StepState::Done, StepState::Skipped, StepState::Done], "a return ends the run");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clauses_end_the_run() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let document = r#"
steps:
- name: a
  type: jsonata_template
  options: {template: input}
  fail: {when: data = "x" or steps.a.data.no, code: not_allowed, message: it said no, dynamicMessage: '"it said " & steps.a.data.no'}
  return: {when: steps.a.data.give, result: steps.a.data.give}
  stopCondition: steps.a.data.stop
- name: b
  type: jsonata_template
  options: {template: '"went on"'}
"#;
        world.task("t", document).await;
        let continued = world.run_task("t", "{}").await;
        assert_succeeded(&continued);
        assert_eq!(data_of(&continued, "b"), "went on");
        let stopped = world.run_task("t", r#"{"stop": true}"#).await;
        assert_eq!((stopped.state, stopped.steps.len(), stopped.result), (State::Succeeded, 1, None));
        let returned = world.run_task("t", r#"{"give": {"n": 1}, "stop": true}"#).await;
        assert_eq!((returned.state, returned.steps.len(), returned.result), (State::Succeeded, 1, Some(json(r#"{"n":1}"#))));
        let failed = world.run_task("t", r#"{"no": "never", "give": 1}"#).await;
        let error = failed.error.clone().unwrap();
        assert_eq!((failed.state, error.code.as_str(), error.message.as_str()), (State::Failed, "not_allowed", "it said never"));
        assert_eq!(error.step.as_deref(), Some("a"));
        assert_eq!(failed.steps[0].state, StepState::Done, "the step itself is done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undefined_dynamic_option_is_ignored() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let document = r#"
steps:
- name: put
  type: data_model_update
  options: {assets: [{name: literal}]}
  dynamicOptions:
    assets: input.assets
    collections: 'input.collections.{"name": $}'
- name: ask
  type: data_model_query
  options: {assets: {sort: [name], fields: [name]}, collections: {}}
"#;
        world.task("t", document).await;
        let run = world
            .run_task("t", r#"{"collections": ["only one"]}"#)
            .await;
        assert_succeeded(&run);
        let queried = data_of(&run, "ask");
        assert_eq!(
            queried["assets"]["items"],
            json!([{"name": "literal"}]),
            "the literal option stays"
        );
        assert_eq!(
            queried["collections"]["items"][0]["name"], "only one",
            "a one-element list is a list"
        );
        assert_eq!(
            data_of(&run, "put")["assets"]["created"][0]["name"],
            "literal"
        );
        let run = world
            .run_task("t", r#"{"assets": [{"name": "dynamic"}]}"#)
            .await;
        assert_succeeded(&run);
        assert!(
            data_of(&run, "put")["assets"]["created"]
                .to_string()
                .contains("dynamic"),
            "dynamic options win"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_step_can_ask_for_every_type_of_the_data_model() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let types = data::Type::QUERYABLE.map(data::Type::plural);
        let options = types.map(|name| format!("{name}: {{limit: 1}}")).join(", ");
        let document =
            format!("steps: [{{name: ask, type: data_model_query, options: {{{options}}}}}]");
        world.task("t", &document).await;
        let run = world.run_task("t", "{}").await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "ask")["balances"]["items"], json!([]));
        assert_eq!(data_of(&run, "ask").as_object().unwrap().len(), types.len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_update_fails_its_step_and_changes_nothing() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let document = r#"
steps:
- name: put
  type: data_model_update
  dynamicOptions: {assets: '[{"name": "a"}, {"name": "b", "collection": input.collection}]', collections: 'input.made.{"name": $}'}
- name: more
  type: data_model_update
  options: {assets: [{name: c}]}
"#;
        world.task("t", document).await;
        let run = world.run_task("t", r#"{"collection": "missing"}"#).await;
        let error = run.error.clone().unwrap();
        assert_eq!((run.state, error.code.as_str()), (State::Failed, "data.bad_reference"));
        assert!(error.message.contains("KA090801"), "{}", error.message);
        assert_eq!(world.query(r#"{"assets": {}}"#).await["assets"]["items"], json!([]));

        // Once the missing object exists, the run resumes at the step that failed.
        data::bulk_update(&world.data, &world.principal, r#"{"collections": [{"name": "missing"}]}"#).await.unwrap();
        workflow::retry(&world.workflow, &world.principal, run.id).await.unwrap();
        world.run_until_idle().await;
        let run = world.run(run.id).await;
        assert_succeeded(&run);
        assert_eq!((run.steps[0].round, run.steps[0].attempts.len()), (1, 1));
        assert_eq!(world.query(r#"{"assets": {}}"#).await["assets"]["items"].as_array().unwrap().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clauses_after_an_update_see_its_result() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let document = r#"
steps:
- name: put
  type: data_model_update
  dynamicOptions: {assets: '[{"name": input.name, "updateType": "create_or_ignore"}]'}
  fail: {when: $exists(steps.put.data.assets.ignored), code: seen, message: seen before}
- name: after
  type: jsonata_template
  options: {template: 'steps.put.data.assets.created[0].name'}
"#;
        world.task("t", document).await;
        let run = world.run_task("t", r#"{"name": "a"}"#).await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "after"), "a");
        let again = world.run_task("t", r#"{"name": "a"}"#).await;
        assert_eq!(
            (again.state, again.error.unwrap().code.as_str()),
            (State::Failed, "seen")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_expression_is_named() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let bad = [
            (
                r#"options: {template: input.a * 2}"#,
                "dynamicOptions.template",
            ),
            (r#"options: {template: '1'}, skip: input.a * 2"#, "skip"),
            (
                r#"options: {template: '1'}, stopCondition: input.a * 2"#,
                "stopCondition",
            ),
            (
                r#"options: {template: '1'}, return: {result: input.a * 2}"#,
                "return.result",
            ),
            (
                r#"options: {template: '9007199254740992 * 4'}"#,
                "dynamicOptions.template",
            ),
            (
                r#"options: {template: '($f := function(){ $f() }; $f())'}"#,
                "dynamicOptions.template",
            ),
        ];
        for (index, (step, field)) in bad.into_iter().enumerate() {
            let task = format!("t{index}");
            world
                .task(
                    &task,
                    &format!("steps: [{{name: a, type: jsonata_template, {step}}}]"),
                )
                .await;
            let run = world.run_task(&task, r#"{"a": "x"}"#).await;
            let error = run.error.clone().unwrap();
            assert_eq!(
                (run.state, error.code.as_str()),
                (State::Failed, "workflow.expression_error"),
                "{step}"
            );
            assert!(error.message.contains(field), "{step}: {}", error.message);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_starts_no_run() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .task(
                "child",
                "steps: [{name: a, type: jsonata_template, options: {template: input}}]",
            )
            .await;
        let parent = r#"
steps:
- name: one
  type: invoke_task
  options: {taskName: child, activity: story}
  dynamicOptions: {idempotencyKey: input.key, input: '{"n": input.n}'}
- name: two
  type: invoke_task
  options: {taskName: child}
  dynamicOptions: {idempotencyKey: input.key, input: '{"n": "another"}'}
"#;
        world.task("parent", parent).await;
        let run = world.run_task("parent", r#"{"key": "k", "n": "1"}"#).await;
        assert_succeeded(&run);
        assert_eq!(
            data_of(&run, "one"),
            data_of(&run, "two"),
            "the second step finds the run of the first"
        );
        let child = world
            .run(data_of(&run, "one").as_str().unwrap().parse().unwrap())
            .await;
        assert_succeeded(&child);
        assert_eq!(data_of(&child, "a"), json!({"n": "1"}));
        assert_eq!(child.activity.as_deref(), Some("story"));
        assert_eq!(
            serde_json::to_value(&child.origin).unwrap()["run"],
            run.id.to_string()
        );
        let without_key = world.run_task("parent", r#"{"n": "1"}"#).await;
        assert_ne!(
            data_of(&without_key, "one"),
            data_of(&without_key, "two"),
            "without a key there are two runs"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_starts_itself_is_stopped_at_the_depth_limit() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .task(
                "loop",
                "steps: [{name: again, type: invoke_task, options: {taskName: loop}}]",
            )
            .await;
        world.start_run("loop", "{}").await;
        for _ in 0..10 {
            world.run_until_idle().await;
        }
        let page = types::Page::new(Some(1_000), None, None).unwrap();
        let runs = workflow::runs(
            &world.workflow,
            &world.principal,
            workflow::RunFilter::default(),
            page,
        )
        .await
        .unwrap();
        let failed: Vec<_> = runs
            .iter()
            .filter(|run| run.state == State::Failed)
            .collect();
        assert_eq!(
            (runs.len(), failed.len()),
            (65, 1),
            "one run and 64 descendants"
        );
        assert_eq!(
            failed[0].error.as_ref().unwrap().code,
            "workflow.limit_exceeded"
        );
        assert_eq!(
            serde_json::to_value(&failed[0].origin).unwrap()["depth"],
            64
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_task_fails_the_step() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .task("parent", "steps: [{name: one, type: invoke_task, options: {taskName: nobody, idempotencyKey: k}}]")
            .await;
        let run = world.run_task("parent", "{}").await;
        assert_eq!((run.state, run.error.unwrap().code.as_str()), (State::Failed, "workflow.unknown_resource"));
        world.task("nobody", "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]").await;
        workflow::retry(&world.workflow, &world.principal, run.id).await.unwrap();
        world.run_until_idle().await;
        assert_succeeded(&world.run(run.id).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_step_evaluates_and_enforces_the_policy() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let document = "package desk\ndefault allow := false\nallow if { input.labels.desk == \"fx\" }\n\
                        deny contains \"not this desk\" if { input.labels.desk == \"rates\" }\n";
        policy::put_policy(&world.policy, &world.principal, "desk", policy::NewPolicy::default()).await.unwrap();
        let new = policy::NewVersion { description: String::new(), document: document.into(), example_input: None };
        policy::add_version(&world.policy, &world.principal, "desk", new).await.unwrap();
        let steps = |on_deny: &str| {
            format!(
                "steps:\n- {{name: ask, type: policy, options: {{policy: desk, onDeny: {on_deny}}}, \
                 dynamicOptions: {{input: '{{\"labels\": {{\"desk\": input.desk}}}}'}}}}\n"
            )
        };
        world.task("strict", &steps("fail")).await;
        world.task("lenient", &steps("continue")).await;
        let permitted = world.run_task("strict", r#"{"desk": "fx"}"#).await;
        assert_succeeded(&permitted);
        assert_eq!(
            (&data_of(&permitted, "ask")["allowed"], &data_of(&permitted, "ask")["result"]),
            (&json!(true), &json!("permit"))
        );
        let denied = world.run_task("strict", r#"{"desk": "rates"}"#).await;
        let error = denied.error.unwrap();
        assert_eq!((denied.state, error.code.as_str()), (State::Failed, "workflow.policy_denied"));
        assert!(error.message.contains("not this desk"), "{}", error.message);
        let result = world.run_task("lenient", r#"{"desk": "else"}"#).await;
        assert_succeeded(&result);
        assert_eq!(data_of(&result, "ask")["allowed"], false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_values_are_rejected_and_not_truncated() {
    on_each_engine(|test| async move {
        let settings = workflow::Settings { value_bytes: 10_000, context_bytes: 25_000, ..Default::default() };
        let mut world = World::with(test, settings).await;
        let new = workflow::NewRun {
            task: "t".into(),
            version: None,
            input: json(&format!("\"{}\"", "x".repeat(10_000))),
            idempotency_key: None,
            activity: None,
        };
        world
            .task("t", "steps: [{name: a, type: jsonata_template, options: {template: '$pad(\"\", 20000, \"x\")'}}]")
            .await;
        let refused = workflow::start(&world.workflow, &world.principal, new).await.unwrap_err();
        assert_eq!(types::Coded::code(&refused).code, "workflow.limit_exceeded");
        let run = world.run_task("t", "{}").await;
        assert_eq!((run.state, run.error.unwrap().code.as_str()), (State::Failed, "workflow.expression_error"));

        let wide = (0..4).map(|n| {
            format!("- {{name: s{n}, type: jsonata_template, options: {{template: '$pad(\"\", 9000, \"x\")'}}}}\n")
        });
        world.task("wide", &format!("steps:\n{}", wide.collect::<String>())).await;
        let run = world.run_task("wide", "{}").await;
        assert_eq!((run.state, run.error.unwrap().code.as_str()), (State::Failed, "workflow.limit_exceeded"));
        assert_eq!(run.step, 3, "three of them fit into the context limit");
        assert_eq!(run.steps[0].output.as_ref().map(|data: &Json| data.as_str().len()), Some(9_002));
    })
    .await;
}
