//! Signature requests.

use crate::Result;
use intent::Unsigned;
use serde::Serialize;
use store::{Record as _, ScopedTable as _, Tx};
use strum::{EnumString, IntoStaticStr, VariantArray};
use types::{ChainId, Digest, PermitId, SignatureRequestId, Time};

/// The state of a signature request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RequestState {
    /// The back end has not answered yet.
    Waiting,
    /// Signed; the bytes are recorded.
    Answered,
    /// The back end declined to sign.
    Refused,
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
    /// Why it was declined.
    pub note: Option<String>,
    /// Increases with each change.
    pub version: u64,
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
    #[serde(skip)]
    pub(crate) unsigned_hash: Digest,
}

impl SignatureRequest {
    pub(crate) fn unsigned(&self) -> Unsigned {
        Unsigned {
            chain: self.chain,
            signer: self.signer.clone(),
            bytes: self.bytes.clone(),
        }
    }
}

/// Insert a request.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, request: &SignatureRequest) -> Result<()> {
    SignatureRequest::insert(tx, std::slice::from_ref(request), "")?;
    Ok(())
}

pub(crate) fn get(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
) -> Result<Option<SignatureRequest>> {
    let sql = SignatureRequest::select("WHERE namespace = ?ns AND id = ?1");
    Ok(tx.row(&sql, (id,))?)
}

/// The request for these bytes under a permit.
pub(crate) fn find(
    tx: &mut Tx<'_, '_>,
    permit: &PermitId,
    hash: &Digest,
) -> Result<Option<SignatureRequestId>> {
    Ok(tx.value(
        "SELECT id FROM signature_request WHERE namespace = ?ns AND permit = ?1 AND unsigned_hash = ?2",
        (permit, hash),
    )?)
}

/// The requests that wait for a back end, oldest first.
pub(crate) fn waiting(
    tx: &mut Tx<'_, '_>,
    backend: &str,
    limit: u32,
) -> Result<Vec<SignatureRequest>> {
    let sql = SignatureRequest::select(
        "WHERE namespace = ?ns AND backend = ?1 AND state = ?2 ORDER BY id LIMIT ?3",
    );
    Ok(tx.rows(&sql, (backend, RequestState::Waiting, limit))?)
}

/// Close a waiting request; returns the new version, or `None` if it is not waiting.
pub(crate) fn close(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
    state: RequestState,
    signed_id: Option<&str>,
    note: Option<&str>,
) -> Result<Option<u64>> {
    let now = tx.now();
    Ok(tx.value(
        "UPDATE signature_request SET state = ?2, signed_id = ?3, note = ?4, version = version + 1, updated_at = ?5
          WHERE namespace = ?ns AND id = ?1 AND state = ?6 RETURNING version",
        (id, state, signed_id, note, now, RequestState::Waiting),
    )?)
}
