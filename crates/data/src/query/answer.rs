//! What queries answer.

use super::page::{Found, MAX_TOTAL};
use crate::view::View;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// A page of objects, as the wire shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// How many objects the page has.
    pub count: usize,
    /// How many match in all, where it was asked for and is not above 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Where more than 10,000 match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_at_least: Option<u64>,
    /// Whether nothing matched beyond this page.
    pub all_items: bool,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The objects.
    pub items: Vec<View>,
}

impl Listing {
    pub(crate) fn new(found: &Found, items: Vec<View>) -> Self {
        let total = found.total.filter(|total| *total <= MAX_TOTAL);
        let total_at_least = found
            .total
            .filter(|total| *total > MAX_TOTAL)
            .map(|_| MAX_TOTAL);
        let after = found.after.clone();
        Self {
            count: items.len(),
            total,
            total_at_least,
            all_items: after.is_none(),
            after,
            items,
        }
    }
}

/// The answer to a bulk query: a page for each type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryAnswer(pub Vec<(crate::Type, Listing)>);

impl Serialize for QueryAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (kind, listing) in &self.0 {
            map.serialize_entry(kind.plural(), listing)?;
        }
        map.end()
    }
}
