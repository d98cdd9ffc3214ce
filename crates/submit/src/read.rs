//! What can be asked of submissions.

use crate::submission::{Filter, Sent, Submission};
use crate::{Error, Result, Submit, table};
use serde::Serialize;
use types::{ChainId, Page, Principal, SubmissionId, Time};

/// One submission as it stands.
pub async fn get(submit: &Submit, who: &Principal, id: SubmissionId) -> Result<Submission> {
    submit
        .0
        .db
        .read(&who.namespace, move |tx| table::get(tx, id))
        .await?
        .ok_or(Error::NotFound { id })
}

/// Submissions, newest first.
pub async fn list(
    submit: &Submit,
    who: &Principal,
    filter: Filter,
    page: Page,
) -> Result<Vec<Submission>> {
    Ok(submit
        .0
        .db
        .read(&who.namespace, move |tx| table::list(tx, &filter, &page))
        .await?)
}

/// Every transaction that was signed for a submission.
pub async fn sent(submit: &Submit, who: &Principal, id: SubmissionId) -> Result<Vec<Sent>> {
    Ok(submit
        .0
        .db
        .read(&who.namespace, move |tx| table::sent(tx, id))
        .await?)
}

/// A signer's lane on a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// The chain.
    pub chain: ChainId,
    /// The signer.
    pub signer: String,
    /// The next nonce it will use, where the chain has nonces.
    pub next_nonce: u64,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// Until when, if it goes on by itself.
    pub paused_until: Option<Time>,
}

/// A signer's lane; none if it never sent anything. The signer must be a key of the namespace.
pub async fn lane(
    submit: &Submit,
    who: &Principal,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<Lane>> {
    let (chain, signer, namespace) = (chain.clone(), signer.to_owned(), who.namespace.clone());
    submit
        .0
        .db
        .read_unbound(move |tx| {
            if keys::find(&mut tx.bound(&namespace), &chain, &signer)?.is_none() {
                return Err(Error::UnknownSigner {
                    chain: chain.clone(),
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
