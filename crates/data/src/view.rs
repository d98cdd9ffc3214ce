//! Objects as the wire shows them. Free JSON keeps its exact text.

use crate::Type;
use crate::field::{Field, Is};
use crate::names::Names;
use crate::object::Object;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::HashMap;
use store::{Cell, Unbound};
use types::{Height, Json, Quantity, Time};

/// An object as it is shown: names and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View(Vec<(&'static str, Json)>);

impl View {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The text of a field, if it is one.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.as_str()).ok()
    }

    pub(crate) fn put(&mut self, name: &'static str, value: &impl Serialize) {
        let value = Json::of(value).expect("plain data always serializes");
        self.0.push((name, value));
    }

    /// Keep only some fields.
    pub(crate) fn only(&mut self, fields: &[String]) {
        let asked = |name: &str| {
            fields
                .iter()
                .any(|field| field.split('.').next() == Some(name))
        };
        self.0.retain(|(name, _)| asked(name));
    }
}

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// How far each chain is final.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finals(HashMap<String, Height>);

impl Finals {
    pub(crate) fn read(data: &crate::Data, tx: &mut Unbound<'_, '_>) -> store::Result<Self> {
        let finals = data.chains.finals(tx)?;
        Ok(Self(
            finals
                .into_iter()
                .map(|(chain, height)| (chain.to_string(), height))
                .collect(),
        ))
    }

    pub(crate) fn of(&self, chain: &str) -> Option<Height> {
        self.0.get(chain).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Height)> {
        self.0
            .iter()
            .map(|(chain, height)| (chain.as_str(), *height))
    }

    /// `pending`, `final` or `reverted`. What no block holds is final.
    pub(crate) fn status(&self, object: &Object) -> &'static str {
        if object.is_set("reverted") {
            return "reverted";
        }
        let Some(height) = object.int("height") else {
            return "final";
        };
        let through = self.of(object.text("chain").unwrap_or_default());
        if through.is_some_and(|through| height <= through.stored()) {
            "final"
        } else {
            "pending"
        }
    }
}

/// What a page of objects is shown with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) names: Names,
    /// None where the status is not told, as in facts.
    pub(crate) finals: Option<Finals>,
}

/// Show an object.
pub(crate) fn show(object: &Object, with: &Shown) -> View {
    let mut view = View(Vec::with_capacity(object.shape.fields.len()));
    for (place, field) in object.shape.fields.iter().enumerate() {
        put_field(&mut view, object, field, object.at(place), with);
    }
    view
}

fn put_field(view: &mut View, object: &Object, field: &Field, cell: &Cell, with: &Shown) {
    match field.is {
        Is::Hidden(_) | Is::ParentType | Is::Shown => {}
        Is::ParentRef => put_parent(view, object, field, with),
        Is::ParentAsset => {
            if let Some(asset) = asset_of(object, with) {
                view.put(field.name, &asset);
            }
        }
        Is::Qualified => view.put(field.name, &qualified(object)),
        Is::Status => {
            if let Some(finals) = &with.finals {
                view.put(field.name, &finals.status(object));
            }
        }
        Is::ChangeId => view.put(field.name, &change_id(object)),
        Is::Ref(_) => {
            if let Cell::Text(id) = cell {
                view.put(field.name, &with.names.shown(id));
            }
        }
        _ if is_withheld(object, field) => {}
        _ => put_cell(view, field, cell),
    }
}

/// The id of a balance change: its transfer and its place there.
pub(crate) fn change_id(object: &Object) -> String {
    format!(
        "{}/{}",
        object.text("transfer_id").unwrap_or_default(),
        object.int("place").unwrap_or(0)
    )
}

/// `<address>/<name>`, or the bare name.
pub(crate) fn qualified(object: &Object) -> String {
    match object.text("address") {
        Some(address) => format!("{address}/{}", object.name()),
        None => object.name().to_owned(),
    }
}

/// The name of the asset of an object's parent.
pub(crate) fn asset_of(object: &Object, with: &Shown) -> Option<String> {
    let parent = object.text("parent_id")?;
    let asset = match object.text("parent_type") {
        Some("asset") => Some(parent),
        _ => with.names.asset(parent),
    };
    asset.map(|asset| with.names.shown(asset))
}

/// A masked value is not shown; what belongs to contracts is shown of contracts only.
fn is_withheld(object: &Object, field: &Field) -> bool {
    match (object.kind(), field.column) {
        _ if matches!(field.is, Is::Masked(_)) => object.is_set("value_masked"),
        (Type::Address, "contract_manager" | "firefly") => !object.is_set("contract"),
        _ => false,
    }
}

fn put_parent(view: &mut View, object: &Object, field: &Field, with: &Shown) {
    let (Some(kind), Some(id)) = (object.text("parent_type"), object.text("parent_id")) else {
        return;
    };
    let shown = with.names.shown(id);
    match (field.name, kind) {
        ("pool", "nft") => view.put("nft", &shown),
        ("pool", _) => view.put("pool", &shown),
        _ => view.put("parent", &serde_json::json!({ "type": kind, "ref": shown })),
    }
}

fn put_cell(view: &mut View, field: &Field, cell: &Cell) {
    match (field.is, cell) {
        (_, Cell::Null) => {}
        (Is::Json | Is::Labels | Is::Units, Cell::Text(text)) => {
            if let Some(json) = Json::parse(text) {
                view.0.push((field.name, json));
            }
        }
        (Is::Name | Is::Address | Is::Chain, Cell::Text(text)) if text.is_empty() => {}
        (Is::Text(_), Cell::Text(text)) if text.is_empty() && field.column == "block_hash" => {}
        (_, Cell::Text(text)) => view.put(field.name, text),
        (Is::Flag, Cell::Int(value)) => view.put(field.name, &(*value == 1)),
        (Is::Time, Cell::Int(micros)) => view.put(field.name, &Time::from_micros(*micros)),
        (Is::Direction, Cell::Int(value)) => {
            view.put(field.name, if *value < 0 { &"subtract" } else { &"add" })
        }
        (_, Cell::Int(value)) => view.put(field.name, value),
        (_, Cell::Blob(bytes)) => {
            if let Some(quantity) = Quantity::from_ordered_bytes(bytes) {
                view.put(field.name, &quantity);
            }
        }
    }
}
