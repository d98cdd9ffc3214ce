//! Metrics of submissions and statements in progress: their number by state, and the depth of the
//! lanes.

use crate::table::metrics as table;
use crate::{Error, Result, State, StatementState, Submit};
use strum::VariantArray;
use types::ChainId;

/// Submissions and statements in progress, over all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Number by chain and state, for every state that is not terminal, zeros included.
    pub states: Vec<(ChainId, State, i64)>,
    /// Statements by chain and state, for every state that is not terminal, zeros included.
    pub statements: Vec<(ChainId, StatementState, i64)>,
    /// The depth of the deepest lane, by chain.
    pub depths: Vec<(ChainId, i64)>,
}

/// Reads the current metrics. The cost is proportional to the number of submissions and statements
/// in progress.
pub async fn metrics(submit: &Submit) -> Result<Metrics> {
    let chains = submit.chains().map(|connector| *connector.chain());
    let chains: Vec<ChainId> = chains.collect();
    let shards = i64::from(submit.settings().shards.max(1));
    let states = groups(shards, &chains, &open(State::is_terminal));
    let statement_states = groups(shards, &chains, &open(StatementState::is_terminal));
    if chains.is_empty() {
        return Ok(Metrics::default());
    }
    let args = (states.clone(), statement_states.clone());
    let read = submit
        .db()
        .read_unscoped_with(args, |tx, (states, statement_states)| {
            let counts = table::count(tx, states)?;
            let statements = table::count_statements(tx, statement_states)?;
            let depths = table::deepest_lanes(tx, states)?;
            Ok::<_, Error>((counts, statements, depths))
        });
    let (counts, statements, depths) = read.await?;
    let depth = |chain: &ChainId| {
        let entry = depths.iter().find(|(counted, _)| counted == chain);
        entry.map_or(0, |(_, depth)| *depth)
    };
    Ok(Metrics {
        states: counted(&states, &counts),
        statements: counted(&statement_states, &statements),
        depths: chains.iter().map(|chain| (*chain, depth(chain))).collect(),
    })
}

/// The states that are not terminal.
fn open<S: VariantArray + Copy>(is_terminal: fn(S) -> bool) -> Vec<S> {
    let states = S::VARIANTS.iter().copied();
    states.filter(|state| !is_terminal(*state)).collect()
}

/// Every shard, chain and state.
fn groups<S: Copy>(shards: i64, chains: &[ChainId], states: &[S]) -> Vec<(i64, ChainId, S)> {
    let mut groups = Vec::new();
    for shard in 0..shards {
        for chain in chains {
            groups.extend(states.iter().map(|state| (shard, *chain, *state)));
        }
    }
    groups
}

/// The counts by chain and state over all shards, zeros included.
fn counted<S: Copy + PartialEq>(
    groups: &[(i64, ChainId, S)],
    counts: &[(ChainId, S, i64)],
) -> Vec<(ChainId, S, i64)> {
    let first_shard = groups.iter().filter(|(shard, ..)| *shard == 0);
    first_shard
        .map(|(_, chain, state)| {
            let mut counts = counts.iter();
            let entry = counts.find(|(counted, of, _)| counted == chain && of == state);
            (*chain, *state, entry.map_or(0, |(.., count)| *count))
        })
        .collect()
}
