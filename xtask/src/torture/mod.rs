//! `cargo xtask torture`: kills, stops and fails processes while they work, and checks from outside
//! that nothing is lost or happens twice. One process on SQLite, three that share the work on
//! PostgreSQL.

pub(crate) mod fail_points;
mod fault;
mod judge;
mod load;
mod miner;
mod plan;
mod process;
mod receiver;
mod report;
mod setup;
mod world;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use load::{Kind, Load, Order};
use plan::Round;
use report::Counts;
use std::path::Path;
use std::time::Instant;
use world::World;

/// Rounds between two full checks, which wait until all work is done.
const FULL_CHECK_EVERY: usize = 10;
/// Rounds of a quick run.
const QUICK_ROUNDS: usize = 8;

#[derive(Args)]
pub(crate) struct Options {
    /// Seed of the rounds; default: a different one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds per database engine; default: as many as hold each fail point at least once.
    #[arg(long)]
    rounds: Option<usize>,
    /// Database engine.
    #[arg(long, value_enum, default_value_t = EngineChoice::Both)]
    engine: EngineChoice,
    /// Run only a few rounds.
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineChoice {
    Sqlite,
    Postgres,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    fn processes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl EngineChoice {
    fn engines(self) -> Vec<Engine> {
        match self {
            Self::Sqlite => vec![Engine::Sqlite],
            Self::Postgres => vec![Engine::Postgres],
            Self::Both => vec![Engine::Sqlite, Engine::Postgres],
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(random_seed);
    let fail_points = fail_points::all()?;
    let rounds = match options.rounds {
        _ if options.quick => QUICK_ROUNDS,
        Some(rounds) => rounds,
        None => plan::block_rounds(&fail_points),
    };
    println!("seed {seed}, {rounds} rounds per engine");
    crate::setup::run()?;
    // A copy, so that a build meanwhile does not replace the tested binary.
    let folder = tempfile::tempdir()?;
    let florin = folder.path().join("florin");
    std::fs::copy(crate::harness::build()?, &florin)?;
    let mut results = Vec::new();
    for engine in options.engine.engines() {
        let plan = plan::rounds(seed, engine, rounds, &fail_points);
        results.push((
            engine.name(),
            torture(engine, &florin, &plan).with_context(|| format!("seed {seed}"))?,
        ));
    }
    report::print(seed, &results);
    Ok(())
}

fn random_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| u64::from(now.subsec_nanos()) ^ now.as_secs()) % 1_000_000
}

/// Run all rounds on an engine. Returns the counts.
fn torture(engine: Engine, florin: &Path, plan: &[Round]) -> Result<Counts> {
    let started = Instant::now();
    let mut world = World::open(engine, florin)?;
    let outcome = setup::prepare(&mut world).and_then(|()| {
        println!(
            "\n{}: {} processes, set up in {:.1} s",
            engine.name(),
            engine.processes(),
            started.elapsed().as_secs_f64()
        );
        plan.iter()
            .try_for_each(|round| run_round(&mut world, round, plan.len()))
    });
    let outcome = outcome.and_then(|()| judge::final_check(&mut world));
    world.counts.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(()) => Ok(world.counts.clone()),
        Err(reason) => bail!(
            "{}: {reason:#}\nlogs: {}",
            engine.name(),
            world.keep_folder().display()
        ),
    }
}

fn run_round(world: &mut World, round: &Round, total: usize) -> Result<()> {
    let started = Instant::now();
    let is_full_check = round.number.is_multiple_of(FULL_CHECK_EVERY) || round.number == total;
    let outcome = execute_round(world, round).and_then(|details| {
        if is_full_check {
            judge::full_check(world).map(|()| details)
        } else {
            Ok(details)
        }
    });
    let verdict = if outcome.is_ok() { "ok" } else { "VIOLATION" };
    let (fault, engine) = (round.fault.to_string(), world.engine.name());
    let details = outcome.as_ref().map_or("", String::as_str);
    let suffix = if is_full_check { ", full check" } else { "" };
    println!(
        "{:>4} {engine:<9} {fault:<42} {:>6} ms  {verdict:<9} {details}{suffix}",
        round.number,
        started.elapsed().as_millis()
    );
    outcome
        .map(drop)
        .with_context(|| format!("round {}: {}", round.number, round.fault))
}

/// One round: request work, inject the fault, restart dead processes, wait for all responses, check
/// that nothing happened twice.
fn execute_round(world: &mut World, round: &Round) -> Result<String> {
    world.http_receiver.set_mode(round.receiver_mode);
    world.webhook_receiver.set_mode(round.receiver_mode);
    let orders = orders(world, round);
    let load = Load::place(&world.target, orders, round.within_ms);
    let details = fault::inject(world, round)?;
    world.restart_dead()?;
    let (answered, repeats) = load.join()?;
    world.orders.extend(answered);
    world.restore_receivers();
    world.counts.repeated_requests += repeats;
    world.counts.rounds += 1;
    judge::quick_check(world)?;
    Ok(details)
}

fn orders(world: &World, round: &Round) -> Vec<Order> {
    let first = world.orders.len() as u128;
    let kinds = (0..round.submissions)
        .map(|_| Kind::Submission)
        .chain((0..round.runs).map(|_| Kind::Run));
    let order = |(number, kind): (u128, Kind)| {
        let signer = &world.signers[usize::try_from(number).unwrap_or(0) % world.signers.len()];
        Order::new(&world.target, kind, number, signer)
    };
    (first..).zip(kinds).map(order).collect()
}
