//! Pagination: limit with skip or cursor, and the sort order.

use serde::{Deserialize, Serialize};

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The maximum number of items, 1..=1000.
    pub limit: u32,
    /// The number of items to skip, at most 10,000; beyond that use `after`.
    pub skip: u32,
    /// Continue after this cursor, returned with the previous page.
    pub after: Option<String>,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

/// Why a page request is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The limit is 0 or above 1000.
    #[error("limit is 1 to 1000")]
    Limit,
    /// The skip is above 10,000.
    #[error("skip is at most 10,000; beyond that use after")]
    Skip,
}

impl Page {
    /// The limit when none is given.
    const DEFAULT_LIMIT: u32 = 25;
    /// The largest limit.
    const MAX_LIMIT: u32 = 1_000;
    /// The largest skip.
    const MAX_SKIP: u32 = 10_000;

    /// Validate a page request and apply the defaults.
    pub fn new(
        limit: Option<u32>,
        skip: Option<u32>,
        after: Option<String>,
    ) -> Result<Self, PageError> {
        let (limit, skip) = (limit.unwrap_or(Self::DEFAULT_LIMIT), skip.unwrap_or(0));
        if limit == 0 || limit > Self::MAX_LIMIT {
            return Err(PageError::Limit);
        }
        if skip > Self::MAX_SKIP {
            return Err(PageError::Skip);
        }
        Ok(Self { limit, skip, after })
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            skip: 0,
            after: None,
        }
    }
}

impl Sort {
    /// Parse `field` or `-field` (descending).
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(field) => Self {
                field: field.to_owned(),
                descending: true,
            },
            None => Self {
                field: text.to_owned(),
                descending: false,
            },
        }
    }
}
