//! What is told: figures for people and for programs.

use serde_json::{Value, json};

/// What was counted for an engine.
#[derive(Debug, Default, Clone)]
pub(super) struct Figures {
    pub(super) rounds: u64,
    pub(super) held: u64,
    pub(super) kills: u64,
    pub(super) aborts: u64,
    pub(super) errors: u64,
    pub(super) stops: u64,
    pub(super) takeovers: u64,
    /// Commits of woken processes that were refused as such; the others had seen the loss of their
    /// lease before.
    pub(super) refused: u64,
    pub(super) reorgs: u64,
    pub(super) restarts: u64,
    pub(super) asked_again: u64,
    pub(super) submissions: u64,
    pub(super) runs: u64,
    pub(super) transfers: u64,
    pub(super) calls: u64,
    pub(super) repeated_calls: u64,
    pub(super) events: u64,
    pub(super) redeliveries: u64,
    pub(super) facts: u64,
    pub(super) seals: u64,
    pub(super) millis: u64,
}

impl Figures {
    fn rows(&self) -> [(&'static str, u64); 23] {
        [
            ("rounds", self.rounds),
            ("held", self.held),
            ("kills", self.kills),
            ("aborts", self.aborts),
            ("errors", self.errors),
            ("stops", self.stops),
            ("takeovers", self.takeovers),
            ("refused_commits", self.refused),
            ("reorgs", self.reorgs),
            ("restarts", self.restarts),
            ("asked_again", self.asked_again),
            ("submissions", self.submissions),
            ("runs", self.runs),
            ("transfers", self.transfers),
            ("calls", self.calls),
            ("repeated_calls", self.repeated_calls),
            ("events", self.events),
            ("redeliveries", self.redeliveries),
            ("facts", self.facts),
            ("seals", self.seals),
            ("millis", self.millis),
            // Anything else was a violation, and there would be no table.
            ("duplicates", 0),
            ("lost", 0),
        ]
    }

    fn to_json(&self) -> Value {
        self.rows()
            .into_iter()
            .map(|(name, figure)| (name.to_owned(), json!(figure)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// The table, and a last line for programs.
pub(super) fn tell(seed: u64, engines: &[(&'static str, Figures)]) {
    print!("\n{:<18}", "");
    engines.iter().for_each(|(name, _)| print!("{name:>12}"));
    println!();
    for (place, (name, _)) in Figures::default().rows().iter().enumerate() {
        print!("{:<18}", name.replace('_', " "));
        engines
            .iter()
            .for_each(|(_, figures)| print!("{:>12}", figures.rows()[place].1));
        println!();
    }
    let mut line = json!({ "seed": seed });
    engines
        .iter()
        .for_each(|(name, figures)| line[*name] = figures.to_json());
    println!("\nNothing was lost, and nothing happened twice.\n{line}");
}
