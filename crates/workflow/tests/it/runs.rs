//! Starting, reading, cancelling and retrying runs.

use crate::world::{World, assert_succeeded, principal_in};
use testkit::on_each_engine;
use types::{Coded, Page};
use workflow::state::State;
use workflow::{NewRun, RunFilter, Started, cancel, dismiss, retry, run, runs, start};

const TASK: &str = "steps: [{name: a, type: jsonata_template, options: {template: input}}]";

fn new(task: &str, key: Option<&str>, input: &str) -> NewRun {
    NewRun {
        task: task.into(),
        version: None,
        input: crate::world::json(input),
        idempotency_key: key.map(str::to_owned),
        activity: Some("story".into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_starts_one_run_and_rejections_do_not_consume_it() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        let error = start(&engine, &principal, new("t", Some("k"), "{}")).await.unwrap_err();
        assert_eq!(error.code().code, "workflow.unknown_resource");
        workflow::put_task(&engine, &principal, "t", workflow::NewTask::default()).await.unwrap();
        assert_eq!(start(&engine, &principal, new("t", Some("k"), "{}")).await.unwrap_err().code().code, "workflow.no_version");
        world.task("t", TASK).await;

        let first = start(&engine, &principal, new("t", Some("k"), r#"{"a": 1, "b": 2}"#)).await.unwrap();
        assert!(matches!(first, Started::Created(_)));
        world.run_until_idle().await;
        let again = start(&engine, &principal, new("t", Some("k"), r#"{"b":2,"a":1}"#)).await.unwrap();
        assert!(matches!(&again, Started::Replayed(run) if run.id == first.run().id && run.state == State::Succeeded));
        let other = start(&engine, &principal, new("t", Some("k"), r#"{"a": 2}"#)).await.unwrap_err();
        assert_eq!(other.code().code, "workflow.idempotency_key_reused");
        let other_namespace = start(&engine, &principal_in("other"), new("t", Some("k"), "{}")).await.unwrap_err();
        assert_eq!(other_namespace.code().code, "workflow.unknown_resource", "another namespace has its own tasks");
        assert!(start(&engine, &principal, new("t", Some(""), "{}")).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_selected_and_paged() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", TASK).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        for n in 0..50 {
            let run = new("t", None, &n.to_string());
            start(&engine, &principal, run).await.unwrap();
        }
        world.run_until_idle().await;
        let done = runs(
            &engine,
            &principal,
            RunFilter {
                state: Some(State::Succeeded),
                ..RunFilter::default()
            },
            Page::new(Some(100), None, None).unwrap(),
        );
        assert_eq!(done.await.unwrap().len(), 50);
        let filter = RunFilter {
            activity: Some("story".into()),
            task: Some("t".into()),
            ..RunFilter::default()
        };
        let page = Page::new(Some(10), Some(45), None).unwrap();
        assert_eq!(
            runs(&engine, &principal, filter, page).await.unwrap().len(),
            5
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ended_cannot_be_changed() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", TASK).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        let id = world.start_run("t", "{}").await;
        let cancelled = cancel(&engine, &principal, id).await.unwrap();
        assert_eq!(cancelled.state, State::Cancelled);
        world.run_until_idle().await;
        let shown = world.run(id).await;
        assert_eq!((shown.state, shown.steps.len()), (State::Cancelled, 0));
        for error in [
            cancel(&engine, &principal, id).await,
            retry(&engine, &principal, id).await,
            dismiss(&engine, &principal, id).await,
        ] {
            assert_eq!(error.unwrap_err().code().code, "workflow.wrong_state");
        }
        let done = world.run_task("t", "{}").await;
        assert_succeeded(&done);
        assert!(cancel(&engine, &principal, done.id).await.is_err());
        let stranger = principal_in("other");
        assert_eq!(
            run(&engine, &stranger, done.id)
                .await
                .unwrap_err()
                .code()
                .code,
            "workflow.unknown_resource"
        );
        assert_eq!(
            cancel(&engine, &stranger, done.id)
                .await
                .unwrap_err()
                .code()
                .code,
            "workflow.unknown_resource"
        );
        assert!(
            runs(&engine, &stranger, RunFilter::default(), Page::default())
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_version_it_started_with() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .task(
                "t",
                "steps: [{name: a, type: jsonata_template, options: {template: '\"old\"'}}]",
            )
            .await;
        let old = world.start_run("t", "{}").await;
        world
            .task(
                "t",
                "steps: [{name: a, type: jsonata_template, options: {template: '\"new\"'}}]",
            )
            .await;
        let pinned = NewRun {
            version: Some("2026.01.01".into()),
            ..new("t", None, "{}")
        };
        let pinned = start(&world.workflow, &world.principal, pinned)
            .await
            .unwrap()
            .run()
            .id;
        let fresh = world.start_run("t", "{}").await;
        world.run_until_idle().await;
        for (id, expected) in [(old, "old"), (pinned, "old"), (fresh, "new")] {
            assert_eq!(crate::world::data_of(&world.run(id).await, "a"), expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_runs_of_a_namespace_are_limited() {
    on_each_engine(|test| async move {
        let settings = workflow::Settings {
            open_runs_per_namespace: 2,
            ..Default::default()
        };
        let mut world = World::with(test, settings).await;
        world.task("t", TASK).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        for _ in 0..2 {
            start(&engine, &principal, new("t", None, "{}"))
                .await
                .unwrap();
        }
        let error = start(&engine, &principal, new("t", Some("k"), "{}"))
            .await
            .unwrap_err();
        assert_eq!(error.code().code, "workflow.limit_exceeded");
        world.run_until_idle().await;
        assert!(
            start(&engine, &principal, new("t", Some("k"), "{}"))
                .await
                .is_ok(),
            "a rejection does not consume the key"
        );
    })
    .await;
}
