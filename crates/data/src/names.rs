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
    /// The name, qualified where names alone are not unique.
    pub(crate) plain: String,
    /// The same with its chain in front, where it is on one.
    pub(crate) full: String,
    /// What a reference shows: plain, or full where the chain is not the usual one.
    shown: String,
    asset: Option<String>,
}

/// Targets by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(HashMap<String, Named>);

impl Names {
    /// What a reference to an id shows; the id itself where nothing is known of it.
    pub(crate) fn shown(&self, id: &str) -> String {
        self.0
            .get(id)
            .map_or_else(|| id.to_owned(), |named| named.shown.clone())
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
        let assets: BTreeSet<String> = names
            .0
            .values()
            .filter_map(|named| named.asset.clone())
            .collect();
        let unknown = assets
            .into_iter()
            .filter(|id| !names.0.contains_key(id))
            .collect();
        names.add(tx, home, BTreeMap::from([(Type::Asset, unknown)]))?;
        Ok(names)
    }

    fn add(
        &mut self,
        tx: &mut Tx<'_, '_>,
        home: &ChainId,
        wanted: BTreeMap<Type, BTreeSet<String>>,
    ) -> Result<()> {
        for (kind, ids) in wanted {
            if kind == Type::Address {
                self.0
                    .extend(ids.into_iter().map(|id| (id.clone(), address(&id, home))));
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
        let Cell::Text(id) = object.at(place) else {
            continue;
        };
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
    Named::new(
        address.to_owned(),
        address.to_owned(),
        Some(chain),
        home,
        None,
    )
}

fn named(kind: Type, row: Row, home: &ChainId) -> Option<(String, Named)> {
    let mut texts = row.into_iter().map(|cell| match cell {
        Cell::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    });
    let mut next = || texts.next().flatten();
    let (id, name, chain, address, asset) = (next()?, next()?, next(), next(), next());
    let plain = match (kind, address) {
        // Several activities may have an event of one name.
        (Type::Event, _) => id.clone(),
        (_, Some(address)) => format!("{address}/{name}"),
        (_, None) => name.clone(),
    };
    let chain = chain.filter(|_| kind.is_qualified());
    Some((id, Named::new(name, plain, chain.as_deref(), home, asset)))
}

impl Named {
    fn new(
        name: String,
        plain: String,
        chain: Option<&str>,
        home: &ChainId,
        asset: Option<String>,
    ) -> Self {
        let full = chain.map_or_else(|| plain.clone(), |chain| format!("{chain}/{plain}"));
        let shown = if chain.is_none_or(|chain| chain == home.as_str()) {
            plain.clone()
        } else {
            full.clone()
        };
        Self {
            name,
            plain,
            full,
            shown,
            asset,
        }
    }
}
