//! Transactions that were signed, and what they use up.

use super::{COLUMNS, read_json, submission};
use crate::submission::{Sent, Submission};
use store::{Columns, Result, Row, Tx, Unbound};
use types::{ChainId, Namespace, SubmissionId, Time, Witness};

/// Submissions that hold these things open.
pub(crate) fn holders(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> Result<Vec<(Witness, Submission)>> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    let qualified = COLUMNS
        .split(", ")
        .map(|column| format!("s.{column}"))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = format!(
        "WITH n(w) AS ({{rows}})
         SELECT h.witness, {qualified} FROM submission_witness h
           JOIN n ON h.witness = n.w JOIN submission s ON s.namespace = h.namespace AND s.id = h.submission
          WHERE h.chain = ?1 ORDER BY s.arrival, s.id"
    );
    let found: Vec<Row> = tx.query_rows(&sql, (chain,), &rows)?;
    found
        .into_iter()
        .map(|mut row| {
            let witness = Columns::of(vec![row.remove(0)]).take()?;
            Ok((witness, submission(row)?))
        })
        .collect()
}

/// Remember transactions that were signed.
pub(crate) fn insert_sent(
    tx: &mut Unbound<'_, '_>,
    sent: &[(Namespace, ChainId, String, SubmissionId, Time, String)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO submission_sent (namespace, chain, tx_id, submission, signed_at, terms) {rows}
         ON CONFLICT DO NOTHING",
        (),
        sent,
    )?;
    Ok(())
}

/// Remember what nodes said of transactions.
pub(crate) fn note_answers(
    tx: &mut Unbound<'_, '_>,
    answers: &[(ChainId, String, String)],
) -> Result<()> {
    tx.execute_rows(
        "WITH n(chain, tx_id, answer) AS ({rows}) UPDATE submission_sent SET answer = n.answer
           FROM n WHERE submission_sent.chain = n.chain AND submission_sent.tx_id = n.tx_id",
        (),
        answers,
    )?;
    Ok(())
}

/// Every transaction that was signed for a submission, oldest first.
pub(crate) fn sent(tx: &mut Tx<'_, '_>, id: SubmissionId) -> Result<Vec<Sent>> {
    let rows: Vec<(String, Time, String, Option<String>)> = tx.rows(
        "SELECT tx_id, signed_at, terms, answer FROM submission_sent WHERE namespace = ?ns AND submission = ?1
          ORDER BY signed_at, tx_id",
        (id,),
    )?;
    rows.into_iter()
        .map(|(transaction, signed, terms, answer)| {
            Ok(Sent {
                transaction,
                signed,
                terms: read_json(&terms)?,
                answer,
            })
        })
        .collect()
}

/// Which submission signed each of these transactions.
pub(crate) fn signed_for(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    ids: &[String],
) -> Result<Vec<(String, SubmissionId)>> {
    let rows: Vec<(&String,)> = ids.iter().map(|id| (id,)).collect();
    tx.query_rows(
        "WITH n(t) AS ({rows}) SELECT tx_id, submission FROM submission_sent JOIN n ON tx_id = n.t WHERE chain = ?1",
        (chain,),
        &rows,
    )
}

/// Hold things open for submissions.
pub(crate) fn hold(
    tx: &mut Unbound<'_, '_>,
    held: &[(Namespace, ChainId, Witness, SubmissionId, String, i64)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO submission_witness (namespace, chain, witness, submission, signer, open) {rows} ON CONFLICT DO NOTHING",
        (),
        held,
    )?;
    Ok(())
}

/// The chain has settled these things.
pub(crate) fn settle(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> Result<()> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    tx.execute_rows(
        "WITH n(w) AS ({rows}) UPDATE submission_witness SET open = 0 FROM n WHERE chain = ?1 AND witness = n.w",
        (chain,),
        &rows,
    )?;
    Ok(())
}

/// What the submissions of a signer hold open.
pub(crate) fn held(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    signer: &str,
) -> Result<Vec<(Witness, SubmissionId)>> {
    tx.rows(
        "SELECT witness, submission FROM submission_witness WHERE chain = ?1 AND signer = ?2 AND open = 1",
        (chain, signer),
    )
}

/// What one submission holds.
pub(crate) fn witnesses_of(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    id: SubmissionId,
) -> Result<Vec<(Witness,)>> {
    tx.rows("SELECT witness FROM submission_witness WHERE chain = ?1 AND submission = ?2 ORDER BY witness", (chain, id))
}

/// What submissions that have ended still hold open: namespace, submission, signer and witness.
pub(crate) fn left_open(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    ended: &[SubmissionId],
) -> Result<Vec<(Namespace, SubmissionId, String, Witness)>> {
    let rows: Vec<(SubmissionId,)> = ended.iter().map(|id| (*id,)).collect();
    tx.query_rows(
        "WITH n(id) AS ({rows}) SELECT h.namespace, h.submission, h.signer, h.witness FROM submission_witness h
           JOIN n ON h.submission = n.id WHERE h.chain = ?1 AND h.open = 1",
        (chain,),
        &rows,
    )
}

/// These submissions hold nothing any more.
pub(crate) fn let_go(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    ended: &[SubmissionId],
) -> Result<()> {
    let rows: Vec<(SubmissionId,)> = ended.iter().map(|id| (*id,)).collect();
    tx.execute_rows(
        "WITH n(id) AS ({rows}) UPDATE submission_witness SET open = 0 FROM n WHERE chain = ?1 AND submission = n.id",
        (chain,),
        &rows,
    )?;
    Ok(())
}

/// Those of these things that somebody of ours holds open.
pub(crate) fn still_held(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> Result<Vec<(Witness,)>> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    tx.query_rows(
        "WITH n(w) AS ({rows}) SELECT witness FROM submission_witness JOIN n ON witness = n.w WHERE chain = ?1 AND open = 1",
        (chain,),
        &rows,
    )
}
