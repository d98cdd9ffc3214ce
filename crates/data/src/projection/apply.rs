//! Apply blocks to the data model, and revert them.

use super::BlockTransfers;
use super::batch::Batch;
use super::observed::{ObservedTransfer, block_key};
use super::parents::{self, Parents};
use crate::balance::{self, Deltas, ExplicitChanges};
use crate::object::Object;
use crate::table::transfer::{Identity, RowKey};
use crate::{Type, ids, table};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::{Fact, Result, Tx, UnscopedTx};
use types::{ChainId, Height, Namespace, Time, Ulid};

/// Apply blocks of a chain to a namespace, in the caller's transaction.
///
/// Idempotent: transfers that are already counted with the same block are skipped. A transfer that
/// was reverted with an earlier block becomes pending again under the same id. Fails only if the
/// database fails.
pub fn apply(
    tx: &mut UnscopedTx,
    namespace: &Namespace,
    chain: &ChainId,
    blocks: &[BlockTransfers<'_>],
) -> Result<()> {
    let tx = &mut tx.scoped(namespace);
    let all = blocks.iter().flat_map(|block| {
        block
            .transfers
            .iter()
            .map(move |transfer| ObservedTransfer::new(chain, block, transfer))
    });
    let (transfers, rows) = skip_counted(tx, chain, all.collect())?;
    if transfers.is_empty() {
        return Ok(());
    }
    parents::addresses(tx, chain, &transfers)?;
    let parents = parents::pools_and_nfts(tx, chain, &transfers)?;
    let plan = Plan::make(tx, chain, &transfers, &parents, rows)?;
    plan.write(tx, chain)
}

/// The stored rows of each transfer: at most one that counts, and reverted ones.
type Rows = HashMap<Identity, Vec<Object>>;

/// Drop transfers that are already counted and duplicates within the slice.
fn skip_counted<'a>(
    tx: &mut Tx,
    chain: &ChainId,
    all: Vec<ObservedTransfer<'a>>,
) -> Result<(Vec<ObservedTransfer<'a>>, Rows)> {
    let mut seen = HashSet::new();
    let mut positions = HashSet::new();
    let mut transfers: Vec<ObservedTransfer<'a>> = all
        .into_iter()
        .filter(|transfer| seen.insert(transfer.identity.clone()))
        .collect();
    for transfer in &mut transfers {
        // Only one transfer per protocol id can count. A duplicate gets its path as a suffix, so
        // that both count.
        if !positions.insert(transfer.protocol_id.clone()) {
            transfer.protocol_id = format!("{}#{}", transfer.protocol_id, transfer.identity.path);
        }
    }
    let identities: Vec<&Identity> = (transfers.iter())
        .map(|transfer| &transfer.identity)
        .collect();
    let mut rows = Rows::new();
    for row in table::transfer::by_identities(tx, chain, &identities)? {
        rows.entry(Identity::of(&row)).or_default().push(row);
    }
    transfers.retain(|transfer| {
        let hash = block_key(transfer.block.hash);
        let counts =
            |row: &Object| !row.is_set("reverted") && row.text("block_hash") == Some(&hash);
        !rows
            .get(&transfer.identity)
            .is_some_and(|rows| rows.iter().any(counts))
    });
    Ok((transfers, rows))
}

/// The rows to write.
#[derive(Default)]
struct Plan {
    new: Vec<Object>,
    /// Reverted rows whose block is back on the chain.
    restored: Vec<Object>,
    /// Counted rows of a block that this block replaces.
    reverted: Vec<Object>,
    /// Rows that a caller wrote under a protocol id that the chain now reports.
    superseded: Vec<Object>,
    changes: ExplicitChanges,
}

impl Plan {
    fn make(
        tx: &mut Tx,
        chain: &ChainId,
        transfers: &[ObservedTransfer<'_>],
        parents: &Parents,
        mut rows: Rows,
    ) -> Result<Self> {
        let mut plan = Plan::default();
        let mut batches: BTreeMap<&str, String> = BTreeMap::new();
        let mut at_position = at_positions(tx, chain, transfers)?;
        for transfer in transfers {
            let now = tx.now();
            let batch = batches
                .entry(transfer.block.hash)
                .or_insert_with(|| Ulid::new(now, tx.entropy()).to_string());
            let stored = rows.remove(&transfer.identity).unwrap_or_default();
            let occupants = at_position
                .remove(&transfer.protocol_id)
                .unwrap_or_default();
            plan.add_transfer(
                chain,
                transfer,
                &parents[&transfer.parent()],
                batch,
                stored,
                occupants,
                now,
            );
        }
        let previous = plan.restored.iter().chain(&plan.reverted);
        plan.changes = balance::explicit_changes(tx, previous.chain(&plan.superseded))?;
        Ok(plan)
    }

    #[allow(clippy::too_many_arguments)] // the inputs of one decision
    fn add_transfer(
        &mut self,
        chain: &ChainId,
        transfer: &ObservedTransfer<'_>,
        parent: &str,
        batch: &str,
        stored: Vec<Object>,
        occupants: Vec<Object>,
        now: Time,
    ) {
        let hash = block_key(transfer.block.hash);
        let id = stored.first().map(|row| row.id().to_owned());
        let mut same_block = None;
        for row in stored {
            if row.text("block_hash") == Some(&hash) {
                same_block = Some(row);
            } else if !row.is_set("reverted") {
                self.revert_once(row);
            }
        }
        let mut manual = None;
        // Other rows have the same protocol id: one that a caller wrote into the same pool, whose
        // content the new row takes over, or another transfer, whose block must be gone. A row in a
        // pool of a caller stays.
        for row in occupants {
            if row.text("source").is_none() {
                if row.text("parent_id") == Some(parent) {
                    manual = Some(row.clone());
                    self.superseded.push(row);
                }
            } else if row.text("transaction_id") != Some(&transfer.identity.transaction_id)
                || row.text("path") != Some(&transfer.identity.path)
            {
                self.revert_once(row);
            }
        }
        if let Some(mut row) = same_block {
            row.put_int("reverted", 0);
            row.put_text("protocol_id", &*transfer.protocol_id);
            self.restored.push(row);
            return;
        }
        let manual_id = manual.as_ref().map(|row| row.id().to_owned());
        let mut row = manual.unwrap_or_else(|| Object::with_defaults(Type::Transfer));
        row.put_int("apart", 0);
        transfer.write_into(&mut row, chain, parent, batch);
        let Identity {
            transaction_id,
            path,
        } = &transfer.identity;
        let id = manual_id.or(id);
        let id = id.unwrap_or_else(|| ids::of_transfer(chain, transaction_id, path));
        row.put_text("id", id);
        if row.int("created") == Some(0) {
            row.put_time("created", now);
        }
        self.new.push(row);
    }

    fn revert_once(&mut self, row: Object) {
        if !self
            .reverted
            .iter()
            .any(|other| other.row_key() == row.row_key())
        {
            self.reverted.push(row);
        }
    }

    fn write(mut self, tx: &mut Tx, chain: &ChainId) -> Result<()> {
        let mut deltas = Deltas::default();
        let changes = &self.changes;
        let changes_of = |row: &Object| changes.get(&RowKey::of(row));
        self.reverted
            .iter()
            .chain(&self.superseded)
            .for_each(|row| deltas.subtract(row, changes_of(row)));
        self.restored
            .iter()
            .for_each(|row| deltas.add(row, changes_of(row)));
        self.new.iter().for_each(|row| deltas.add(row, None));
        for row in &mut self.reverted {
            row.put_int("reverted", 1);
        }
        let now = tx.now();
        for row in self.reverted.iter_mut().chain(&mut self.restored) {
            row.bump_version(now);
        }
        self.new
            .iter_mut()
            .for_each(|row| row.put_time("updated", now));
        let schema = Type::Transfer.schema();
        let superseded: Vec<RowKey> = self.superseded.iter().map(RowKey::of).collect();
        table::transfer::delete_changes(tx, &superseded)?;
        table::transfer::delete_rows(tx, &superseded)?;
        table::object::update(tx, schema, &self.reverted)?;
        table::object::update(tx, schema, &self.restored)?;
        let inserted = table::object::insert(tx, schema, &self.new)?;
        assert_eq!(
            inserted,
            self.new.len() as u64,
            "counted transfers have unique identities and positions"
        );
        deltas.flush(tx)?;
        self.append_facts(tx, chain);
        Ok(())
    }

    /// Append one fact per block for new, restored and reverted transfers.
    fn append_facts(&self, tx: &mut Tx, chain: &ChainId) {
        let namespace = tx.namespace().as_str().to_owned();
        for ((height, hash, batch), rows) in by_batch(&self.new) {
            let batch = Batch::of(&namespace, chain.as_str(), height, &batch, &rows);
            let payload = serde_json::json!({ "chain": chain, "height": height, "block": hash, "batch": batch });
            tx.append(Fact::new("data.transfers.applied", 1).payload(&payload));
        }
        for ((height, hash, _), rows) in by_batch(&self.restored) {
            let payload = serde_json::json!({ "chain": chain, "height": height, "block": hash, "count": rows.len() });
            tx.append(Fact::new("data.transfers.restored", 1).payload(&payload));
        }
        for ((height, hash, _), rows) in by_batch(&self.reverted) {
            append_reverted_fact(tx, chain, Height::from_stored(height), &hash, rows.len());
        }
    }
}

fn by_batch(rows: &[Object]) -> BTreeMap<(i64, String, String), Vec<&Object>> {
    let mut batches: BTreeMap<_, Vec<&Object>> = BTreeMap::new();
    for row in rows {
        let height = row.int("height").unwrap_or(0);
        let key = (
            height,
            row.owned_text("block_hash"),
            row.owned_text("batch"),
        );
        batches.entry(key).or_default().push(row);
    }
    batches
}

fn at_positions(
    tx: &mut Tx,
    chain: &ChainId,
    transfers: &[ObservedTransfer<'_>],
) -> Result<HashMap<String, Vec<Object>>> {
    let keys: Vec<Vec<String>> = transfers
        .iter()
        .map(|transfer| vec![chain.to_string(), transfer.protocol_id.clone()])
        .collect();
    let mut at_positions: HashMap<String, Vec<Object>> = HashMap::new();
    for row in table::object::by_keys(tx, Type::Transfer.schema(), &keys)? {
        let at_position = at_positions.entry(row.name().to_owned());
        at_position.or_default().push(row);
    }
    Ok(at_positions)
}

/// Revert a block in every namespace that has rows of it. Its transfers stay as `reverted` rows;
/// addresses, pools and NFTs that it introduced are `reverted` until another block includes them.
pub fn undo(tx: &mut UnscopedTx, chain: &ChainId, height: Height, hash: &str) -> Result<()> {
    let hash = block_key(hash);
    let mut namespaces: Vec<Namespace> = Vec::new();
    for table in ["transfer", "address", "pool", "nft"] {
        namespaces.extend(table::transfer::namespaces_of_block(
            tx, table, chain, height, &hash,
        )?);
    }
    namespaces.sort();
    namespaces.dedup();
    namespaces
        .iter()
        .try_for_each(|namespace| undo_in(&mut tx.scoped(namespace), chain, height, &hash))
}

fn undo_in(tx: &mut Tx, chain: &ChainId, height: Height, hash: &str) -> Result<()> {
    let mut rows = table::transfer::of_block(tx, chain, height, hash)?;
    let changes = balance::explicit_changes(tx, &rows)?;
    let mut deltas = Deltas::default();
    rows.iter()
        .for_each(|row| deltas.subtract(row, changes.get(&RowKey::of(row))));
    let now = tx.now();
    for row in &mut rows {
        row.put_int("reverted", 1);
        row.bump_version(now);
    }
    table::object::update(tx, Type::Transfer.schema(), &rows)?;
    deltas.flush(tx)?;
    for kind in [Type::Address, Type::Pool, Type::Nft] {
        table::object::mark_reverted(tx, kind.schema(), chain.as_str(), height.stored(), hash)?;
    }
    append_reverted_fact(tx, chain, height, hash, rows.len());
    Ok(())
}

fn append_reverted_fact(tx: &mut Tx, chain: &ChainId, height: Height, hash: &str, count: usize) {
    let payload =
        serde_json::json!({ "chain": chain, "height": height, "block": hash, "count": count });
    tx.append(Fact::new("data.transfers.reverted", 1).payload(&payload));
}
