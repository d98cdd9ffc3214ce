//! The page of a list that a request asks for.

use crate::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;
use types::Page;
use utoipa::IntoParams;

/// Paging by `skip` or by cursor.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    pub(crate) limit: Option<u32>,
    /// The number of items to skip, at most 10,000.
    pub(crate) skip: Option<u32>,
    /// Return the items after this cursor, the `next` of the previous page.
    pub(crate) after: Option<String>,
}

/// Paging by cursor only.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CursorPaging {
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    pub(crate) limit: Option<u32>,
    /// Return the items after this cursor, the `next` of the previous page.
    pub(crate) after: Option<String>,
}

impl CursorPaging {
    /// The page, validated.
    pub(crate) fn page(self) -> Result<Page> {
        page(self.limit, None, self.after)
    }
}

/// The query parameters that select a page.
pub(crate) trait PageParameters: DeserializeOwned {
    const NAMES: &'static [&'static str];
}

impl PageParameters for Paging {
    const NAMES: &'static [&'static str] = &["limit", "skip", "after"];
}

impl PageParameters for SkipPaging {
    const NAMES: &'static [&'static str] = &["limit", "skip"];
}

impl PageParameters for CursorPaging {
    const NAMES: &'static [&'static str] = &["limit", "after"];
}

impl Paging {
    /// The page, validated.
    pub(crate) fn page(self) -> Result<Page> {
        page(self.limit, self.skip, self.after)
    }

    /// The page of a list whose cursor is the id of the last item.
    pub(crate) fn page_after_id<T: FromStr<Err: Display>>(self) -> Result<Page> {
        check_cursor::<T>(self.page()?)
    }
}

/// Checks that the cursor of a page parses as an id. Any other text would still compare with ids
/// and return a wrong page.
pub(crate) fn check_cursor<T: FromStr<Err: Display>>(page: Page) -> Result<Page> {
    let invalid = |error| Error::field("after", error);
    page.after
        .as_deref()
        .map(str::parse::<T>)
        .transpose()
        .map_err(invalid)?;
    Ok(page)
}

/// Paging by `skip` only.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SkipPaging {
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    pub(crate) limit: Option<u32>,
    /// The number of items to skip, at most 10,000.
    pub(crate) skip: Option<u32>,
}

impl SkipPaging {
    /// The page, validated.
    pub(crate) fn page(self) -> Result<Page> {
        page(self.limit, self.skip, None)
    }
}

/// A page from its parameters. An error names the invalid one.
pub(crate) fn page(limit: Option<u32>, skip: Option<u32>, after: Option<String>) -> Result<Page> {
    let field = |error: types::PageError| match error {
        types::PageError::Limit => "limit",
        types::PageError::Skip => "skip",
    };
    Page::new(limit, skip, after).map_err(|error| Error::field(field(error), error))
}
