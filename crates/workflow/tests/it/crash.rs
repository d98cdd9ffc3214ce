//! Crashes between steps and inside each kind of effect, verified by what the receiver counted.

use crate::world::{World, assert_succeeded, data_of};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use testkit::http::{Server, ServerReply};
use testkit::{LEASE_MS, on_each_engine};
use workflow::Settings;
use workflow::state::State;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_step_repeats_none() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::with(test, Settings { steps_per_turn: 1, ..Settings::default() }).await;
        world.task("child", "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]").await;
        let document = format!(
            r#"
steps:
- {{name: one, type: jsonata_template, options: {{template: '{{"name": "a" & input.n}}'}}}}
- name: put
  type: data_model_update
  dynamicOptions: {{assets: '[{{"updateType": "create_only", "name": steps.one.data.name}}]'}}
  stopCondition: $not($exists(steps.put.data.assets.created))
- {{name: call, type: http_request, options: {{url: '{}', method: POST}}, stopCondition: steps.call.data.status != 200}}
- {{name: begin, type: invoke_task, options: {{taskName: child}}}}
- {{name: ask, type: data_model_query, options: {{assets: {{count: true}}}}}}
- {{name: last, type: jsonata_template, options: {{template: '$now()'}}, return: {{result: steps.ask.data.assets.total}}}}
"#,
            server.url("/x")
        );
        world.task("t", &document).await;
        let id = world.start_run("t", r#"{"n": "1"}"#).await;
        let mut turns = 0;
        while world.run(id).await.state != State::Succeeded {
            world.worker.turn().await.unwrap();
            world = world.crash_and_restart().await;
            turns += 1;
            assert!(turns < 40, "{:?}", world.run(id).await);
        }
        world.run_until_idle().await;
        assert!(turns >= 6, "each step took a turn of its own");
        let run = world.run(id).await;
        assert_eq!(run.result.as_ref().map(types::Json::as_str), Some("1"));
        assert_eq!(server.count_by_header("idempotency-key"), [(format!("{id}/call/0"), 1)].into());
        let filter = workflow::RunFilter { task: Some("child".into()), ..Default::default() };
        assert_eq!(workflow::runs(&world.workflow, &world.principal, filter, types::Page::default()).await.unwrap().len(), 1);
        assert_eq!(world.query(r#"{"assets": {}}"#).await["assets"]["items"].as_array().unwrap().len(), 1);
    })
    .await;
}

/// A run whose call is in progress when the process stops.
async fn start_interrupted_call(world: &mut World, server: &Server, task: &str) -> types::RunId {
    server.script([ServerReply::NoResponse]);
    let (before, id) = (server.count(), world.start_run(task, "{}").await);
    {
        let turn = world.worker.turn();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                _ = &mut turn => panic!("there is no answer, so the turn cannot end"),
                () = tokio::task::yield_now() => if server.count() > before { break },
            }
        }
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_during_a_call_is_handled_as_declared() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let steps = |method: &str, more: &str| {
            format!("steps: [{{name: call, type: http_request, timeout: 10000, {more} options: {{url: '{}', method: {method}}}}}]", server.url("/x"))
        };
        world.task("post", &steps("POST", "")).await;
        world.task("declared", &steps("POST", "ambiguity: retry,")).await;
        world.task("get", &steps("GET", "")).await;
        for (task, state, calls) in [("post", State::Parked, 1), ("declared", State::Succeeded, 2), ("get", State::Succeeded, 2)] {
            let id = start_interrupted_call(&mut world, &server, task).await;
            world = world.crash_and_restart().await;
            world.run_until_idle().await;
            assert_eq!(world.run(id).await.state, State::Running, "{task}: the call may still be in progress");
            world.wait(10_000).await;
            world.wait(i64::try_from(LEASE_MS).unwrap()).await;
            world.run_until_idle().await;
            let run = world.run(id).await;
            assert_eq!(run.state, state, "{task}: {:?}", run.error);
            assert_eq!(server.count_by_header("idempotency-key")[&format!("{id}/call/0")], calls, "{task}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_recorded_does_not_count() {
    on_each_engine(|test| async move {
        // The call arrives; before the answer is recorded, another worker takes over the lease.
        let lease_taken = Arc::new(AtomicBool::new(false));
        let (db, clock, swapped) = (Mutex::new(Some(test.db.clone())), test.clock.clone(), lease_taken.clone());
        let handle = tokio::runtime::Handle::current();
        let server = Server::with_handler(move |_| {
            if !swapped.swap(true, Ordering::SeqCst) {
                clock.advance_millis(i64::try_from(LEASE_MS).unwrap() + 1);
                let db = db.lock().unwrap().take().unwrap();
                handle.block_on(db.lease(&workflow::shard_partition(0), LEASE_MS)).unwrap().expect("the old lease has expired");
            }
            ServerReply::json(&json!({"n": 1}))
        });
        let mut world = World::new(test).await;
        let document = format!(
            "steps: [{{name: call, type: http_request, ambiguity: retry, options: {{url: '{}', method: POST}}}}]",
            server.url("/x")
        );
        world.task("t", &document).await;
        let id = world.start_run("t", "{}").await;
        assert!(world.worker.turn().await.is_err(), "the worker reports the lost lease");
        assert_eq!((world.run(id).await.state, server.count()), (State::Running, 1));
        world = world.crash_and_restart().await;
        world.wait(31_000).await;
        world.wait(31_000).await;
        world.run_until_idle().await;
        let run = world.run(id).await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "call")["body"]["n"], 1);
        assert_eq!(server.count_by_header("idempotency-key"), [(format!("{id}/call/0"), 2)].into());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_renewal_when_most_of_the_lease_has_elapsed() {
    on_each_engine(|test| async move {
        let clock = test.clock.clone();
        let (calls, posts) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(0)));
        let counted = posts.clone();
        // The first call is lost; while the receiver is queried about it, most of the lease
        // elapses.
        let server = Server::with_handler(move |request| match (request.method.as_str(), calls.swap(true, Ordering::SeqCst)) {
            ("POST", first) => {
                *counted.lock().unwrap() += 1;
                if first { ServerReply::json(&json!({"n": 1})) } else { ServerReply::Drop }
            }
            _ => {
                clock.advance_millis(i64::try_from(LEASE_MS).unwrap() * 3 / 4);
                ServerReply::status(404)
            }
        });
        let mut world = World::new(test).await;
        let document = format!(
            "steps:\n- name: call\n  type: http_request\n  ambiguity: query\n  retry: {{attempts: 4, initial_ms: 0}}\n  options: {{url: '{0}', method: POST, query: {{url: '{0}'}}}}\n",
            server.url("/pay")
        );
        world.task("t", &document).await;
        let id = world.start_run("t", "{}").await;
        for _ in 0..5 {
            world.worker.turn().await.unwrap();
        }
        assert_eq!(*posts.lock().unwrap(), 1, "not sent again while the lease is about to expire");
        world.wait(1).await;
        world.run_until_idle().await;
        assert_succeeded(&world.run(id).await);
        assert_eq!(*posts.lock().unwrap(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_commits_only_with_the_record_of_its_step() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", "steps: [{name: put, type: data_model_update, options: {assets: [{name: a, updateType: create_only}]}}]").await;
        let id = world.start_run("t", "{}").await;
        // The run is cancelled while the step is prepared: exactly one of the two commits.
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        let (turn, cancelled) = tokio::join!(world.worker.turn(), workflow::cancel(&engine, &principal, id));
        turn.unwrap();
        world.run_until_idle().await;
        let run = world.run(id).await;
        let assets = world.query(r#"{"assets": {}}"#).await["assets"]["items"].as_array().unwrap().len();
        match run.state {
            State::Cancelled => assert_eq!((assets, cancelled.is_ok()), (0, true)),
            State::Succeeded => assert_eq!((assets, cancelled.is_ok()), (1, false)),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_survives_a_restart() {
    on_each_engine(|test| async move {
        let server = Server::start();
        let mut world = World::new(test).await;
        let document = format!(
            "steps: [{{name: call, type: http_request, retry: {{attempts: 2, initial_ms: 3600000, max_ms: 3600000}}, options: {{url: '{}', method: POST}}}}]",
            server.url("/x")
        );
        world.task("t", &document).await;
        server.script([ServerReply::status(503)]);
        let id = world.start_run("t", "{}").await;
        world.run_until_idle().await;
        let due = world.worker.next_due().await.unwrap().unwrap();
        assert_eq!(due, testkit::START.plus_millis(3_600_000));
        world = world.crash_and_restart().await;
        world.run_until_idle().await;
        assert_eq!((world.run(id).await.state, server.count()), (State::Waiting, 1));
        for _ in 0..360 {
            world.wait(10_000).await;
        }
        world.run_until_idle().await;
        assert_succeeded(&world.run(id).await);
        assert_eq!(server.count(), 2);
    })
    .await;
}
