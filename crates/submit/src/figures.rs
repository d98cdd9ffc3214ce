//! Figures of submissions, for whoever watches: how many are under way in which state, and how deep
//! the lanes are.

use crate::table::figures as table;
use crate::{Result, State, Submit};
use store::Unbound;
use types::ChainId;

/// Submissions of all namespaces that are under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// How many, by chain and state; each state that is not an end, also where there are none.
    pub states: Vec<(ChainId, State, i64)>,
    /// The most that one signer of a chain has under way.
    pub depths: Vec<(ChainId, i64)>,
}

/// How submissions stand now. Costs as much as there are under way.
pub async fn figures(submit: &Submit) -> Result<Figures> {
    let open: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| !state.is_terminal())
        .collect();
    let chains: Vec<ChainId> = submit
        .chains()
        .map(|connector| connector.chain().clone())
        .collect();
    let mut of = Vec::new();
    for shard in 0..i64::from(submit.0.settings.shards.max(1)) {
        for chain in &chains {
            of.extend(
                open.iter()
                    .map(|state| (shard, chain.clone(), state.as_str().to_owned())),
            );
        }
    }
    if of.is_empty() {
        return Ok(Figures::default());
    }
    let read = move |tx: &mut Unbound<'_, '_>| {
        Ok::<_, crate::Error>((table::count(tx, &of)?, table::deepest(tx, &of)?))
    };
    let (counts, depths) = submit.0.db.read_unbound(read).await?;
    let count = |chain: &ChainId, state: State| {
        counts
            .iter()
            .find(|(of, name, _)| of == chain && name == state.as_str())
            .map_or(0, |(.., count)| *count)
    };
    let depth = |chain: &ChainId| {
        depths
            .iter()
            .find(|(of, _)| of == chain)
            .map_or(0, |(_, depth)| *depth)
    };
    let states = chains.iter().flat_map(|chain| {
        open.iter()
            .map(|state| (chain.clone(), *state, count(chain, *state)))
    });
    Ok(Figures {
        states: states.collect(),
        depths: chains
            .iter()
            .map(|chain| (chain.clone(), depth(chain)))
            .collect(),
    })
}
