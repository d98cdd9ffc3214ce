//! Metrics of submissions in progress: their number by state, and the depth of the lanes.

use crate::table::metrics as table;
use crate::{Result, State, Submit};
use store::UnscopedTx;
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
    let open: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| !state.is_terminal())
        .collect();
    let chains: Vec<ChainId> = submit
        .chains()
        .map(|connector| *connector.chain())
        .collect();
    let mut groups = Vec::new();
    for shard in 0..i64::from(submit.0.settings.shards.max(1)) {
        for chain in &chains {
            groups.extend(
                open.iter()
                    .map(|state| (shard, *chain, state.as_str().to_owned())),
            );
        }
    }
    if groups.is_empty() {
        return Ok(Metrics::default());
    }
    let read = move |tx: &mut UnscopedTx<'_, '_>| {
        Ok::<_, crate::Error>((
            table::count(tx, &groups)?,
            table::deepest_lanes(tx, &groups)?,
        ))
    };
    let (counts, depths) = submit.0.db.read_unscoped(read).await?;
    let count = |chain: &ChainId, state: State| {
        counts
            .iter()
            .find(|(counted, name, _)| counted == chain && name == state.as_str())
            .map_or(0, |(.., count)| *count)
    };
    let depth = |chain: &ChainId| {
        depths
            .iter()
            .find(|(counted, _)| counted == chain)
            .map_or(0, |(_, depth)| *depth)
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
