//! Watched signers, sources and topics.

use store::{Result, ScopedTable as _, Tx, UnscopedTx};
use types::{ChainId, Time};

/// What a watched value selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum WatchKind {
    /// The transactions of a signer.
    Signer,
    /// The events of a source.
    Source,
    /// The events with a topic, of any source.
    Topic,
}

store::text_columns! { WatchKind }

/// A watched value.
#[derive(Debug, Clone, store::Record)]
pub(crate) struct Watched {
    pub(crate) kind: WatchKind,
    pub(crate) value: String,
}

#[derive(store::Record)]
#[record(table = "chain_watch", write)]
struct Row<'w> {
    chain: ChainId,
    kind: WatchKind,
    value: &'w str,
    since: Time,
}

/// Watched values of a chain, over all namespaces, ordered by kind and value, after one of them.
/// Uses index `chain_watch_chain`.
pub(crate) fn of_chain(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    after: Option<&Watched>,
    limit: u32,
) -> Result<Vec<Watched>> {
    let (kind, value) = after.map_or(("", ""), |last| (last.kind.into(), last.value.as_str()));
    tx.rows(
        "SELECT DISTINCT kind, value FROM chain_watch WHERE chain = ?1 AND (kind, value) > (?2, ?3) ORDER BY kind, value LIMIT ?4",
        (chain, kind, value, limit),
    )
}

/// Adds watched values for the namespace.
pub(crate) fn insert(
    tx: &mut Tx,
    chain: &ChainId,
    kind: WatchKind,
    values: &[String],
) -> Result<u64> {
    let since = tx.now();
    let rows: Vec<Row<'_>> = values
        .iter()
        .map(|value| Row {
            chain: *chain,
            kind,
            value,
            since,
        })
        .collect();
    Row::insert(tx, &rows, "ON CONFLICT DO NOTHING")
}
