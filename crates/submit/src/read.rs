//! Queries of submissions.

use crate::submission::{Filter, Submission, SubmissionTransaction};
use crate::{Error, Result, Submit, table};
use types::{Page, Principal, SubmissionId};

/// The current state of one submission. Error: `submit.unknown_submission`.
pub async fn submission(
    submit: &Submit,
    principal: &Principal,
    id: SubmissionId,
) -> Result<Submission> {
    let read = move |tx: &mut store::Tx| table::submission::get(tx, id);
    let submission = submit.db().read(&principal.namespace, read).await?;
    submission.ok_or(Error::UnknownSubmission { id })
}

/// Lists submissions, newest first.
pub async fn submissions(
    submit: &Submit,
    principal: &Principal,
    filter: Filter,
    page: Page,
) -> Result<Vec<Submission>> {
    let read = move |tx: &mut store::Tx| table::submission::list(tx, &filter, &page);
    Ok(submit.db().read(&principal.namespace, read).await?)
}

/// Every transaction signed for a submission, oldest first.
pub async fn transactions(
    submit: &Submit,
    principal: &Principal,
    id: SubmissionId,
) -> Result<Vec<SubmissionTransaction>> {
    let read = move |tx: &mut store::Tx| table::transaction::of_submission(tx, id);
    Ok(submit.db().read(&principal.namespace, read).await?)
}
