//! References: by id, by qualified name, or by a unique name; in the batch or in the database.

use super::stage::Stage;
use crate::object::{address_id, normalize_address};
use crate::{Error, Result, Type, ids, table};
use std::collections::{BTreeSet, HashMap, HashSet};
use store::{ToValue, Tx};
use types::ChainId;

/// A type and the reference text.
pub(crate) type ReferenceKey = (Type, String);

/// The result of resolving a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The id of the object.
    Object(String),
    /// Several objects have the name.
    Ambiguous,
    Missing,
}

/// Resolve a single reference.
pub(crate) fn resolve_one(
    tx: &mut Tx,
    default_chain: &ChainId,
    kind: Type,
    text: &str,
) -> Result<String> {
    let resolutions = resolve(
        tx,
        default_chain,
        None,
        &BTreeSet::from([(kind, text.to_owned())]),
    )?;
    match resolutions.into_values().next() {
        Some(Resolution::Object(id)) => Ok(id),
        Some(Resolution::Ambiguous) => Err(Error::AmbiguousName {
            field: kind.to_string(),
            kind,
            reference: text.to_owned(),
        }),
        _ => Err(Error::unknown_object(kind, text)),
    }
}

pub(super) fn resolve(
    tx: &mut Tx,
    default_chain: &ChainId,
    stage: Option<&Stage>,
    references: &BTreeSet<ReferenceKey>,
) -> Result<HashMap<ReferenceKey, Resolution>> {
    let mut resolutions = HashMap::new();
    for kind in Type::WRITABLE {
        let texts: Vec<&str> = references
            .iter()
            .filter(|(reference_type, _)| *reference_type == kind)
            .map(|(_, text)| text.as_str())
            .collect();
        if !texts.is_empty() {
            let of_type = resolve_type(tx, default_chain, stage, kind, &texts)?;
            resolutions.extend(
                texts
                    .into_iter()
                    .zip(of_type)
                    .map(|(text, resolution)| ((kind, text.to_owned()), resolution)),
            );
        }
    }
    Ok(resolutions)
}

/// How a reference identifies its object.
enum ParsedReference<'t> {
    Id(&'t str),
    Key(Vec<String>),
    Name(&'t str),
}

fn parse_reference<'t>(kind: Type, text: &'t str, default_chain: &ChainId) -> ParsedReference<'t> {
    if ids::is_id(text) {
        return ParsedReference::Id(text);
    }
    let on_chain = kind.is_on_chain().then(|| text.split_once('/')).flatten();
    let (chain, rest) =
        match on_chain.and_then(|(first, rest)| Some((first.parse::<ChainId>().ok()?, rest))) {
            Some((chain, rest)) => (chain.to_string(), rest),
            None => (default_chain.to_string(), text),
        };
    match kind {
        Type::Address => ParsedReference::Key(vec![chain.clone(), normalize_address(&chain, rest)]),
        Type::Transfer => ParsedReference::Key(vec![chain, rest.to_owned()]),
        kind if kind.is_qualified() => match rest.split_once('/') {
            Some((address, name)) => ParsedReference::Key(vec![
                chain.clone(),
                normalize_address(&chain, address),
                name.to_owned(),
            ]),
            None => ParsedReference::Name(rest),
        },
        Type::Event => ParsedReference::Name(text),
        _ => ParsedReference::Key(vec![text.to_owned()]),
    }
}

fn resolve_type(
    tx: &mut Tx,
    default_chain: &ChainId,
    stage: Option<&Stage>,
    kind: Type,
    texts: &[&str],
) -> Result<Vec<Resolution>> {
    let parsed: Vec<ParsedReference<'_>> = texts
        .iter()
        .map(|text| parse_reference(kind, text, default_chain))
        .collect();
    let by_id = known_ids(tx, stage, kind, &parsed)?;
    let by_key = ids_by_key(tx, stage, kind, &parsed)?;
    let by_name = ids_by_names(tx, stage, kind, &parsed)?;
    Ok(parsed
        .into_iter()
        .map(|reference| match reference {
            ParsedReference::Id(id) if by_id.contains(id) => Resolution::Object(id.to_owned()),
            ParsedReference::Id(_) => Resolution::Missing,
            ParsedReference::Key(key) => by_key
                .get(&key)
                .cloned()
                .map_or(Resolution::Missing, Resolution::Object),
            ParsedReference::Name(name) => by_name.get(name).map_or(Resolution::Missing, |ids| {
                match ids.iter().collect::<Vec<_>>()[..] {
                    [] => Resolution::Missing,
                    [id] => Resolution::Object(id.clone()),
                    _ => Resolution::Ambiguous,
                }
            }),
        })
        .collect())
}

fn known_ids(
    tx: &mut Tx,
    stage: Option<&Stage>,
    kind: Type,
    references: &[ParsedReference<'_>],
) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let mut missing: Vec<&str> = Vec::new();
    for reference in references {
        match reference {
            ParsedReference::Id(id)
                if stage
                    .and_then(|stage| stage.of_id(id))
                    .is_some_and(|s| s.after.kind() == kind) =>
            {
                ids.insert((*id).to_owned());
            }
            ParsedReference::Id(id) => missing.push(id),
            _ => {}
        }
    }
    ids.extend(existing_ids(tx, kind, &missing)?);
    Ok(ids)
}

fn ids_by_key(
    tx: &mut Tx,
    stage: Option<&Stage>,
    kind: Type,
    references: &[ParsedReference<'_>],
) -> Result<HashMap<Vec<String>, String>> {
    let mut resolved = HashMap::new();
    let mut missing = BTreeSet::new();
    for reference in references {
        let ParsedReference::Key(key) = reference else {
            continue;
        };
        match stage.and_then(|stage| stage.of_key(kind, key)) {
            Some(staged) => drop(resolved.insert(key.clone(), staged.after.id().to_owned())),
            None => drop(missing.insert(key.clone())),
        }
    }
    if kind == Type::Address {
        // Address ids contain the key, so the objects need not be loaded.
        let ids: Vec<String> = (missing.iter())
            .map(|key| address_id(&key[0], &key[1]))
            .collect();
        let existing = existing_ids(tx, kind, &ids)?;
        let addresses = missing.into_iter().zip(ids);
        resolved.extend(addresses.filter(|(_, id)| existing.contains(id)));
        return Ok(resolved);
    }
    let missing: Vec<Vec<String>> = missing.into_iter().collect();
    let mut objects = table::object::by_keys(tx, kind.schema(), &missing)?;
    // A protocol id names the chain's transfer if there is one.
    objects.sort_by_key(|object| object.text("source").is_some());
    resolved.extend(
        objects
            .into_iter()
            .map(|object| (object.key(), object.id().to_owned())),
    );
    Ok(resolved)
}

fn existing_ids(tx: &mut Tx, kind: Type, ids: &[impl ToValue]) -> Result<HashSet<String>> {
    let rows = table::object::reference_names(tx, kind.schema(), ids)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn ids_by_names(
    tx: &mut Tx,
    stage: Option<&Stage>,
    kind: Type,
    references: &[ParsedReference<'_>],
) -> Result<HashMap<String, BTreeSet<String>>> {
    let texts: BTreeSet<&str> = references
        .iter()
        .filter_map(|reference| match reference {
            ParsedReference::Name(name) => Some(*name),
            _ => None,
        })
        .collect();
    let mut resolved: HashMap<String, BTreeSet<String>> = HashMap::new();
    if texts.is_empty() {
        return Ok(resolved);
    }
    let lookup: Vec<&str> = texts.iter().copied().collect();
    for named in table::object::by_names(tx, kind.schema(), &lookup)? {
        let ids = resolved.entry(named.name).or_default();
        ids.extend([named.low, named.high]);
    }
    if let Some(stage) = stage {
        let ids_by_name = stage.ids_by_name(kind);
        for name in texts {
            let staged = ids_by_name
                .get(name)
                .into_iter()
                .flatten()
                .map(|id| (*id).to_owned());
            resolved.entry(name.to_owned()).or_default().extend(staged);
        }
    }
    Ok(resolved)
}
