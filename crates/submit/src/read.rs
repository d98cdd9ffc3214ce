//! Queries of submissions and lanes.

use crate::submission::{Filter, Submission, SubmissionTransaction};
use crate::{Error, Result, Submit, table};
use serde::Serialize;
use types::{ChainId, Page, Principal, SubmissionId, Time};

/// The current state of one submission. Error: `submit.unknown_submission`.
pub async fn get(submit: &Submit, principal: &Principal, id: SubmissionId) -> Result<Submission> {
    submit
        .0
        .db
        .read(&principal.namespace, move |tx| table::get(tx, id))
        .await?
        .ok_or(Error::UnknownSubmission { id })
}

/// Lists submissions, newest first.
pub async fn list(
    submit: &Submit,
    principal: &Principal,
    filter: Filter,
    page: Page,
) -> Result<Vec<Submission>> {
    Ok(submit
        .0
        .db
        .read(&principal.namespace, move |tx| {
            table::list(tx, &filter, &page)
        })
        .await?)
}

/// Every transaction signed for a submission, oldest first.
pub async fn transactions(
    submit: &Submit,
    principal: &Principal,
    id: SubmissionId,
) -> Result<Vec<SubmissionTransaction>> {
    Ok(submit
        .0
        .db
        .read(&principal.namespace, move |tx| table::transactions(tx, id))
        .await?)
}

/// A signer's lane on a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    pub chain: ChainId,
    pub signer: String,
    /// The next nonce, on chains that have nonces.
    pub next_nonce: u64,
    /// The reason, if the lane is paused.
    pub paused: Option<String>,
    /// When it resumes by itself; none while it waits for an operator.
    pub paused_until: Option<Time>,
}

/// A signer's lane; none if the signer never had a permitted submission. Error:
/// `submit.unknown_signer` if the signer is not a key of the namespace.
pub async fn lane(
    submit: &Submit,
    principal: &Principal,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<Lane>> {
    let (chain, signer, namespace) = (*chain, signer.to_owned(), principal.namespace);
    submit
        .0
        .db
        .read_unscoped(move |tx| {
            if keys::find(&mut tx.scoped(&namespace), &chain, &signer)?.is_none() {
                return Err(Error::UnknownSigner {
                    chain: chain,
                    signer: signer.clone(),
                });
            }
            let now = tx.now();
            let lane = table::lane(tx, &chain, &signer)?.map(|lane| match lane.is_paused(now) {
                true => lane,
                false => table::Lane {
                    paused: None,
                    paused_until: None,
                    ..lane
                },
            });
            Ok(lane.map(|lane| Lane {
                chain: lane.chain,
                signer: lane.signer,
                next_nonce: lane.next_nonce,
                paused: lane.paused,
                paused_until: lane.paused_until,
            }))
        })
        .await
}
