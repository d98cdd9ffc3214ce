//! Replacing a transaction that was already signed, on the same replay keys: by a cancel, or by
//! the same intent at a higher price.

use crate::commit::{Planned, WAIT_MS};
use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::{Submission, SubmissionTransaction};
use crate::{Result, Worker, table};
use chain::{Plan, Reservations};
use intent::FeeTerms;
use std::collections::BTreeSet;
use types::{ReplayKey, SubmissionId};

/// How long a submission whose price exceeds its cap waits before it is quoted again.
const FEE_CAP_RETRY_MS: i64 = 60_000;

/// How long bytes may wait in pools before their price is checked again.
pub(crate) const STALE_MS: i64 = 300_000;

/// The submission whose replay keys another transaction is to use.
struct Target {
    submission: Option<Submission>,
    replay_keys: BTreeSet<ReplayKey>,
    sent: Vec<SubmissionTransaction>,
    /// Replay keys that other submissions of the lane hold.
    held: BTreeSet<ReplayKey>,
}

impl Worker {
    /// Loads a submission `id` in the lane of `lane_member`.
    async fn load_target(&self, lane_member: &Submission, id: SubmissionId) -> Result<Target> {
        let (namespace, chain, signer) = (
            lane_member.namespace,
            lane_member.chain,
            lane_member.signer.clone(),
        );
        let read = self.submit.0.db.read_unscoped(move |tx| {
            let replay_keys: BTreeSet<ReplayKey> = table::replay_keys_of(tx, &chain, id)?
                .into_iter()
                .map(|(replay_key,)| replay_key)
                .collect();
            let held = table::open_replay_keys(tx, &chain, &signer)?
                .into_iter()
                .map(|(replay_key, _)| replay_key);
            let held = held
                .filter(|replay_key| !replay_keys.contains(replay_key))
                .collect();
            let mut tx = tx.scoped(&namespace);
            Ok::<_, store::Error>(Target {
                submission: table::get(&mut tx, id)?,
                sent: table::transactions(&mut tx, id)?,
                replay_keys,
                held,
            })
        });
        Ok(read.await?)
    }

    /// Signs a cancel: on the replay keys of the submission it cancels, at a higher price than any
    /// of its transactions.
    pub(crate) async fn sign_cancel(&self, cancel: Submission) -> Result<usize> {
        let Some(target_id) = cancel.supersedes else {
            return Ok(0);
        };
        let target = self.load_target(&cancel, target_id).await?;
        let Some(cancelled) = target
            .submission
            .filter(|cancelled| cancelled.transaction.is_some() && !cancelled.state.is_terminal())
        else {
            return self
                .fail(cancel, "the submission it cancels has ended")
                .await;
        };
        if cancelled.state == State::Mined {
            return self
                .postpone(cancel, "the submission it cancels is in a block")
                .await;
        }
        let quoted = cancel.quote.unwrap_or_default();
        let highest = target
            .sent
            .iter()
            .map(|sent| sent.terms)
            .fold(quoted, |terms, sent| outbid(terms, &sent));
        let supersedes = cancelled.permit.as_ref().map(|permit| permit.body.id);
        self.replace(
            cancel,
            highest,
            (target.replay_keys, target.held),
            supersedes,
        )
        .await
    }

    async fn fail(&self, mut submission: Submission, reason: &str) -> Result<usize> {
        submission.apply(Event::Failed, self.now())?;
        submission.set_reason(reason);
        self.save(vec![submission]).await
    }

    async fn postpone(&self, mut submission: Submission, reason: impl AsRef<str>) -> Result<usize> {
        submission.postpone(self.now().plus_millis(WAIT_MS), reason);
        self.save(vec![submission]).await
    }

    /// Signs a submission again at a higher price, on the same replay keys, within its permit.
    pub(crate) async fn reprice(&self, submission: &Submission) -> Result<usize> {
        let target = self.load_target(submission, submission.id).await?;
        let Some(current) = target
            .submission
            .filter(|current| current.state.may_be_on_chain() && current.state != State::Mined)
        else {
            return Ok(0);
        };
        let quotes = self
            .submit
            .chain(&submission.chain)?
            .quote(std::slice::from_ref(&submission.intent))
            .await;
        let quoted = match (quotes.into_iter().next(), target.sent.last()) {
            (Some(Ok(quote)), _) => quote.terms,
            // A quote fails while the submission's own coins are in flight, or once its own
            // transaction has had its effect. The last price is then the base.
            (
                Some(Err(
                    chain::Error::RequestRejected { .. } | chain::Error::ExecutionReverted { .. },
                )),
                Some(last),
            ) => last.terms,
            _ => return Ok(0),
        };
        let terms = target
            .sent
            .iter()
            .fold(quoted, |terms, sent| outbid(terms, &sent.terms));
        self.replace(current, terms, (target.replay_keys, target.held), None)
            .await
    }

    /// Reprices a transaction that has waited in pools for long, if the chain's price has risen.
    /// With nonces, only the lowest unmined one of a lane: no other can be mined yet.
    pub(crate) async fn reprice_stale(&self, submission: &Submission) -> Result<usize> {
        let target = self.load_target(submission, submission.id).await?;
        let Some(last) = target
            .sent
            .last()
            .filter(|last| last.signed.plus_millis(STALE_MS) < self.now())
        else {
            return Ok(0);
        };
        let connector = self.submit.chain(&submission.chain)?;
        if let Some(nonce) = target.replay_keys.iter().find_map(ReplayKey::as_nonce)
            && connector.sequence(&submission.signer).await?.mined != nonce
        {
            return Ok(0);
        }
        let quotes = connector
            .quote(std::slice::from_ref(&submission.intent))
            .await;
        match quotes.into_iter().next() {
            Some(Ok(quote)) if quote.terms.fee_per_gas > last.terms.fee_per_gas => {
                self.reprice(submission).await
            }
            _ => Ok(0),
        }
    }

    /// Plans and signs on the `required` replay keys, and on none that other submissions hold.
    async fn replace(
        &self,
        mut submission: Submission,
        terms: FeeTerms,
        (required, held): (BTreeSet<ReplayKey>, BTreeSet<ReplayKey>),
        supersedes: Option<types::PermitId>,
    ) -> Result<usize> {
        if let Some(breach) = submission
            .permit
            .as_ref()
            .and_then(|permit| permit.body.envelope.allows(&terms).err())
        {
            if submission.state != State::Permitted {
                submission.apply(Event::Paused, self.now())?;
            }
            let reason = format!(
                "fee cap: {breach}; waiting for the price to fall: cancel the submission, or raise \
                 the cap and submit again"
            );
            submission.postpone(self.now().plus_millis(FEE_CAP_RETRY_MS), reason);
            return self.save(vec![submission]).await;
        }
        let nonce = required.iter().find_map(ReplayKey::as_nonce);
        let reservations = Reservations {
            nonce,
            excluded: held,
            required,
        };
        let connector = self.submit.chain(&submission.chain)?.clone();
        let plan = Plan {
            intent: &submission.intent,
            terms,
            reservations: &reservations,
            authorisations: &[],
        };
        let result = connector
            .plan(std::slice::from_ref(&plan))
            .await
            .into_iter()
            .next();
        match result {
            Some(Ok(unsigned)) => {
                self.sign_and_commit(
                    None,
                    vec![Planned {
                        submission,
                        unsigned,
                        terms,
                        supersedes,
                    }],
                )
                .await
            }
            Some(Err(error)) => {
                self.postpone(submission, format!("cannot be planned now: {error}"))
                    .await
            }
            None => Ok(0),
        }
    }
}
