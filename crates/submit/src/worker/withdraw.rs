//! Withdraws signature requests whose submission has ended or is being cancelled.

use crate::submission::Submission;
use crate::{Result, record, table};
use store::{Tx, UnscopedTx};
use types::{Principal, SubmissionId};

/// Withdraws the open request of a submission, if it still waits. An answer that has arrived is
/// collected as usual.
pub(crate) fn withdraw(
    tx: &mut Tx,
    actor: &Principal,
    submission: SubmissionId,
    note: &str,
) -> Result<()> {
    let open = table::request::open_of(tx, submission)?;
    if let Some(open) = open
        && keys::withdraw_request(tx, actor, &open, note)?
    {
        table::request::close(tx, &open)?;
    }
    Ok(())
}

/// Withdraws the open request of what a cancel cancels: signed later, it could outbid the cancel.
pub(super) fn of_cancelled(tx: &mut UnscopedTx, cancel: &Submission) -> Result<()> {
    let Some(target) = cancel.supersedes else {
        return Ok(());
    };
    let system = record::system(&cancel.namespace);
    let mut tx = tx.scoped(&cancel.namespace);
    withdraw(&mut tx, &system, target, "its submission is cancelled")
}

/// Withdraws the open requests of submissions that have ended.
pub(super) fn of_ended(tx: &mut UnscopedTx, changed: &[Submission]) -> Result<()> {
    let ended = changed.iter().filter(|one| one.state.is_terminal());
    let ended: Vec<_> = ended.map(|one| one.id).collect();
    if ended.is_empty() {
        return Ok(());
    }
    for (namespace, open) in table::request::open_of_all(tx, &ended)? {
        let system = record::system(&namespace);
        let mut tx = tx.scoped(&namespace);
        keys::withdraw_request(&mut tx, &system, &open, "its submission has ended")?;
        table::request::close(&mut tx, &open)?;
    }
    Ok(())
}
