//! Starting, reading, cancelling and retrying runs.

use crate::world::{World, assert_succeeded, somebody};
use testkit::on_each_engine;
use types::{Coded, Page};
use workflow::state::State;
use workflow::{NewRun, RunFilter, Started, cancel, dismiss, retry, run, runs, start, start_all};

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
async fn a_key_begins_one_run_and_refusals_burn_none() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (flow, principal) = (world.workflow.clone(), world.principal.clone());
        let refused = start(&flow, &principal, new("t", Some("k"), "{}")).await.unwrap_err();
        assert_eq!(refused.code().code, "workflow.unknown");
        workflow::put_task(&flow, &principal, "t", workflow::NewTask::default()).await.unwrap();
        assert_eq!(start(&flow, &principal, new("t", Some("k"), "{}")).await.unwrap_err().code().code, "workflow.no_version");
        world.task("t", TASK).await;

        let first = start(&flow, &principal, new("t", Some("k"), r#"{"a": 1, "b": 2}"#)).await.unwrap();
        assert!(matches!(first, Started::Created(_)));
        world.settle().await;
        let again = start(&flow, &principal, new("t", Some("k"), r#"{"b":2,"a":1}"#)).await.unwrap();
        assert!(matches!(&again, Started::Replayed(run) if run.id == first.run().id && run.state == State::Succeeded));
        let other = start(&flow, &principal, new("t", Some("k"), r#"{"a": 2}"#)).await.unwrap_err();
        assert_eq!(other.code().code, "workflow.key_reused");
        let elsewhere = start(&flow, &somebody("other"), new("t", Some("k"), "{}")).await.unwrap_err();
        assert_eq!(elsewhere.code().code, "workflow.unknown", "another namespace has its own tasks");
        assert!(start(&flow, &principal, new("t", Some(""), "{}")).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_begin_at_once_and_one_bad_stops_no_other() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", TASK).await;
        let (flow, principal) = (world.workflow.clone(), world.principal.clone());
        let mut all: Vec<NewRun> = (0..50).map(|n| new("t", None, &n.to_string())).collect();
        all.insert(10, new("nowhere", None, "{}"));
        let started = start_all(&flow, &principal, all).await.unwrap();
        assert_eq!(started.iter().filter(|one| one.is_ok()).count(), 50);
        world.settle().await;
        let done = runs(
            &flow,
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
            runs(&flow, &principal, filter, page).await.unwrap().len(),
            5
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_stays_as_it_is() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", TASK).await;
        let (flow, principal) = (world.workflow.clone(), world.principal.clone());
        let id = world.begin("t", "{}").await;
        let cancelled = cancel(&flow, &principal, id).await.unwrap();
        assert_eq!(cancelled.state, State::Cancelled);
        world.settle().await;
        let run_ = world.run(id).await;
        assert_eq!((run_.state, run_.steps.len()), (State::Cancelled, 0));
        for error in [
            cancel(&flow, &principal, id).await,
            retry(&flow, &principal, id).await,
            dismiss(&flow, &principal, id).await,
        ] {
            assert_eq!(error.unwrap_err().code().code, "workflow.wrong_state");
        }
        let done = world.through("t", "{}").await;
        assert_succeeded(&done);
        assert!(cancel(&flow, &principal, done.id).await.is_err());
        let stranger = somebody("other");
        assert_eq!(
            run(&flow, &stranger, done.id)
                .await
                .unwrap_err()
                .code()
                .code,
            "workflow.unknown"
        );
        assert_eq!(
            cancel(&flow, &stranger, done.id)
                .await
                .unwrap_err()
                .code()
                .code,
            "workflow.unknown"
        );
        assert!(
            runs(&flow, &stranger, RunFilter::default(), Page::default())
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_version_it_began_with() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world
            .task(
                "t",
                "steps: [{name: a, type: jsonata_template, options: {template: '\"old\"'}}]",
            )
            .await;
        let old = world.begin("t", "{}").await;
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
        let fresh = world.begin("t", "{}").await;
        world.settle().await;
        for (id, expected) in [(old, "old"), (pinned, "old"), (fresh, "new")] {
            assert_eq!(crate::world::data_of(&world.run(id).await, "a"), expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_can_have_only_so_many_runs_open() {
    on_each_engine(|test| async move {
        let settings = workflow::Settings {
            open_runs: 2,
            ..Default::default()
        };
        let mut world = World::with(test, settings).await;
        world.task("t", TASK).await;
        let (flow, principal) = (world.workflow.clone(), world.principal.clone());
        for _ in 0..2 {
            start(&flow, &principal, new("t", None, "{}"))
                .await
                .unwrap();
        }
        let full = start(&flow, &principal, new("t", Some("k"), "{}"))
            .await
            .unwrap_err();
        assert_eq!(full.code().code, "workflow.too_much");
        world.settle().await;
        assert!(
            start(&flow, &principal, new("t", Some("k"), "{}"))
                .await
                .is_ok(),
            "a refusal burned no key"
        );
    })
    .await;
}
