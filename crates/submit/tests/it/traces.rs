use crate::world::World;
use submit::State;
use testkit::on_each_engine;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn every_fact_of_a_submission_has_the_trace_of_its_request() {
    on_each_engine(|test| async move {
        let Some(mut world) = World::new(test).await else {
            return;
        };
        world.principal.trace = Some(TRACEPARENT.parse().unwrap());
        let id = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        world.mine(1).await;
        world.mine(2).await;
        assert_eq!(world.state(id).await, State::Final);
        let mut facts = world.facts().await;
        facts.retain(|fact| fact.correlation == Some(id.to_string()));
        for kind in ["received", "accepted", "mined", "final"] {
            let kind = format!("submission.{kind}");
            let of_kind = facts.iter().find(|fact| fact.kind == kind);
            let fact = of_kind.unwrap_or_else(|| panic!("no {kind} in {facts:?}"));
            assert_eq!(fact.trace, world.principal.trace, "{kind}");
        }
    })
    .await;
}
