//! Quotes received submissions, requests their policy decisions, and appends permitted ones to
//! their lanes.

use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Result, Worker, table, worker};
use chain::Quote;
use intent::{Interface, Permit};
use policy::{DecisionRequest, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use store::{UnscopedTx, idempotency};
use types::{ChainId, Time, WalletId};

/// Submissions of one chain decided per turn.
const PER_TURN: u32 = 200;

impl Worker {
    /// Decides received submissions. Chains run concurrently, so that an unresponsive node blocks
    /// only its own chain.
    pub(crate) async fn decide(&self) -> Result<usize> {
        let turns = self.chains().into_iter().map(|chain| async move {
            let result = self.decide_on(&chain).await;
            self.isolate_failure(result, "decide", &chain)
        });
        futures::future::join_all(turns).await.into_iter().sum()
    }

    async fn decide_on(&self, chain: &ChainId) -> Result<usize> {
        let (shard, now, chain_id) = (self.shard, self.now(), *chain);
        let states = [State::Received, State::Deciding];
        let due = self
            .submit
            .0
            .db
            .read_unscoped(move |tx| table::due(tx, shard, &chain_id, &states, now, PER_TURN))
            .await?;
        if due.is_empty() {
            return Ok(0);
        }
        let started = self.start_deciding(due).await?;
        fail::point("submit.taken").await?;
        let (quoted, unquoted) = self.quote(chain, started).await?;
        let unquoted = self.save(unquoted).await?;
        let verdicts = self.request_decisions(&quoted).await?;
        fail::point("submit.asked").await?;
        let decided = self.record_verdicts(quoted, verdicts).await?;
        fail::point("submit.decided").await?;
        Ok(decided + unquoted)
    }

    /// Commits the state `deciding`. Submissions that were changed concurrently are left out.
    async fn start_deciding(&self, mut due: Vec<Submission>) -> Result<Vec<Submission>> {
        let now = self.now();
        due.iter_mut()
            .try_for_each(|submission| submission.apply(Event::DecisionStarted, now))?;
        self.write(move |tx| {
            let written: BTreeSet<_> = table::update(tx, &due)?.into_iter().collect();
            let started = due
                .iter()
                .filter(|submission| written.contains(&submission.id));
            Ok(started
                .map(|submission| Submission {
                    version: submission.version + 1,
                    ..submission.clone()
                })
                .collect())
        })
        .await
    }

    /// Quotes gas and fees. Returns the quoted submissions, and separately those without a quote:
    /// they would fail, or the node cannot quote them now.
    async fn quote(
        &self,
        chain: &ChainId,
        started: Vec<Submission>,
    ) -> Result<(Vec<Submission>, Vec<Submission>)> {
        let intents: Vec<_> = started
            .iter()
            .map(|submission| submission.intent.clone())
            .collect();
        let quotes = self.submit.chain(chain)?.quote(&intents).await;
        let (mut quoted, mut unquoted) = (Vec::new(), Vec::new());
        for (mut submission, quote) in started.into_iter().zip(quotes) {
            match self.outbid_target(&submission, quote).await? {
                Ok(quote) => {
                    submission.quote = Some(quote.terms);
                    quoted.push(submission);
                }
                Err(error) => {
                    self.record_quote_failure(&mut submission, &error)?;
                    unquoted.push(submission);
                }
            }
        }
        Ok((quoted, unquoted))
    }

    /// Raises a cancel's quote above what its target was sent with, so that policy decides on the
    /// price actually offered. A UTXO chain cannot quote a cancel while all its coins are in
    /// flight; then the price sent last is the base.
    async fn outbid_target(
        &self,
        submission: &Submission,
        quote: chain::Result<Quote>,
    ) -> Result<chain::Result<Quote>> {
        let Some(target) = submission.supersedes else {
            return Ok(quote);
        };
        let sent = self
            .submit
            .0
            .db
            .read(&submission.namespace, move |tx| {
                table::transactions(tx, target)
            })
            .await?;
        let Some(last) = sent.last() else {
            return Ok(quote);
        };
        let base = match quote {
            Ok(quote) => quote.terms,
            Err(chain::Error::RequestRejected { .. }) => last.terms,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Quote {
            terms: sent
                .iter()
                .fold(base, |terms, sent| outbid(terms, &sent.terms)),
        }))
    }

    fn record_quote_failure(
        &self,
        submission: &mut Submission,
        error: &chain::Error,
    ) -> Result<()> {
        if matches!(
            error,
            chain::Error::ExecutionReverted { .. } | chain::Error::Intent(_)
        ) {
            submission.apply(Event::Failed, self.now())?;
            submission.set_reason(format!("the transaction would fail: {error}"));
        } else {
            submission.attempts = submission.attempts.saturating_add(1);
            submission.postpone(
                self.retry_at(submission.attempts),
                format!("no quote: {error}"),
            );
        }
        Ok(())
    }

    /// The time of the next attempt: a backoff that doubles with each attempt, up to a minute.
    pub(crate) fn retry_at(&self, attempts: u32) -> Time {
        let backoff = self
            .submit
            .0
            .settings
            .retry_backoff_ms
            .saturating_mul(1 << attempts.min(12))
            .min(60_000);
        self.now().plus_millis(backoff)
    }

    async fn request_decisions(&self, quoted: &[Submission]) -> Result<Vec<Verdict>> {
        if quoted.is_empty() {
            return Ok(Vec::new());
        }
        let submissions = quoted.to_vec();
        let key_locations = self
            .submit
            .0
            .db
            .read_unscoped(move |tx| {
                submissions
                    .iter()
                    .map(|submission| {
                        keys::find(
                            &mut tx.scoped(&submission.namespace),
                            &submission.chain,
                            &submission.signer,
                        )
                    })
                    .collect::<keys::Result<Vec<_>>>()
            })
            .await?;
        let mut wallets: BTreeMap<WalletId, policy::WalletRef> = BTreeMap::new();
        for (submission, key) in quoted.iter().zip(&key_locations) {
            let Some(key) = key
                .as_ref()
                .filter(|key| !wallets.contains_key(&key.wallet))
            else {
                continue;
            };
            let wallet = keys::wallet(
                &self.submit.0.keys,
                &worker::system(&submission.namespace),
                &key.wallet,
            )
            .await?;
            let wallet_ref = policy::WalletRef {
                id: wallet.id,
                name: wallet.name,
                kind: wallet_kind(wallet.kind).to_owned(),
            };
            wallets.insert(key.wallet, wallet_ref);
        }
        let requests: Vec<DecisionRequest> = quoted
            .iter()
            .zip(key_locations)
            .map(|(submission, key)| decision_request(submission, key, &wallets))
            .collect();
        Ok(policy::decide(&self.submit.0.policy, &requests).await?)
    }

    /// Records the verdicts, and the lane indexes of permitted submissions. A submission that was
    /// changed concurrently, for example withdrawn, is left as it is: its decision stays in the log
    /// and its permit is never used.
    async fn record_verdicts(
        &self,
        quoted: Vec<Submission>,
        verdicts: Vec<Verdict>,
    ) -> Result<usize> {
        if quoted.is_empty() {
            return Ok(0);
        }
        let shard = self.shard;
        self.write(move |tx| {
            let now = tx.now();
            let unchanged = table::unchanged(tx, &quoted)?;
            let mut changed = Vec::with_capacity(quoted.len());
            for (submission, verdict) in quoted
                .iter()
                .zip(&verdicts)
                .filter(|(submission, _)| unchanged.contains(&submission.id))
            {
                let mut submission = submission.clone();
                apply_verdict(&mut submission, verdict, now)?;
                changed.push(submission);
            }
            assign_lane_indexes(tx, shard, &mut changed)?;
            release_idempotency_keys(tx, &changed)?;
            worker::save_all(tx, &changed)?;
            Ok(changed.len())
        })
        .await
    }
}

fn decision_request(
    submission: &Submission,
    key: Option<keys::KeyLocation>,
    wallets: &BTreeMap<WalletId, policy::WalletRef>,
) -> DecisionRequest {
    DecisionRequest {
        initiator: submission.initiator.clone(),
        subject: submission.id.to_string(),
        intent: submission.intent.clone(),
        interface: submission.interface.clone().map(Interface::new),
        quote: submission.quote.unwrap_or_default(),
        wallet: key
            .as_ref()
            .and_then(|key| wallets.get(&key.wallet).cloned()),
        key: key.as_ref().and_then(|key| key.key),
        task: submission.context.task.clone(),
        assets: submission.context.assets.clone(),
        policies: submission.policies.clone(),
        labels: submission.context.labels.clone(),
        approvals: Vec::new(),
    }
}

fn wallet_kind(kind: keys::WalletKind) -> &'static str {
    match kind {
        keys::WalletKind::Org => "org",
        keys::WalletKind::User => "user",
    }
}

fn apply_verdict(submission: &mut Submission, verdict: &Verdict, now: Time) -> Result<()> {
    submission.decision = Some(verdict.decision());
    submission.next_at = now;
    submission.attempts = 0;
    match verdict {
        Verdict::Permit { permit, .. } => {
            submission.apply(Event::Permitted, now)?;
            (submission.permit, submission.reason) = (Some(Permit::clone(permit)), None);
        }
        Verdict::Denied { reasons, .. } => {
            submission.apply(Event::Denied, now)?;
            let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
            submission.set_reason(format!("policy: {}", texts.join("; ")));
        }
        Verdict::Needs { obligations, .. } => {
            submission.apply(Event::NeedsApproval, now)?;
            let obligations = serde_json::to_string(obligations).unwrap_or_default();
            submission.set_reason(format!("policy requires: {obligations}"));
        }
    }
    Ok(())
}

/// Appends permitted submissions to their lanes, in the order in which they were received.
fn assign_lane_indexes(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    changed: &mut [Submission],
) -> Result<()> {
    let mut lanes: BTreeMap<(ChainId, String), Vec<&mut Submission>> = BTreeMap::new();
    for submission in changed
        .iter_mut()
        .filter(|submission| submission.state == State::Permitted)
    {
        lanes
            .entry((submission.chain, submission.signer.clone()))
            .or_default()
            .push(submission);
    }
    for ((chain, signer), submissions) in lanes {
        let count = i64::try_from(submissions.len()).unwrap_or(i64::MAX);
        let first = table::take_lane_indexes(tx, &chain, &signer, shard, count)?;
        for (lane_index, submission) in (first..).zip(submissions) {
            submission.lane_index = Some(lane_index);
        }
    }
    Ok(())
}

/// Releases the idempotency keys of denied submissions: the key may be used with a corrected
/// command.
fn release_idempotency_keys(tx: &mut UnscopedTx<'_, '_>, changed: &[Submission]) -> Result<()> {
    for submission in changed
        .iter()
        .filter(|submission| submission.state == State::Denied)
    {
        if let Some(key) = &submission.idempotency_key {
            idempotency::release(&mut tx.scoped(&submission.namespace), Submission::VERB, key)?;
        }
    }
    Ok(())
}
