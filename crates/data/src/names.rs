//! What references show: names for ids, read for a whole page at once.

use crate::field::Is;
use crate::object::Object;
use crate::{Type, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Cell, Result, Row, Tx};
use types::ChainId;

/// A target of references.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// What a reference shows: the name, qualified where names alone are not unique, with its chain where that is not the usual one.
    pub(crate) shown: String,
    pub(crate) asset: Option<String>,
}

/// Targets by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(HashMap<String, Named>);

impl Names {
    /// What a reference to an id shows; the id itself where nothing is known of it.
    pub(crate) fn shown(&self, id: &str) -> String {
        self.0.get(id).map_or_else(|| id.to_owned(), |named| named.shown.clone())
    }

    /// All that a reference may be matched by.
    pub(crate) fn of(&self, id: &str) -> Option<&Named> {
        self.0.get(id)
    }

    /// The asset of a pool or NFT.
    pub(crate) fn asset(&self, id: &str) -> Option<&str> {
        self.0.get(id)?.asset.as_deref()
    }

    /// The targets of all references of some objects, and the assets of those.
    pub(crate) fn load(tx: &mut Tx<'_, '_>, home: &ChainId, objects: &[Object]) -> Result<Self> {
        let mut wanted: BTreeMap<Type, BTreeSet<String>> = BTreeMap::new();
        for object in objects {
            for (kind, id) in references(object) {
                wanted.entry(kind).or_default().insert(id);
            }
        }
        let mut names = Self::default();
        names.add(tx, home, wanted)?;
        let assets: BTreeSet<String> = names.0.values().filter_map(|named| named.asset.clone()).collect();
        let unknown = assets.into_iter().filter(|id| !names.0.contains_key(id)).collect();
        names.add(tx, home, BTreeMap::from([(Type::Asset, unknown)]))?;
        Ok(names)
    }

    fn add(&mut self, tx: &mut Tx<'_, '_>, home: &ChainId, wanted: BTreeMap<Type, BTreeSet<String>>) -> Result<()> {
        for (kind, ids) in wanted {
            if kind == Type::Address {
                self.0.extend(ids.into_iter().map(|id| (id.clone(), address(&id, home))));
                continue;
            }
            let ids: Vec<(String,)> = ids.into_iter().map(|id| (id,)).collect();
            for row in table::object::shown_names(tx, kind.shape(), &ids)? {
                self.0.extend(named(kind, row, home));
            }
        }
        Ok(())
    }
}

/// The objects an object refers to.
fn references(object: &Object) -> Vec<(Type, String)> {
    let mut found = Vec::new();
    for (place, field) in object.shape.fields.iter().enumerate() {
        let Cell::Text(id) = object.at(place) else { continue };
        match field.is {
            Is::Ref(kind) => found.push((kind, id.clone())),
            Is::ParentRef => {
                let kind = object.text("parent_type").and_then(Type::from_singular);
                found.extend(kind.map(|kind| (kind, id.clone())));
            }
            _ => {}
        }
    }
    found
}

fn address(id: &str, home: &ChainId) -> Named {
    let (chain, address) = id.split_once('/').unwrap_or(("", id));
    let shown = if chain == home.as_str() { address } else { id };
    Named { name: address.to_owned(), shown: shown.to_owned(), asset: None }
}

fn named(kind: Type, row: Row, home: &ChainId) -> Option<(String, Named)> {
    let mut texts = row.into_iter().map(|cell| match cell {
        Cell::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    });
    let mut next = || texts.next().flatten();
    let (id, name, chain, address, asset) = (next()?, next()?, next(), next(), next());
    let shown = match (kind, &address) {
        // Several activities may have an event of one name.
        (Type::Event, _) => id.clone(),
        (_, Some(address)) if chain.as_deref() == Some(home.as_str()) => format!("{address}/{name}"),
        (_, Some(address)) => format!("{}/{address}/{name}", chain.unwrap_or_default()),
        (_, None) => name.clone(),
    };
    Some((id, Named { name, shown, asset }))
}
