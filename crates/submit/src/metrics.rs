//! Metrics of submissions in progress: their number by state, and the depth of the lanes.

use crate::table::metrics as table;
use crate::{Error, Result, State, Submit};
use strum::VariantArray as _;
use types::ChainId;

/// Submissions in progress, over all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Number by chain and state, for every state that is not terminal, zeros included.
    pub states: Vec<(ChainId, State, i64)>,
    /// The depth of the deepest lane, by chain.
    pub depths: Vec<(ChainId, i64)>,
}

/// Reads the current metrics. The cost is proportional to the number of submissions in progress.
pub async fn metrics(submit: &Submit) -> Result<Metrics> {
    let open: Vec<State> = State::VARIANTS
        .iter()
        .copied()
        .filter(|state| !state.is_terminal())
        .collect();
    let chains = submit.chains().map(|connector| *connector.chain());
    let chains: Vec<ChainId> = chains.collect();
    let mut groups = Vec::new();
    for shard in 0..i64::from(submit.settings().shards.max(1)) {
        for chain in &chains {
            groups.extend(open.iter().map(|state| (shard, *chain, *state)));
        }
    }
    if groups.is_empty() {
        return Ok(Metrics::default());
    }
    let read = submit.db().read_unscoped_with(groups, |tx, groups| {
        let counts = table::count(tx, groups)?;
        Ok::<_, Error>((counts, table::deepest_lanes(tx, groups)?))
    });
    let (counts, depths) = read.await?;
    let count = |chain: &ChainId, state: State| {
        let mut counts = counts.iter();
        let entry = counts.find(|(counted, of, _)| counted == chain && *of == state);
        entry.map_or(0, |(.., count)| *count)
    };
    let depth = |chain: &ChainId| {
        let entry = depths.iter().find(|(counted, _)| counted == chain);
        entry.map_or(0, |(_, depth)| *depth)
    };
    let states = chains.iter().flat_map(|chain| {
        open.iter()
            .map(|state| (*chain, *state, count(chain, *state)))
    });
    Ok(Metrics {
        states: states.collect(),
        depths: chains.iter().map(|chain| (*chain, depth(chain))).collect(),
    })
}
