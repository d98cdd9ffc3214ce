//! Doing to the processes what the round says.

use super::plan::{Fault, Round};
use super::world::{PATIENCE, World};
use std::time::{Duration, Instant};

/// Each place is passed within this while there is work.
const REACHED_MS: u64 = 30_000;
/// Who was succeeded hears of it within this.
const REFUSED_MS: u64 = 20_000;

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Do it. What it was worth telling about it.
pub(super) fn inflict(world: &mut World, round: &Round) -> Result<String, String> {
    let from = Instant::now();
    let told = match &round.fault {
        Fault::KillHeld { place, after_ms } => kill_held(world, round, place, *after_ms),
        Fault::Kill { who, after_ms } => kill(world, *who, *after_ms),
        Fault::Abort { place } => abort(world, place),
        Fault::Fail { place, for_ms } => fail(world, round, place, *for_ms),
        Fault::Freeze { place } => freeze(world, round, place),
        Fault::Stop {
            who,
            after_ms,
            for_ms,
        } => stop(world, *who, *after_ms, *for_ms),
        Fault::Reorg { blocks, after_ms } => {
            pause(*after_ms);
            reorganise(world, *blocks);
            Ok(String::new())
        }
    };
    if let Some(blocks) = round.reorg {
        reorganise(world, blocks);
    }
    if !matches!(round.fault, Fault::Reorg { .. }) {
        world.breaks.push((from, Instant::now()));
    }
    told
}

/// Tell every process what happens at a place, each with files of its own.
fn arm(world: &World, round: &Round, place: &str, action: &str) -> Result<(), String> {
    for process in &world.processes {
        process.arm(&format!(
            "{place}:{action}:{}\n",
            mark(world, round, process.number).display()
        ))?;
    }
    Ok(())
}

fn mark(world: &World, round: &Round, process: usize) -> std::path::PathBuf {
    world.file(&format!("round-{}-{process}", round.number))
}

fn marked(world: &World, round: &Round, process: usize, ending: &str) -> std::path::PathBuf {
    mark(world, round, process).with_extension(ending)
}

fn disarm(world: &World) {
    world
        .processes
        .iter()
        .for_each(super::process::Process::disarm);
}

/// Wait until some process has left its mark at a place.
fn reached(world: &World, round: &Round, place: &str, ending: &str) -> Result<usize, String> {
    let mut who = None;
    testkit::wait_until(REACHED_MS, || {
        let left = |number: &usize| marked(world, round, *number, ending).exists();
        who = (0..world.processes.len()).find(left);
        who.is_some()
    });
    disarm(world);
    who.ok_or_else(|| format!("nobody came to {place} within {REACHED_MS} ms"))
}

/// Hold whoever comes to a place first; all others go on.
fn hold(world: &World, round: &Round, place: &str) -> Result<usize, String> {
    arm(world, round, place, "hold")?;
    let held = reached(world, round, place, "held")?;
    for other in (0..world.processes.len()).filter(|number| *number != held) {
        let go = marked(world, round, other, "go");
        std::fs::write(go, []).map_err(|error| error.to_string())?;
    }
    Ok(held)
}

fn kill_held(
    world: &mut World,
    round: &Round,
    place: &str,
    after_ms: u64,
) -> Result<String, String> {
    let held = hold(world, round, place)?;
    pause(after_ms);
    world.processes[held].kill()?;
    world.figures.held += 1;
    world.figures.kills += 1;
    Ok(world.processes[held].name())
}

fn kill(world: &mut World, who: usize, after_ms: u64) -> Result<String, String> {
    pause(after_ms);
    world.processes[who].kill()?;
    world.figures.kills += 1;
    Ok(world.processes[who].name())
}

fn abort(world: &mut World, place: &str) -> Result<String, String> {
    world
        .processes
        .iter()
        .try_for_each(|process| process.arm(&format!("{place}:abort\n")))?;
    let mut dead = None;
    testkit::wait_until(REACHED_MS, || {
        dead = world
            .processes
            .iter_mut()
            .position(|process| !process.is_alive());
        dead.is_some()
    });
    disarm(world);
    let dead = dead.ok_or_else(|| format!("nobody ended at {place} within {REACHED_MS} ms"))?;
    world.figures.aborts += 1;
    Ok(world.processes[dead].name())
}

fn fail(world: &mut World, round: &Round, place: &str, for_ms: u64) -> Result<String, String> {
    arm(world, round, place, "error")?;
    let until = Instant::now() + Duration::from_millis(for_ms);
    let mut who = None;
    testkit::wait_until(REACHED_MS, || {
        who = who.or((0..world.processes.len())
            .find(|number| marked(world, round, *number, "failed").exists()));
        who.is_some() && Instant::now() >= until
    });
    disarm(world);
    let who = who.ok_or_else(|| format!("nobody came to {place} within {REACHED_MS} ms"))?;
    world.figures.errors += 1;
    Ok(world.processes[who].name())
}

/// Stop whoever stands before its commit, until others have its partitions; then its commit must be
/// refused.
fn freeze(world: &mut World, round: &Round, place: &str) -> Result<String, String> {
    let held = hold(world, round, place)?;
    let lost: Vec<(String, i64)> = theirs(world, held, place);
    if lost.is_empty() {
        return Err(format!(
            "process {held} stands at {place} and holds nothing of it"
        ));
    }
    world.processes[held].signal("STOP")?;
    let said = world.processes[held].said();
    let limit_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let at = Instant::now();
    let taken = testkit::wait_until(limit_ms, || {
        let now = world.epochs();
        lost.iter()
            .all(|(name, epoch)| now.iter().any(|(known, at)| known == name && at > epoch))
    });
    let took = at.elapsed().as_millis();
    std::fs::write(marked(world, round, held, "go"), []).map_err(|error| error.to_string())?;
    world.processes[held].signal("CONT")?;
    if !taken {
        return Err(format!(
            "nobody took {lost:?} over from the stopped process {held}"
        ));
    }
    world.figures.takeovers += 1;
    let refused = testkit::wait_until(REFUSED_MS, || world.processes[held].was_refused(said));
    if !refused {
        return Err(format!(
            "process {held} woke up at {place} and was not refused"
        ));
    }
    world.figures.refused += u64::from(world.processes[held].commit_was_refused(said));
    Ok(format!("process {held}, succeeded after {took} ms"))
}

/// The partitions that a process holds and that a place belongs to, as the database says.
fn theirs(world: &World, process: usize, place: &str) -> Vec<(String, i64)> {
    let kind = match place.split('.').next() {
        Some("submit") => "lanes/",
        Some("index") => "chain/",
        Some("streams") => "streams/",
        _ => "runs/",
    };
    let (claimed, now) = (world.processes[process].holdings(), world.epochs());
    claimed
        .into_iter()
        .filter(|held| held.0.starts_with(kind) && now.contains(held))
        .collect()
}

fn stop(world: &mut World, who: usize, after_ms: u64, for_ms: u64) -> Result<String, String> {
    pause(after_ms);
    world.processes[who].signal("STOP")?;
    pause(for_ms);
    world.processes[who].signal("CONT")?;
    world.figures.stops += 1;
    Ok(world.processes[who].name())
}

fn reorganise(world: &mut World, blocks: u64) {
    world.miner.paused(|node| node.reorg(blocks, &[]));
    world.figures.reorgs += 1;
}
