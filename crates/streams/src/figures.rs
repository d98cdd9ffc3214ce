//! Figures of deliveries, for whoever watches: what waits, what is dead, how far behind; and what
//! calls came to.

use crate::error::Result;
use crate::streams::Streams;
use crate::table::figures as table;
use crate::worker::Answer;
use std::collections::BTreeMap;
use store::Unbound;

/// Deliveries of all namespaces as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Events that wait for their receivers.
    pub waiting: i64,
    /// Dead letters.
    pub dead: i64,
    /// Facts that the subscription furthest behind has not read yet.
    pub behind: i64,
}

/// How deliveries stand now. Costs as much as events wait.
pub async fn figures(streams: &Streams) -> Result<Figures> {
    let read = |tx: &mut Unbound<'_, '_>| {
        let counts: BTreeMap<String, i64> = table::count(tx)?.into_iter().collect();
        let heads: BTreeMap<String, i64> = store::partitions(tx)?
            .into_iter()
            .map(|head| (head.partition, head.seq))
            .collect();
        let behind =
            |(partition, seq): (String, i64)| heads.get(&partition).map_or(0, |head| head - seq);
        let behind = table::slowest(tx)?
            .into_iter()
            .map(behind)
            .max()
            .unwrap_or(0);
        let of = |state: &str| counts.get(state).copied().unwrap_or(0);
        Ok(Figures {
            waiting: of("waiting"),
            dead: of("dead"),
            behind,
        })
    };
    streams.db.read_unbound(read).await
}

/// Count what a call came to.
pub(crate) fn count(answer: &Answer) {
    let outcome = match answer {
        Answer::Taken => "taken",
        Answer::Gone => "gone",
        Answer::TooLarge => "too_large",
        Answer::Refused { .. } => "refused",
    };
    metrics::counter!("florin_deliveries_total", "outcome" => outcome).increment(1);
}
