//! Isolation of failures.

use crate::world::{World, assert_succeeded, principal_in};
use testkit::on_each_engine;
use workflow::state::State;
use workflow::{Format, NewRun, NewTask, Settings};

const QUICK: &str = "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]";
const ENDLESS: &str = "steps: [{name: a, type: jsonata_template, options: {template: '($f := function(){ $f() }; $f())'}}]";

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_run_fails_and_the_others_continue() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", QUICK).await;
        let (wrong_step_count, missing_row, good) = (
            world.start_run("t", "1").await,
            world.start_run("t", "2").await,
            world.start_run("t", "3").await,
        );
        let lease = world.test.lease("test/0").await;
        let damage = world
            .test
            .db
            .on(&lease)
            .write(&world.principal.namespace, move |tx| {
                tx.execute(
                    "UPDATE run SET steps = 7 WHERE namespace = ?ns AND id = ?1",
                    (wrong_step_count,),
                )?;
                tx.execute(
                    "UPDATE run SET step_state = 'waiting' WHERE namespace = ?ns AND id = ?1",
                    (missing_row,),
                )?;
                Ok::<_, store::Error>(())
            });
        damage.await.unwrap();
        world.run_until_idle().await;
        assert_succeeded(&world.run(good).await);
        for id in [wrong_step_count, missing_row] {
            let run = world.run(id).await;
            assert_eq!(
                (run.state, run.error.unwrap().code.as_str()),
                (State::Failed, "workflow.corrupt")
            );
        }
        assert_succeeded(&world.run_task("t", "{}").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_namespace_leaves_capacity_for_others() {
    on_each_engine(|test| async move {
        let settings = Settings {
            in_flight: 4,
            in_flight_per_namespace: 2,
            expression_ms: 200,
            ..Settings::default()
        };
        let mut world = World::with(test, settings).await;
        world.task("endless", ENDLESS).await;
        for _ in 0..30 {
            world.start_run("endless", "{}").await;
        }
        let other = principal_in("other");
        let engine = world.workflow.clone();
        workflow::put_task(&engine, &other, "t", NewTask::default())
            .await
            .unwrap();
        workflow::post_version(&engine, &other, "t", QUICK, Format::Yaml)
            .await
            .unwrap();
        let new = NewRun {
            task: "t".into(),
            version: None,
            input: crate::world::json("{}"),
            idempotency_key: None,
            activity: None,
        };
        let id = workflow::start(&engine, &other, new)
            .await
            .unwrap()
            .run()
            .id;
        let mut turns = 0;
        while workflow::run(&engine, &other, id).await.unwrap().state != State::Succeeded {
            world.worker.turn().await.unwrap();
            turns += 1;
            assert!(
                turns < 6,
                "thirty endless expressions delay a fast run of another namespace"
            );
        }
    })
    .await;
}
