//! Applies the facts of the indexed chains to submissions, in chain order: mined, reorganized,
//! final, and transactions that another holder of a key has signed.

use super::{Worker, isolate_failure, withdraw};
use crate::state::Event;
use crate::submission::Submission;
use crate::table::replay_key::HeldKey;
use crate::{Error, Result, lane, record, table};
use index::{BlockId, ChainFact, FinalityUpdate, StoredInclusion};
use std::collections::{BTreeMap, BTreeSet};
use store::{Cursor, UnscopedTx};
use types::{ChainId, ExecutionStatus, Namespace, ReplayKey, SubmissionId, Time};

/// Facts of a chain read in one transaction.
const FACTS_PER_READ: u32 = 64;
/// Reads per chain and turn. A worker with a long backlog does its other work in between.
const READS_PER_TURN: usize = 32;

/// Applies the next facts of every chain. Returns the number of changed submissions; never 0 while
/// more facts are waiting, so that the caller takes another turn.
pub(super) async fn apply(worker: &Worker) -> Result<usize> {
    let mut changed = 0;
    for chain in worker.chains() {
        let result = apply_facts_of(worker, chain).await;
        changed += isolate_failure(result, "apply_chain_facts", &chain)?;
    }
    Ok(changed)
}

async fn apply_facts_of(worker: &Worker, chain: ChainId) -> Result<usize> {
    let mut changed = 0;
    for _ in 0..READS_PER_TURN {
        let applied = apply_next_facts(worker, chain).await?;
        changed += applied.changed;
        if applied.facts < FACTS_PER_READ as usize {
            return Ok(changed);
        }
    }
    Ok(changed.max(1))
}

/// Numbers of facts read and of submissions changed.
#[derive(Default)]
struct Applied {
    facts: usize,
    changed: usize,
}

async fn apply_next_facts(worker: &Worker, chain: ChainId) -> Result<Applied> {
    let shard = worker.shard;
    let read = move |tx: &mut UnscopedTx| {
        let next = position(tx, shard, &chain)?;
        Ok::<_, Error>(!store::facts_after(tx, &next, 1)?.is_empty())
    };
    if !worker.db().read_unscoped(read).await? {
        return Ok(Applied::default()); // avoid a write transaction that changes nothing
    }
    let write = worker.write(worker.clone(), move |tx, worker| {
        let next = position(tx, shard, &chain)?;
        let facts = store::facts_after(tx, &next, FACTS_PER_READ)?;
        let mut changed = 0;
        for fact in &facts {
            let payload = fact.payload.as_ref().map_or("", |payload| payload.as_str());
            if let Some(fact) = ChainFact::parse(&fact.kind, payload) {
                changed += apply_fact(worker, tx, &chain, &fact)?;
            }
        }
        if let Some(last) = facts.last() {
            table::cursor::put(tx, shard, &next.partition, last.cursor.seq)?;
        }
        Ok(Applied {
            facts: facts.len(),
            changed,
        })
    });
    write.await
}

/// The position of a shard in the facts of a chain.
fn position(tx: &mut UnscopedTx, shard: i64, chain: &ChainId) -> Result<Cursor> {
    let partition = index::partition(chain);
    let seq = table::cursor::get(tx, shard, &partition)?;
    Ok(Cursor { partition, seq })
}

fn apply_fact(
    worker: &Worker,
    tx: &mut UnscopedTx,
    chain: &ChainId,
    fact: &ChainFact,
) -> Result<usize> {
    match fact {
        ChainFact::Block {
            inclusion_count: 0, ..
        } => Ok(0),
        ChainFact::Block { block, .. } => apply_block(worker, tx, block),
        ChainFact::Reorg { dropped } => apply_reorg(worker, tx, chain, dropped),
        ChainFact::Final(update) => apply_final(worker, tx, update),
    }
}

/// A block contains transactions of watched signers: submitted here, or signed elsewhere with
/// the same key.
fn apply_block(worker: &Worker, tx: &mut UnscopedTx, block: &BlockId) -> Result<usize> {
    let inclusions = index::inclusions_in_block(tx, &block.chain, &block.hash)?;
    let uses = replay_key_uses(worker, tx, &block.chain, &inclusions)?;
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
            None => pause_after_foreign_use(tx, &block.chain, key_use)?,
        }
    }
    record::save(tx, &changed.into_vec())
}

/// Blocks were reorganized away: the same bytes of what was mined in them are sent again.
fn apply_reorg(
    worker: &Worker,
    tx: &mut UnscopedTx,
    chain: &ChainId,
    dropped: &[BlockId],
) -> Result<usize> {
    let hashes: Vec<&String> = dropped.iter().map(|block| &block.hash).collect();
    let mut submissions = table::submission::in_blocks(tx, chain, worker.shard, &hashes)?;
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
            "its block was reorganized away; the same bytes are sent again",
        );
    }
    record::save(tx, &submissions)
}

/// The final watermark moved: ends every submission that holds a replay key used at or below
/// it.
fn apply_final(worker: &Worker, tx: &mut UnscopedTx, update: &FinalityUpdate) -> Result<usize> {
    let inclusions = index::inclusions_between(tx, &update.chain, update.above, update.through)?;
    if inclusions.is_empty() {
        return Ok(0);
    }
    let uses = replay_key_uses(worker, tx, &update.chain, &inclusions)?;
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
    let replay_keys: Vec<&ReplayKey> = inclusions
        .iter()
        .map(|inclusion| &inclusion.replay_key)
        .collect();
    table::replay_key::close(tx, &update.chain, &replay_keys)?;
    let changed = changed.into_vec();
    release_unused(tx, &update.chain, &changed)?;
    withdraw::of_ended(tx, &changed)?;
    record::save(tx, &changed)
}

/// For each used replay key: the submissions of this shard that hold it, and the submission
/// that signed the transaction. Uses that concern no lane of this shard are left out.
fn replay_key_uses<'i>(
    worker: &Worker,
    tx: &mut UnscopedTx,
    chain: &ChainId,
    inclusions: &'i [StoredInclusion],
) -> Result<Vec<ReplayKeyUse<'i>>> {
    let replay_keys: BTreeSet<&ReplayKey> = inclusions
        .iter()
        .map(|inclusion| &inclusion.replay_key)
        .collect();
    let transactions: BTreeSet<&String> = inclusions
        .iter()
        .map(|inclusion| &inclusion.transaction)
        .collect();
    let replay_keys: Vec<&ReplayKey> = replay_keys.into_iter().collect();
    let transactions: Vec<&String> = transactions.into_iter().collect();
    let holders = table::replay_key::holders(tx, chain, &replay_keys)?;
    let signed = table::transaction::signed_for(tx, chain, &transactions)?;
    // The chain reports a single signer, even for a transaction that spends coins of several.
    // Holders are therefore looked up by replay key, not by signer.
    let in_shard = |signer: &str| worker.submit.shard_of(chain, signer) == worker.shard;
    let key_use = |inclusion: &'i StoredInclusion| ReplayKeyUse {
        inclusion,
        signed_for: signed
            .iter()
            .find(|(transaction, _)| *transaction == inclusion.transaction)
            .map(|(_, id)| *id),
        holders: holders
            .iter()
            .filter(|holder| holder.replay_key == inclusion.replay_key)
            .map(|holder| &holder.submission)
            .filter(|submission| in_shard(&submission.signer))
            .cloned()
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
    tx: &mut UnscopedTx,
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
        let Some(mut lane) = table::lane::get(tx, chain, signer)? else {
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
            lane.next_nonce = lane.next_nonce.max(nonce.saturating_add(1));
        }
        lane::pause(tx, lane, &reason, None)?;
    }
    Ok(())
}

/// Releases the replay keys of ended submissions. Those that were not used may serve other
/// submissions, for example a coin planned together with one that another transaction spent.
fn release_unused(tx: &mut UnscopedTx, chain: &ChainId, changed: &[Submission]) -> Result<()> {
    let ended: Vec<SubmissionId> = changed
        .iter()
        .filter(|submission| submission.state.is_terminal())
        .map(|submission| submission.id)
        .collect();
    let open = table::replay_key::open_of(tx, chain, &ended)?;
    if open.is_empty() {
        return Ok(());
    }
    table::replay_key::close_of(tx, chain, &ended)?;
    let unique: BTreeSet<&ReplayKey> = open.iter().map(|held| &held.replay_key).collect();
    let unique: Vec<&ReplayKey> = unique.into_iter().collect();
    let held = table::replay_key::still_open(tx, chain, &unique)?;
    let mut free: BTreeMap<(Namespace, String), BTreeSet<ReplayKey>> = BTreeMap::new();
    for key in open {
        let HeldKey {
            namespace,
            signer,
            replay_key,
            ..
        } = key;
        if !held.contains(&replay_key) {
            let of_signer = free.entry((namespace, signer)).or_default();
            of_signer.insert(replay_key);
        }
    }
    for ((namespace, signer), replay_keys) in free {
        let (mut tx, system) = (tx.scoped(&namespace), record::system(&namespace));
        let replay_keys: Vec<ReplayKey> = replay_keys.into_iter().collect();
        keys::release(&mut tx, &system, chain, &signer, &replay_keys)?;
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
        // reorganization since). A final block implies both.
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
