//! `cargo xtask torture`: processes are killed, stopped and made to fail while they work; judges
//! outside look whether anything was lost or happened twice. On SQLite one process, on PostgreSQL
//! three that share the work.

mod fault;
mod judge;
mod load;
mod miner;
pub(crate) mod places;
mod plan;
mod process;
mod receiver;
mod report;
mod setup;
mod world;

use clap::{Args, ValueEnum};
use load::{Kind, Load, Order};
use plan::Round;
use report::Figures;
use std::path::Path;
use std::time::Instant;
use world::World;

/// Rounds between two thorough looks; all work is done then.
const LOOK_EVERY: usize = 10;
/// Rounds of a quick run.
const QUICK: usize = 8;

#[derive(Args)]
pub(crate) struct Options {
    /// From which the rounds follow; another one each time if nothing is said.
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds for each engine. With 50 each place to fail is held at least once.
    #[arg(long, default_value_t = plan::BLOCK)]
    rounds: usize,
    /// On which database.
    #[arg(long, value_enum, default_value_t = Which::Both)]
    engine: Which,
    /// A few rounds only.
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
    Both,
}

/// A database, and how many processes work on it.
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

impl Which {
    fn engines(self) -> Vec<Engine> {
        match self {
            Self::Sqlite => vec![Engine::Sqlite],
            Self::Postgres => vec![Engine::Postgres],
            Self::Both => vec![Engine::Sqlite, Engine::Postgres],
        }
    }
}

pub(crate) fn run(options: &Options) -> crate::Outcome {
    let seed = options.seed.unwrap_or_else(any_seed);
    let rounds = if options.quick { QUICK } else { options.rounds };
    println!("seed {seed}, {rounds} rounds for each engine");
    crate::setup::run()?;
    let places = places::all()?;
    // A copy: whoever builds meanwhile must not change what is tortured.
    let bench = tempfile::tempdir().map_err(|error| error.to_string())?;
    let florin = bench.path().join("florin");
    std::fs::copy(crate::stage::build()?, &florin).map_err(|error| error.to_string())?;
    let mut told = Vec::new();
    for engine in options.engine.engines() {
        let plan = plan::rounds(seed, engine, rounds, &places);
        told.push((
            engine.name(),
            torture(engine, &florin, &plan).map_err(|why| format!("seed {seed}: {why}"))?,
        ));
    }
    report::tell(seed, &told);
    Ok(())
}

fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| u64::from(now.subsec_nanos()) ^ now.as_secs()) % 1_000_000
}

/// All rounds of an engine; what was counted.
fn torture(engine: Engine, florin: &Path, plan: &[Round]) -> Result<Figures, String> {
    let began = Instant::now();
    let mut world = World::open(engine, florin)?;
    let outcome = setup::prepare(&mut world).and_then(|()| {
        println!(
            "\n{}: {} processes, set up in {:.1} s",
            engine.name(),
            engine.processes(),
            began.elapsed().as_secs_f64()
        );
        plan.iter()
            .try_for_each(|round| play(&mut world, round, plan.len()))
    });
    let outcome = outcome.and_then(|()| judge::at_the_end(&mut world));
    world.figures.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(()) => Ok(world.figures.clone()),
        Err(why) => Err(format!(
            "{}: {why}\nlogs: {}",
            engine.name(),
            world.keep().display()
        )),
    }
}

fn play(world: &mut World, round: &Round, of: usize) -> Result<(), String> {
    let at = Instant::now();
    let is_look = round.number.is_multiple_of(LOOK_EVERY) || round.number == of;
    let outcome = one(world, round).and_then(|told| {
        if is_look {
            judge::thorough(world).map(|()| told)
        } else {
            Ok(told)
        }
    });
    let verdict = if outcome.is_ok() { "ok" } else { "VIOLATION" };
    let (what, engine) = (round.fault.to_string(), world.engine.name());
    let told = outcome.as_ref().map_or("", String::as_str);
    let more = if is_look { ", all judged" } else { "" };
    println!(
        "{:>4} {engine:<9} {what:<42} {:>6} ms  {verdict:<9} {told}{more}",
        round.number,
        at.elapsed().as_millis()
    );
    outcome
        .map(drop)
        .map_err(|why| format!("round {}: {}: {why}", round.number, round.fault))
}

/// One round: work is asked for, the fault happens, whoever died comes back, every request has its
/// answer, nothing is there twice.
fn one(world: &mut World, round: &Round) -> Result<String, String> {
    world.counter.be(round.mood);
    world.listener.be(round.mood);
    let orders = orders(world, round);
    let load = Load::place(&world.town, orders, round.within_ms);
    let told = fault::inflict(world, round)?;
    world.restart_dead()?;
    let (answered, again) = load.answered()?;
    world.orders.extend(answered);
    world.calm();
    world.figures.asked_again += again;
    world.figures.rounds += 1;
    judge::at_a_glance(world)?;
    Ok(told)
}

fn orders(world: &World, round: &Round) -> Vec<Order> {
    let first = world.orders.len() as u128;
    let kinds = (0..round.submissions)
        .map(|_| Kind::Submission)
        .chain((0..round.runs).map(|_| Kind::Run));
    let order = |(number, kind): (u128, Kind)| {
        let signer = &world.signers[usize::try_from(number).unwrap_or(0) % world.signers.len()];
        Order::new(&world.town, kind, number, signer)
    };
    (first..).zip(kinds).map(order).collect()
}
