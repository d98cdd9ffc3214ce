//! Isolation of failures.

use crate::world::{World, assert_succeeded, somebody};
use testkit::on_each_engine;
use workflow::state::State;
use workflow::{Format, NewRun, NewTask, Settings};

const QUICK: &str = "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]";
const ENDLESS: &str = "steps: [{name: a, type: jsonata_template, options: {template: '($f := function(){ $f() }; $f())'}}]";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_is_set_aside_and_the_others_go_on() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        world.task("t", QUICK).await;
        let (bad, worse, good) = (
            world.begin("t", "1").await,
            world.begin("t", "2").await,
            world.begin("t", "3").await,
        );
        let lease = world.test.lease("test/0").await;
        let damage = world
            .test
            .db
            .on(&lease)
            .write(&world.principal.namespace, move |tx| {
                tx.execute(
                    "UPDATE run SET steps = 7 WHERE namespace = ?ns AND id = ?1",
                    (bad,),
                )?;
                tx.execute(
                    "UPDATE run SET step_state = 'waiting' WHERE namespace = ?ns AND id = ?1",
                    (worse,),
                )?;
                Ok::<_, store::Error>(())
            });
        damage.await.unwrap();
        world.settle().await;
        assert_succeeded(&world.run(good).await);
        for id in [bad, worse] {
            let run = world.run(id).await;
            assert_eq!(
                (run.state, run.error.unwrap().code.as_str()),
                (State::Failed, "workflow.corrupt")
            );
        }
        assert_succeeded(&world.through("t", "{}").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_busy_leaves_room_for_others() {
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
            world.begin("endless", "{}").await;
        }
        let other = somebody("other");
        let flow = world.workflow.clone();
        workflow::put_task(&flow, &other, "t", NewTask::default())
            .await
            .unwrap();
        workflow::post_version(&flow, &other, "t", QUICK, Format::Yaml)
            .await
            .unwrap();
        let new = NewRun {
            task: "t".into(),
            version: None,
            input: crate::world::json("{}"),
            idempotency_key: None,
            activity: None,
        };
        let id = workflow::start(&flow, &other, new).await.unwrap().run().id;
        let mut turns = 0;
        while workflow::run(&flow, &other, id).await.unwrap().state != State::Succeeded {
            world.worker.turn().await.unwrap();
            turns += 1;
            assert!(
                turns < 6,
                "thirty endless expressions go before one that takes no time"
            );
        }
    })
    .await;
}
