//! Query results.

use super::page::{MAX_TOTAL, QueryPage};
use crate::view::View;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// A page of objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The number of items on the page.
    pub count: usize,
    /// The number of all matches, if requested and at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// 10,000, if requested and more objects match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_at_least: Option<u64>,
    /// Whether nothing matches beyond this page.
    pub all_items: bool,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    pub items: Vec<View>,
}

impl Listing {
    pub(crate) fn new(page: QueryPage, items: Vec<View>) -> Self {
        let total = page.total.filter(|total| *total <= MAX_TOTAL);
        let total_at_least = page
            .total
            .filter(|total| *total > MAX_TOTAL)
            .map(|_| MAX_TOTAL);
        Self {
            count: items.len(),
            total,
            total_at_least,
            all_items: page.after.is_none(),
            after: page.after,
            items,
        }
    }
}

/// The result of a bulk query: one page per requested type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkQueryResult(pub Vec<(crate::Type, Listing)>);

impl Serialize for BulkQueryResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (kind, listing) in &self.0 {
            map.serialize_entry(kind.plural(), listing)?;
        }
        map.end()
    }
}
