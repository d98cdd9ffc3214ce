//! The replay keys that submissions hold.

use crate::submission::Submission;
use store::{Record, Result, UnscopedTable as _, UnscopedTx, list};
use types::{ChainId, Namespace, ReplayKey, SubmissionId};

/// A replay key as held by a submission.
#[derive(Debug, Clone, Record)]
#[record(table = "submission_replay_key")]
pub(crate) struct HeldKey {
    pub(crate) namespace: Namespace,
    pub(crate) chain: ChainId,
    pub(crate) replay_key: ReplayKey,
    pub(crate) submission: SubmissionId,
    pub(crate) signer: String,
    /// Until its use on the chain is final, or the submission has ended.
    pub(crate) open: bool,
}

/// A replay key, and a submission that holds it.
#[derive(Record)]
pub(crate) struct Holder {
    pub(crate) replay_key: ReplayKey,
    #[record(flatten)]
    pub(crate) submission: Submission,
}

/// Stores replay keys as held by submissions.
pub(crate) fn insert(tx: &mut UnscopedTx, held: &[HeldKey]) -> Result<()> {
    HeldKey::insert_unscoped(tx, held, "ON CONFLICT DO NOTHING").map(drop)
}

/// The submissions that hold these replay keys.
pub(crate) fn holders(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    replay_keys: &[&ReplayKey],
) -> Result<Vec<Holder>> {
    let columns = Submission::columns_of("s");
    let sql = format!(
        "WITH n(w) AS ({{rows}})
         SELECT h.replay_key, {columns} FROM submission_replay_key h
           JOIN n ON h.replay_key = n.w JOIN submission s ON s.namespace = h.namespace AND s.id = h.submission
          WHERE h.chain = ?1 ORDER BY s.received_seq, s.id"
    );
    tx.query_rows(&sql, (chain,), &list(replay_keys))
}

/// The open replay keys of a signer. One that several submissions hold occurs several times.
pub(crate) fn open_of_signer(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    signer: &str,
) -> Result<Vec<ReplayKey>> {
    tx.values(
        "SELECT replay_key FROM submission_replay_key WHERE chain = ?1 AND signer = ?2 AND open = 1",
        (chain, signer),
    )
}

/// The replay keys of one submission, open or not.
pub(crate) fn of_submission(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    id: SubmissionId,
) -> Result<Vec<ReplayKey>> {
    tx.values(
        "SELECT replay_key FROM submission_replay_key WHERE chain = ?1 AND submission = ?2 ORDER BY replay_key",
        (chain, id),
    )
}

/// The open replay keys of these submissions.
pub(crate) fn open_of(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    submissions: &[SubmissionId],
) -> Result<Vec<HeldKey>> {
    let columns = HeldKey::columns_of("h");
    let sql = format!(
        "WITH n(id) AS ({{rows}}) SELECT {columns} FROM submission_replay_key h
           JOIN n ON h.submission = n.id WHERE h.chain = ?1 AND h.open = 1"
    );
    tx.query_rows(&sql, (chain,), &list(submissions))
}

/// Those of these replay keys that a submission still holds open.
pub(crate) fn still_open(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    replay_keys: &[&ReplayKey],
) -> Result<Vec<ReplayKey>> {
    let open: Vec<(ReplayKey,)> = tx.query_rows(
        "WITH n(w) AS ({rows}) SELECT replay_key FROM submission_replay_key JOIN n ON replay_key = n.w WHERE chain = ?1 AND open = 1",
        (chain,),
        &list(replay_keys),
    )?;
    Ok(open.into_iter().map(|(replay_key,)| replay_key).collect())
}

/// Closes replay keys whose use on the chain is final.
pub(crate) fn close(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    replay_keys: &[&ReplayKey],
) -> Result<()> {
    tx.execute_rows(
        "WITH n(w) AS ({rows}) UPDATE submission_replay_key SET open = 0 FROM n WHERE chain = ?1 AND replay_key = n.w",
        (chain,),
        &list(replay_keys),
    )?;
    Ok(())
}

/// Closes the replay keys of submissions that have ended.
pub(crate) fn close_of(tx: &mut UnscopedTx, chain: &ChainId, ended: &[SubmissionId]) -> Result<()> {
    tx.execute_rows(
        "WITH n(id) AS ({rows}) UPDATE submission_replay_key SET open = 0 FROM n WHERE chain = ?1 AND submission = n.id",
        (chain,),
        &list(ended),
    )?;
    Ok(())
}
