//! The permits that decisions have issued.

use crate::table::decision::{self as table, IssuedPermit};
use crate::{Error, Policy, Result};
use types::{Page, PermitId, Principal};

/// A permit by its id. Error: `policy.unknown_permit`, also for permits of releases that did not
/// record their ids.
pub async fn permit(policy: &Policy, principal: &Principal, id: PermitId) -> Result<IssuedPermit> {
    let unknown = move || Error::UnknownPermit { id };
    let read = policy
        .db()
        .read(&principal.namespace, move |tx| table::issued(tx, id));
    read.await.map_err(Error::Store)?.ok_or_else(unknown)
}

/// The permits under which a first signature may still be made, unless they are revoked; those that
/// end first, first.
pub async fn open_permits(
    policy: &Policy,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<IssuedPermit>> {
    let read = policy
        .db()
        .read_with(&principal.namespace, page.clone(), |tx, page| {
            table::open(tx, page)
        });
    read.await.map_err(Error::Store)
}
