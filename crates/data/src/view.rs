//! Objects as the wire shows them. Free JSON keeps its exact text.

use crate::Type;
use crate::field::{Field, FieldType};
use crate::names::Names;
use crate::object::Object;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::HashMap;
use store::Cell;
use types::{ChainId, Height, Json, Quantity, Time};

/// An object in wire form: field names and values, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    fields: Vec<(&'static str, Json)>,
}

impl View {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The value of a field, if it is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.as_str()).ok()
    }

    pub(crate) fn put(&mut self, name: &'static str, value: &impl Serialize) {
        let value = Json::of(value).expect("plain data always serializes");
        self.fields.push((name, value));
    }

    /// Keep only the given fields.
    pub(crate) fn retain_fields(&mut self, fields: &[String]) {
        let requested = |name: &str| {
            fields
                .iter()
                .any(|field| field.split('.').next() == Some(name))
        };
        self.fields.retain(|(name, _)| requested(name));
    }
}

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The final height of each chain.
#[derive(Debug, Default)]
pub(crate) struct FinalHeights {
    by_chain: HashMap<String, Height>,
}

impl FinalHeights {
    pub(crate) fn new(final_heights: Vec<(ChainId, Height)>) -> Self {
        let final_heights = final_heights.into_iter();
        let by_chain = final_heights.map(|(chain, height)| (chain.to_string(), height));
        Self {
            by_chain: by_chain.collect(),
        }
    }

    pub(crate) fn of(&self, chain: &str) -> Option<Height> {
        self.by_chain.get(chain).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Height)> {
        self.by_chain
            .iter()
            .map(|(chain, height)| (chain.as_str(), *height))
    }

    /// `pending`, `final` or `reverted`. An object without a block is final.
    pub(crate) fn status(&self, object: &Object) -> &'static str {
        if object.is_set("reverted") {
            return "reverted";
        }
        let Some(height) = object.int("height") else {
            return "final";
        };
        let final_height = self.of(object.text("chain").unwrap_or_default());
        if final_height.is_some_and(|final_height| height <= final_height.stored()) {
            "final"
        } else {
            "pending"
        }
    }
}

/// What is needed to render objects: display names and final heights.
#[derive(Debug, Default)]
pub(crate) struct ViewContext<'a> {
    pub(crate) names: Names,
    /// None where no status is shown, as in facts.
    pub(crate) final_heights: Option<&'a FinalHeights>,
}

/// Render an object in wire form.
pub(crate) fn render(object: &Object, context: &ViewContext<'_>) -> View {
    let mut view = View::default();
    for (index, field) in object.schema.fields.iter().enumerate() {
        put_field(&mut view, object, field, object.at(index), context);
    }
    view
}

fn put_field(
    view: &mut View,
    object: &Object,
    field: &Field,
    cell: &Cell,
    context: &ViewContext<'_>,
) {
    match field.field_type {
        FieldType::ParentType => {}
        _ if !field.is_filterable() => {}
        FieldType::ParentRef => put_parent(view, object, field, context),
        FieldType::ParentAsset => {
            if let Some(asset) = asset_of(object, context) {
                view.put(field.name, &asset);
            }
        }
        FieldType::Qualified => view.put(field.name, &qualified(object)),
        FieldType::Status => {
            if let Some(final_heights) = context.final_heights {
                view.put(field.name, &final_heights.status(object));
            }
        }
        FieldType::ChangeId => view.put(field.name, &change_id(object)),
        FieldType::Ref(_) => {
            if let Cell::Text(id) = cell {
                view.put(field.name, &context.names.display(id));
            }
        }
        _ if is_withheld(object, field) => {}
        _ => put_cell(view, field, cell),
    }
}

/// The id of a balance change: its transfer and its index there.
pub(crate) fn change_id(object: &Object) -> String {
    format!(
        "{}/{}",
        object.text("transfer_id").unwrap_or_default(),
        object.int("change_index").unwrap_or(0)
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
pub(crate) fn asset_of(object: &Object, context: &ViewContext<'_>) -> Option<String> {
    let parent = object.text("parent_id")?;
    let asset = match object.text("parent_type") {
        Some("asset") => Some(parent),
        _ => context.names.asset(parent),
    };
    asset.map(|asset| context.names.display(asset))
}

/// Masked values are not shown; `firefly` and `contractManager` only for contracts.
fn is_withheld(object: &Object, field: &Field) -> bool {
    match (object.kind(), field.column) {
        _ if matches!(field.field_type, FieldType::Masked(_)) => object.is_set("value_masked"),
        (Type::Address, "contract_manager" | "firefly") => !object.is_set("contract"),
        _ => false,
    }
}

fn put_parent(view: &mut View, object: &Object, field: &Field, context: &ViewContext<'_>) {
    let (Some(kind), Some(id)) = (object.text("parent_type"), object.text("parent_id")) else {
        return;
    };
    let displayed = context.names.display(id);
    match (field.name, kind) {
        ("pool", "nft") => view.put("nft", &displayed),
        ("pool", _) => view.put("pool", &displayed),
        _ => view.put(
            "parent",
            &serde_json::json!({ "type": kind, "ref": displayed }),
        ),
    }
}

fn put_cell(view: &mut View, field: &Field, cell: &Cell) {
    match (field.field_type, cell) {
        (_, Cell::Null) => {}
        (FieldType::Json | FieldType::Labels | FieldType::Units, Cell::Text(text)) => {
            if let Some(json) = Json::parse(text) {
                view.fields.push((field.name, json));
            }
        }
        (FieldType::Name | FieldType::Address | FieldType::Chain, Cell::Text(text))
            if text.is_empty() => {}
        (FieldType::Text(_), Cell::Text(text))
            if text.is_empty() && field.column == "block_hash" => {}
        (_, Cell::Text(text)) => view.put(field.name, text),
        (FieldType::Flag, Cell::Int(value)) => view.put(field.name, &(*value == 1)),
        (FieldType::Time, Cell::Int(micros)) => view.put(field.name, &Time::from_micros(*micros)),
        (FieldType::Direction, Cell::Int(value)) => {
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
