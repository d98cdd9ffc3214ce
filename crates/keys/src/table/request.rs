//! Signature requests.

use crate::Result;
use intent::Unsigned;
use serde::Serialize;
use store::{
    Cell, FromRow as _, Record as _, RowCells, ScopedTable as _, Tx, UnscopedTx, list, params,
};
use strum::{EnumString, IntoStaticStr, VariantArray};
use types::{ChainId, Digest, Namespace, PermitId, SignatureRequestId, Time};

/// The state of a signature request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RequestState {
    /// The back end has not answered yet.
    Waiting,
    /// Signed; the bytes are recorded.
    Answered,
    /// The back end refused to sign, or the permit was revoked, was superseded or expired before it
    /// signed, or the row is not what was requested.
    Refused,
    /// Withdrawn by its requester before the back end answered.
    Withdrawn,
}

store::text_columns! { as_in_json: RequestState }

/// A request for a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "signature_request")]
pub struct SignatureRequest {
    pub id: SignatureRequestId,
    pub state: RequestState,
    /// The back end that is asked to sign.
    pub backend: String,
    pub permit: PermitId,
    pub chain: ChainId,
    pub signer: String,
    /// The id of the signed transaction.
    pub signed_id: Option<String>,
    /// Why it was refused or withdrawn, or still waits although the back end was asked.
    pub note: Option<String>,
    /// Increases with each change.
    pub version: u64,
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A request with the bytes to sign.
#[derive(Debug, Clone, store::Record)]
#[record(table = "signature_request")]
pub(crate) struct StoredRequest {
    #[record(flatten)]
    pub(crate) request: SignatureRequest,
    pub(crate) bytes: Vec<u8>,
    pub(crate) unsigned_hash: Digest,
    /// The permit as JSON: text, so that a row with another text can still be read.
    pub(crate) signed_permit: String,
    pub(crate) supersedes: Option<PermitId>,
    /// How often the back end was asked in vain.
    pub(crate) attempts: u32,
    /// When it is asked next.
    pub(crate) next_at: Time,
}

impl StoredRequest {
    pub(crate) fn unsigned(&self) -> Unsigned {
        Unsigned {
            chain: self.request.chain,
            signer: self.request.signer.clone(),
            bytes: self.bytes.clone(),
        }
    }
}

/// Insert requests.
pub(crate) fn insert(tx: &mut Tx, requests: &[StoredRequest]) -> Result<()> {
    StoredRequest::insert(tx, requests, "")?;
    Ok(())
}

/// Requests by their ids.
pub(crate) fn get(tx: &mut Tx, ids: &[SignatureRequestId]) -> Result<Vec<SignatureRequest>> {
    let sql = SignatureRequest::select("WHERE namespace = ?ns AND id IN ({rows})");
    Ok(tx.query_rows(&sql, (), &list(ids))?)
}

/// The requests under these permits.
pub(crate) fn under(tx: &mut Tx, permits: &[PermitId]) -> Result<Vec<StoredRequest>> {
    let sql = StoredRequest::select("WHERE namespace = ?ns AND permit IN ({rows})");
    Ok(tx.query_rows(&sql, (), &list(permits))?)
}

/// Namespaces with requests that are due, in order, after one.
pub(crate) fn due_namespaces(
    tx: &mut UnscopedTx,
    after: &str,
    now: Time,
    limit: u32,
) -> Result<Vec<Namespace>> {
    let names: Vec<String> = tx.values(
        "SELECT DISTINCT namespace FROM signature_request
          WHERE state = 'waiting' AND namespace > ?1 AND next_at <= ?2 ORDER BY namespace LIMIT ?3",
        (after, now, limit),
    )?;
    // One that is not a name belongs to no namespace, and must not stop the others.
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Permits that a waiting request supersedes, each with the permit of the request.
pub(crate) fn pending_successors(
    tx: &mut Tx,
    permits: &[PermitId],
) -> Result<Vec<(PermitId, PermitId)>> {
    Ok(tx.query_rows(
        "SELECT supersedes, permit FROM signature_request
          WHERE state = 'waiting' AND namespace = ?ns AND supersedes IN ({rows})",
        (),
        &list(permits),
    )?)
}

/// A request that still waits.
pub(crate) fn waiting(tx: &mut Tx, id: &SignatureRequestId) -> Result<Option<StoredRequest>> {
    let sql = StoredRequest::select("WHERE namespace = ?ns AND id = ?1 AND state = 'waiting'");
    Ok(tx.row(&sql, (id,))?)
}

/// A due row that cannot be read.
pub(crate) struct UnreadableRow {
    pub(crate) id: String,
    pub(crate) error: String,
}

/// The requests of the namespace that are due, longest due first. Each is read on its own, so that
/// one that cannot be read affects no other.
pub(crate) fn due(
    tx: &mut Tx,
    limit: u32,
) -> Result<Vec<std::result::Result<StoredRequest, UnreadableRow>>> {
    let now = tx.now();
    let sql = StoredRequest::select(
        "WHERE state = 'waiting' AND namespace = ?ns AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2",
    );
    let rows: Vec<RowCells> = tx.rows(&sql, (now, limit))?;
    Ok(rows.into_iter().map(read).collect())
}

fn read(row: RowCells) -> std::result::Result<StoredRequest, UnreadableRow> {
    let id = match row.first() {
        Some(Cell::Text(id)) => id.clone(),
        _ => String::new(),
    };
    StoredRequest::from_row(row).map_err(|error| UnreadableRow {
        id,
        error: error.to_string(),
    })
}

/// Try rows again at a later time that cannot be read now, with the reason.
pub(crate) fn postpone_unreadable(
    tx: &mut Tx,
    row: &UnreadableRow,
    next_at: Time,
    note: &str,
) -> Result<()> {
    tx.execute(
        "UPDATE signature_request SET next_at = ?2, note = ?3
          WHERE namespace = ?ns AND id = ?1 AND state = 'waiting'",
        (&row.id, next_at, note),
    )?;
    Ok(())
}

/// Ask again for a waiting request at a later time, with the reason.
pub(crate) fn postpone(
    tx: &mut Tx,
    id: &SignatureRequestId,
    attempts: u32,
    next_at: Time,
    note: &str,
) -> Result<()> {
    tx.execute(
        "UPDATE signature_request SET attempts = ?2, next_at = ?3, note = ?4
          WHERE namespace = ?ns AND id = ?1 AND state = 'waiting'",
        (id, attempts, next_at, note),
    )?;
    Ok(())
}

/// How a request is closed.
pub(crate) struct Closing<'a> {
    pub(crate) id: &'a SignatureRequestId,
    pub(crate) state: RequestState,
    pub(crate) signed_id: Option<&'a str>,
    pub(crate) note: Option<&'a str>,
}

/// Close a waiting request; returns the new version, or `None` if it is not waiting.
pub(crate) fn close(tx: &mut Tx, closing: &Closing<'_>) -> Result<Option<u64>> {
    let Closing {
        id,
        state,
        signed_id,
        note,
    } = closing;
    let now = tx.now();
    Ok(tx.value(
        "UPDATE signature_request
            SET state = ?state, signed_id = ?signed_id, note = ?note, version = version + 1, updated_at = ?now
          WHERE namespace = ?ns AND id = ?id AND state = 'waiting' RETURNING version",
        params! { id, state, signed_id, note, now },
    )?)
}
