//! Broadcasts stored bytes, and classifies the node's response by what it proves.

use crate::replacement::STALE_MS;
use crate::state::{Event, State};
use crate::submission::{Submission, sanitize_message};
use crate::{Result, Worker, table, worker};
use chain::{RefusalClass, SubmitOutcome};
use intent::Signed;
use std::collections::{BTreeMap, BTreeSet};
use types::{ChainId, Namespace, PermitId, SubmissionId, Time};

/// Submissions broadcast per turn.
const PER_TURN: u32 = 500;
/// The longest backoff between two broadcasts of the same bytes.
const MAX_RETRY_MS: i64 = 60_000;
/// How long a lane waits for funds before it retries.
const FUNDS_RETRY_MS: i64 = 30_000;

/// The action that a node's response requires.
enum FollowUp {
    None,
    /// Pause the whole lane until a time, or until an operator resumes it.
    PauseLane(String, Option<Time>),
    /// The price is too low: sign again at a higher one, on the same replay keys.
    Reprice,
    /// In a pool for long without being mined: reprice if the chain's price has risen.
    RepriceStale,
}

impl Worker {
    /// Broadcasts signed submissions, and rebroadcasts those that were accepted long ago or
    /// reorganised away. Chains run concurrently.
    pub(crate) async fn broadcast(&self) -> Result<usize> {
        let turns = self.chains().into_iter().map(|chain| async move {
            let result = self.broadcast_on(&chain).await;
            self.isolate_failure(result, "broadcast", &chain)
        });
        futures::future::join_all(turns).await.into_iter().sum()
    }

    async fn broadcast_on(&self, chain: &ChainId) -> Result<usize> {
        let (shard, now, chain_id) = (self.shard, self.now(), *chain);
        let states = [State::Signed, State::Accepted, State::Reorged];
        let mut due = self
            .submit
            .0
            .db
            .read_unscoped(move |tx| table::due(tx, shard, &chain_id, &states, now, PER_TURN))
            .await?;
        // In lane order: many nodes reject or park a nonce that is ahead of a gap.
        due.sort_by(|a, b| (&a.signer, a.lane_index).cmp(&(&b.signer, b.lane_index)));
        self.send(chain, due).await
    }

    async fn send(&self, chain: &ChainId, submissions: Vec<Submission>) -> Result<usize> {
        let ready = self.with_bytes(submissions).await?;
        if ready.is_empty() || !self.may_act() {
            return Ok(0);
        }
        let signed: Vec<Signed> = ready.iter().map(|(_, signed)| signed.clone()).collect();
        fail::point("submit.sending").await?;
        let responses = self.submit.chain(chain)?.submit(&signed).await;
        fail::point("submit.sent").await?;
        let mut changed = Vec::with_capacity(ready.len());
        let mut answers = Vec::with_capacity(ready.len());
        let mut follow_ups = Vec::new();
        for ((mut submission, signed), response) in ready.into_iter().zip(responses) {
            answers.push((*chain, signed.id, response_text(&response)));
            let follow_up = self.apply_response(&mut submission, &response)?;
            follow_ups.push((submission.clone(), follow_up));
            changed.push(submission);
        }
        let count = self
            .write(move |tx| {
                table::record_answers(tx, &answers)?;
                worker::save(tx, &changed)
            })
            .await?;
        for (submission, follow_up) in follow_ups {
            let id = submission.id;
            let result = self.follow_up(submission, follow_up).await;
            self.isolate_failure(result, "follow_up", &id)?;
        }
        Ok(count)
    }

    /// Pairs each submission with the stored bytes of its newest transaction, in the given order.
    /// Submissions without bytes are left out.
    async fn with_bytes(&self, submissions: Vec<Submission>) -> Result<Vec<(Submission, Signed)>> {
        let namespaces: BTreeSet<Namespace> = submissions
            .iter()
            .map(|submission| submission.namespace)
            .collect();
        let requests: Vec<BytesRequest> = submissions
            .iter()
            .filter_map(BytesRequest::from_submission)
            .collect();
        let bytes_by_id = self
            .submit
            .0
            .db
            .read_unscoped(move |tx| {
                let mut bytes_by_id = BTreeMap::new();
                for namespace in &namespaces {
                    let own: Vec<&BytesRequest> = requests
                        .iter()
                        .filter(|request| request.namespace == *namespace)
                        .collect();
                    let ids: Vec<_> = own
                        .iter()
                        .map(|request| (request.permit, request.transaction.as_str()))
                        .collect();
                    let bytes = keys::bytes(&mut tx.scoped(namespace), &ids)?;
                    bytes_by_id.extend(
                        own.iter()
                            .zip(bytes)
                            .filter_map(|(request, raw)| Some((request.submission, raw?))),
                    );
                }
                Ok::<_, crate::Error>(bytes_by_id)
            })
            .await?;
        Ok(submissions
            .into_iter()
            .filter_map(|submission| {
                let signed = Signed {
                    chain: submission.chain,
                    raw: bytes_by_id.get(&submission.id)?.clone(),
                    id: submission.transaction.clone()?,
                };
                Some((submission, signed))
            })
            .collect())
    }

    fn apply_response(
        &self,
        submission: &mut Submission,
        response: &SubmitOutcome,
    ) -> Result<FollowUp> {
        let now = self.now();
        match response {
            SubmitOutcome::Accepted | SubmitOutcome::AlreadyKnown => {
                submission.apply(Event::Accepted, now)?;
                (submission.attempts, submission.reason) = (0, None);
                submission.next_at = now.plus_millis(self.submit.0.settings.rebroadcast_ms);
                Ok(if submission.created.plus_millis(STALE_MS) < now {
                    FollowUp::RepriceStale
                } else {
                    FollowUp::None
                })
            }
            SubmitOutcome::Unknown { message } => self.retry(
                submission,
                format!("the node's response is inconclusive: {message}"),
            ),
            SubmitOutcome::Refused { class, message } => {
                self.apply_refusal(submission, *class, message)
            }
        }
    }

    /// Schedules another broadcast of the same bytes.
    fn retry(&self, submission: &mut Submission, reason: String) -> Result<FollowUp> {
        let now = self.now();
        submission.apply(Event::Inconclusive, now)?;
        let backoff = self
            .submit
            .0
            .settings
            .retry_backoff_ms
            .saturating_mul(1 << submission.attempts.min(12))
            .min(MAX_RETRY_MS);
        submission.attempts = submission.attempts.saturating_add(1);
        submission.postpone(now.plus_millis(backoff), reason);
        Ok(FollowUp::None)
    }

    /// Acts on a refusal by what its class proves, not by the node's message. No refusal proves
    /// that the transaction is dead: only a final block does.
    fn apply_refusal(
        &self,
        submission: &mut Submission,
        class: RefusalClass,
        message: &str,
    ) -> Result<FollowUp> {
        use RefusalClass as C;
        let now = self.now();
        match class {
            C::Known => {
                submission.apply(Event::Accepted, now)?;
                submission.next_at = now.plus_millis(self.submit.0.settings.rebroadcast_ms);
                Ok(FollowUp::None)
            }
            C::Underpriced | C::BelowBaseFee | C::ReplacementUnderpriced => {
                self.retry(
                    submission,
                    format!("the node requires a higher price: {message}"),
                )?;
                Ok(FollowUp::Reprice)
            }
            C::NonceUsed => self.retry(
                submission,
                format!(
                    "its nonce is mined; the indexed block will show by which transaction: \
                     {message}"
                ),
            ),
            C::Funds => {
                let until = now.plus_millis(FUNDS_RETRY_MS);
                self.retry(
                    submission,
                    format!("the signer has insufficient funds: {message}"),
                )?;
                submission.next_at = until;
                Ok(FollowUp::PauseLane(
                    format!("insufficient funds: {message}"),
                    Some(until),
                ))
            }
            C::GasLimit | C::Size | C::Unsupported | C::Permission | C::FeeCap => {
                let reason = format!(
                    "the node refuses these bytes: {message}; cancel the submission to free its \
                     nonce, or raise the limit"
                );
                submission.apply(Event::Paused, now)?;
                submission.postpone(Time::from_micros(i64::MAX), reason.clone());
                Ok(FollowUp::PauseLane(reason, None))
            }
            C::WrongChain => {
                self.retry(
                    submission,
                    format!("the node serves another chain: {message}"),
                )?;
                Ok(FollowUp::PauseLane(format!("wrong chain: {message}"), None))
            }
            C::NonceAhead
            | C::LowerNonceInvalid
            | C::PoolFull
            | C::Reserved
            | C::NotReady
            | C::Throttled
            | C::Unclassified => self.retry(submission, message.to_owned()),
        }
    }

    async fn follow_up(&self, submission: Submission, follow_up: FollowUp) -> Result<usize> {
        match follow_up {
            FollowUp::None => Ok(0),
            FollowUp::PauseLane(reason, until) => self
                .pause_lane(&submission.chain, &submission.signer, reason, until)
                .await
                .map(|()| 1),
            FollowUp::Reprice => self.reprice(&submission).await,
            FollowUp::RepriceStale => self.reprice_stale(&submission).await,
        }
    }
}

/// The permit and transaction under which a submission's bytes are stored.
struct BytesRequest {
    submission: SubmissionId,
    namespace: Namespace,
    permit: PermitId,
    transaction: String,
}

impl BytesRequest {
    fn from_submission(submission: &Submission) -> Option<Self> {
        Some(Self {
            submission: submission.id,
            namespace: submission.namespace,
            permit: submission.permit.as_ref()?.body.id,
            transaction: submission.transaction.clone()?,
        })
    }
}

fn response_text(response: &SubmitOutcome) -> String {
    match response {
        SubmitOutcome::Accepted => "accepted".to_owned(),
        SubmitOutcome::AlreadyKnown => "already known".to_owned(),
        SubmitOutcome::Refused { class, message } => {
            sanitize_message(&format!("{class:?}: {message}"))
        }
        SubmitOutcome::Unknown { message } => sanitize_message(&format!("unknown: {message}")),
    }
}
