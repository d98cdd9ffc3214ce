//! The report: counts for people and for programs.

use serde_json::{Value, json};

/// Counts for an engine.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) rounds: u64,
    pub(super) held: u64,
    pub(super) kills: u64,
    pub(super) aborts: u64,
    pub(super) errors: u64,
    pub(super) stops: u64,
    pub(super) takeovers: u64,
    /// Rejected commits of resumed processes. The other resumed processes noticed the loss of their
    /// lease before they committed.
    pub(super) rejected_commits: u64,
    pub(super) reorgs: u64,
    pub(super) restarts: u64,
    pub(super) repeated_requests: u64,
    pub(super) submissions: u64,
    pub(super) runs: u64,
    pub(super) transfers: u64,
    pub(super) calls: u64,
    pub(super) repeated_calls: u64,
    pub(super) events: u64,
    pub(super) redeliveries: u64,
    pub(super) facts: u64,
    pub(super) tree_heads: u64,
    pub(super) millis: u64,
}

impl Counts {
    fn rows(&self) -> [(&'static str, u64); 23] {
        [
            ("rounds", self.rounds),
            ("held", self.held),
            ("kills", self.kills),
            ("aborts", self.aborts),
            ("errors", self.errors),
            ("stops", self.stops),
            ("takeovers", self.takeovers),
            ("rejected_commits", self.rejected_commits),
            ("reorgs", self.reorgs),
            ("restarts", self.restarts),
            ("repeated_requests", self.repeated_requests),
            ("submissions", self.submissions),
            ("runs", self.runs),
            ("transfers", self.transfers),
            ("calls", self.calls),
            ("repeated_calls", self.repeated_calls),
            ("events", self.events),
            ("redeliveries", self.redeliveries),
            ("facts", self.facts),
            ("tree_heads", self.tree_heads),
            ("millis", self.millis),
            // Zero by construction: a violation ends the torture before the report.
            ("duplicates", 0),
            ("lost", 0),
        ]
    }

    fn to_json(&self) -> Value {
        self.rows()
            .into_iter()
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// Print the table, and a JSON object on the last line.
pub(super) fn print(seed: u64, engines: &[(&'static str, Counts)]) {
    print!("\n{:<18}", "");
    engines.iter().for_each(|(name, _)| print!("{name:>12}"));
    println!();
    for (index, (name, _)) in Counts::default().rows().iter().enumerate() {
        print!("{:<18}", name.replace('_', " "));
        engines
            .iter()
            .for_each(|(_, counts)| print!("{:>12}", counts.rows()[index].1));
        println!();
    }
    let mut line = json!({ "seed": seed });
    engines
        .iter()
        .for_each(|(name, counts)| line[*name] = counts.to_json());
    println!("\nNothing was lost and nothing happened twice.\n{line}");
}
