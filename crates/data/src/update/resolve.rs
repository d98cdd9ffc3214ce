//! References: by id, by qualified name, or by a name that only one object has; in the batch itself
//! or among what is there.

use super::stage::Stage;
use crate::object::{address_id, written};
use crate::{Error, Result, Type, ids, table};
use std::collections::{BTreeSet, HashMap, HashSet};
use store::Tx;
use types::ChainId;

/// A type and what one of it is called.
pub(crate) type Wanted = (Type, String);

/// What a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The object of this id.
    One(String),
    /// Several of that name.
    Several,
    /// Nothing.
    None,
}

/// Find one, or say what is wrong with it.
pub(crate) fn one(tx: &mut Tx<'_, '_>, home: &ChainId, kind: Type, text: &str) -> Result<String> {
    let found = resolve(tx, home, None, &BTreeSet::from([(kind, text.to_owned())]))?;
    match found.into_values().next() {
        Some(Found::One(id)) => Ok(id),
        Some(Found::Several) => Err(Error::Ambiguous {
            field: kind.to_string(),
            kind,
            reference: text.to_owned(),
        }),
        _ => Err(Error::Unknown {
            kind,
            key: text.to_owned(),
        }),
    }
}

pub(super) fn resolve(
    tx: &mut Tx<'_, '_>,
    home: &ChainId,
    stage: Option<&Stage>,
    wanted: &BTreeSet<Wanted>,
) -> Result<HashMap<Wanted, Found>> {
    let mut found = HashMap::new();
    for kind in Type::WRITABLE {
        let texts: Vec<&str> = wanted
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, text)| text.as_str())
            .collect();
        if !texts.is_empty() {
            let answers = of_type(tx, home, stage, kind, &texts)?;
            found.extend(
                texts
                    .into_iter()
                    .zip(answers)
                    .map(|(text, answer)| ((kind, text.to_owned()), answer)),
            );
        }
    }
    Ok(found)
}

/// How a reference names its object.
enum Named<'t> {
    Id(&'t str),
    Key(Vec<String>),
    Name(&'t str),
}

fn named<'t>(kind: Type, text: &'t str, home: &ChainId) -> Named<'t> {
    if ids::is_id(text) {
        return Named::Id(text);
    }
    let on_chain = kind.is_on_chain().then(|| text.split_once('/')).flatten();
    let (chain, rest) =
        match on_chain.and_then(|(first, rest)| Some((first.parse::<ChainId>().ok()?, rest))) {
            Some((chain, rest)) => (chain.to_string(), rest),
            None => (home.to_string(), text),
        };
    match kind {
        Type::Address => Named::Key(vec![chain.clone(), written(&chain, rest)]),
        Type::Transfer => Named::Key(vec![chain, rest.to_owned()]),
        kind if kind.is_qualified() => match rest.split_once('/') {
            Some((address, name)) => Named::Key(vec![
                chain.clone(),
                written(&chain, address),
                name.to_owned(),
            ]),
            None => Named::Name(rest),
        },
        Type::Event => Named::Name(text),
        _ => Named::Key(vec![text.to_owned()]),
    }
}

fn of_type(
    tx: &mut Tx<'_, '_>,
    home: &ChainId,
    stage: Option<&Stage>,
    kind: Type,
    texts: &[&str],
) -> Result<Vec<Found>> {
    let names: Vec<Named<'_>> = texts.iter().map(|text| named(kind, text, home)).collect();
    let by_id = stored_ids(tx, stage, kind, &names)?;
    let by_key = stored_keys(tx, stage, kind, &names)?;
    let by_name = stored_names(tx, stage, kind, &names)?;
    Ok(names
        .into_iter()
        .map(|named| match named {
            Named::Id(id) if by_id.contains(id) => Found::One(id.to_owned()),
            Named::Id(_) => Found::None,
            Named::Key(key) => by_key.get(&key).cloned().map_or(Found::None, Found::One),
            Named::Name(name) => by_name.get(name).map_or(Found::None, |ids| {
                match ids.iter().collect::<Vec<_>>()[..] {
                    [] => Found::None,
                    [id] => Found::One(id.clone()),
                    _ => Found::Several,
                }
            }),
        })
        .collect())
}

fn stored_ids(
    tx: &mut Tx<'_, '_>,
    stage: Option<&Stage>,
    kind: Type,
    names: &[Named<'_>],
) -> Result<HashSet<String>> {
    let mut known = HashSet::new();
    let mut asked: Vec<(String,)> = Vec::new();
    for named in names {
        match named {
            Named::Id(id)
                if stage
                    .and_then(|stage| stage.of_id(id))
                    .is_some_and(|s| s.after.kind() == kind) =>
            {
                known.insert((*id).to_owned());
            }
            Named::Id(id) => asked.push(((*id).to_owned(),)),
            _ => {}
        }
    }
    known.extend(stored(tx, kind, &asked)?);
    Ok(known)
}

fn stored_keys(
    tx: &mut Tx<'_, '_>,
    stage: Option<&Stage>,
    kind: Type,
    names: &[Named<'_>],
) -> Result<HashMap<Vec<String>, String>> {
    let mut known = HashMap::new();
    let mut asked = BTreeSet::new();
    for named in names {
        let Named::Key(key) = named else { continue };
        match stage.and_then(|stage| stage.of_key(kind, key)) {
            Some(staged) => drop(known.insert(key.clone(), staged.after.id().to_owned())),
            None => drop(asked.insert(key.clone())),
        }
    }
    if kind == Type::Address {
        // Their ids say it all: no need to read the objects.
        let ids: Vec<(String,)> = asked
            .iter()
            .map(|key| (address_id(&key[0], &key[1]),))
            .collect();
        let there: HashSet<String> = stored(tx, kind, &ids)?;
        let found = asked
            .into_iter()
            .map(|key| (address_id(&key[0], &key[1]), key));
        known.extend(
            found
                .filter(|(id, _)| there.contains(id))
                .map(|(id, key)| (key, id)),
        );
        return Ok(known);
    }
    let asked: Vec<Vec<String>> = asked.into_iter().collect();
    let found = table::object::by_keys(tx, kind.shape(), &asked)?;
    known.extend(
        found
            .into_iter()
            .map(|object| (object.key(), object.id().to_owned())),
    );
    Ok(known)
}

fn stored(tx: &mut Tx<'_, '_>, kind: Type, ids: &[(String,)]) -> Result<HashSet<String>> {
    let rows = table::object::shown_names(tx, kind.shape(), ids)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| match row.into_iter().next() {
            Some(store::Cell::Text(id)) => Some(id),
            _ => None,
        })
        .collect())
}

fn stored_names(
    tx: &mut Tx<'_, '_>,
    stage: Option<&Stage>,
    kind: Type,
    names: &[Named<'_>],
) -> Result<HashMap<String, BTreeSet<String>>> {
    let texts: BTreeSet<&str> = names
        .iter()
        .filter_map(|named| match named {
            Named::Name(name) => Some(*name),
            _ => None,
        })
        .collect();
    let mut known: HashMap<String, BTreeSet<String>> = HashMap::new();
    if texts.is_empty() {
        return Ok(known);
    }
    let asked: Vec<(String,)> = texts.iter().map(|name| ((*name).to_owned(),)).collect();
    for (name, low, high) in table::object::by_names(tx, kind.shape(), &asked)? {
        known.entry(name).or_default().extend([low, high]);
    }
    if let Some(stage) = stage {
        let called = stage.called(kind);
        for name in texts {
            let staged = called
                .get(name)
                .into_iter()
                .flatten()
                .map(|id| (*id).to_owned());
            known.entry(name.to_owned()).or_default().extend(staged);
        }
    }
    Ok(known)
}
