//! The transactions that were signed for submissions.

use crate::submission::SubmissionTransaction;
use store::{Record as _, Result, Tx, UnscopedTable as _, UnscopedTx, list};
use types::{ChainId, PermitId, SubmissionId};

/// Stores signed transactions.
pub(crate) fn insert(tx: &mut UnscopedTx, transactions: &[SubmissionTransaction]) -> Result<()> {
    SubmissionTransaction::insert_unscoped(tx, transactions, "ON CONFLICT DO NOTHING").map(drop)
}

/// Records the node's responses to broadcasts: for each transaction its text.
pub(crate) fn record_answers(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    answers: &[(String, String)],
) -> Result<()> {
    tx.execute_rows(
        "WITH n(tx_id, answer) AS ({rows}) UPDATE submission_transaction SET answer = n.answer
           FROM n WHERE submission_transaction.chain = ?1 AND submission_transaction.tx_id = n.tx_id",
        (chain,),
        answers,
    )?;
    Ok(())
}

/// The permits under which these transactions were signed, of those where it is recorded.
pub(crate) fn permits(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    ids: &[&String],
) -> Result<Vec<(String, PermitId)>> {
    tx.query_rows(
        "WITH n(t) AS ({rows}) SELECT tx_id, permit FROM submission_transaction JOIN n ON tx_id = n.t
          WHERE chain = ?1 AND permit IS NOT NULL",
        (chain,),
        &list(ids),
    )
}

/// Every transaction signed for a submission, oldest first.
pub(crate) fn of_submission(tx: &mut Tx, id: SubmissionId) -> Result<Vec<SubmissionTransaction>> {
    let sql = SubmissionTransaction::select(
        "WHERE namespace = ?ns AND submission = ?1 ORDER BY signed_at, tx_id",
    );
    tx.rows(&sql, (id,))
}

/// The submission that each of these transactions was signed for.
pub(crate) fn signed_for(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    ids: &[&String],
) -> Result<Vec<(String, SubmissionId)>> {
    tx.query_rows(
        "WITH n(t) AS ({rows}) SELECT tx_id, submission FROM submission_transaction JOIN n ON tx_id = n.t WHERE chain = ?1",
        (chain,),
        &list(ids),
    )
}
