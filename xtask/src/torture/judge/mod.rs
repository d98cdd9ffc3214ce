//! The judges. All but one are outside Florin: the chain, the receiver that counts calls by their
//! key, the receiver of every event, the verifier. The API is checked for agreement with them.

mod calls;
mod chain;
mod data_model;
mod events;

use super::load::Kind;
use super::world::World;
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Prints once what a long wait is waiting for.
struct SlowWait(Option<Instant>);

impl SlowWait {
    const AFTER: Duration = Duration::from_secs(10);

    fn start() -> Self {
        Self(Some(Instant::now()))
    }

    fn print_once(&mut self, waiting_for: impl FnOnce() -> String) {
        if self
            .0
            .is_some_and(|started| started.elapsed() > Self::AFTER)
        {
            println!(
                "     … waiting for {:?} so far: {}",
                Self::AFTER,
                waiting_for()
            );
            self.0 = None;
        }
    }
}

/// After each round: nothing happened twice, and nothing that was not requested.
pub(super) fn quick_check(world: &mut World) -> Result<()> {
    chain::nothing_twice(world)?;
    calls::nothing_twice(world)?;
    events::nothing_false(world)
}

/// At intervals: wait until all work is done, and check also that nothing is missing.
pub(super) fn full_check(world: &mut World) -> Result<()> {
    world.restore_receivers();
    data_model::wait_until_done(world)?;
    quick_check(world)?;
    chain::nothing_lost(world)?;
    calls::nothing_lost(world)?;
    events::nothing_lost(world)?;
    let count = |kind: Kind| {
        world
            .orders
            .iter()
            .filter(|order| order.kind == kind)
            .count() as u64
    };
    (world.counts.submissions, world.counts.runs) = (count(Kind::Submission), count(Kind::Run));
    Ok(())
}

/// At the end: every request is replayed, the balances match the chain, and the verifier accepts
/// the database.
pub(super) fn final_check(world: &mut World) -> Result<()> {
    // On a slow machine a process may end by itself: another took over its lease.
    world.restart_dead()?;
    for (index, order) in world.orders.iter().enumerate() {
        order.check_replay(&world.target.apis[index % world.target.apis.len()])?;
    }
    data_model::balances(world)?;
    no_panic(world)?;
    let report = world.verify()?;
    if report["problem_count"].as_u64() != Some(0) {
        bail!("the verifier found problems: {}", report["problems"]);
    }
    let facts = report["partitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|partition| partition["facts"].as_u64());
    world.counts.facts = facts.sum();
    world.counts.tree_heads = report["tree_heads"]["count"].as_u64().unwrap_or(0);
    Ok(())
}

/// No process panicked.
fn no_panic(world: &World) -> Result<()> {
    for process in &world.processes {
        let log = process.log_from(0);
        if let Some(line) = log.lines().find(|line| line.contains("panicked at")) {
            bail!("{}: {line}", process.name());
        }
    }
    Ok(())
}
