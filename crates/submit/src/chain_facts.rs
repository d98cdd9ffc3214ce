//! Applies the facts of the indexed chains to submissions, in chain order: mined, reorganised,
//! final, and transactions that another holder of a key has signed.

use crate::state::Event;
use crate::submission::Submission;
use crate::{Result, Worker, control, table, worker};
use index::{BlockId, ChainFact, FinalityUpdate, StoredInclusion};
use std::collections::{BTreeMap, BTreeSet};
use store::{Cursor, UnscopedTx};
use types::{ChainId, ExecutionStatus, Namespace, ReplayKey, SubmissionId, Time};

/// Facts of a chain read in one transaction.
const FACTS_PER_READ: u32 = 64;
/// Reads per chain and turn. A worker with a long backlog does its other work in between.
const READS_PER_TURN: usize = 32;

impl Worker {
    /// Applies the next facts of every chain. Returns the number of changed submissions; never 0
    /// while more facts are waiting, so that the caller takes another turn.
    pub(crate) async fn apply_chain_facts(&self) -> Result<usize> {
        let mut changed = 0;
        for chain in self.chains() {
            let result = self.apply_facts_of(&chain).await;
            changed += self.isolate_failure(result, "apply_chain_facts", &chain)?;
        }
        Ok(changed)
    }

    async fn apply_facts_of(&self, chain: &ChainId) -> Result<usize> {
        let mut changed = 0;
        for _ in 0..READS_PER_TURN {
            let (facts, count) = self.apply_next_facts(*chain).await?;
            changed += count;
            if facts < FACTS_PER_READ as usize {
                return Ok(changed);
            }
        }
        Ok(changed.max(1))
    }

    /// Returns the number of facts read and of submissions changed.
    async fn apply_next_facts(&self, chain: ChainId) -> Result<(usize, usize)> {
        let this = self.clone();
        let partition = format!("chain/{chain}");
        let (name, shard) = (partition.clone(), self.shard);
        let waiting = self
            .submit
            .0
            .db
            .read_unscoped(move |tx| {
                let seq = table::cursor(tx, shard, &name)?;
                let cursor = Cursor {
                    partition: name.clone(),
                    seq,
                };
                Ok::<_, store::Error>(store::facts_after(tx, &cursor, 1)?.len())
            })
            .await?;
        if waiting == 0 {
            return Ok((0, 0)); // avoid a write transaction that changes nothing
        }
        self.write(move |tx| {
            let seq = table::cursor(tx, this.shard, &partition)?;
            let facts = store::facts_after(
                tx,
                &Cursor {
                    partition: partition.clone(),
                    seq,
                },
                FACTS_PER_READ,
            )?;
            let mut changed = 0;
            for fact in &facts {
                let payload = fact.payload.as_ref().map_or("", |payload| payload.as_str());
                if let Some(fact) = ChainFact::parse(&fact.kind, payload) {
                    changed += this.apply_fact(tx, &chain, &fact)?;
                }
            }
            if let Some(last) = facts.last() {
                table::put_cursor(tx, this.shard, &partition, last.cursor.seq)?;
            }
            Ok((facts.len(), changed))
        })
        .await
    }

    fn apply_fact(
        &self,
        tx: &mut UnscopedTx<'_, '_>,
        chain: &ChainId,
        fact: &ChainFact,
    ) -> Result<usize> {
        match fact {
            ChainFact::Block {
                inclusion_count: 0, ..
            } => Ok(0),
            ChainFact::Block { block, .. } => self.apply_block(tx, block),
            ChainFact::Reorg { dropped } => self.apply_reorg(tx, chain, dropped),
            ChainFact::Final(update) => self.apply_final(tx, update),
        }
    }

    /// A block contains transactions of watched signers: submitted here, or signed elsewhere with
    /// the same key.
    fn apply_block(&self, tx: &mut UnscopedTx<'_, '_>, block: &BlockId) -> Result<usize> {
        let inclusions = index::inclusions_in_block(tx, &block.chain, &block.hash)?;
        let uses = self.replay_key_uses(tx, &block.chain, &inclusions)?;
        let now = tx.now();
        let mut changed = Changed::default();
        for key_use in &uses {
            match key_use.signed_for {
                Some(id) => {
                    if let Some(submission) = changed.entry(key_use.holder(id)) {
                        submission.apply(Event::Mined, now)?;
                        record_block(submission, key_use.inclusion, now);
                    }
                }
                None => self.pause_after_foreign_use(tx, &block.chain, key_use)?,
            }
        }
        worker::save(tx, &changed.into_vec())
    }

    /// Blocks were reorganised away: the same bytes of what was mined in them are sent again.
    fn apply_reorg(
        &self,
        tx: &mut UnscopedTx<'_, '_>,
        chain: &ChainId,
        dropped: &[BlockId],
    ) -> Result<usize> {
        let hashes: Vec<String> = dropped.iter().map(|block| block.hash.clone()).collect();
        let mut submissions = table::in_blocks(tx, chain, self.shard, &hashes)?;
        let now = tx.now();
        for submission in &mut submissions {
            submission.apply(Event::Reorged, now)?;
            (
                submission.block_hash,
                submission.block_height,
                submission.outcome,
                submission.fee,
            ) = (None, None, None, None);
            submission.postpone(
                now,
                "its block was reorganised away; the same bytes are sent again",
            );
        }
        worker::save(tx, &submissions)
    }

    /// The final watermark moved: ends every submission that holds a replay key used at or below
    /// it.
    fn apply_final(&self, tx: &mut UnscopedTx<'_, '_>, update: &FinalityUpdate) -> Result<usize> {
        let inclusions =
            index::inclusions_between(tx, &update.chain, update.above, update.through)?;
        if inclusions.is_empty() {
            return Ok(0);
        }
        let uses = self.replay_key_uses(tx, &update.chain, &inclusions)?;
        let now = tx.now();
        let mut changed = Changed::default();
        for key_use in &uses {
            for holder in &key_use.holders {
                let Some(submission) = changed.entry(Some(holder)) else {
                    continue;
                };
                finalize(submission, key_use, now)?;
            }
        }
        let replay_keys: Vec<ReplayKey> = inclusions
            .iter()
            .map(|inclusion| inclusion.replay_key.clone())
            .collect();
        table::close_replay_keys(tx, &update.chain, &replay_keys)?;
        let changed = changed.into_vec();
        release_unused(tx, &update.chain, &changed)?;
        worker::save(tx, &changed)
    }

    /// For each used replay key: the submissions of this shard that hold it, and the submission
    /// that signed the transaction. Uses that concern no lane of this shard are left out.
    fn replay_key_uses<'i>(
        &self,
        tx: &mut UnscopedTx<'_, '_>,
        chain: &ChainId,
        inclusions: &'i [StoredInclusion],
    ) -> Result<Vec<ReplayKeyUse<'i>>> {
        let replay_keys: BTreeSet<ReplayKey> = inclusions
            .iter()
            .map(|inclusion| inclusion.replay_key.clone())
            .collect();
        let transactions: BTreeSet<String> = inclusions
            .iter()
            .map(|inclusion| inclusion.transaction.clone())
            .collect();
        let holders = table::holders(tx, chain, &replay_keys.into_iter().collect::<Vec<_>>())?;
        let signed = table::signed_for(tx, chain, &transactions.into_iter().collect::<Vec<_>>())?;
        // The chain reports a single signer, even for a transaction that spends coins of several.
        // Holders are therefore looked up by replay key, not by signer.
        let in_shard = |signer: &str| self.submit.shard_of(chain, signer) == self.shard;
        let key_use = |inclusion: &'i StoredInclusion| ReplayKeyUse {
            inclusion,
            signed_for: signed
                .iter()
                .find(|(transaction, _)| *transaction == inclusion.transaction)
                .map(|(_, id)| *id),
            holders: holders
                .iter()
                .filter(|(replay_key, holder)| {
                    *replay_key == inclusion.replay_key && in_shard(&holder.signer)
                })
                .map(|(_, submission)| submission.clone())
                .collect(),
        };
        Ok(inclusions
            .iter()
            .map(key_use)
            .filter(|key_use| in_shard(&key_use.inclusion.signer) || !key_use.holders.is_empty())
            .collect())
    }

    /// A transaction that was not submitted here used a replay key of one of our signers. Pauses
    /// each affected lane until an operator resumes it.
    fn pause_after_foreign_use(
        &self,
        tx: &mut UnscopedTx<'_, '_>,
        chain: &ChainId,
        key_use: &ReplayKeyUse<'_>,
    ) -> Result<()> {
        let inclusion = key_use.inclusion;
        let mut signers: BTreeSet<&str> = key_use
            .holders
            .iter()
            .map(|holder| holder.signer.as_str())
            .collect();
        signers.insert(&inclusion.signer);
        let nonce = inclusion.replay_key.as_nonce();
        for signer in signers {
            let Some(mut lane) = table::lane(tx, chain, signer)? else {
                continue;
            };
            let before_first_use =
                nonce.is_some_and(|nonce| lane.first_nonce.is_none_or(|first| nonce < first));
            if before_first_use && key_use.holders.is_empty() {
                continue; // a nonce from before the key was used here: it affects no submission
            }
            tracing::error!(
                event = "lane.foreign_use",
                %chain,
                signer,
                transaction = inclusion.transaction,
                "a transaction that was not submitted here used a replay key of the signer"
            );
            let reason = format!(
                "foreign use of the key: transaction {} used {}; resume the lane once it is \
                 explained",
                inclusion.transaction, inclusion.replay_key
            );
            if let Some(nonce) = nonce {
                lane.next_nonce = lane.next_nonce.max(nonce + 1);
            }
            control::pause(tx, lane, reason, None)?;
        }
        Ok(())
    }
}

/// Releases the replay keys of ended submissions. Those that were not used may serve other
/// submissions, for example a coin planned together with one that another transaction spent.
fn release_unused(
    tx: &mut UnscopedTx<'_, '_>,
    chain: &ChainId,
    changed: &[Submission],
) -> Result<()> {
    let ended: Vec<SubmissionId> = changed
        .iter()
        .filter(|submission| submission.state.is_terminal())
        .map(|submission| submission.id)
        .collect();
    let open = table::open_replay_keys_of(tx, chain, &ended)?;
    if open.is_empty() {
        return Ok(());
    }
    table::close_replay_keys_of(tx, chain, &ended)?;
    let replay_keys: BTreeSet<ReplayKey> = open
        .iter()
        .map(|(_, _, _, replay_key)| replay_key.clone())
        .collect();
    let held = table::still_open(tx, chain, &replay_keys.into_iter().collect::<Vec<_>>())?;
    let mut free: BTreeMap<(Namespace, String), BTreeSet<ReplayKey>> = BTreeMap::new();
    for (namespace, _, signer, replay_key) in open {
        if !held.contains(&(replay_key.clone(),)) {
            free.entry((namespace, signer))
                .or_default()
                .insert(replay_key);
        }
    }
    for ((namespace, signer), replay_keys) in free {
        let replay_keys: Vec<ReplayKey> = replay_keys.into_iter().collect();
        keys::release(
            &mut tx.scoped(&namespace),
            &worker::system(&namespace),
            chain,
            &signer,
            &replay_keys,
        )?;
    }
    Ok(())
}

/// The use of one replay key by a transaction on the chain.
struct ReplayKeyUse<'i> {
    inclusion: &'i StoredInclusion,
    /// The submission that the transaction was signed for; none if it was signed elsewhere.
    signed_for: Option<SubmissionId>,
    /// The submissions that hold the replay key.
    holders: Vec<Submission>,
}

impl ReplayKeyUse<'_> {
    fn holder(&self, id: SubmissionId) -> Option<&Submission> {
        self.holders.iter().find(|holder| holder.id == id)
    }

    /// Whether the transaction belongs to a cancel of this submission, or to a cancel of its
    /// cancel.
    fn cancels(&self, id: SubmissionId) -> bool {
        let target = |cancel: &SubmissionId| self.holder(*cancel)?.supersedes;
        std::iter::successors(self.signed_for, target)
            .skip(1)
            .take(self.holders.len())
            .any(|target| target == id)
    }
}

/// Submissions changed in this transaction, each once: a transaction with several inputs affects
/// the same submission several times.
#[derive(Default)]
struct Changed(BTreeMap<SubmissionId, Submission>);

impl Changed {
    fn entry(&mut self, submission: Option<&Submission>) -> Option<&mut Submission> {
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

fn record_block(submission: &mut Submission, inclusion: &StoredInclusion, now: Time) {
    submission.transaction = Some(inclusion.transaction.clone());
    submission.block_hash = Some(inclusion.block_hash.clone());
    submission.block_height = Some(inclusion.height);
    submission.outcome = Some(inclusion.status);
    submission.fee = Some(inclusion.fee);
    submission.created_contract = inclusion.created_contract.clone();
    (submission.reason, submission.next_at) = (None, now);
}

/// Ends one holder of a replay key: its own transaction became final, or another one did.
fn finalize(submission: &mut Submission, key_use: &ReplayKeyUse<'_>, now: Time) -> Result<()> {
    if submission.state.is_terminal() {
        return Ok(());
    }
    if key_use.signed_for == Some(submission.id) {
        // The loaded state may predate `mined` (read in this same transaction, or undone by a
        // reorganisation since). A final block implies both.
        submission.apply(Event::Mined, now)?;
        record_block(submission, key_use.inclusion, now);
        submission.apply(Event::Final, now)?;
        if key_use.inclusion.status == ExecutionStatus::Reverted {
            submission.set_reason("the transaction reverted; the chain charged its fee");
        }
        return Ok(());
    }
    let event = if key_use.cancels(submission.id) {
        Event::Cancelled
    } else {
        Event::Superseded
    };
    submission.apply(event, now)?;
    submission.set_reason(format!(
        "transaction {} became final on its replay key instead",
        key_use.inclusion.transaction
    ));
    Ok(())
}
