//! Display names of referenced objects, loaded for a whole page at once.

use crate::field::FieldType;
use crate::object::Object;
use crate::table::object::TargetRow;
use crate::{Type, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Cell, Result, Tx};
use types::ChainId;

/// The names of a referenced object.
#[derive(Debug, Clone)]
pub(crate) struct TargetName {
    pub(crate) name: String,
    /// The name, qualified by the address where names alone are not unique.
    pub(crate) qualified: String,
    /// The qualified name after its chain, if it has one.
    pub(crate) with_chain: String,
    /// What a reference shows: `qualified`, or `with_chain` on a chain other than the default.
    displayed: String,
    asset: Option<String>,
}

/// Names of referenced objects, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    by_id: HashMap<String, TargetName>,
}

impl Names {
    /// What a reference to an id shows; the id itself if the object is unknown.
    pub(crate) fn display(&self, id: &str) -> String {
        self.by_id
            .get(id)
            .map_or_else(|| id.to_owned(), |target| target.displayed.clone())
    }

    /// All names by which a reference can match.
    pub(crate) fn get(&self, id: &str) -> Option<&TargetName> {
        self.by_id.get(id)
    }

    /// The asset of a pool or NFT.
    pub(crate) fn asset(&self, id: &str) -> Option<&str> {
        self.by_id.get(id)?.asset.as_deref()
    }

    /// Load the objects that some objects refer to, and the assets of those.
    pub(crate) fn load<'o>(
        tx: &mut Tx,
        default_chain: &ChainId,
        objects: impl IntoIterator<Item = &'o Object>,
    ) -> Result<Self> {
        let mut ids_by_type: BTreeMap<Type, BTreeSet<&str>> = BTreeMap::new();
        for object in objects {
            for (kind, id) in references(object) {
                ids_by_type.entry(kind).or_default().insert(id);
            }
        }
        let mut names = Self::default();
        for (kind, ids) in ids_by_type {
            names.add(tx, default_chain, kind, ids.into_iter().collect())?;
        }
        let assets: BTreeSet<String> = (names.by_id.values())
            .filter_map(|target| target.asset.clone())
            .filter(|asset| !names.by_id.contains_key(asset))
            .collect();
        let assets = assets.iter().map(String::as_str).collect();
        names.add(tx, default_chain, Type::Asset, assets)?;
        Ok(names)
    }

    fn add(
        &mut self,
        tx: &mut Tx,
        default_chain: &ChainId,
        kind: Type,
        ids: Vec<&str>,
    ) -> Result<()> {
        if kind == Type::Address {
            let names = ids.into_iter();
            self.by_id
                .extend(names.map(|id| (id.to_owned(), address_name(id, default_chain))));
            return Ok(());
        }
        for row in table::object::reference_names(tx, kind.schema(), &ids)? {
            let (id, name) = target_name(kind, row, default_chain);
            self.by_id.insert(id, name);
        }
        Ok(())
    }
}

/// The types and ids that an object refers to.
fn references(object: &Object) -> Vec<(Type, &str)> {
    let mut references = Vec::new();
    for (index, field) in object.schema.fields.iter().enumerate() {
        let Cell::Text(id) = object.at(index) else {
            continue;
        };
        match field.field_type {
            FieldType::Ref(kind) => references.push((kind, id.as_str())),
            FieldType::ParentRef => {
                let kind = object.text("parent_type").and_then(Type::from_singular);
                references.extend(kind.map(|kind| (kind, id.as_str())));
            }
            _ => {}
        }
    }
    references
}

fn address_name(id: &str, default_chain: &ChainId) -> TargetName {
    let (chain, address) = id.split_once('/').unwrap_or(("", id));
    TargetName::new(
        address.to_owned(),
        address.to_owned(),
        Some(chain),
        default_chain,
        None,
    )
}

fn target_name(kind: Type, row: TargetRow, default_chain: &ChainId) -> (String, TargetName) {
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    let qualified = match (kind, set(row.address)) {
        // Event names are unique only within their activity.
        (Type::Event, _) => row.id.clone(),
        (_, Some(address)) => format!("{address}/{}", row.name),
        (_, None) => row.name.clone(),
    };
    let chain = set(row.chain).filter(|_| kind.is_qualified());
    let name = TargetName::new(
        row.name,
        qualified,
        chain.as_deref(),
        default_chain,
        set(row.asset),
    );
    (row.id, name)
}

impl TargetName {
    fn new(
        name: String,
        qualified: String,
        chain: Option<&str>,
        default_chain: &ChainId,
        asset: Option<String>,
    ) -> Self {
        let with_chain =
            chain.map_or_else(|| qualified.clone(), |chain| format!("{chain}/{qualified}"));
        let displayed = if chain.is_none_or(|chain| chain == default_chain.as_str()) {
            qualified.clone()
        } else {
            with_chain.clone()
        };
        Self {
            name,
            qualified,
            with_chain,
            displayed,
            asset,
        }
    }
}
