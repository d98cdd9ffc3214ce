//! Sending stored bytes, and reading what a node's answer proves.

use crate::replace::STALE_MS;
use crate::state::{Event, State};
use crate::submission::{self, Submission};
use crate::{Result, Worker, table, worker};
use chain::{Class, Submitted};
use intent::Signed;
use std::collections::{BTreeMap, BTreeSet};
use types::{ChainId, Namespace, PermitId, SubmissionId, Time};

/// Submissions sent in a turn.
const PER_TURN: u32 = 500;
/// The longest pause between two sendings of the same bytes.
const MAX_RETRY_MS: i64 = 60_000;
/// How long a lane waits for funds before it looks again.
const FUNDS_MS: i64 = 30_000;

/// What an answer asks for.
enum Reaction {
    /// Nothing more.
    Done,
    /// Hold the whole lane, until then or until an operator resumes it.
    PauseLane(String, Option<Time>),
    /// The price was too low: sign again at a better one, on the same witness.
    Reprice,
    /// A node holds it, and no block has it: perhaps the price has risen since.
    Stale,
}

impl Worker {
    /// Send what is signed and not yet accepted, and again what was accepted long ago or fell out
    /// of a block: each chain by itself.
    pub(crate) async fn broadcast(&self) -> Result<usize> {
        let turns = self.chains().into_iter().map(|chain| async move {
            let done = self.broadcast_on(&chain).await;
            self.apart(done, "sending", &chain)
        });
        futures::future::join_all(turns).await.into_iter().sum()
    }

    async fn broadcast_on(&self, chain: &ChainId) -> Result<usize> {
        let (shard, now, on) = (self.shard, self.now(), chain.clone());
        let states = [State::Signed, State::Accepted, State::Reorged];
        let mut due = self
            .submit
            .0
            .db
            .read_unbound(move |tx| table::due(tx, shard, &on, &states, now, PER_TURN))
            .await?;
        // A lane's transactions go out in the order of their places.
        due.sort_by(|a, b| (&a.signer, a.place).cmp(&(&b.signer, b.place)));
        self.send(chain, due).await
    }

    async fn send(&self, chain: &ChainId, submissions: Vec<Submission>) -> Result<usize> {
        let ready = self.with_bytes(submissions).await?;
        if ready.is_empty() || !self.may_act() {
            return Ok(0);
        }
        let signed: Vec<Signed> = ready.iter().map(|(_, signed)| signed.clone()).collect();
        fail::point("submit.sending").await?;
        let answers = self.submit.chain(chain)?.submit(&signed).await;
        fail::point("submit.sent").await?;
        let mut changed = Vec::with_capacity(ready.len());
        let mut notes = Vec::with_capacity(ready.len());
        let mut reactions = Vec::new();
        for ((mut one, signed), answer) in ready.into_iter().zip(answers) {
            notes.push((chain.clone(), signed.id, words(&answer)));
            let reaction = self.react(&mut one, &answer)?;
            reactions.push((one.clone(), reaction));
            changed.push(one);
        }
        let count = self
            .write(move |tx| {
                table::note_answers(tx, &notes)?;
                worker::save(tx, &changed)
            })
            .await?;
        for (one, reaction) in reactions {
            let id = one.id;
            let done = self.follow_up(one, reaction).await;
            self.apart(done, "what follows an answer", &id)?;
        }
        Ok(count)
    }

    /// The stored bytes of each submission's newest transaction, in the order given.
    async fn with_bytes(&self, submissions: Vec<Submission>) -> Result<Vec<(Submission, Signed)>> {
        let namespaces: BTreeSet<Namespace> = submissions
            .iter()
            .map(|one| one.namespace.clone())
            .collect();
        let wanted: Vec<Wanted> = submissions.iter().filter_map(Wanted::of).collect();
        let found = self
            .submit
            .0
            .db
            .read_unbound(move |tx| {
                let mut found = BTreeMap::new();
                for namespace in &namespaces {
                    let own: Vec<&Wanted> = wanted
                        .iter()
                        .filter(|one| one.namespace == *namespace)
                        .collect();
                    let names: Vec<_> = own
                        .iter()
                        .map(|one| (one.permit, one.transaction.as_str()))
                        .collect();
                    let bytes = keys::bytes(&mut tx.bound(namespace), &names)?;
                    found.extend(
                        own.iter()
                            .zip(bytes)
                            .filter_map(|(one, raw)| Some((one.submission, raw?))),
                    );
                }
                Ok::<_, crate::Error>(found)
            })
            .await?;
        Ok(submissions
            .into_iter()
            .filter_map(|one| {
                let signed = Signed {
                    chain: one.chain.clone(),
                    raw: found.get(&one.id)?.clone(),
                    id: one.transaction.clone()?,
                };
                Some((one, signed))
            })
            .collect())
    }

    fn react(&self, one: &mut Submission, answer: &Submitted) -> Result<Reaction> {
        let now = self.now();
        match answer {
            Submitted::Accepted | Submitted::AlreadyKnown => {
                one.happen(Event::Accepted, now)?;
                (one.attempts, one.reason) = (0, None);
                one.next_at = now.plus_millis(self.submit.0.settings.resubmit_ms);
                Ok(if one.created.plus_millis(STALE_MS) < now {
                    Reaction::Stale
                } else {
                    Reaction::Done
                })
            }
            Submitted::Unknown { message } => {
                self.try_again(one, format!("no answer that proves anything: {message}"))
            }
            Submitted::Refused { class, message } => self.refused(one, *class, message),
        }
    }

    /// Same bytes again, later.
    fn try_again(&self, one: &mut Submission, reason: String) -> Result<Reaction> {
        let now = self.now();
        one.happen(Event::Unproven, now)?;
        let pause = self
            .submit
            .0
            .settings
            .retry_ms
            .saturating_mul(1 << one.attempts.min(12))
            .min(MAX_RETRY_MS);
        one.attempts = one.attempts.saturating_add(1);
        one.wait(now.plus_millis(pause), reason);
        Ok(Reaction::Done)
    }

    /// What each class of no proves (submission of the field: errors by what they prove, not by
    /// their words).
    fn refused(&self, one: &mut Submission, class: Class, message: &str) -> Result<Reaction> {
        use Class as C;
        let now = self.now();
        match class {
            C::Known => {
                one.happen(Event::Accepted, now)?;
                one.next_at = now.plus_millis(self.submit.0.settings.resubmit_ms);
                Ok(Reaction::Done)
            }
            C::Underpriced | C::BelowBaseFee | C::ReplacementUnderpriced => {
                self.try_again(one, format!("the node wants a better price: {message}"))?;
                Ok(Reaction::Reprice)
            }
            C::NonceUsed => self.try_again(
                one,
                format!("its nonce is mined; the index will tell by whom: {message}"),
            ),
            C::Funds => {
                let until = now.plus_millis(FUNDS_MS);
                self.try_again(one, format!("the signer lacks funds: {message}"))?;
                one.next_at = until;
                Ok(Reaction::PauseLane(
                    format!("funds: {message}"),
                    Some(until),
                ))
            }
            C::GasLimit | C::Size | C::Unsupported | C::Permission | C::FeeCap => {
                let reason = format!(
                    "the node refuses these bytes: {message}; cancel it to free its place, or raise the limit"
                );
                one.happen(Event::Paused, now)?;
                one.wait(Time::from_micros(i64::MAX), reason.clone());
                Ok(Reaction::PauseLane(reason, None))
            }
            C::WrongChain => {
                self.try_again(one, format!("the node is of another chain: {message}"))?;
                Ok(Reaction::PauseLane(format!("wrong chain: {message}"), None))
            }
            C::NonceAhead
            | C::HoleBelow
            | C::PoolFull
            | C::Reserved
            | C::NotReady
            | C::Throttled
            | C::Lost => self.try_again(one, message.to_owned()),
        }
    }

    async fn follow_up(&self, one: Submission, reaction: Reaction) -> Result<usize> {
        match reaction {
            Reaction::Done => Ok(0),
            Reaction::PauseLane(reason, until) => self
                .pause_lane(&one.chain, &one.signer, reason, until)
                .await
                .map(|()| 1),
            Reaction::Reprice => self.reprice(&one).await,
            Reaction::Stale => self.raise(&one).await,
        }
    }
}

/// Whose bytes are wanted, and by what name.
struct Wanted {
    submission: SubmissionId,
    namespace: Namespace,
    permit: PermitId,
    transaction: String,
}

impl Wanted {
    fn of(one: &Submission) -> Option<Self> {
        Some(Self {
            submission: one.id,
            namespace: one.namespace.clone(),
            permit: one.permit.as_ref()?.body.id,
            transaction: one.transaction.clone()?,
        })
    }
}

fn words(answer: &Submitted) -> String {
    match answer {
        Submitted::Accepted => "accepted".to_owned(),
        Submitted::AlreadyKnown => "already known".to_owned(),
        Submitted::Refused { class, message } => {
            submission::words(&format!("{class:?}: {message}"))
        }
        Submitted::Unknown { message } => submission::words(&format!("unknown: {message}")),
    }
}
