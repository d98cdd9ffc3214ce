//! Applying blocks, and taking them away again.

use super::batch::Batch;
use super::parents::{self, Parents};
use super::sighting::{Sighting, block_key};
use crate::balance::{self, Changes, Deltas, row_key};
use crate::object::Object;
use crate::table::transfer::{Identity, RowKey};
use crate::{Type, ids, table};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::{Fact, Result, Tx, Unbound};
use types::{ChainId, Height, Namespace, Time, Transfer, Ulid};

/// The movements of value in one block.
#[derive(Debug, Clone, Copy)]
pub struct Movements<'a> {
    /// How high the block stands.
    pub height: Height,
    /// Its hash.
    pub hash: &'a str,
    /// When its maker says it was made.
    pub time: Time,
    /// What moved in it, in order.
    pub transfers: &'a [Transfer],
}

/// Add blocks of a chain to a namespace, in the transaction of whoever reads the chain.
///
/// Idempotent: what was applied with the same block before is left alone. A transfer that was seen
/// in a block that is gone is pending again under its old id. Only the database may fail.
pub fn apply(
    tx: &mut Unbound<'_, '_>,
    namespace: &Namespace,
    chain: &ChainId,
    blocks: &[Movements<'_>],
) -> Result<()> {
    let tx = &mut tx.bound(namespace);
    let all = blocks.iter().flat_map(|block| {
        block
            .transfers
            .iter()
            .map(move |told| Sighting::new(chain, block, told))
    });
    let (sightings, rows) = unknown(tx, chain, all.collect())?;
    if sightings.is_empty() {
        return Ok(());
    }
    parents::addresses(tx, chain, &sightings)?;
    let parents = parents::pools_and_nfts(tx, chain, &sightings)?;
    let plan = Plan::make(tx, chain, &sightings, &parents, rows)?;
    plan.write(tx, chain)
}

/// Rows by what the chain did: one that counts at most, and evidence.
type Rows = HashMap<Identity, Vec<Object>>;

/// Leave out what is there already, and what the same slice says twice.
fn unknown<'a>(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    all: Vec<Sighting<'a>>,
) -> Result<(Vec<Sighting<'a>>, Rows)> {
    let mut seen = HashSet::new();
    let mut positions = HashSet::new();
    let mut sightings: Vec<Sighting<'a>> = all
        .into_iter()
        .filter(|sighting| seen.insert(sighting.identity.clone()))
        .collect();
    for sighting in &mut sightings {
        // Two of one position cannot both count: the second is known by its own place in the
        // transaction.
        if !positions.insert(sighting.protocol_id.clone()) {
            sighting.protocol_id = format!("{}#{}", sighting.protocol_id, sighting.identity.1);
        }
    }
    let identities: Vec<Identity> = sightings
        .iter()
        .map(|sighting| sighting.identity.clone())
        .collect();
    let mut rows = Rows::new();
    for row in table::transfer::by_identities(tx, chain, &identities)? {
        let (_, transaction, path, _) = row_key(&row);
        rows.entry((transaction, path)).or_default().push(row);
    }
    sightings.retain(|sighting| {
        let hash = block_key(sighting.block.hash);
        let counts =
            |row: &Object| !row.is_set("reverted") && row.text("block_hash") == Some(&hash);
        !rows
            .get(&sighting.identity)
            .is_some_and(|rows| rows.iter().any(counts))
    });
    Ok((sightings, rows))
}

/// What is to be written.
#[derive(Default)]
struct Plan {
    /// New rows.
    fresh: Vec<Object>,
    /// Rows of a block that had gone and came back.
    revived: Vec<Object>,
    /// Rows that still count, of a block that must be gone since this one is here.
    dropped: Vec<Object>,
    /// Rows that a person wrote where the chain now says what was there.
    taken: Vec<Object>,
    changes: Changes,
}

impl Plan {
    fn make(
        tx: &mut Tx<'_, '_>,
        chain: &ChainId,
        sightings: &[Sighting<'_>],
        parents: &Parents,
        mut rows: Rows,
    ) -> Result<Self> {
        let mut plan = Plan::default();
        let mut batches: BTreeMap<&str, String> = BTreeMap::new();
        let mut at_position = at_positions(tx, chain, sightings)?;
        for sighting in sightings {
            let now = tx.now();
            let batch = batches
                .entry(sighting.block.hash)
                .or_insert_with(|| Ulid::new(now, tx.entropy()).to_string());
            let others = rows.remove(&sighting.identity).unwrap_or_default();
            let standing = at_position.remove(&sighting.protocol_id);
            plan.place(
                chain,
                sighting,
                &parents[&sighting.parent()],
                batch,
                others,
                standing,
                now,
            );
        }
        let counted: Vec<RowKey> = plan
            .revived
            .iter()
            .chain(&plan.dropped)
            .chain(&plan.taken)
            .map(row_key)
            .collect();
        plan.changes = balance::load(tx, &counted)?;
        Ok(plan)
    }

    #[allow(clippy::too_many_arguments)] // the parts of one decision
    fn place(
        &mut self,
        chain: &ChainId,
        sighting: &Sighting<'_>,
        parent: &str,
        batch: &str,
        others: Vec<Object>,
        standing: Option<Object>,
        now: Time,
    ) {
        let hash = block_key(sighting.block.hash);
        let id = others.first().map(|row| row.id().to_owned());
        let mut back = None;
        for row in others {
            if row.text("block_hash") == Some(&hash) {
                back = Some(row);
            } else if !row.is_set("reverted") {
                self.drop_once(row);
            }
        }
        let mut model = None;
        if let Some(row) = standing {
            if row.text("source").is_none() {
                model = Some(row.clone());
                self.taken.push(row);
            } else if row.text("transaction_id") != Some(&sighting.identity.0)
                || row.text("path") != Some(&sighting.identity.1)
            {
                self.drop_once(row);
            }
        }
        if let Some(mut row) = back {
            row.put_int("reverted", 0);
            row.put_text("protocol_id", &*sighting.protocol_id);
            self.revived.push(row);
            return;
        }
        let known = model.as_ref().map(|row| row.id().to_owned());
        let mut row = model.unwrap_or_else(|| Object::blank(Type::Transfer));
        sighting.write_into(&mut row, chain, parent, batch);
        row.put_text(
            "id",
            known.or(id).unwrap_or_else(|| {
                ids::of_transfer(chain, &sighting.identity.0, &sighting.identity.1)
            }),
        );
        if row.int("created") == Some(0) {
            row.put_time("created", now);
        }
        self.fresh.push(row);
    }

    fn drop_once(&mut self, row: Object) {
        if !self.dropped.iter().any(|known| known.row() == row.row()) {
            self.dropped.push(row);
        }
    }

    fn write(mut self, tx: &mut Tx<'_, '_>, chain: &ChainId) -> Result<()> {
        let mut deltas = Deltas::default();
        let changes = &self.changes;
        let given = |row: &Object| changes.get(&row_key(row));
        self.dropped
            .iter()
            .chain(&self.taken)
            .for_each(|row| deltas.uncount(row, given(row)));
        self.revived
            .iter()
            .for_each(|row| deltas.count(row, given(row)));
        self.fresh.iter().for_each(|row| deltas.count(row, None));
        for row in &mut self.dropped {
            row.put_int("reverted", 1);
        }
        let now = tx.now();
        for row in self.dropped.iter_mut().chain(&mut self.revived) {
            touch(row, now);
        }
        self.fresh
            .iter_mut()
            .for_each(|row| row.put_time("updated", now));
        let shape = Type::Transfer.shape();
        let taken: Vec<RowKey> = self.taken.iter().map(row_key).collect();
        table::transfer::clear_changes(tx, &taken)?;
        table::transfer::delete_rows(tx, &taken)?;
        table::object::update(tx, shape, &self.dropped.iter().collect::<Vec<_>>())?;
        table::object::update(tx, shape, &self.revived.iter().collect::<Vec<_>>())?;
        let inserted = table::object::insert(tx, shape, &self.fresh.iter().collect::<Vec<_>>())?;
        assert_eq!(
            inserted,
            self.fresh.len() as u64,
            "no two transfers that count share an identity or a position"
        );
        deltas.settle(tx)?;
        self.tell(tx, chain);
        Ok(())
    }

    /// One fact a block for what is new, and one for what came back.
    fn tell(&self, tx: &mut Tx<'_, '_>, chain: &ChainId) {
        let namespace = tx.namespace().as_str().to_owned();
        for ((height, hash, batch), rows) in by_batch(&self.fresh) {
            let batch = Batch::of(&namespace, chain.as_str(), height, &batch, &rows);
            let payload = serde_json::json!({ "chain": chain, "height": height, "block": hash, "batch": batch });
            tx.append(Fact::new("data.transfers.applied", 1).says(&payload));
        }
        for ((height, hash, _), rows) in by_batch(&self.revived) {
            let payload = serde_json::json!({ "chain": chain, "height": height, "block": hash, "count": rows.len() });
            tx.append(Fact::new("data.transfers.restored", 1).says(&payload));
        }
        for ((height, hash, _), rows) in by_batch(&self.dropped) {
            tell_reverted(tx, chain, Height::from_stored(height), &hash, rows.len());
        }
    }
}

fn by_batch(rows: &[Object]) -> BTreeMap<(i64, String, String), Vec<&Object>> {
    let mut batches: BTreeMap<(i64, String, String), Vec<&Object>> = BTreeMap::new();
    for row in rows {
        let text = |column: &str| row.text(column).unwrap_or_default().to_owned();
        batches
            .entry((
                row.int("height").unwrap_or(0),
                text("block_hash"),
                text("batch"),
            ))
            .or_default()
            .push(row);
    }
    batches
}

fn at_positions(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    sightings: &[Sighting<'_>],
) -> Result<HashMap<String, Object>> {
    let keys: Vec<Vec<String>> = sightings
        .iter()
        .map(|sighting| vec![chain.to_string(), sighting.protocol_id.clone()])
        .collect();
    let found = table::object::by_keys(tx, Type::Transfer.shape(), &keys)?;
    Ok(found
        .into_iter()
        .map(|row| (row.name().to_owned(), row))
        .collect())
}

fn touch(row: &mut Object, now: Time) {
    row.put_int(
        "version",
        i64::try_from(row.version() + 1).unwrap_or(i64::MAX),
    );
    row.put_time("updated", now);
}

/// Take a block away, for every namespace that has something of it. Its transfers stay as evidence,
/// `reverted`; what it showed first (addresses, pools, NFTs) is `reverted` until another block
/// shows it again.
pub fn undo(tx: &mut Unbound<'_, '_>, chain: &ChainId, height: Height, hash: &str) -> Result<()> {
    let hash = block_key(hash);
    let mut namespaces: Vec<Namespace> = Vec::new();
    for table in ["transfer", "address", "pool", "nft"] {
        let found = table::transfer::namespaces_of_block(tx, table, chain, height, &hash)?;
        namespaces.extend(found.into_iter().map(|(namespace,)| namespace));
    }
    namespaces.sort();
    namespaces.dedup();
    namespaces
        .iter()
        .try_for_each(|namespace| undo_in(&mut tx.bound(namespace), chain, height, &hash))
}

fn undo_in(tx: &mut Tx<'_, '_>, chain: &ChainId, height: Height, hash: &str) -> Result<()> {
    let mut rows = table::transfer::of_block(tx, chain, height, hash)?;
    let given: Vec<RowKey> = rows
        .iter()
        .filter(|row| row.is_set("explicit"))
        .map(row_key)
        .collect();
    let changes = balance::load(tx, &given)?;
    let mut deltas = Deltas::default();
    rows.iter()
        .for_each(|row| deltas.uncount(row, changes.get(&row_key(row))));
    let now = tx.now();
    for row in &mut rows {
        row.put_int("reverted", 1);
        touch(row, now);
    }
    table::object::update(tx, Type::Transfer.shape(), &rows.iter().collect::<Vec<_>>())?;
    deltas.settle(tx)?;
    for kind in [Type::Address, Type::Pool, Type::Nft] {
        table::object::mark_reverted(tx, kind.shape(), chain.as_str(), height.stored(), hash)?;
    }
    tell_reverted(tx, chain, height, hash, rows.len());
    Ok(())
}

fn tell_reverted(tx: &mut Tx<'_, '_>, chain: &ChainId, height: Height, hash: &str, count: usize) {
    let payload =
        serde_json::json!({ "chain": chain, "height": height, "block": hash, "count": count });
    tx.append(Fact::new("data.transfers.reverted", 1).says(&payload));
}
