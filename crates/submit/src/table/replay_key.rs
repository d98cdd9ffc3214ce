//! Signed transactions, and the replay keys that submissions hold.

use super::{COLUMNS, read_json, submission_from_row};
use crate::submission::{Submission, SubmissionTransaction};
use store::{Result, Row, RowReader, Tx, UnscopedTx};
use types::{ChainId, Namespace, ReplayKey, SubmissionId, Time};

/// The submissions that hold these replay keys.
pub(crate) fn holders(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    replay_keys: &[ReplayKey],
) -> Result<Vec<(ReplayKey, Submission)>> {
    let rows: Vec<(&ReplayKey,)> = replay_keys.iter().map(|replay_key| (replay_key,)).collect();
    let qualified = COLUMNS
        .split(", ")
        .map(|column| format!("s.{column}"))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = format!(
        "WITH n(w) AS ({{rows}})
         SELECT h.replay_key, {qualified} FROM submission_replay_key h
           JOIN n ON h.replay_key = n.w JOIN submission s ON s.namespace = h.namespace AND s.id = h.submission
          WHERE h.chain = ?1 ORDER BY s.received_seq, s.id"
    );
    let joined: Vec<Row> = tx.query_rows(&sql, (chain,), &rows)?;
    joined
        .into_iter()
        .map(|mut row| {
            let replay_key = RowReader::new(vec![row.remove(0)]).take()?;
            Ok((replay_key, submission_from_row(row)?))
        })
        .collect()
}

/// Stores signed transactions.
pub(crate) fn insert_transactions(
    tx: &mut UnscopedTx<'_, '_>,
    transactions: &[(Namespace, ChainId, String, SubmissionId, Time, String)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO submission_transaction (namespace, chain, tx_id, submission, signed_at, terms) {rows}
         ON CONFLICT DO NOTHING",
        (),
        transactions,
    )?;
    Ok(())
}

/// Records the nodes' responses to broadcasts.
pub(crate) fn record_answers(
    tx: &mut UnscopedTx<'_, '_>,
    answers: &[(ChainId, String, String)],
) -> Result<()> {
    tx.execute_rows(
        "WITH n(chain, tx_id, answer) AS ({rows}) UPDATE submission_transaction SET answer = n.answer
           FROM n WHERE submission_transaction.chain = n.chain AND submission_transaction.tx_id = n.tx_id",
        (),
        answers,
    )?;
    Ok(())
}

/// Every transaction signed for a submission, oldest first.
pub(crate) fn transactions(
    tx: &mut Tx<'_, '_>,
    id: SubmissionId,
) -> Result<Vec<SubmissionTransaction>> {
    let rows: Vec<(String, Time, String, Option<String>)> = tx.rows(
        "SELECT tx_id, signed_at, terms, answer FROM submission_transaction WHERE namespace = ?ns AND submission = ?1
          ORDER BY signed_at, tx_id",
        (id,),
    )?;
    rows.into_iter()
        .map(|(transaction, signed, terms, answer)| {
            Ok(SubmissionTransaction {
                transaction,
                signed,
                terms: read_json(&terms)?,
                answer,
            })
        })
        .collect()
}

/// The submission that each of these transactions was signed for.
pub(crate) fn signed_for(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    ids: &[String],
) -> Result<Vec<(String, SubmissionId)>> {
    let rows: Vec<(&String,)> = ids.iter().map(|id| (id,)).collect();
    tx.query_rows(
        "WITH n(t) AS ({rows}) SELECT tx_id, submission FROM submission_transaction JOIN n ON tx_id = n.t WHERE chain = ?1",
        (chain,),
        &rows,
    )
}

/// Stores replay keys as held by submissions.
pub(crate) fn insert_replay_keys(
    tx: &mut UnscopedTx<'_, '_>,
    replay_keys: &[(Namespace, ChainId, ReplayKey, SubmissionId, String, i64)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO submission_replay_key (namespace, chain, replay_key, submission, signer, open) {rows} ON CONFLICT DO NOTHING",
        (),
        replay_keys,
    )?;
    Ok(())
}

/// Closes replay keys whose use on the chain is final.
pub(crate) fn close_replay_keys(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    replay_keys: &[ReplayKey],
) -> Result<()> {
    let rows: Vec<(&ReplayKey,)> = replay_keys.iter().map(|replay_key| (replay_key,)).collect();
    tx.execute_rows(
        "WITH n(w) AS ({rows}) UPDATE submission_replay_key SET open = 0 FROM n WHERE chain = ?1 AND replay_key = n.w",
        (chain,),
        &rows,
    )?;
    Ok(())
}

/// The open replay keys of a signer, with the submissions that hold them.
pub(crate) fn open_replay_keys(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    signer: &str,
) -> Result<Vec<(ReplayKey, SubmissionId)>> {
    tx.rows(
        "SELECT replay_key, submission FROM submission_replay_key WHERE chain = ?1 AND signer = ?2 AND open = 1",
        (chain, signer),
    )
}

/// The replay keys of one submission, open or not.
pub(crate) fn replay_keys_of(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    id: SubmissionId,
) -> Result<Vec<(ReplayKey,)>> {
    tx.rows("SELECT replay_key FROM submission_replay_key WHERE chain = ?1 AND submission = ?2 ORDER BY replay_key", (chain, id))
}

/// The open replay keys of ended submissions: namespace, submission, signer and replay key.
pub(crate) fn open_replay_keys_of(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    ended: &[SubmissionId],
) -> Result<Vec<(Namespace, SubmissionId, String, ReplayKey)>> {
    let rows: Vec<(SubmissionId,)> = ended.iter().map(|id| (*id,)).collect();
    tx.query_rows(
        "WITH n(id) AS ({rows}) SELECT h.namespace, h.submission, h.signer, h.replay_key FROM submission_replay_key h
           JOIN n ON h.submission = n.id WHERE h.chain = ?1 AND h.open = 1",
        (chain,),
        &rows,
    )
}

/// Closes the replay keys of ended submissions.
pub(crate) fn close_replay_keys_of(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    ended: &[SubmissionId],
) -> Result<()> {
    let rows: Vec<(SubmissionId,)> = ended.iter().map(|id| (*id,)).collect();
    tx.execute_rows(
        "WITH n(id) AS ({rows}) UPDATE submission_replay_key SET open = 0 FROM n WHERE chain = ?1 AND submission = n.id",
        (chain,),
        &rows,
    )?;
    Ok(())
}

/// Those of these replay keys that a submission still holds open.
pub(crate) fn still_open(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    replay_keys: &[ReplayKey],
) -> Result<Vec<(ReplayKey,)>> {
    let rows: Vec<(&ReplayKey,)> = replay_keys.iter().map(|replay_key| (replay_key,)).collect();
    tx.query_rows(
        "WITH n(w) AS ({rows}) SELECT replay_key FROM submission_replay_key JOIN n ON replay_key = n.w WHERE chain = ?1 AND open = 1",
        (chain,),
        &rows,
    )
}
