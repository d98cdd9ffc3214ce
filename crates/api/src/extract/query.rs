//! Query parameters. An error names the invalid one.

use super::paging::PageParameters;
use super::{NUL, missing_field};
use crate::{App, Error, Result};
use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// Query parameters.
pub(crate) struct Query<T>(pub(crate) T);

/// The query parameters of a list that can be filtered: the filter and the page.
pub(crate) struct Filtered<F, P>(pub(crate) F, pub(crate) P);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        read(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

impl<F: DeserializeOwned, P: PageParameters> FromRequestParts<App> for Filtered<F, P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        let is_paging = |pair: &&str| P::NAMES.contains(&name_of(pair));
        let (paging, filter): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_paging);
        Ok(Self(read(&filter.join("&"))?, read(&paging.join("&"))?))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T> {
    if let Some(pair) = query.split('&').find(|pair| pair.contains("%00")) {
        return Err(Error::field(name_of(pair), NUL));
    }
    parse(query).map_err(|reason| {
        if let Some(name) = missing_field(&reason) {
            return Error::field(name, "required");
        }
        let field = invalid_parameter::<T>(query)
            .or_else(|| repeated_parameter(query))
            .unwrap_or("query");
        let reason = reason
            .strip_prefix(&format!("{field}: "))
            .unwrap_or(&reason);
        Error::field(field, reason)
    })
}

fn parse<T: DeserializeOwned>(query: &str) -> std::result::Result<T, String> {
    const PREFIX: &str = "Failed to deserialize query string: ";
    let uri = format!("/?{query}").parse::<Uri>();
    let uri = uri.map_err(|error| error.to_string())?;
    let parsed = axum::extract::Query::<T>::try_from_uri(&uri);
    parsed
        .map(|query| query.0)
        .map_err(|error| error.body_text().trim_start_matches(PREFIX).to_owned())
}

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair)
}

/// The first parameter that occurs twice.
fn repeated_parameter(query: &str) -> Option<&str> {
    let names: Vec<&str> = query.split('&').map(name_of).collect();
    let is_repeated = |(index, name): &(usize, &&str)| names[..*index].contains(*name);
    let repeated = names.iter().enumerate().find(is_repeated);
    repeated.map(|(_, name)| *name)
}

/// The first parameter that does not parse on its own, so that the error can name it.
fn invalid_parameter<T: DeserializeOwned>(query: &str) -> Option<&str> {
    let is_invalid =
        |pair: &&str| parse::<T>(pair).is_err_and(|reason| missing_field(&reason).is_none());
    query.split('&').find(is_invalid).map(name_of)
}
