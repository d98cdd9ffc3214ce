//! Waits for submissions, and crashes around them.

use crate::world::{World, assert_succeeded};
use std::time::Duration;
use testkit::on_each_engine;
use workflow::Settings;
use workflow::state::StepState;

/// Longer than a turn that reads the facts of a submission and records its outcome.
const TURN: Duration = Duration::from_millis(12);
/// How often the turn is interrupted, each time a little later.
const ATTEMPTS: u32 = 24;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_during_a_check_delays_nothing() {
    on_each_engine(|test| async move {
        let settings = Settings { poll_submission_ms: 24 * 3_600_000, ..Settings::default() };
        let Some(mut world) = World::on_chain(test, settings).await else { return };
        world.allow_everything().await;
        let document = format!(
            "steps: [{{name: pay, type: contract_invoke, options: {{signer: '{0}', contract: '{0}', method: nothing, abi: [{{type: function, name: nothing, inputs: []}}]}}}}]",
            world.signer
        );
        world.task("pay", &document).await;
        for attempt in 0..ATTEMPTS {
            let id = world.start_run("pay", "{}").await;
            world.run_until_idle().await;
            world.node().mine(3);
            while world.index_blocks().await {}
            // Somewhere between reading that the submission is final and recording it.
            let _ = tokio::time::timeout(TURN / ATTEMPTS * attempt, world.worker.turn()).await;
            world = world.crash_and_restart().await;
            world.run_until_idle().await;
            let run = world.run(id).await;
            assert_eq!(run.steps[0].state, StepState::Done, "interruption {attempt}: {:?}", run.reason);
            assert_succeeded(&run);
        }
    })
    .await;
}
