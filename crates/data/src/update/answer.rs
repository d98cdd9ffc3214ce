//! What a bulk update did, by type and in list order.

use super::stage::Stage;
use crate::Type;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// What was done to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Created,
    Replaced,
    Updated,
    Ignored,
}

/// One object of the answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Its name; for addresses the address, for transfers the protocol id.
    pub name: String,
    /// Its id; for addresses the address.
    pub id: String,
    /// The address of pools, NFTs and fragments; the activity of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// What was done to the objects of one type.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// Made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<Listed>,
    /// Content replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Listed>,
    /// Given fields set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<Listed>,
    /// Left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Listed>,
}

/// What a bulk update did. On the wire: `{"pools": {"created": [{"name", "id", "parent"}]}}`; types
/// that were not touched are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkAnswer {
    /// By type.
    pub outcomes: BTreeMap<Type, Outcome>,
}

impl Serialize for BulkAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.outcomes.len()))?;
        for (kind, outcome) in &self.outcomes {
            map.serialize_entry(kind.plural(), outcome)?;
        }
        map.end()
    }
}

impl BulkAnswer {
    pub(super) fn of(stage: &Stage, activities: &BTreeMap<String, String>) -> Self {
        let mut answer = Self::default();
        for (what, place) in &stage.done {
            let object = &stage.staged[*place].after;
            let parent = match object.kind() {
                kind if kind.is_qualified() => object.text("address").map(str::to_owned),
                Type::Event => object
                    .text("activity_id")
                    .and_then(|id| activities.get(id))
                    .cloned(),
                _ => None,
            };
            let listed = Listed {
                name: object.name().to_owned(),
                id: object.outside_id().to_owned(),
                parent,
            };
            let outcome = answer.outcomes.entry(object.kind()).or_default();
            match what {
                What::Created => outcome.created.push(listed),
                What::Replaced => outcome.replaced.push(listed),
                What::Updated => outcome.updated.push(listed),
                What::Ignored => outcome.ignored.push(listed),
            }
        }
        answer
    }
}
