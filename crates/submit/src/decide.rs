//! Asking policy: what would it cost, may it be, and its place in the lane.

use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::Submission;
use crate::{Result, Worker, table, worker};
use chain::Quote;
use intent::{Interface, Permit};
use policy::{Question, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use store::{Unbound, idempotency};
use types::{ChainId, Time, WalletId};

/// Submissions of a chain decided in a turn.
const PER_TURN: u32 = 200;

impl Worker {
    /// Decide what was received: each chain by itself, so that one whose node is silent holds up no
    /// other.
    pub(crate) async fn decide(&self) -> Result<usize> {
        let turns = self.chains().into_iter().map(|chain| async move {
            let done = self.decide_on(&chain).await;
            self.apart(done, "deciding", &chain)
        });
        futures::future::join_all(turns).await.into_iter().sum()
    }

    async fn decide_on(&self, chain: &ChainId) -> Result<usize> {
        let (shard, now, on) = (self.shard, self.now(), chain.clone());
        let states = [State::Received, State::Deciding];
        let due = self
            .submit
            .0
            .db
            .read_unbound(move |tx| table::due(tx, shard, &on, &states, now, PER_TURN))
            .await?;
        if due.is_empty() {
            return Ok(0);
        }
        let taken = self.take(due).await?;
        fail::point("submit.taken").await?;
        let (quoted, set_aside) = self.quote(chain, taken).await?;
        let set_aside = self.save(set_aside).await?;
        let asked = self.ask(&quoted).await?;
        fail::point("submit.asked").await?;
        let decided = self.record(quoted, asked).await?;
        fail::point("submit.decided").await?;
        Ok(decided + set_aside)
    }

    /// Say that policy is being asked. Whoever was changed by somebody else meanwhile is left out.
    async fn take(&self, mut due: Vec<Submission>) -> Result<Vec<Submission>> {
        let now = self.now();
        due.iter_mut()
            .try_for_each(|one| one.happen(Event::Taken, now))?;
        self.write(move |tx| {
            let written: BTreeSet<_> = table::update(tx, &due)?.into_iter().collect();
            let taken = due.iter().filter(|one| written.contains(&one.id));
            Ok(taken
                .map(|one| Submission {
                    version: one.version + 1,
                    ..one.clone()
                })
                .collect())
        })
        .await
    }

    /// What each would buy and cost. Set aside: what cannot be done at all, and what no node could
    /// tell about now.
    async fn quote(
        &self,
        chain: &ChainId,
        taken: Vec<Submission>,
    ) -> Result<(Vec<Submission>, Vec<Submission>)> {
        let intents: Vec<_> = taken.iter().map(|one| one.intent.clone()).collect();
        let quotes = self.submit.chain(chain)?.quote(&intents).await;
        let (mut quoted, mut aside) = (Vec::new(), Vec::new());
        for (mut one, quote) in taken.into_iter().zip(quotes) {
            match self.outbidding(&one, quote).await? {
                Ok(quote) => {
                    one.quote = Some(quote.terms);
                    quoted.push(one);
                }
                Err(error) => {
                    self.set_aside(&mut one, &error)?;
                    aside.push(one);
                }
            }
        }
        Ok((quoted, aside))
    }

    /// A cancel costs more than what it cancels: policy is asked about that price. A chain of coins
    /// cannot quote one whose coins are all on their way; then what was sent tells the price.
    async fn outbidding(
        &self,
        one: &Submission,
        quote: chain::Result<Quote>,
    ) -> Result<chain::Result<Quote>> {
        let Some(target) = one.supersedes else {
            return Ok(quote);
        };
        let sent = self
            .submit
            .0
            .db
            .read(&one.namespace, move |tx| table::sent(tx, target))
            .await?;
        let Some(last) = sent.last() else {
            return Ok(quote);
        };
        let base = match quote {
            Ok(quote) => quote.terms,
            Err(chain::Error::Refused { .. }) => last.terms,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Quote {
            terms: sent
                .iter()
                .fold(base, |terms, sent| outbid(terms, &sent.terms)),
        }))
    }

    fn set_aside(&self, one: &mut Submission, error: &chain::Error) -> Result<()> {
        if matches!(
            error,
            chain::Error::Reverts { .. } | chain::Error::Intent(_)
        ) {
            one.happen(Event::Impossible, self.now())?;
            one.explain(format!("it would fail: {error}"));
        } else {
            one.attempts = one.attempts.saturating_add(1);
            one.wait(self.later(one.attempts), format!("no quote: {error}"));
        }
        Ok(())
    }

    /// A pause that doubles with each attempt, to a minute.
    pub(crate) fn later(&self, attempts: u32) -> Time {
        let pause = self
            .submit
            .0
            .settings
            .retry_ms
            .saturating_mul(1 << attempts.min(12))
            .min(60_000);
        self.now().plus_millis(pause)
    }

    async fn ask(&self, quoted: &[Submission]) -> Result<Vec<Verdict>> {
        if quoted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = quoted.to_vec();
        let found = self
            .submit
            .0
            .db
            .read_unbound(move |tx| {
                wanted
                    .iter()
                    .map(|one| keys::find(&mut tx.bound(&one.namespace), &one.chain, &one.signer))
                    .collect::<keys::Result<Vec<_>>>()
            })
            .await?;
        let mut wallets: BTreeMap<WalletId, policy::WalletRef> = BTreeMap::new();
        for (one, key) in quoted.iter().zip(&found) {
            let Some(key) = key
                .as_ref()
                .filter(|key| !wallets.contains_key(&key.wallet))
            else {
                continue;
            };
            let wallet = keys::wallet(
                &self.submit.0.keys,
                &worker::system(&one.namespace),
                &key.wallet,
            )
            .await?;
            let named = policy::WalletRef {
                id: wallet.id,
                name: wallet.name,
                kind: kind_of(wallet.kind).to_owned(),
            };
            wallets.insert(key.wallet, named);
        }
        let questions: Vec<Question> = quoted
            .iter()
            .zip(found)
            .map(|(one, key)| question(one, key, &wallets))
            .collect();
        Ok(policy::decide(&self.submit.0.policy, &questions).await?)
    }

    /// Write the verdicts, and the places of what is permitted. What somebody else changed
    /// meanwhile, such as by a cancel, is left as it is: its decision stays in the log and no
    /// permit of it is ever used.
    async fn record(&self, quoted: Vec<Submission>, verdicts: Vec<Verdict>) -> Result<usize> {
        if quoted.is_empty() {
            return Ok(0);
        }
        let shard = self.shard;
        self.write(move |tx| {
            let now = tx.now();
            let as_read = table::unchanged(tx, &quoted)?;
            let mut changed = Vec::with_capacity(quoted.len());
            for (one, verdict) in quoted
                .iter()
                .zip(&verdicts)
                .filter(|(one, _)| as_read.contains(&one.id))
            {
                let mut one = one.clone();
                note_verdict(&mut one, verdict, now)?;
                changed.push(one);
            }
            give_places(tx, shard, &mut changed)?;
            free_keys(tx, &changed)?;
            worker::save_all(tx, &changed)?;
            Ok(changed.len())
        })
        .await
    }
}

fn question(
    one: &Submission,
    key: Option<keys::Found>,
    wallets: &BTreeMap<WalletId, policy::WalletRef>,
) -> Question {
    Question {
        initiator: one.initiator.clone(),
        subject: one.id.to_string(),
        intent: one.intent.clone(),
        interface: one.interface.clone().map(Interface::new),
        quote: one.quote.unwrap_or_default(),
        wallet: key
            .as_ref()
            .and_then(|key| wallets.get(&key.wallet).cloned()),
        key: key.as_ref().and_then(|key| key.key),
        task: one.context.task.clone(),
        assets: one.context.assets.clone(),
        policies: one.policies.clone(),
        labels: one.context.labels.clone(),
        approvals: Vec::new(),
    }
}

fn kind_of(kind: keys::WalletKind) -> &'static str {
    match kind {
        keys::WalletKind::Org => "org",
        keys::WalletKind::User => "user",
    }
}

fn note_verdict(one: &mut Submission, verdict: &Verdict, now: Time) -> Result<()> {
    one.decision = Some(verdict.decision());
    one.next_at = now;
    one.attempts = 0;
    match verdict {
        Verdict::Permit { permit, .. } => {
            one.happen(Event::Permitted, now)?;
            (one.permit, one.reason) = (Some(Permit::clone(permit)), None);
        }
        Verdict::Denied { reasons, .. } => {
            one.happen(Event::Denied, now)?;
            let words: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
            one.explain(format!("policy: {}", words.join("; ")));
        }
        Verdict::Needs { obligations, .. } => {
            one.happen(Event::NeedsApproval, now)?;
            let words = serde_json::to_string(obligations).unwrap_or_default();
            one.explain(format!("policy wants: {words}"));
        }
    }
    Ok(())
}

/// Places in the lanes, in the order in which the submissions were received.
fn give_places(tx: &mut Unbound<'_, '_>, shard: i64, changed: &mut [Submission]) -> Result<()> {
    let mut lanes: BTreeMap<(ChainId, String), Vec<&mut Submission>> = BTreeMap::new();
    for one in changed
        .iter_mut()
        .filter(|one| one.state == State::Permitted)
    {
        lanes
            .entry((one.chain.clone(), one.signer.clone()))
            .or_default()
            .push(one);
    }
    for ((chain, signer), submissions) in lanes {
        let count = i64::try_from(submissions.len()).unwrap_or(i64::MAX);
        let first = table::take_places(tx, &chain, &signer, shard, count)?;
        for (place, one) in (first..).zip(submissions) {
            one.place = Some(place);
        }
    }
    Ok(())
}

/// A denial burns no key: the same key may carry a better command.
fn free_keys(tx: &mut Unbound<'_, '_>, changed: &[Submission]) -> Result<()> {
    for one in changed.iter().filter(|one| one.state == State::Denied) {
        if let Some(key) = &one.idempotency_key {
            idempotency::free(&mut tx.bound(&one.namespace), Submission::VERB, key)?;
        }
    }
    Ok(())
}
