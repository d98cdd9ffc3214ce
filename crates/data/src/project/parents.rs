//! The addresses, pools and NFTs that transfers need: found, made, or seen again after their block
//! had gone.

use super::sighting::{Sighting, block_key};
use crate::object::{Object, address_id};
use crate::{Type, facts, ids, table};
use std::collections::{BTreeMap, HashMap};
use store::{Fact, Result, Tx};
use types::ChainId;

/// Addresses that one fact names.
const ADDRESSES_IN_FACT: usize = 500;

/// The ids of pools and NFTs by type, contract and name.
pub(super) type Parents = HashMap<(Type, String, String), String>;

/// Make sure that every address exists.
pub(super) fn addresses(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    sightings: &[Sighting<'_>],
) -> Result<()> {
    let mut wanted: BTreeMap<&str, (&Sighting<'_>, bool)> = BTreeMap::new();
    for sighting in sightings {
        for (address, contract) in sighting.addresses() {
            wanted
                .entry(address)
                .and_modify(|known| known.1 |= contract)
                .or_insert((sighting, contract));
        }
    }
    let keys: Vec<Vec<String>> = wanted
        .keys()
        .map(|address| vec![chain.to_string(), (*address).to_owned()])
        .collect();
    let known = known(tx, Type::Address, &keys)?;
    let made = |(address, (sighting, contract)): (&str, (&Sighting<'_>, bool))| {
        let mut object = first_seen(Type::Address, chain, sighting, address);
        object.put_text("id", address_id(chain.as_str(), address));
        object.put_int("contract", i64::from(contract));
        object
    };
    let (fresh, again) = split(wanted.into_iter().map(made), known);
    for names in fresh.chunks(ADDRESSES_IN_FACT) {
        let names: Vec<&str> = names.iter().map(Object::name).collect();
        tx.append(
            Fact::new("data.address.seen", 1)
                .says(&serde_json::json!({ "chain": chain, "addresses": names })),
        );
    }
    write(tx, Type::Address, fresh, again)
}

/// Make sure that every pool and NFT exists; their ids.
pub(super) fn pools_and_nfts(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    sightings: &[Sighting<'_>],
) -> Result<Parents> {
    let mut parents = Parents::new();
    for kind in [Type::Pool, Type::Nft] {
        let mut wanted: BTreeMap<(&str, &str), &Sighting<'_>> = BTreeMap::new();
        for sighting in sightings.iter().filter(|sighting| sighting.kind == kind) {
            wanted
                .entry((&sighting.contract, &sighting.name))
                .or_insert(sighting);
        }
        let keys: Vec<Vec<String>> = wanted
            .keys()
            .map(|(contract, name)| {
                vec![
                    chain.to_string(),
                    (*contract).to_owned(),
                    (*name).to_owned(),
                ]
            })
            .collect();
        let known = known(tx, kind, &keys)?;
        let (now, mut made) = (tx.now(), Vec::with_capacity(wanted.len()));
        for ((contract, name), sighting) in wanted {
            let mut object = first_seen(kind, chain, sighting, contract);
            object.put_text("id", ids::new(now, tx.entropy()));
            object.put_text("name", name);
            object.put_text(
                "standard",
                types::hostile_text(sighting.told.standard.as_bytes()),
            );
            if let types::TransferKind::NonFungible { token_id } = sighting.told.what {
                object.put_amount("token_index", token_id);
            }
            made.push(object);
        }
        let (fresh, again) = split(made.into_iter(), known);
        for object in fresh.iter().chain(&again.known) {
            parents.insert(
                (
                    kind,
                    object.text("address").unwrap_or_default().to_owned(),
                    object.name().to_owned(),
                ),
                object.id().to_owned(),
            );
        }
        facts::created(tx, &fresh);
        write(tx, kind, fresh, again)?;
    }
    Ok(parents)
}

/// What was there already: all of it, and in its new form what changes by being seen again.
struct Again {
    known: Vec<Object>,
    revived: Vec<Object>,
}

fn known(
    tx: &mut Tx<'_, '_>,
    kind: Type,
    keys: &[Vec<String>],
) -> Result<HashMap<Vec<String>, Object>> {
    let found = table::object::by_keys(tx, kind.shape(), keys)?;
    Ok(found
        .into_iter()
        .map(|object| (object.key(), object))
        .collect())
}

fn first_seen(kind: Type, chain: &ChainId, sighting: &Sighting<'_>, address: &str) -> Object {
    let mut object = Object::blank(kind);
    object.put_text("chain", chain.as_str());
    object.put_text("address", address);
    object.put_int("height", sighting.block.height.stored());
    object.put_text("block_hash", block_key(sighting.block.hash));
    object
}

/// Tell what is new from what is known.
fn split(
    made: impl Iterator<Item = Object>,
    mut known: HashMap<Vec<String>, Object>,
) -> (Vec<Object>, Again) {
    let (mut fresh, mut again) = (
        Vec::new(),
        Again {
            known: Vec::new(),
            revived: Vec::new(),
        },
    );
    for object in made {
        match known.remove(&object.key()) {
            None => fresh.push(object),
            Some(old) => {
                again.revived.extend(seen_again(&old, &object));
                again.known.push(old);
            }
        }
    }
    (fresh, again)
}

/// How an object changes by being seen again, if it does: it counts again, or turns out to be a
/// contract.
fn seen_again(old: &Object, seen: &Object) -> Option<Object> {
    let mut new = old.clone();
    if old.is_set("reverted") {
        for column in ["height", "block_hash"] {
            new.put(column, seen.get(column).clone());
        }
        new.put_int("reverted", 0);
    }
    if seen.is_set("contract") {
        new.put_int("contract", 1);
    }
    (!new.says_the_same_as(old)).then_some(new)
}

fn write(tx: &mut Tx<'_, '_>, kind: Type, mut fresh: Vec<Object>, mut again: Again) -> Result<()> {
    let now = tx.now();
    for object in &mut fresh {
        object.put_time("created", now);
        object.put_time("updated", now);
    }
    for object in &mut again.revived {
        object.put_int(
            "version",
            i64::try_from(object.version() + 1).unwrap_or(i64::MAX),
        );
        object.put_time("updated", now);
    }
    table::object::insert(tx, kind.shape(), &fresh.iter().collect::<Vec<_>>())?;
    table::object::update(tx, kind.shape(), &again.revived.iter().collect::<Vec<_>>())?;
    Ok(())
}
