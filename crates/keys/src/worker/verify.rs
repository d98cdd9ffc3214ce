//! Whether a row is a request that a permit allows.

use crate::job::{SigningJob, VerifiedJob};
use crate::table::request::StoredRequest;
use crate::{Error, Result};
use intent::{Permit, PolicyKey};
use types::Namespace;

/// Verify the permit of a row and compare the bytes with it, as before the request was made.
pub(super) fn verify(
    row: &StoredRequest,
    policy_key: &PolicyKey,
    namespace: &Namespace,
) -> Result<VerifiedJob> {
    let permit = permit(row).ok_or(store::Error::UnexpectedValue {
        column: "signed_permit",
        found: "other text",
        expected: "a permit as JSON",
    })?;
    let id = permit.body.id;
    let job = SigningJob {
        permit,
        unsigned: row.unsigned(),
        supersedes: row.supersedes,
    };
    let job = job.check(policy_key, namespace)?;
    if id != row.request.permit {
        return Err(mismatch("it names another permit"));
    }
    if job.attempt.supersedes != row.supersedes {
        return Err(mismatch("it supersedes another permit"));
    }
    if job.attempt.bytes != row.unsigned_hash {
        return Err(mismatch("its bytes have another hash"));
    }
    Ok(job)
}

/// The permit of a row. It is not verified.
pub(super) fn permit(row: &StoredRequest) -> Option<Permit> {
    serde_json::from_str(&row.signed_permit).ok()
}

/// A row that is not what was requested.
pub(super) fn mismatch(what: &'static str) -> Error {
    Error::RequestMismatch { what }
}
