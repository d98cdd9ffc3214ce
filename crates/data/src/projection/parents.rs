//! The addresses, pools and NFTs of transfers: found, created, or restored after their block was
//! reverted.

use super::followed;
use super::observed::{ObservedTransfer, block_key};
use crate::object::{Object, address_id};
use crate::{Type, facts, ids, table};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::{Fact, Result, Tx};
use types::ChainId;

/// Addresses listed in one fact.
const ADDRESSES_IN_FACT: usize = 500;

/// The ids of pools and NFTs, by type, contract and name.
pub(super) type Parents = HashMap<(Type, String, String), String>;

/// Create the addresses that do not exist yet.
pub(super) fn addresses(
    tx: &mut Tx,
    chain: &ChainId,
    transfers: &[ObservedTransfer<'_>],
) -> Result<()> {
    let mut required: BTreeMap<&str, (&ObservedTransfer<'_>, bool)> = BTreeMap::new();
    for transfer in transfers {
        for (address, contract) in transfer.addresses() {
            required
                .entry(address)
                .and_modify(|(_, is_contract)| *is_contract |= contract)
                .or_insert((transfer, contract));
        }
    }
    let keys: Vec<Vec<String>> = required
        .keys()
        .map(|address| vec![chain.to_string(), (*address).to_owned()])
        .collect();
    let stored = load_existing(tx, Type::Address, &keys)?;
    let object_of = |(address, (transfer, contract)): (&str, (&ObservedTransfer<'_>, bool))| {
        let mut object = new_object(Type::Address, chain, transfer, address);
        object.put_text("id", address_id(chain.as_str(), address));
        object.put_int("contract", i64::from(contract));
        object
    };
    let (new, existing) = partition(required.into_iter().map(object_of), stored);
    for chunk in new.chunks(ADDRESSES_IN_FACT) {
        let names: Vec<&str> = chunk.iter().map(Object::name).collect();
        tx.append(
            Fact::new("data.address.seen", 1)
                .payload(&serde_json::json!({ "chain": chain, "addresses": names })),
        );
    }
    write(tx, Type::Address, new, existing)
}

/// Create the pools and NFTs that do not exist yet. Returns the ids of all of them.
pub(super) fn pools_and_nfts(
    tx: &mut Tx,
    chain: &ChainId,
    transfers: &[ObservedTransfer<'_>],
) -> Result<Parents> {
    let mut parents = Parents::new();
    for kind in [Type::Pool, Type::Nft] {
        let mut required: BTreeMap<(&str, &str), &ObservedTransfer<'_>> = BTreeMap::new();
        for transfer in transfers.iter().filter(|transfer| transfer.kind == kind) {
            required
                .entry((&transfer.contract, &transfer.name))
                .or_insert(transfer);
        }
        let keys: Vec<(&str, &str)> = required.keys().copied().collect();
        let stored = followed::find(tx, kind, chain, &keys)?;
        let (now, mut new, mut existing) = (tx.now(), Vec::new(), Existing::default());
        for ((contract, name), transfer) in required {
            let mut object = new_object(kind, chain, transfer, contract);
            object.put_text("id", ids::new(now, tx.entropy()));
            object.put_text("name", name);
            object.put_text("projected_as", name);
            object.put_text(
                "standard",
                types::sanitize_text(transfer.transfer.standard.as_bytes()),
            );
            if let types::TransferKind::NonFungible { token_id } = transfer.transfer.what {
                object.put_amount("token_index", token_id);
            }
            let key = (kind, contract.to_owned(), name.to_owned());
            let Some(old) = stored.get(&(contract.to_owned(), name.to_owned())) else {
                parents.insert(key, object.id().to_owned());
                new.push(object);
                continue;
            };
            parents.insert(key, old.id().to_owned());
            existing.add(old.clone(), &object);
        }
        facts::created(tx, &new);
        let adopted = existing.adopted();
        let written: Vec<Object> = new.iter().chain(&adopted).cloned().collect();
        write(tx, kind, new, existing)?;
        followed::adopt(tx, kind, &adopted)?;
        if kind == Type::Pool {
            followed::set_others_apart(tx, chain, &written)?;
        }
    }
    Ok(parents)
}

/// Objects that exist already, and those among them that change.
#[derive(Default)]
struct Existing {
    changed: Vec<Object>,
    /// Those that the projection did not write before, by id.
    adopted: HashSet<String>,
}

impl Existing {
    fn add(&mut self, old: Object, seen: &Object) {
        if seen.text("projected_as").is_some() && old.text("projected_as").is_none() {
            self.adopted.insert(old.id().to_owned());
        }
        self.changed.extend(updated_by(&old, seen));
    }

    fn adopted(&self) -> Vec<Object> {
        let changed = self.changed.iter();
        let adopted = changed.filter(|object| self.adopted.contains(object.id()));
        adopted.cloned().collect()
    }
}

fn load_existing(
    tx: &mut Tx,
    kind: Type,
    keys: &[Vec<String>],
) -> Result<HashMap<Vec<String>, Object>> {
    let objects = table::object::by_keys(tx, kind.schema(), keys)?;
    Ok(objects
        .into_iter()
        .map(|object| (object.key(), object))
        .collect())
}

fn new_object(
    kind: Type,
    chain: &ChainId,
    transfer: &ObservedTransfer<'_>,
    address: &str,
) -> Object {
    let mut object = Object::with_defaults(kind);
    object.put_text("chain", chain.as_str());
    object.put_text("address", address);
    object.put_int("height", transfer.block.height.stored());
    object.put_text("block_hash", block_key(transfer.block.hash));
    object
}

/// Separate new objects from existing ones.
fn partition(
    objects: impl Iterator<Item = Object>,
    mut stored: HashMap<Vec<String>, Object>,
) -> (Vec<Object>, Existing) {
    let (mut new, mut existing) = (Vec::new(), Existing::default());
    for object in objects {
        match stored.remove(&object.key()) {
            None => new.push(object),
            Some(old) => existing.add(old, &object),
        }
    }
    (new, existing)
}

/// The existing object as changed by a new block, if it changes: a reverted object counts again, an
/// address turns out to be a contract, or the projection takes over a pool or NFT of a caller.
fn updated_by(old: &Object, seen: &Object) -> Option<Object> {
    let mut updated = old.clone();
    if old.is_set("reverted") {
        for column in ["height", "block_hash"] {
            updated.put(column, seen.get(column).clone());
        }
        updated.put_int("reverted", 0);
    }
    if seen.is_set("contract") {
        updated.put_int("contract", 1);
    }
    if let (Some(name), None) = (seen.text("projected_as"), old.text("projected_as")) {
        updated.put_text("projected_as", name);
        if old.kind() == Type::Pool {
            updated.put_int("apart", 0);
        }
    }
    (!updated.same_content(old)).then_some(updated)
}

fn write(tx: &mut Tx, kind: Type, mut new: Vec<Object>, mut existing: Existing) -> Result<()> {
    let now = tx.now();
    for object in &mut new {
        object.put_time("created", now);
        object.put_time("updated", now);
    }
    for object in &mut existing.changed {
        object.bump_version(now);
    }
    table::object::insert(tx, kind.schema(), &new)?;
    table::object::update(tx, kind.schema(), &existing.changed)?;
    Ok(())
}
