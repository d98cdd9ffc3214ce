//! The signatures that submissions have requested of back ends that answer later.

use crate::submission::{Renewal, Submission};
use crate::table::submission::ENDED;
use intent::FeeTerms;
use store::{
    Cell, Error, FromRow as _, Record, Result, RowCells, Tx, UnscopedTable as _, UnscopedTx, list,
};
use types::{ChainId, Namespace, ReplayKey, SignatureRequestId, SubmissionId};

#[derive(Debug, Clone, Record)]
#[record(table = "submission_request")]
pub(crate) struct RequestedSignature {
    pub(crate) namespace: Namespace,
    pub(crate) request: SignatureRequestId,
    pub(crate) submission: SubmissionId,
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    pub(crate) shard: i64,
    #[record(json)]
    pub(crate) terms: FeeTerms,
    /// What it continues under once it is signed, where it was decided again for this request.
    #[record(json)]
    pub(crate) renewal: Option<Renewal>,
    /// Until its answer is collected, or it is withdrawn.
    pub(crate) open: bool,
}

/// A replay key that submissions hold and none has bytes for.
#[derive(Debug, Record)]
pub(crate) struct Hole {
    pub(crate) signer: String,
    pub(crate) replay_key: ReplayKey,
}

/// Stores requests.
pub(crate) fn insert(tx: &mut UnscopedTx, new: &[RequestedSignature]) -> Result<()> {
    RequestedSignature::insert_unscoped(tx, new, "ON CONFLICT DO NOTHING").map(drop)
}

/// Signers of a shard with open requests, ordered by name and starting after `after`.
pub(crate) fn signers(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    after: &str,
    limit: u32,
) -> Result<Vec<String>> {
    tx.values(
        "SELECT DISTINCT signer FROM submission_request
          WHERE open = 1 AND shard = ?1 AND chain = ?2 AND signer > ?3 ORDER BY signer LIMIT ?4",
        (shard, chain, after, limit),
    )
}

/// The open requests of these signers of a shard that can be read, oldest first.
pub(crate) fn open_of_signers(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    signers: &[String],
) -> Result<Vec<RequestedSignature>> {
    let sql = RequestedSignature::select(
        "WHERE open = 1 AND shard = ?1 AND chain = ?2 AND signer IN ({rows}) ORDER BY request",
    );
    tx.query_rows(&sql, (shard, chain), &list(signers))
        .map(readable)
}

/// Those of these rows that can be read. Another is reported, and affects no other.
fn readable(rows: Vec<RowCells>) -> Vec<RequestedSignature> {
    let read = |row: RowCells| {
        let request = match row.get(1) {
            Some(Cell::Text(request)) => request.clone(),
            _ => String::new(),
        };
        let report = |error: &Error| {
            tracing::error!(event = "signature_request.unreadable", request, %error, "a signature request cannot be read");
        };
        RequestedSignature::from_row(row).inspect_err(report).ok()
    };
    rows.into_iter().filter_map(read).collect()
}

/// The replay keys of these signers that are reserved, and for which no bytes are stored yet.
pub(crate) fn holes(tx: &mut UnscopedTx, chain: &ChainId, signers: &[String]) -> Result<Vec<Hole>> {
    tx.query_rows(
        "SELECT h.signer, h.replay_key FROM submission_replay_key h
           JOIN submission s ON s.namespace = h.namespace AND s.id = h.submission
          WHERE h.chain = ?1 AND h.open = 1 AND s.state = 'signing' AND h.signer IN ({rows})
            AND NOT EXISTS (
                SELECT 1 FROM submission_replay_key o JOIN submission c ON c.namespace = o.namespace AND c.id = o.submission
                 WHERE o.chain = h.chain AND o.replay_key = h.replay_key AND c.tx_id IS NOT NULL)",
        (chain,),
        &list(signers),
    )
}

/// The open request of a submission, if any.
pub(crate) fn open_of(tx: &mut Tx, submission: SubmissionId) -> Result<Option<SignatureRequestId>> {
    tx.value(
        "SELECT request FROM submission_request WHERE namespace = ?ns AND submission = ?1 AND open = 1",
        (submission,),
    )
}

/// All requests of a submission that can be read, open or not, oldest first.
pub(crate) fn of_submission(
    tx: &mut Tx,
    submission: SubmissionId,
) -> Result<Vec<RequestedSignature>> {
    let sql =
        RequestedSignature::select("WHERE namespace = ?ns AND submission = ?1 ORDER BY request");
    tx.rows(&sql, (submission,)).map(readable)
}

/// The latest request of a submission, open or not.
pub(crate) fn latest_of(
    tx: &mut Tx,
    submission: SubmissionId,
) -> Result<Option<SignatureRequestId>> {
    tx.value(
        "SELECT request FROM submission_request WHERE namespace = ?ns AND submission = ?1
          ORDER BY request DESC LIMIT 1",
        (submission,),
    )
}

/// The newest cancel of a submission whose signature was requested, if any.
pub(crate) fn requested_cancel(tx: &mut Tx, target: SubmissionId) -> Result<Option<Submission>> {
    let sql = Submission::select(
        "WHERE namespace = ?ns AND supersedes = ?1 AND EXISTS (
              SELECT 1 FROM submission_request r WHERE r.namespace = ?ns AND r.submission = submission.id)
          ORDER BY received_seq DESC LIMIT 1",
    );
    tx.row(&sql, (target,))
}

/// The open requests of these submissions.
pub(crate) fn open_of_all(
    tx: &mut UnscopedTx,
    submissions: &[SubmissionId],
) -> Result<Vec<(Namespace, SignatureRequestId)>> {
    tx.query_rows(
        "WITH n(id) AS ({rows}) SELECT r.namespace, r.request FROM submission_request r JOIN n ON r.submission = n.id WHERE r.open = 1",
        (),
        &list(submissions),
    )
}

/// Closes a request. False if it is closed already.
pub(crate) fn close(tx: &mut Tx, request: &SignatureRequestId) -> Result<bool> {
    let closed = tx.execute(
        "UPDATE submission_request SET open = 0 WHERE namespace = ?ns AND request = ?1 AND open = 1",
        (request,),
    )?;
    Ok(closed == 1)
}

/// Submissions of a shard whose replay keys are reserved although nothing will be signed for them:
/// without an open request or a cancel in progress, in a lane that no operator has to resume.
pub(crate) fn abandoned(
    tx: &mut UnscopedTx,
    shard: i64,
    chain: &ChainId,
    limit: u32,
) -> Result<Vec<Submission>> {
    let columns = Submission::columns_of("s");
    let sql = format!(
        "SELECT {columns} FROM submission s WHERE s.shard = ?1 AND s.chain = ?2 AND s.state = 'signing'
            AND NOT EXISTS (SELECT 1 FROM submission_request r WHERE r.namespace = s.namespace AND r.submission = s.id AND r.open = 1)
            AND NOT EXISTS (SELECT 1 FROM submission c WHERE c.namespace = s.namespace AND c.supersedes = s.id
                 AND c.state NOT IN {ENDED})
            AND NOT EXISTS (SELECT 1 FROM submission_lane l WHERE l.chain = s.chain AND l.signer = s.signer
                 AND l.paused IS NOT NULL AND l.paused_until IS NULL)
          ORDER BY s.lane_index LIMIT ?3"
    );
    tx.rows(&sql, (shard, chain, limit))
}
