//! Completion: what became of submissions, learnt from the facts of the chains, in chain order.

use crate::state::Event;
use crate::submission::Submission;
use crate::{Result, Worker, control, table, worker};
use index::{ChainFact, Dropped, FinalMoved, StoredIncluded};
use std::collections::{BTreeMap, BTreeSet};
use store::{Cursor, Unbound};
use types::{ChainId, Namespace, Status, SubmissionId, Time, Witness};

/// Facts of a chain read in one transaction.
const FACTS_AT_A_TIME: u32 = 64;
/// Transactions in which the facts of a chain are read in a turn: who has much to catch up on does
/// other work between.
const READS_PER_TURN: usize = 32;

impl Worker {
    /// Read on in the facts of every chain. How many submissions changed; never 0 while there is
    /// more to read.
    pub(crate) async fn complete(&self) -> Result<usize> {
        let mut changed = 0;
        for chain in self.chains() {
            let done = self.complete_on(&chain).await;
            changed += self.apart(done, "reading the chain", &chain)?;
        }
        Ok(changed)
    }

    async fn complete_on(&self, chain: &ChainId) -> Result<usize> {
        let mut changed = 0;
        for _ in 0..READS_PER_TURN {
            let (facts, count) = self.read_facts(chain.clone()).await?;
            changed += count;
            if facts < FACTS_AT_A_TIME as usize {
                return Ok(changed);
            }
        }
        Ok(changed.max(1))
    }

    async fn read_facts(&self, chain: ChainId) -> Result<(usize, usize)> {
        let this = self.clone();
        let partition = format!("chain/{chain}");
        let (name, shard) = (partition.clone(), self.shard);
        let waiting = self
            .submit
            .0
            .db
            .read_unbound(move |tx| {
                let seq = table::cursor(tx, shard, &name)?;
                let cursor = Cursor {
                    partition: name.clone(),
                    seq,
                };
                Ok::<_, store::Error>(store::facts_after(tx, &cursor, 1)?.len())
            })
            .await?;
        if waiting == 0 {
            return Ok((0, 0)); // nothing to write, not even the cursor
        }
        self.write(move |tx| {
            let seq = table::cursor(tx, this.shard, &partition)?;
            let facts = store::facts_after(
                tx,
                &Cursor {
                    partition: partition.clone(),
                    seq,
                },
                FACTS_AT_A_TIME,
            )?;
            let mut changed = 0;
            for fact in &facts {
                let payload = fact.payload.as_ref().map_or("", |payload| payload.as_str());
                if let Some(said) = ChainFact::read(&fact.kind, payload) {
                    changed += this.learn(tx, &chain, &said)?;
                }
            }
            if let Some(last) = facts.last() {
                table::put_cursor(tx, this.shard, &partition, last.cursor.seq)?;
            }
            Ok((facts.len(), changed))
        })
        .await
    }

    fn learn(&self, tx: &mut Unbound<'_, '_>, chain: &ChainId, said: &ChainFact) -> Result<usize> {
        match said {
            ChainFact::Block {
                included_count: 0, ..
            } => Ok(0),
            ChainFact::Block { block, .. } => self.mined(tx, block),
            ChainFact::Reorg { dropped } => self.dropped(tx, chain, dropped),
            ChainFact::Final(moved) => self.finals(tx, moved),
        }
    }

    /// A block holds transactions of our signers: ours, or by somebody else who has the key.
    fn mined(&self, tx: &mut Unbound<'_, '_>, block: &Dropped) -> Result<usize> {
        let included = index::included_in(tx, &block.chain, &block.hash)?;
        let cases = self.cases(tx, &block.chain, &included)?;
        let now = tx.now();
        let mut changed = Changed::default();
        for case in &cases {
            match case.ours {
                Some(id) => {
                    let one = changed.of(case.holder(id));
                    if let Some(one) = one {
                        one.happen(Event::Mined, now)?;
                        note_block(one, case.included, now);
                    }
                }
                None => self.foreign_use(tx, &block.chain, case)?,
            }
        }
        worker::save(tx, &changed.into_vec())
    }

    /// Blocks fell out: what was mined in them is sent again, same bytes.
    fn dropped(
        &self,
        tx: &mut Unbound<'_, '_>,
        chain: &ChainId,
        dropped: &[Dropped],
    ) -> Result<usize> {
        let hashes: Vec<String> = dropped.iter().map(|block| block.hash.clone()).collect();
        let mut submissions = table::in_blocks(tx, chain, self.shard, &hashes)?;
        let now = tx.now();
        for one in &mut submissions {
            one.happen(Event::Dropped, now)?;
            (one.block_hash, one.block_height, one.outcome, one.fee) = (None, None, None, None);
            one.wait(
                now,
                "its block was reorganised away; the same bytes are sent again",
            );
        }
        worker::save(tx, &submissions)
    }

    /// The watermark moved: whoever holds a witness that is used up now has come to his end.
    fn finals(&self, tx: &mut Unbound<'_, '_>, moved: &FinalMoved) -> Result<usize> {
        let included = index::included_between(tx, &moved.chain, moved.above, moved.through)?;
        if included.is_empty() {
            return Ok(0);
        }
        let cases = self.cases(tx, &moved.chain, &included)?;
        let now = tx.now();
        let mut changed = Changed::default();
        for case in &cases {
            for holder in &case.holders {
                let Some(one) = changed.of(Some(holder)) else {
                    continue;
                };
                settle_one(one, case, now)?;
            }
        }
        let witnesses: Vec<Witness> = included.iter().map(|one| one.witness.clone()).collect();
        table::settle(tx, &moved.chain, &witnesses)?;
        let changed = changed.into_vec();
        release(tx, &moved.chain, &changed)?;
        worker::save(tx, &changed)
    }

    /// For each thing that was used up: who of ours holds it, and whose transaction it was.
    fn cases<'i>(
        &self,
        tx: &mut Unbound<'_, '_>,
        chain: &ChainId,
        included: &'i [StoredIncluded],
    ) -> Result<Vec<Case<'i>>> {
        let witnesses: BTreeSet<Witness> = included.iter().map(|one| one.witness.clone()).collect();
        let transactions: BTreeSet<String> =
            included.iter().map(|one| one.transaction.clone()).collect();
        let holders = table::holders(tx, chain, &witnesses.into_iter().collect::<Vec<_>>())?;
        let signed = table::signed_for(tx, chain, &transactions.into_iter().collect::<Vec<_>>())?;
        // Where several own what a transaction uses up, the chain names but one of them: holders
        // are found by what they hold.
        let mine = |signer: &str| self.submit.shard_of(chain, signer) == self.shard;
        let case = |one: &'i StoredIncluded| Case {
            included: one,
            ours: signed
                .iter()
                .find(|(transaction, _)| *transaction == one.transaction)
                .map(|(_, id)| *id),
            holders: holders
                .iter()
                .filter(|(witness, holder)| *witness == one.witness && mine(&holder.signer))
                .map(|(_, submission)| submission.clone())
                .collect(),
        };
        Ok(included
            .iter()
            .map(case)
            .filter(|case| mine(&case.included.signer) || !case.holders.is_empty())
            .collect())
    }

    /// Somebody else signed with a key of ours: each lane that it concerns stops until a person has
    /// looked.
    fn foreign_use(
        &self,
        tx: &mut Unbound<'_, '_>,
        chain: &ChainId,
        case: &Case<'_>,
    ) -> Result<()> {
        let included = case.included;
        let mut signers: BTreeSet<&str> = case
            .holders
            .iter()
            .map(|holder| holder.signer.as_str())
            .collect();
        signers.insert(&included.signer);
        let nonce = included.witness.as_nonce();
        for signer in signers {
            let Some(mut lane) = table::lane(tx, chain, signer)? else {
                continue;
            };
            let before_us =
                nonce.is_some_and(|nonce| lane.first_nonce.is_none_or(|first| nonce < first));
            if before_us && case.holders.is_empty() {
                continue; // a key that was in use before it came to us: nothing of ours is in the way
            }
            tracing::error!(%chain, signer, transaction = included.transaction, "foreign use of a key");
            let reason = format!(
                "foreign use of the key: transaction {} used {}; resume the lane once it is explained",
                included.transaction, included.witness
            );
            if let Some(nonce) = nonce {
                lane.next_nonce = lane.next_nonce.max(nonce + 1);
            }
            control::hold(tx, lane, reason, None)?;
        }
        Ok(())
    }
}

/// What ended holds nothing any more. Of what it did not use up others may make use: a coin beside
/// one that another transaction spent.
fn release(tx: &mut Unbound<'_, '_>, chain: &ChainId, changed: &[Submission]) -> Result<()> {
    let ended: Vec<SubmissionId> = changed
        .iter()
        .filter(|one| one.state.is_terminal())
        .map(|one| one.id)
        .collect();
    let left = table::left_open(tx, chain, &ended)?;
    if left.is_empty() {
        return Ok(());
    }
    table::let_go(tx, chain, &ended)?;
    let witnesses: BTreeSet<Witness> = left
        .iter()
        .map(|(_, _, _, witness)| witness.clone())
        .collect();
    let held = table::still_held(tx, chain, &witnesses.into_iter().collect::<Vec<_>>())?;
    let mut free: BTreeMap<(Namespace, String), BTreeSet<Witness>> = BTreeMap::new();
    for (namespace, _, signer, witness) in left {
        if !held.contains(&(witness.clone(),)) {
            free.entry((namespace, signer)).or_default().insert(witness);
        }
    }
    for ((namespace, signer), witnesses) in free {
        let witnesses: Vec<Witness> = witnesses.into_iter().collect();
        keys::release(
            &mut tx.bound(&namespace),
            &worker::system(&namespace),
            chain,
            &signer,
            &witnesses,
        )?;
    }
    Ok(())
}

/// One thing that was used up.
struct Case<'i> {
    included: &'i StoredIncluded,
    /// The submission that signed the transaction, if it is ours.
    ours: Option<SubmissionId>,
    /// The submissions that hold the witness.
    holders: Vec<Submission>,
}

impl Case<'_> {
    fn holder(&self, id: SubmissionId) -> Option<&Submission> {
        self.holders.iter().find(|holder| holder.id == id)
    }

    /// Whether the transaction belongs to a cancel of this submission, or to a cancel of its
    /// cancel.
    fn cancels(&self, id: SubmissionId) -> bool {
        let next = |at: &SubmissionId| self.holder(*at)?.supersedes;
        std::iter::successors(self.ours, next)
            .skip(1)
            .take(self.holders.len())
            .any(|at| at == id)
    }
}

/// Submissions that change in this transaction: a transaction with several inputs concerns the same
/// one several times.
#[derive(Default)]
struct Changed(BTreeMap<SubmissionId, Submission>);

impl Changed {
    fn of(&mut self, submission: Option<&Submission>) -> Option<&mut Submission> {
        let submission = submission?;
        Some(
            self.0
                .entry(submission.id)
                .or_insert_with(|| submission.clone()),
        )
    }

    fn into_vec(self) -> Vec<Submission> {
        self.0.into_values().collect()
    }
}

fn note_block(one: &mut Submission, included: &StoredIncluded, now: Time) {
    one.transaction = Some(included.transaction.clone());
    one.block_hash = Some(included.block_hash.clone());
    one.block_height = Some(included.height);
    one.outcome = Some(included.status);
    one.fee = Some(included.fee);
    one.created_contract = included.created.clone();
    (one.reason, one.next_at) = (None, now);
}

/// The end of one holder of a witness: its own transaction is final, or another one is.
fn settle_one(one: &mut Submission, case: &Case<'_>, now: Time) -> Result<()> {
    if one.state.is_terminal() {
        return Ok(());
    }
    if case.ours == Some(one.id) {
        // A mined fact may have been read in the same transaction, or before a rewind: final says
        // both.
        one.happen(Event::Mined, now)?;
        note_block(one, case.included, now);
        one.happen(Event::Final, now)?;
        if case.included.status == Status::Reverted {
            one.explain("the chain took the transaction and its fee, and undid the rest");
        }
        return Ok(());
    }
    let event = if case.cancels(one.id) {
        Event::Cancelled
    } else {
        Event::Superseded
    };
    one.happen(event, now)?;
    one.explain(format!(
        "{} became final on its witness instead",
        case.included.transaction
    ));
    Ok(())
}
