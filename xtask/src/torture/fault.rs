//! Injects the fault of a round.

use super::plan::{Fault, Round};
use super::world::{TIMEOUT_MS, World};
use anyhow::{Context, Result, bail, ensure};
use std::time::{Duration, Instant};

/// Timeout for a process to pass a fail point while there is work.
const REACHED_MS: u64 = 30_000;
/// Timeout for a process that lost its lease to notice it.
const NOTICE_MS: u64 = 20_000;

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Inject the fault. Returns details for the report.
pub(super) fn inject(world: &mut World, round: &Round) -> Result<String> {
    let from = Instant::now();
    let details = match &round.fault {
        Fault::KillHeld {
            fail_point,
            after_ms,
        } => kill_held(world, round, fail_point, *after_ms),
        Fault::Kill { process, after_ms } => kill(world, *process, *after_ms),
        Fault::Abort { fail_point } => abort(world, fail_point),
        Fault::Fail { fail_point, for_ms } => fail(world, round, fail_point, *for_ms),
        Fault::Freeze { fail_point } => freeze(world, round, fail_point),
        Fault::Stop {
            process,
            after_ms,
            for_ms,
        } => stop(world, *process, *after_ms, *for_ms),
        Fault::Reorg { blocks, after_ms } => {
            pause(*after_ms);
            reorganize(world, *blocks);
            Ok(String::new())
        }
    };
    if let Some(blocks) = round.reorg {
        reorganize(world, blocks);
    }
    if !matches!(round.fault, Fault::Reorg { .. }) {
        world.interruptions.push((from, Instant::now()));
    }
    details
}

/// Set the action of a fail point in every process, each with its own marker files.
fn arm(world: &World, round: &Round, fail_point: &str, action: &str) -> Result<()> {
    for process in &world.processes {
        process.arm(&format!(
            "{fail_point}:{action}:{}\n",
            marker_base(world, round, process.number).display()
        ))?;
    }
    Ok(())
}

fn marker_base(world: &World, round: &Round, process: usize) -> std::path::PathBuf {
    world.file(&format!("round-{}-{process}", round.number))
}

fn marker(world: &World, round: &Round, process: usize, suffix: &str) -> std::path::PathBuf {
    marker_base(world, round, process).with_extension(suffix)
}

fn disarm(world: &World) {
    world
        .processes
        .iter()
        .for_each(super::process::Process::disarm);
}

/// Wait until a process has created its marker file at a fail point.
fn reached(world: &World, round: &Round, fail_point: &str, suffix: &str) -> Result<usize> {
    let mut process = None;
    testkit::wait_until(REACHED_MS, || {
        let left = |number: &usize| marker(world, round, *number, suffix).exists();
        process = (0..world.processes.len()).find(left);
        process.is_some()
    });
    disarm(world);
    process.with_context(|| format!("no process passed {fail_point} within {REACHED_MS} ms"))
}

/// Hold the first process that passes a fail point; the others continue.
fn hold(world: &World, round: &Round, fail_point: &str) -> Result<usize> {
    arm(world, round, fail_point, "hold")?;
    let held = reached(world, round, fail_point, "held")?;
    for other in (0..world.processes.len()).filter(|number| *number != held) {
        let go = marker(world, round, other, "go");
        std::fs::write(go, [])?;
    }
    Ok(held)
}

fn kill_held(world: &mut World, round: &Round, fail_point: &str, after_ms: u64) -> Result<String> {
    let held = hold(world, round, fail_point)?;
    pause(after_ms);
    world.processes[held].kill()?;
    world.counts.held += 1;
    world.counts.kills += 1;
    Ok(world.processes[held].name())
}

fn kill(world: &mut World, process: usize, after_ms: u64) -> Result<String> {
    pause(after_ms);
    world.processes[process].kill()?;
    world.counts.kills += 1;
    Ok(world.processes[process].name())
}

fn abort(world: &mut World, fail_point: &str) -> Result<String> {
    world
        .processes
        .iter()
        .try_for_each(|process| process.arm(&format!("{fail_point}:abort\n")))?;
    let mut aborted = None;
    testkit::wait_until(REACHED_MS, || {
        aborted = world
            .processes
            .iter_mut()
            .position(|process| !process.is_alive());
        aborted.is_some()
    });
    disarm(world);
    let aborted = aborted
        .with_context(|| format!("no process aborted at {fail_point} within {REACHED_MS} ms"))?;
    world.counts.aborts += 1;
    Ok(world.processes[aborted].name())
}

fn fail(world: &mut World, round: &Round, fail_point: &str, for_ms: u64) -> Result<String> {
    arm(world, round, fail_point, "error")?;
    let until = Instant::now() + Duration::from_millis(for_ms);
    let mut process = None;
    testkit::wait_until(REACHED_MS, || {
        process = process.or((0..world.processes.len())
            .find(|number| marker(world, round, *number, "failed").exists()));
        process.is_some() && Instant::now() >= until
    });
    disarm(world);
    let process = process
        .with_context(|| format!("no process passed {fail_point} within {REACHED_MS} ms"))?;
    world.counts.errors += 1;
    Ok(world.processes[process].name())
}

/// Stop a process right before its commit until others have taken over its partitions. Its commit
/// must then be rejected.
fn freeze(world: &mut World, round: &Round, fail_point: &str) -> Result<String> {
    let held = hold(world, round, fail_point)?;
    let lost: Vec<(String, i64)> = owned_partitions(world, held, fail_point);
    if lost.is_empty() {
        bail!("process {held} is held at {fail_point} without owning a partition for it");
    }
    world.processes[held].signal("STOP")?;
    let log_offset = world.processes[held].log_length();
    let started = Instant::now();
    let is_taken_over = testkit::wait_until(TIMEOUT_MS, || {
        let now = world.epochs();
        lost.iter().all(|(name, epoch)| {
            now.iter()
                .any(|(known, current)| known == name && current > epoch)
        })
    });
    let takeover_ms = started.elapsed().as_millis();
    std::fs::write(marker(world, round, held, "go"), [])?;
    world.processes[held].signal("CONT")?;
    ensure!(
        is_taken_over,
        "no process took over {lost:?} from the stopped process {held}"
    );
    world.counts.takeovers += 1;
    let noticed = testkit::wait_until(NOTICE_MS, || {
        world.processes[held].lost_its_lease(log_offset)
    });
    ensure!(
        noticed,
        "process {held} resumed at {fail_point} and its commit was not rejected"
    );
    world.counts.rejected_commits +=
        u64::from(world.processes[held].commit_was_rejected(log_offset));
    Ok(format!("process {held}, taken over after {takeover_ms} ms"))
}

/// The partitions owned by a process, according to the database, that the code at a fail point
/// writes to.
fn owned_partitions(world: &World, process: usize, fail_point: &str) -> Vec<(String, i64)> {
    let prefix = match fail_point.split('.').next() {
        Some("submit") => "lanes/",
        Some("keys") => "signer",
        Some("index") => "chain/",
        Some("streams") => "streams/",
        _ => "runs/",
    };
    let (claimed, now) = (world.processes[process].acquired_leases(), world.epochs());
    claimed
        .into_iter()
        .filter(|held| held.0.starts_with(prefix) && now.contains(held))
        .collect()
}

fn stop(world: &mut World, process: usize, after_ms: u64, for_ms: u64) -> Result<String> {
    pause(after_ms);
    world.processes[process].signal("STOP")?;
    pause(for_ms);
    world.processes[process].signal("CONT")?;
    world.counts.stops += 1;
    Ok(world.processes[process].name())
}

fn reorganize(world: &mut World, blocks: u64) {
    world.miner.paused(|node| node.reorg(blocks, &[]));
    world.counts.reorgs += 1;
}
