//! The judges. All but one stand outside: the chain, the receiver that counts calls by their key,
//! the listener that knows every event, the verifier. The API is heard too: it must say what they
//! say.

mod books;
mod calls;
mod chain;
mod told;

use super::load::Kind;
use super::world::World;
use std::time::{Duration, Instant};

/// A wait that lasts long is told about, once: whoever reads it knows what was waited for.
struct Slow(Option<Instant>);

impl Slow {
    const AFTER: Duration = Duration::from_secs(10);

    fn begin() -> Self {
        Self(Some(Instant::now()))
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.0.is_some_and(|began| began.elapsed() > Self::AFTER) {
            println!("     … waits for {:?} now: {}", Self::AFTER, what());
            self.0 = None;
        }
    }
}

/// After each round: nothing twice, nothing that nobody asked for.
pub(super) fn at_a_glance(world: &mut World) -> Result<(), String> {
    chain::nothing_twice(world)?;
    calls::nothing_twice(world)?;
    told::nothing_false(world)
}

/// Once in a while: wait until all work is done; then nothing is missing either.
pub(super) fn thorough(world: &mut World) -> Result<(), String> {
    world.calm();
    books::all_is_done(world)?;
    at_a_glance(world)?;
    chain::nothing_lost(world)?;
    calls::nothing_lost(world)?;
    told::nothing_lost(world)?;
    let count = |kind: Kind| {
        world
            .orders
            .iter()
            .filter(|order| order.kind == kind)
            .count() as u64
    };
    (world.figures.submissions, world.figures.runs) = (count(Kind::Submission), count(Kind::Run));
    Ok(())
}

/// At the end: every answer is given once more, the books agree with the chain, and the database
/// proves itself.
pub(super) fn at_the_end(world: &mut World) -> Result<(), String> {
    for (place, order) in world.orders.iter().enumerate() {
        order.ask_again(&world.town.apis[place % world.town.apis.len()])?;
    }
    books::balances(world)?;
    no_panic(world)?;
    let report = world.verify()?;
    if report["problem_count"].as_u64() != Some(0) {
        return Err(format!(
            "the verifier found problems: {}",
            report["problems"]
        ));
    }
    let facts = report["partitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["facts"].as_u64());
    world.figures.facts = facts.sum();
    world.figures.seals = report["seals"]["count"].as_u64().unwrap_or(0);
    Ok(())
}

/// No process broke off by a mistake of its own.
fn no_panic(world: &World) -> Result<(), String> {
    for process in &world.processes {
        let log = process.says_from(0);
        if let Some(line) = log.lines().find(|line| line.contains("panicked at")) {
            return Err(format!("{}: {line}", process.name()));
        }
    }
    Ok(())
}
