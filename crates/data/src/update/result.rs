//! The result of a bulk update, by type and in list order.

use super::stage::{Action, Stage};
use crate::Type;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// An object in the result.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ObjectRef {
    /// The name; the address of addresses, the protocol id of transfers.
    pub name: String,
    /// The id; the address of addresses.
    pub id: String,
    /// The address of pools, NFTs and fragments; the activity of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// What was done to the objects of one type.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct UpdateOutcome {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<ObjectRef>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<ObjectRef>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<ObjectRef>,
    /// Left unchanged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<ObjectRef>,
}

/// The result of a bulk update. On the wire: `{"pools": {"created": [{"name", "id", "parent"}]}}`,
/// without untouched types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkUpdateResult {
    pub outcomes: BTreeMap<Type, UpdateOutcome>,
}

impl Serialize for BulkUpdateResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.outcomes.len()))?;
        for (kind, outcome) in &self.outcomes {
            map.serialize_entry(kind.plural(), outcome)?;
        }
        map.end()
    }
}

impl BulkUpdateResult {
    pub(super) fn of(stage: &Stage, activities: &BTreeMap<String, String>) -> Self {
        let mut result = Self::default();
        for (what, index) in &stage.actions {
            let object = &stage.staged[*index].after;
            let parent = match object.kind() {
                kind if kind.is_qualified() => object.text("address").map(str::to_owned),
                Type::Event => object
                    .text("activity_id")
                    .and_then(|id| activities.get(id))
                    .cloned(),
                _ => None,
            };
            let object_ref = ObjectRef {
                name: object.name().to_owned(),
                id: object.public_id().to_owned(),
                parent,
            };
            let outcome = result.outcomes.entry(object.kind()).or_default();
            match what {
                Action::Created => outcome.created.push(object_ref),
                Action::Replaced => outcome.replaced.push(object_ref),
                Action::Updated => outcome.updated.push(object_ref),
                Action::Ignored => outcome.ignored.push(object_ref),
            }
        }
        result
    }
}
