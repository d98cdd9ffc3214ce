//! From inputs to rows: fold, resolve, complete, write, tell.

use super::answer::BulkAnswer;
use super::given::Given;
use super::resolve::{Found, Wanted, resolve};
use super::stage::{Stage, Staged, labels_of};
use super::{Input, entries, movements};
use crate::object::Object;
use crate::{Error, Result, Type, facts, metadata, table};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::{Cell, Tx};
use types::{ChainId, Principal};

/// Do what inputs ask, all or nothing.
pub(crate) fn write(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    inputs: &[Input],
    home: &ChainId,
) -> Result<BulkAnswer> {
    let (stage, activities) = perform(tx, who, inputs, home)?;
    Ok(BulkAnswer::of(&stage, &activities))
}

/// Do what one input asks; the id of the object.
pub(crate) fn write_one(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    input: &Input,
    home: &ChainId,
) -> Result<String> {
    let (stage, _) = perform(tx, who, std::slice::from_ref(input), home)?;
    let place = stage.done.first().map_or(0, |(_, place)| *place);
    Ok(stage.staged[place].after.id().to_owned())
}

/// The batch as it was written, and the names of the activities of its events.
type Performed = (Stage, BTreeMap<String, String>);

fn perform(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    inputs: &[Input],
    home: &ChainId,
) -> Result<Performed> {
    let mut stage = Stage::default();
    let (events, others): (Vec<&Input>, Vec<&Input>) =
        inputs.iter().partition(|input| input.kind == Type::Event);
    fold(tx, &mut stage, &others)?;
    let events = entries::with_activities(tx, &stage, &events, home)?;
    fold(tx, &mut stage, &events.iter().collect::<Vec<_>>())?;
    refer(tx, &mut stage, home)?;
    check_names(tx, &stage)?;
    let deltas = movements::complete(tx, &mut stage)?;
    let activities = entries::complete(tx, &mut stage)?;
    stamp(tx, &mut stage);
    for kind in Type::WRITABLE {
        if kind == Type::Event {
            entries::number(tx, &mut stage)?;
        }
        store(tx, &stage, kind)?;
    }
    movements::store_changes(tx, &stage)?;
    deltas.settle(tx)?;
    facts::of_stage(tx, who, &stage);
    Ok((stage, activities))
}

fn fold(tx: &mut Tx<'_, '_>, stage: &mut Stage, inputs: &[&Input]) -> Result<()> {
    stage.load(tx, inputs)?;
    inputs.iter().try_for_each(|input| stage.fold(tx, input))
}

impl Staged {
    pub(super) fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Whether the batch leaves it other than it was.
    pub(super) fn is_changed(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|before| self.changes.is_some() || !self.after.says_the_same_as(before))
    }

    fn has_moved(&self) -> bool {
        self.before
            .as_ref()
            .is_some_and(|before| before.key() != self.after.key())
    }
}

/// Put ids in the place of names. What stands at an address needs that address.
fn refer(tx: &mut Tx<'_, '_>, stage: &mut Stage, home: &ChainId) -> Result<()> {
    let mut wanted: BTreeSet<Wanted> = BTreeSet::new();
    for staged in &stage.staged {
        wanted.extend(names(staged).map(|(_, kind, text, _)| (kind, text.to_owned())));
        wanted.extend(place_of(staged).map(|(text, _)| (Type::Address, text)));
    }
    let found = resolve(tx, home, Some(stage), &wanted)?;
    for staged in &mut stage.staged {
        if let Some((text, path)) = place_of(staged) {
            let address = staged.after.text("address").unwrap_or_default().to_owned();
            target(&found, Type::Address, &text, &path).map_err(|_| Error::BadReference {
                field: path,
                kind: Type::Address,
                reference: address,
            })?;
        }
        let resolved: Vec<(&'static str, Type, String)> = names(staged)
            .map(|(column, kind, text, path)| Ok((column, kind, target(&found, kind, text, path)?)))
            .collect::<Result<_>>()?;
        for (column, kind, id) in resolved {
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

/// What waits for an id: column, type, name, path.
fn names(staged: &Staged) -> impl Iterator<Item = (&'static str, Type, &str, &str)> {
    staged
        .pending
        .iter()
        .filter_map(|(column, (given, path))| match given {
            Given::Name { kind, text } => Some((*column, *kind, text.as_str(), path.as_str())),
            _ => None,
        })
}

/// The address that a new object stands at, and where the request says so.
fn place_of(staged: &Staged) -> Option<(String, String)> {
    if !staged.is_new() || !staged.after.kind().is_qualified() {
        return None;
    }
    let (chain, address) = (staged.after.text("chain")?, staged.after.text("address")?);
    Some((
        format!("{chain}/{address}"),
        format!("{}.address", staged.path),
    ))
}

fn target(found: &HashMap<Wanted, Found>, kind: Type, text: &str, path: &str) -> Result<String> {
    let (field, reference) = (path.to_owned(), text.to_owned());
    match found.get(&(kind, text.to_owned())) {
        Some(Found::One(id)) => Ok(id.clone()),
        Some(Found::Several) => Err(Error::Ambiguous {
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

/// A transfer moves something: a pool's units or an NFT.
fn check_parent(staged: &Staged) -> Result<()> {
    if staged.after.kind() != Type::Transfer {
        return Ok(());
    }
    let field = || format!("{}.parent", staged.path);
    match staged.after.text("parent_type") {
        Some("pool" | "nft") => Ok(()),
        None => Err(Error::invalid(field(), "is needed")),
        Some(_) => Err(Error::invalid(
            field(),
            "a transfer belongs to a pool or an nft",
        )),
    }
}

/// Nobody else has a name that was changed, nor one that stands at no address.
fn check_names(tx: &mut Tx<'_, '_>, stage: &Stage) -> Result<()> {
    for kind in Type::WRITABLE {
        let of_kind: Vec<&Staged> = stage
            .staged
            .iter()
            .filter(|staged| staged.after.kind() == kind)
            .collect();
        let moved: Vec<&&Staged> = of_kind.iter().filter(|staged| staged.has_moved()).collect();
        let keys: Vec<Vec<String>> = moved.iter().map(|staged| staged.after.key()).collect();
        for other in table::object::by_keys(tx, kind.shape(), &keys)? {
            if stage
                .of_id(other.id())
                .is_none_or(|staged| !staged.has_moved())
            {
                let field = moved
                    .iter()
                    .find(|staged| staged.after.key() == other.key())
                    .map(|staged| staged.path.clone());
                return Err(Error::Exists {
                    field: field.unwrap_or_default(),
                    kind,
                    key: other.name().to_owned(),
                });
            }
        }
        check_bare(tx, kind, &of_kind)?;
    }
    Ok(())
}

fn check_bare(tx: &mut Tx<'_, '_>, kind: Type, of_kind: &[&Staged]) -> Result<()> {
    if !kind.is_qualified() {
        return Ok(());
    }
    let bare = of_kind
        .iter()
        .filter(|staged| staged.is_new() && staged.after.text("address").is_none());
    let names: HashMap<&str, &&Staged> = bare.map(|staged| (staged.after.name(), staged)).collect();
    let asked: Vec<(String,)> = names.keys().map(|name| ((*name).to_owned(),)).collect();
    match table::object::by_names(tx, kind.shape(), &asked)?.first() {
        Some((name, _, _)) => {
            let field = names
                .get(name.as_str())
                .map(|staged| staged.path.clone())
                .unwrap_or_default();
            Err(Error::Exists {
                field,
                kind,
                key: name.clone(),
            })
        }
        None => Ok(()),
    }
}

/// Raise versions, say when.
fn stamp(tx: &mut Tx<'_, '_>, stage: &mut Stage) {
    let now = tx.now();
    for staged in stage.staged.iter_mut().filter(|staged| staged.is_changed()) {
        if let Some(before) = &staged.before {
            let version = i64::try_from(before.version() + 1).unwrap_or(i64::MAX);
            staged.after.put_int("version", version);
        }
        staged.after.put_time("updated", now);
        // What a person writes no longer hangs on the block that is gone.
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

/// Write the objects of a type, their labels and their declared metadata.
fn store(tx: &mut Tx<'_, '_>, stage: &Stage, kind: Type) -> Result<()> {
    let changed = stage
        .staged
        .iter()
        .filter(|staged| staged.after.kind() == kind && staged.is_changed());
    let (new, known): (Vec<&Staged>, Vec<&Staged>) = changed.partition(|staged| staged.is_new());
    let objects = |of: &[&'_ Staged]| -> Vec<Object> {
        of.iter().map(|staged| staged.after.clone()).collect()
    };
    let (new_objects, known_objects) = (objects(&new), objects(&known));
    let inserted =
        table::object::insert(tx, kind.shape(), &new_objects.iter().collect::<Vec<_>>())?;
    let updated =
        table::object::update(tx, kind.shape(), &known_objects.iter().collect::<Vec<_>>())?;
    if inserted != new.len() as u64 || updated != known.len() as u64 {
        // Another transaction made or removed one of them since this one began to look.
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    let relabelled: Vec<&Object> = new
        .iter()
        .chain(&known)
        .filter(|staged| {
            staged
                .before
                .as_ref()
                .is_none_or(|before| before.get("labels") != staged.after.get("labels"))
        })
        .map(|staged| &staged.after)
        .collect();
    relabel(tx, kind, &relabelled)?;
    metadata::enter(
        tx,
        kind,
        &new_objects.iter().chain(&known_objects).collect::<Vec<_>>(),
    )
}

fn relabel(tx: &mut Tx<'_, '_>, kind: Type, objects: &[&Object]) -> Result<()> {
    let ids: HashSet<&str> = objects.iter().map(|object| object.id()).collect();
    let ids: Vec<(String,)> = ids.into_iter().map(|id| (id.to_owned(),)).collect();
    table::label::clear(tx, kind.singular(), &ids)?;
    let mut rows = Vec::new();
    for object in objects {
        let labels = labels_of(object);
        rows.extend(
            labels
                .into_iter()
                .map(|(key, value)| (kind.singular(), object.id(), key, value)),
        );
    }
    Ok(table::label::insert(tx, &rows)?)
}
