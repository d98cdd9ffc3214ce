//! Apply inputs to rows: stage, resolve references, derive fields, write, append facts.

use super::resolve::{ReferenceKey, Resolution, resolve};
use super::result::BulkUpdateResult;
use super::stage::{Stage, StagedObject, labels_of};
use super::value::InputValue;
use super::{Input, events, transfers};
use crate::facts::Changed;
use crate::object::Object;
use crate::table::label::Label;
use crate::table::pool::Contract;
use crate::{Error, Result, Type, facts, metadata, table};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::{Cell, Tx};
use types::{ChainId, Principal};

/// Apply inputs, all or nothing.
pub(crate) fn write(
    tx: &mut Tx,
    principal: &Principal,
    inputs: &[Input],
    default_chain: &ChainId,
) -> Result<BulkUpdateResult> {
    let (stage, activities) = apply_inputs(tx, principal, inputs, default_chain)?;
    Ok(BulkUpdateResult::of(&stage, &activities))
}

/// Apply one input. Returns the id of the object.
pub(crate) fn write_one(
    tx: &mut Tx,
    principal: &Principal,
    input: &Input,
    default_chain: &ChainId,
) -> Result<String> {
    let (stage, _) = apply_inputs(tx, principal, std::slice::from_ref(input), default_chain)?;
    let index = stage.actions.first().map_or(0, |(_, index)| *index);
    Ok(stage.staged[index].after.id().to_owned())
}

/// The written batch, and the names of its events' activities by id.
type AppliedBatch = (Stage, BTreeMap<String, String>);

fn apply_inputs(
    tx: &mut Tx,
    principal: &Principal,
    inputs: &[Input],
    default_chain: &ChainId,
) -> Result<AppliedBatch> {
    let mut stage = Stage::default();
    let (events, others): (Vec<&Input>, Vec<&Input>) =
        inputs.iter().partition(|input| input.kind == Type::Event);
    let (transfers, others): (Vec<&Input>, Vec<&Input>) = others
        .into_iter()
        .partition(|input| input.kind == Type::Transfer);
    stage_inputs(tx, &mut stage, &others)?;
    let transfers = transfers::with_rows(tx, &stage, &transfers, default_chain)?;
    stage_inputs(tx, &mut stage, &transfers.iter().collect::<Vec<_>>())?;
    let events = events::with_activities(tx, &stage, &events, default_chain)?;
    stage_inputs(tx, &mut stage, &events.iter().collect::<Vec<_>>())?;
    resolve_references(tx, &mut stage, default_chain)?;
    check_names(tx, &stage)?;
    set_pools_apart(tx, &mut stage)?;
    let deltas = transfers::complete(tx, &mut stage)?;
    let activities = events::set_topics(tx, &mut stage)?;
    stamp(tx, &mut stage);
    for kind in Type::WRITABLE {
        if kind == Type::Event {
            events::assign_sequences(tx, &mut stage)?;
        }
        write_objects(tx, &stage, kind)?;
    }
    transfers::store_changes(tx, &stage)?;
    deltas.flush(tx)?;
    let changed = stage.staged.iter().filter(|staged| staged.is_changed());
    facts::batch(tx, principal, changed.map(StagedObject::as_changed));
    Ok((stage, activities))
}

fn stage_inputs(tx: &mut Tx, stage: &mut Stage, inputs: &[&Input]) -> Result<()> {
    stage.load(tx, inputs)?;
    inputs.iter().try_for_each(|input| stage.apply(tx, input))
}

impl StagedObject {
    pub(super) fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Whether the batch changes the object.
    pub(super) fn is_changed(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|before| self.changes.is_some() || !self.after.same_content(before))
    }

    fn as_changed(&self) -> Changed<'_> {
        Changed {
            object: &self.after,
            changes: self.rows.as_ref(),
            is_new: self.is_new(),
        }
    }

    fn key_changed(&self) -> bool {
        self.before
            .as_ref()
            .is_some_and(|before| before.key() != self.after.key())
    }
}

/// Replace names by ids. A new object under an address needs that address to exist.
fn resolve_references(tx: &mut Tx, stage: &mut Stage, default_chain: &ChainId) -> Result<()> {
    let mut references: BTreeSet<ReferenceKey> = BTreeSet::new();
    for staged in &stage.staged {
        let pending = pending_references(staged);
        references.extend(pending.map(|pending| (pending.kind, pending.text.to_owned())));
        references.extend(required_address(staged).map(|(text, _)| (Type::Address, text)));
    }
    let resolved = resolve(tx, default_chain, Some(stage), &references)?;
    for staged in &mut stage.staged {
        if let Some((text, path)) = required_address(staged) {
            let address = staged.after.text("address").unwrap_or_default().to_owned();
            resolved_id(&resolved, Type::Address, &text, &path).map_err(|_| {
                Error::BadReference {
                    field: path,
                    kind: Type::Address,
                    reference: address,
                }
            })?;
        }
        let ids: Vec<(&'static str, Type, String)> = pending_references(staged)
            .map(|pending| {
                let id = resolved_id(&resolved, pending.kind, pending.text, pending.path)?;
                Ok((pending.column, pending.kind, id))
            })
            .collect::<Result<_>>()?;
        for (column, kind, id) in ids {
            staged.pending.remove(column);
            staged.after.put(column, Cell::Text(id));
            if column == "parent_id" {
                staged.after.put_text("parent_type", kind.singular());
            }
        }
        check_parent(staged)?;
    }
    Ok(())
}

/// A reference to resolve.
struct PendingReference<'s> {
    column: &'static str,
    kind: Type,
    text: &'s str,
    /// Where it is in the request.
    path: &'s str,
}

fn pending_references(staged: &StagedObject) -> impl Iterator<Item = PendingReference<'_>> {
    let pending = staged.pending.iter();
    pending.filter_map(|(column, (value, path))| match value {
        InputValue::Reference { kind, text } => Some(PendingReference {
            column,
            kind: *kind,
            text,
            path,
        }),
        _ => None,
    })
}

/// The address that a new object needs, and its path in the request.
fn required_address(staged: &StagedObject) -> Option<(String, String)> {
    if !staged.is_new() || !staged.after.kind().is_qualified() {
        return None;
    }
    let (chain, address) = (staged.after.text("chain")?, staged.after.text("address")?);
    Some((
        format!("{chain}/{address}"),
        format!("{}.address", staged.path),
    ))
}

fn resolved_id(
    resolved: &HashMap<ReferenceKey, Resolution>,
    kind: Type,
    text: &str,
    path: &str,
) -> Result<String> {
    let (field, reference) = (path.to_owned(), text.to_owned());
    match resolved.get(&(kind, text.to_owned())) {
        Some(Resolution::Object(id)) => Ok(id.clone()),
        Some(Resolution::Ambiguous) => Err(Error::AmbiguousName {
            field,
            kind,
            reference,
        }),
        _ => Err(Error::BadReference {
            field,
            kind,
            reference,
        }),
    }
}

/// Transfers must belong to a pool or an NFT.
fn check_parent(staged: &StagedObject) -> Result<()> {
    if staged.after.kind() != Type::Transfer {
        return Ok(());
    }
    let field = || format!("{}.parent", staged.path);
    match staged.after.text("parent_type") {
        Some("pool" | "nft") => Ok(()),
        None => Err(Error::invalid(field(), "is required")),
        Some(_) => Err(Error::invalid(
            field(),
            "a transfer must belong to a pool or an nft",
        )),
    }
}

/// Changed names, and names of new objects without an address, must be free.
fn check_names(tx: &mut Tx, stage: &Stage) -> Result<()> {
    for kind in Type::WRITABLE {
        let of_kind: Vec<&StagedObject> = stage
            .staged
            .iter()
            .filter(|staged| staged.after.kind() == kind)
            .collect();
        let rekeyed: Vec<&&StagedObject> = of_kind
            .iter()
            .filter(|staged| staged.key_changed())
            .collect();
        let keys: Vec<Vec<String>> = rekeyed.iter().map(|staged| staged.after.key()).collect();
        for other in table::object::by_keys(tx, kind.schema(), &keys)? {
            if stage
                .of_id(other.id())
                .is_none_or(|staged| !staged.key_changed())
            {
                // The chain's transfer and that of a caller may have one protocol id.
                let taken = rekeyed
                    .iter()
                    .find(|staged| staged.after.batch_key() == other.batch_key());
                let Some(taken) = taken else { continue };
                return Err(Error::already_exists(&taken.path, kind, other.name()));
            }
        }
        check_unaddressed(tx, kind, &of_kind)?;
    }
    Ok(())
}

/// New pools at contracts whose transfers the projection follows stand apart.
fn set_pools_apart(tx: &mut Tx, stage: &mut Stage) -> Result<()> {
    let contract = |object: &Object| Contract {
        chain: object.owned_text("chain"),
        address: object.owned_text("address"),
    };
    let is_new_pool = |staged: &StagedObject| staged.is_new() && staged.after.kind() == Type::Pool;
    let contracts: BTreeSet<Contract> = (stage.staged.iter())
        .filter(|staged| is_new_pool(staged))
        .map(|staged| contract(&staged.after))
        .collect();
    let contracts: Vec<Contract> = contracts.into_iter().collect();
    let followed = table::pool::followed(tx, &contracts)?;
    for staged in stage.staged.iter_mut().filter(|staged| is_new_pool(staged)) {
        if followed.contains(&contract(&staged.after)) {
            staged.after.put_int("apart", 1);
        }
    }
    Ok(())
}

fn check_unaddressed(tx: &mut Tx, kind: Type, of_kind: &[&StagedObject]) -> Result<()> {
    if !kind.is_qualified() {
        return Ok(());
    }
    let unaddressed = of_kind
        .iter()
        .filter(|staged| staged.is_new() && staged.after.text("address").is_none());
    let names: HashMap<&str, &&StagedObject> = unaddressed
        .map(|staged| (staged.after.name(), staged))
        .collect();
    let lookup: Vec<&str> = names.keys().copied().collect();
    let taken = table::object::by_names(tx, kind.schema(), &lookup)?.into_iter();
    match taken.map(|named| named.name).next() {
        Some(name) => {
            let staged = names.get(name.as_str());
            let path = staged.map(|staged| staged.path.as_str());
            Err(Error::already_exists(path.unwrap_or_default(), kind, name))
        }
        None => Ok(()),
    }
}

/// Set versions and update times.
fn stamp(tx: &mut Tx, stage: &mut Stage) {
    let now = tx.now();
    for staged in stage.staged.iter_mut().filter(|staged| staged.is_changed()) {
        if staged.before.is_some() {
            staged.after.bump_version(now);
        }
        staged.after.put_time("updated", now);
        // A change by a caller detaches the object from the reverted block.
        if staged.after.is_set("reverted") {
            for (column, cell) in [
                ("reverted", Cell::Int(0)),
                ("height", Cell::Null),
                ("block_hash", Cell::Null),
            ] {
                staged.after.put(column, cell);
            }
        }
    }
}

/// Write the objects of a type, their labels and their declared fields.
fn write_objects(tx: &mut Tx, stage: &Stage, kind: Type) -> Result<()> {
    let changed =
        (stage.staged.iter()).filter(|staged| staged.after.kind() == kind && staged.is_changed());
    let (new, known): (Vec<&StagedObject>, Vec<&StagedObject>) =
        changed.partition(|staged| staged.is_new());
    let mut all: Vec<&Object> = new.iter().map(|staged| &staged.after).collect();
    let updated: Vec<&Object> = known.iter().map(|staged| &staged.after).collect();
    if table::object::insert(tx, kind.schema(), all.iter().copied())? != all.len() as u64
        || table::object::update(tx, kind.schema(), updated.iter().copied())?
            != updated.len() as u64
    {
        // A concurrent transaction created or deleted one of them; the store retries.
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    let relabeled: Vec<&Object> = (new.iter().chain(&known))
        .filter(|staged| {
            let before = staged.before.as_ref();
            before.is_none_or(|before| before.get("labels") != staged.after.get("labels"))
        })
        .map(|staged| &staged.after)
        .collect();
    write_labels(tx, kind, &relabeled)?;
    all.extend(updated);
    metadata::index_values(tx, kind, &all)
}

fn write_labels(tx: &mut Tx, kind: Type, objects: &[&Object]) -> Result<()> {
    let ids: HashSet<&str> = objects.iter().map(|object| object.id()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    table::label::delete(tx, kind.singular(), &ids)?;
    let mut rows = Vec::new();
    for object in objects {
        rows.extend(labels_of(object).into_iter().map(|(key, value)| Label {
            kind: kind.singular(),
            object_id: object.id(),
            key,
            value,
        }));
    }
    Ok(table::label::insert(tx, &rows)?)
}
