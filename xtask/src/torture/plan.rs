//! The plan of the rounds. It follows from the seed alone: the same seed gives the same faults at
//! the same places in the same order.

use super::Engine;
use std::fmt;
use testkit::SeededEntropy;

/// Rounds after which each place was held at least once.
pub(super) const BLOCK: usize = 50;
/// Places whose very next act is a commit under a lease.
const BEFORE_A_COMMIT: [&str; 7] = [
    "submit.asked",
    "submit.signed",
    "submit.sent",
    "index.fetched",
    "streams.posted",
    "workflow.called",
    "workflow.enqueued",
];

/// What is done to a process, or to the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Held at a place, and killed there from outside.
    KillHeld { place: String, after_ms: u64 },
    /// Killed from outside, wherever it stands.
    Kill { who: usize, after_ms: u64 },
    /// It ends itself at a place.
    Abort { place: String },
    /// A place fails each time it is passed, for so long.
    Fail { place: String, for_ms: u64 },
    /// Held before a commit, stopped, succeeded by another process, and woken up.
    Freeze { place: String },
    /// Stopped for a while, wherever it stands, perhaps beyond its leases.
    Stop {
        who: usize,
        after_ms: u64,
        for_ms: u64,
    },
    /// The chain's newest blocks are replaced by empty ones.
    Reorg { blocks: u64, after_ms: u64 },
}

/// How the receivers of calls and events behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// They answer.
    Well,
    /// So many times they take what comes and break off.
    BreaksOff(u64),
    /// So many times they say 503.
    Refuses(u64),
}

/// One round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) number: usize,
    pub(super) fault: Fault,
    /// Submissions that applications ask for directly.
    pub(super) submissions: u64,
    /// Runs of the task that they begin.
    pub(super) runs: u64,
    /// The last of them is asked for after this.
    pub(super) within_ms: u64,
    pub(super) mood: Mood,
    /// The newest blocks are replaced besides.
    pub(super) reorg: Option<u64>,
}

/// The rounds of an engine.
pub(super) fn rounds(seed: u64, engine: Engine, count: usize, places: &[String]) -> Vec<Round> {
    let dice = SeededEntropy::new(seed ^ ((engine as u64) << 63));
    let mut rounds = Vec::with_capacity(count);
    while rounds.len() < count {
        let faults = block(&dice, engine, places);
        for fault in faults.into_iter().take(count - rounds.len()) {
            rounds.push(round(&dice, rounds.len() + 1, fault));
        }
    }
    rounds
}

fn round(dice: &SeededEntropy, number: usize, fault: Fault) -> Round {
    let mood = match dice.below(8) {
        0 => Mood::BreaksOff(1 + dice.below(3)),
        1 => Mood::Refuses(1 + dice.below(3)),
        _ => Mood::Well,
    };
    let is_reorg = matches!(fault, Fault::Reorg { .. });
    let reorg = Some(1 + dice.below(3)).filter(|_| dice.below(6) == 0 && !is_reorg);
    let (submissions, runs, within_ms) = (
        3 + dice.below(5),
        2 + dice.below(3),
        200 + dice.below(1_000),
    );
    Round {
        number,
        fault,
        submissions,
        runs,
        within_ms,
        mood,
        reorg,
    }
}

/// Every place held once, and the rest filled with what else can happen, shuffled.
fn block(dice: &SeededEntropy, engine: Engine, places: &[String]) -> Vec<Fault> {
    let held = |place: &String| Fault::KillHeld {
        place: place.clone(),
        after_ms: dice.below(150),
    };
    let mut faults: Vec<Fault> = places.iter().map(held).collect();
    let before_a_commit: Vec<String> = BEFORE_A_COMMIT
        .iter()
        .map(|place| (*place).to_owned())
        .collect();
    let mut decks = Decks {
        abort: Deck::of(places),
        fail: Deck::of(places),
        freeze: Deck::of(&before_a_commit),
    };
    for turn in 0..BLOCK.saturating_sub(faults.len()) {
        faults.push(other(dice, engine, turn, &mut decks));
    }
    shuffle(dice, &mut faults);
    faults
}

/// Places that are dealt without repeating one before all were dealt.
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

    fn deal(&mut self, dice: &SeededEntropy) -> String {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
            shuffle(dice, &mut self.left);
        }
        self.left.pop().unwrap_or_default()
    }
}

fn other(dice: &SeededEntropy, engine: Engine, turn: usize, decks: &mut Decks) -> Fault {
    let who = usize::try_from(dice.below(engine.processes() as u64)).unwrap_or(0);
    let after_ms = dice.below(500);
    let kill = Fault::Kill { who, after_ms };
    match (turn % 10, engine) {
        (0 | 4 | 7, _) => kill,
        (1 | 5 | 9, Engine::Postgres) => Fault::Freeze {
            place: decks.freeze.deal(dice),
        },
        (2 | 5, _) => Fault::Abort {
            place: decks.abort.deal(dice),
        },
        (3 | 9, _) => Fault::Fail {
            place: decks.fail.deal(dice),
            for_ms: 50 + dice.below(400),
        },
        (6 | 1, _) => Fault::Stop {
            who,
            after_ms,
            for_ms: 200 + dice.below(2_800),
        },
        _ => Fault::Reorg {
            blocks: 1 + dice.below(3),
            after_ms,
        },
    }
}

fn shuffle<T>(dice: &SeededEntropy, items: &mut [T]) {
    for place in (1..items.len()).rev() {
        let other = usize::try_from(dice.below(place as u64 + 1)).unwrap_or(0);
        items.swap(place, other);
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillHeld { place, .. } => write!(f, "held and killed        {place}"),
            Self::Kill { .. } => write!(f, "killed under load"),
            Self::Abort { place } => write!(f, "ends itself            {place}"),
            Self::Fail { place, .. } => write!(f, "fails                  {place}"),
            Self::Freeze { place } => write!(f, "stopped and succeeded  {place}"),
            Self::Stop { for_ms, .. } => write!(f, "stopped for a while    {for_ms} ms"),
            Self::Reorg { blocks, .. } => write!(f, "chain reorganised      {blocks} blocks"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn places() -> Vec<String> {
        crate::torture::places::all().unwrap()
    }

    #[test]
    fn the_same_seed_is_the_same_plan() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            assert_eq!(
                rounds(7, engine, 120, &places()),
                rounds(7, engine, 120, &places())
            );
            assert_ne!(
                rounds(7, engine, 120, &places()),
                rounds(8, engine, 120, &places())
            );
            assert_eq!(
                rounds(7, engine, 120, &places())[..50],
                rounds(7, engine, 50, &places())[..]
            );
        }
    }

    #[test]
    fn fifty_rounds_hold_each_place_and_freeze_before_each_commit() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let plan = rounds(7, engine, BLOCK, &places());
            let held = |place: &String| {
                plan.iter()
                    .any(|r| matches!(&r.fault, Fault::KillHeld { place: at, .. } if at == place))
            };
            assert!(places().iter().all(held));
        }
        let plan = rounds(7, Engine::Postgres, BLOCK, &places());
        let frozen = |place: &&str| {
            plan.iter()
                .any(|r| matches!(&r.fault, Fault::Freeze { place: at } if at == place))
        };
        assert!(BEFORE_A_COMMIT.iter().all(frozen));
        assert!(
            BEFORE_A_COMMIT
                .iter()
                .all(|place| places().iter().any(|known| known == place))
        );
    }
}
