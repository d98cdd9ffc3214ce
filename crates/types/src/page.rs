//! Pages of a listing: limit with skip or a cursor, and the order.

use serde::{Deserialize, Serialize};

/// How much of a listing, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How many at most, 1..=1000.
    pub limit: u32,
    /// How many to leave out first, at most 10,000; beyond that use `after`.
    pub skip: u32,
    /// Continue behind this cursor, as the page before gave it.
    pub after: Option<String>,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// The field.
    pub field: String,
    /// Largest first.
    pub descending: bool,
}

/// Why a page cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The limit is 0 or above 1000.
    #[error("limit is 1 to 1000")]
    Limit,
    /// The skip is above 10,000.
    #[error("skip reaches 10,000; beyond that use after")]
    Skip,
}

impl Page {
    /// What a listing gives when nothing is said.
    pub const DEFAULT_LIMIT: u32 = 25;
    /// The largest page.
    pub const MAX_LIMIT: u32 = 1_000;
    /// The farthest skip.
    pub const MAX_SKIP: u32 = 10_000;

    /// A checked page.
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
    /// From `field` or `-field`.
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
