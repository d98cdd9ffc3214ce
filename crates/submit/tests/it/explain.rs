use crate::world::World;
use submit::Explanation;
use testkit::on_each_engine;
use types::SubmissionId;

async fn explain(world: &World, id: SubmissionId) -> Explanation {
    submit::explain(&world.submit, &world.principal, id)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_names_what_blocks_a_submission() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(5)).await;
        world.turn().await;
        let lane = "UPDATE submission_lane SET paused = 'no funds'";
        world.execute(lane).await;
        world
            .execute("UPDATE submission SET state = 'signed'")
            .await;
        let paused = explain(&world, id).await;
        assert!(paused.reason.unwrap().ends_with("is paused: no funds"));
        assert!(
            paused.actions[0].contains("/resume"),
            "{:?}",
            paused.actions
        );

        let never = i64::MAX;
        world
            .execute(&format!(
                "UPDATE submission SET state = 'accepted', next_at = {never}"
            ))
            .await;
        let suspended = explain(&world, id).await;
        assert_eq!((suspended.reason, suspended.next_at), (None, None));
        assert!(suspended.next_step.contains("its cancel is signed"));
    })
    .await;
}
