//! The plan of the rounds, determined by the seed: the same seed gives the same faults at the same
//! fail points in the same order.

use super::Engine;
use std::fmt;
use testkit::SeededEntropy;

/// Rounds of a block with another fault than holding a fail point. On PostgreSQL this many contain
/// one freeze for each of [`BEFORE_A_COMMIT`].
const OTHER_FAULTS: usize = 26;
/// Fail points directly before a commit under a lease.
const BEFORE_A_COMMIT: [&str; 8] = [
    "submit.asked",
    "submit.signed",
    "submit.sent",
    "keys.answered",
    "index.fetched",
    "streams.posted",
    "workflow.called",
    "workflow.enqueued",
];

/// Number of rounds in which each fail point is held at least once.
pub(super) fn block_rounds(fail_points: &[String]) -> usize {
    fail_points.len() + OTHER_FAULTS
}

/// A fault of a process or of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A process is held at a fail point and killed there.
    KillHeld { fail_point: String, after_ms: u64 },
    /// A process is killed at any moment.
    Kill { process: usize, after_ms: u64 },
    /// The first process that passes a fail point aborts.
    Abort { fail_point: String },
    /// A fail point returns an error each time it is passed, for a while.
    Fail { fail_point: String, for_ms: u64 },
    /// A process is held before a commit, stopped until another process takes over, and resumed.
    Freeze { fail_point: String },
    /// A process is stopped for a while at any moment, possibly longer than its leases.
    Stop {
        process: usize,
        after_ms: u64,
        for_ms: u64,
    },
    /// The newest blocks are replaced by empty ones.
    Reorg { blocks: u64, after_ms: u64 },
}

/// How the receivers of calls and events behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReceiverMode {
    /// Respond to every request.
    Normal,
    /// Drop the connection after reading the request, this many times.
    DropsConnections(u64),
    /// Respond with 503, this many times.
    Unavailable(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) number: usize,
    pub(super) fault: Fault,
    /// Number of submissions to request.
    pub(super) submissions: u64,
    /// Number of runs to start.
    pub(super) runs: u64,
    /// Period over which the requests are spread.
    pub(super) within_ms: u64,
    pub(super) receiver_mode: ReceiverMode,
    /// Number of newest blocks to replace in addition to the fault.
    pub(super) reorg: Option<u64>,
}

/// The rounds for an engine.
pub(super) fn rounds(
    seed: u64,
    engine: Engine,
    count: usize,
    fail_points: &[String],
) -> Vec<Round> {
    let random = SeededEntropy::new(seed ^ ((engine as u64) << 63));
    let mut rounds = Vec::with_capacity(count);
    while rounds.len() < count {
        let faults = block(&random, engine, fail_points);
        for fault in faults.into_iter().take(count - rounds.len()) {
            rounds.push(round(&random, rounds.len() + 1, fault));
        }
    }
    rounds
}

fn round(random: &SeededEntropy, number: usize, fault: Fault) -> Round {
    let receiver_mode = match random.below(8) {
        0 => ReceiverMode::DropsConnections(1 + random.below(3)),
        1 => ReceiverMode::Unavailable(1 + random.below(3)),
        _ => ReceiverMode::Normal,
    };
    let is_reorg = matches!(fault, Fault::Reorg { .. });
    let reorg = Some(1 + random.below(3)).filter(|_| random.below(6) == 0 && !is_reorg);
    let (submissions, runs, within_ms) = (
        3 + random.below(5),
        2 + random.below(3),
        200 + random.below(1_000),
    );
    Round {
        number,
        fault,
        submissions,
        runs,
        within_ms,
        receiver_mode,
        reorg,
    }
}

/// Every fail point held once, the rest filled with other faults, shuffled.
fn block(random: &SeededEntropy, engine: Engine, fail_points: &[String]) -> Vec<Fault> {
    let held = |fail_point: &String| Fault::KillHeld {
        fail_point: fail_point.clone(),
        after_ms: random.below(150),
    };
    let mut faults: Vec<Fault> = fail_points.iter().map(held).collect();
    let before_a_commit: Vec<String> = BEFORE_A_COMMIT
        .iter()
        .map(|fail_point| (*fail_point).to_owned())
        .collect();
    let mut decks = Decks {
        abort: Deck::of(fail_points),
        fail: Deck::of(fail_points),
        freeze: Deck::of(&before_a_commit),
    };
    for turn in 0..OTHER_FAULTS {
        faults.push(other_fault(random, engine, turn, &mut decks));
    }
    shuffle(random, &mut faults);
    faults
}

/// Deals fail points at random without repetition until all have been dealt.
struct Deck {
    all: Vec<String>,
    left: Vec<String>,
}

struct Decks {
    abort: Deck,
    fail: Deck,
    freeze: Deck,
}

impl Deck {
    fn of(all: &[String]) -> Self {
        Self {
            all: all.to_vec(),
            left: Vec::new(),
        }
    }

    fn deal(&mut self, random: &SeededEntropy) -> String {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
            shuffle(random, &mut self.left);
        }
        self.left.pop().unwrap_or_default()
    }
}

fn other_fault(random: &SeededEntropy, engine: Engine, turn: usize, decks: &mut Decks) -> Fault {
    let process = usize::try_from(random.below(engine.processes() as u64)).unwrap_or(0);
    let after_ms = random.below(500);
    let kill = Fault::Kill { process, after_ms };
    match (turn % 10, engine) {
        (0 | 4 | 7, _) => kill,
        (1 | 5 | 9, Engine::Postgres) => Fault::Freeze {
            fail_point: decks.freeze.deal(random),
        },
        (2 | 5, _) => Fault::Abort {
            fail_point: decks.abort.deal(random),
        },
        (3 | 9, _) => Fault::Fail {
            fail_point: decks.fail.deal(random),
            for_ms: 50 + random.below(400),
        },
        (6 | 1, _) => Fault::Stop {
            process,
            after_ms,
            for_ms: 200 + random.below(2_800),
        },
        _ => Fault::Reorg {
            blocks: 1 + random.below(3),
            after_ms,
        },
    }
}

fn shuffle<T>(random: &SeededEntropy, items: &mut [T]) {
    for index in (1..items.len()).rev() {
        let other = usize::try_from(random.below(index as u64 + 1)).unwrap_or(0);
        items.swap(index, other);
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillHeld { fail_point, .. } => write!(f, "held and killed        {fail_point}"),
            Self::Kill { .. } => write!(f, "killed under load"),
            Self::Abort { fail_point } => write!(f, "aborts                 {fail_point}"),
            Self::Fail { fail_point, .. } => write!(f, "fails                  {fail_point}"),
            Self::Freeze { fail_point } => write!(f, "stopped, taken over    {fail_point}"),
            Self::Stop { for_ms, .. } => write!(f, "stopped for a while    {for_ms} ms"),
            Self::Reorg { blocks, .. } => write!(f, "chain reorganized      {blocks} blocks"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fail_points() -> Vec<String> {
        crate::torture::fail_points::all().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            assert_eq!(
                rounds(7, engine, 120, &fail_points()),
                rounds(7, engine, 120, &fail_points())
            );
            assert_ne!(
                rounds(7, engine, 120, &fail_points()),
                rounds(8, engine, 120, &fail_points())
            );
            assert_eq!(
                rounds(7, engine, 120, &fail_points())[..50],
                rounds(7, engine, 50, &fail_points())[..]
            );
        }
    }

    #[test]
    fn a_block_holds_each_fail_point_and_freezes_before_each_commit() {
        let more = (0..3).map(|number| format!("workflow.new_{number}"));
        let more: Vec<String> = fail_points().into_iter().chain(more).collect();
        for fail_points in [fail_points(), more] {
            let count = block_rounds(&fail_points);
            for engine in [Engine::Sqlite, Engine::Postgres] {
                let plan = rounds(7, engine, count, &fail_points);
                let held = |fail_point: &String| {
                    plan.iter()
                        .any(|r| matches!(&r.fault, Fault::KillHeld { fail_point: at, .. } if at == fail_point))
                };
                assert!(fail_points.iter().all(held));
            }
            let plan = rounds(7, Engine::Postgres, count, &fail_points);
            let frozen = |fail_point: &&str| {
                plan.iter().any(
                    |r| matches!(&r.fault, Fault::Freeze { fail_point: at } if at == fail_point),
                )
            };
            assert!(BEFORE_A_COMMIT.iter().all(frozen));
        }
        let is_known = |fail_point: &&str| fail_points().iter().any(|known| known == fail_point);
        assert!(BEFORE_A_COMMIT.iter().all(is_known));
    }
}
