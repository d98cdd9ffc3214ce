//! Submissions.

use crate::state::State;
use crate::submission::{Filter, Submission};
use std::collections::BTreeSet;
use store::{
    Record as _, Result, ScopedTable as _, ToValue, Tx, UnscopedTable as _, UnscopedTx, Value,
    params,
};
use types::{ApiKeyId, ChainId, Page, SubmissionId, Time};

/// The terminal states, as a list of SQL.
pub(super) const ENDED: &str = "('final', 'denied', 'expired', 'failed', 'replaced', 'cancelled')";

/// Stores new submissions.
pub(crate) fn insert(tx: &mut Tx, new: &[Submission]) -> Result<()> {
    Submission::insert(tx, new, "").map(drop)
}

/// Writes submissions whose version is unchanged since they were read. Returns the written ids.
pub(crate) fn update(
    tx: &mut UnscopedTx,
    changed: &[Submission],
) -> Result<BTreeSet<SubmissionId>> {
    let written: Vec<(SubmissionId,)> = Submission::update_all(tx, changed, "submission.id")?;
    Ok(written.into_iter().map(|(id,)| id).collect())
}

/// Increments the version of a submission. False if it was changed since it was read.
pub(crate) fn increment_version(tx: &mut Tx, read: &Submission) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE submission SET version = version + 1 WHERE namespace = ?ns AND id = ?1 AND version = ?2",
        (read.id, read.version),
    )?;
    Ok(changed == 1)
}

/// One submission of the namespace.
pub(crate) fn get(tx: &mut Tx, id: SubmissionId) -> Result<Option<Submission>> {
    let sql = Submission::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))
}

/// Submissions of the namespace, newest first.
pub(crate) fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Submission>> {
    let sql = Submission::select(
        "WHERE namespace = ?ns AND (?state IS NULL OR state = ?state) AND (?signer IS NULL OR signer = ?signer)
            AND (?chain IS NULL OR chain = ?chain)
            AND (?after IS NULL OR received_seq < (SELECT received_seq FROM submission WHERE namespace = ?ns AND id = ?after))
          ORDER BY received_seq DESC, id DESC LIMIT ?limit OFFSET ?skip",
    );
    let Filter {
        state,
        signer,
        chain,
    } = filter;
    let Page { limit, skip, after } = page;
    tx.rows(&sql, params! { state, signer, chain, limit, skip, after })
}

/// The oldest cancel of a submission that has not ended, if any.
pub(crate) fn cancel_in_progress(tx: &mut Tx, target: SubmissionId) -> Result<Option<Submission>> {
    let sql = Submission::select(&format!(
        "WHERE namespace = ?ns AND supersedes = ?1 AND state NOT IN {ENDED}
          ORDER BY received_seq LIMIT 1"
    ));
    tx.row(&sql, (target,))
}

/// The ids of those submissions that have a signed cancel in progress.
pub(crate) fn with_signed_cancel(
    tx: &mut UnscopedTx,
    targets: &[Submission],
) -> Result<BTreeSet<SubmissionId>> {
    let targets: Vec<_> = targets.iter().map(|one| (one.namespace, one.id)).collect();
    let sql = format!(
        "WITH n(ns, id) AS ({{rows}}) SELECT c.supersedes FROM submission c
           JOIN n ON c.namespace = n.ns AND c.supersedes = n.id
          WHERE c.tx_id IS NOT NULL AND c.state NOT IN {ENDED}"
    );
    let cancelled: Vec<(SubmissionId,)> = tx.query_rows(&sql, (), &targets)?;
    Ok(cancelled.into_iter().map(|(id,)| id).collect())
}

/// The newest cancels of a submission, whatever their states, newest first.
pub(crate) fn cancels(tx: &mut Tx, target: SubmissionId, limit: u32) -> Result<Vec<Submission>> {
    let sql = Submission::select(
        "WHERE namespace = ?ns AND supersedes = ?1 ORDER BY received_seq DESC, id DESC LIMIT ?2",
    );
    tx.rows(&sql, (target, limit))
}

/// What an API key of the namespace has submitted, except cancels, and nothing was signed for,
/// oldest first. Uses `submission_initiator_key`.
pub(crate) fn unsigned_of(tx: &mut Tx, key: ApiKeyId, limit: u32) -> Result<Vec<Submission>> {
    let sql = Submission::select(
        "WHERE namespace = ?ns AND initiator_key = ?1 AND supersedes IS NULL
            AND state IN ('received', 'deciding', 'awaiting_approval', 'permitted', 'signing')
          ORDER BY received_seq, id LIMIT ?2",
    );
    tx.rows(&sql, (key, limit))
}

/// The ids of those submissions whose version is unchanged since they were read.
pub(crate) fn unchanged(
    tx: &mut UnscopedTx,
    read: &[Submission],
) -> Result<BTreeSet<SubmissionId>> {
    let versions: Vec<_> = read
        .iter()
        .map(|submission| (submission.namespace, submission.id, submission.version))
        .collect();
    let unchanged: Vec<(SubmissionId,)> = tx.query_rows(
        "WITH n(ns, id, version) AS ({rows}) SELECT s.id FROM submission s
           JOIN n ON s.namespace = n.ns AND s.id = n.id AND s.version = n.version",
        (),
        &versions,
    )?;
    Ok(unchanged.into_iter().map(|(id,)| id).collect())
}

/// Paused submissions of a lane after a lane index, in lane order, up to `limit`.
pub(crate) fn paused(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    signer: &str,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<Submission>> {
    let sql = Submission::select(
        "WHERE chain = ?1 AND signer = ?2 AND state = 'paused' AND lane_index > ?3
          ORDER BY lane_index LIMIT ?4",
    );
    tx.rows(&sql, (chain, signer, after.unwrap_or(-1), limit))
}

/// Due submissions of a shard on a chain in one of these states, oldest first. One that is signed
/// is not due while a cancel of it is in progress, although a node may have bytes of it if it was
/// sent before.
pub(crate) fn due(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    states: &[State],
    now: Time,
    limit: u32,
) -> Result<Vec<Submission>> {
    let mut params: Vec<Value<'_>> = vec![
        shard.to_value(),
        now.to_value(),
        limit.to_value(),
        chain.to_value(),
    ];
    params.extend(states.iter().map(ToValue::to_value));
    let placeholders: Vec<String> = (0..states.len())
        .map(|index| format!("?{}", index + 5))
        .collect();
    let sql = Submission::select(&format!(
        "WHERE shard = ?1 AND chain = ?4 AND state IN ({}) AND next_at <= ?2
            AND NOT (state = 'signed' AND EXISTS (
                SELECT 1 FROM submission c WHERE c.namespace = submission.namespace AND c.supersedes = submission.id
                   AND c.state NOT IN {ENDED}))
          ORDER BY received_seq, id LIMIT ?3",
        placeholders.join(", ")
    ));
    tx.rows(&sql, params)
}

/// Due permitted submissions of a lane, in lane order: only cancels, or all others.
pub(crate) fn permitted(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    signer: &str,
    cancels: bool,
    now: Time,
    limit: u32,
) -> Result<Vec<Submission>> {
    let condition = if cancels { "IS NOT NULL" } else { "IS NULL" };
    let sql = Submission::select(&format!(
        "WHERE chain = ?1 AND signer = ?2 AND state = 'permitted' AND next_at <= ?3 AND supersedes {condition}
          ORDER BY lane_index LIMIT ?4"
    ));
    tx.rows(&sql, (chain, signer, now, limit))
}

/// Number of submissions of a signer that the namespace has between received and mined.
pub(crate) fn count_waiting(tx: &mut Tx, chain: &ChainId, signer: &str) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) FROM submission WHERE namespace = ?ns AND chain = ?1 AND signer = ?2
            AND state IN ('received', 'deciding', 'awaiting_approval', 'permitted', 'signing', 'signed',
                          'accepted', 'reorged', 'paused')",
        (chain, signer),
    )
}

/// The transactions of a lane in flight.
#[derive(Debug, store::Record)]
pub(crate) struct InFlight {
    /// Reserved or signed, and not mined.
    pub(crate) count: u32,
    /// Those of them that wait for their signatures.
    pub(crate) signing: u32,
}

/// A signer's transactions in flight.
pub(crate) fn in_flight(tx: &mut UnscopedTx, chain: &ChainId, signer: &str) -> Result<InFlight> {
    let row = tx.row(
        "SELECT COUNT(*), COUNT(CASE WHEN state = 'signing' THEN 1 END) FROM submission
          WHERE chain = ?1 AND signer = ?2 AND (state = 'signing' OR tx_id IS NOT NULL)
            AND state IN ('signing', 'signed', 'accepted', 'reorged', 'paused')",
        (chain, signer),
    )?;
    Ok(row.unwrap_or(InFlight {
        count: 0,
        signing: 0,
    }))
}

/// Signers of a shard with due permitted submissions, ordered by name and starting after `after`.
/// In a paused lane only a cancel counts.
pub(crate) fn ready_signers(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    after: &str,
    now: Time,
    limit: u32,
) -> Result<Vec<String>> {
    tx.values(
        "SELECT s.signer FROM submission s
          WHERE s.shard = ?shard AND s.chain = ?chain AND s.state = 'permitted' AND s.next_at <= ?now AND s.signer > ?after
            AND (s.supersedes IS NOT NULL OR NOT EXISTS (
                 SELECT 1 FROM submission_lane l WHERE l.chain = s.chain AND l.signer = s.signer AND l.paused IS NOT NULL
                    AND (l.paused_until IS NULL OR l.paused_until > ?now)))
          GROUP BY s.signer ORDER BY s.signer LIMIT ?limit",
        params! { shard, chain, after, now, limit },
    )
}

/// Mined submissions of a shard in these blocks.
pub(crate) fn in_blocks(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    shard: i64,
    hashes: &[&String],
) -> Result<Vec<Submission>> {
    let columns = Submission::columns_of("s");
    let sql = format!(
        "WITH n(h) AS ({{rows}}) SELECT {columns} FROM submission s JOIN n ON s.block_hash = n.h
          WHERE s.chain = ?1 AND s.shard = ?2 AND s.state = 'mined'"
    );
    tx.query_rows(&sql, (chain, shard), &store::list(hashes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray as _;

    #[test]
    fn the_list_of_terminal_states_is_complete() {
        let ended = State::VARIANTS.iter().filter(|state| state.is_terminal());
        let ended: Vec<String> = ended.map(|state| format!("'{}'", state.as_str())).collect();
        assert_eq!(ENDED, format!("({})", ended.join(", ")));
    }
}
