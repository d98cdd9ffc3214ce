//! What handlers take: bodies that say which field is wrong, queries, paths, idempotency keys.

use crate::{App, Error, Result};
use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;
use types::Page;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required};

/// The header that names a command, so that it is done once.
pub(crate) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A JSON body. An error names the field as a path.
pub(crate) struct Body<T>(pub(crate) T);

/// A body as its text, with what its sender says it is.
pub(crate) struct Text {
    /// The text.
    pub(crate) text: String,
    /// Whether it says to be YAML.
    pub(crate) is_yaml: bool,
}

/// The query's parameters.
pub(crate) struct Query<T>(pub(crate) T);

/// The route's own part of the path: what its base names is no part of it.
pub(crate) struct Path<T>(pub(crate) T);

/// Two parts of the path.
pub(crate) struct Path2<A, B>(pub(crate) A, pub(crate) B);

/// Parts of the path that belong to the base, not to the route.
const OF_THE_BASE: [&str; 3] = ["env", "service", "namespace"];

/// The caller's name for a command.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

async fn read(request: Request, app: &App) -> Result<(Parts, bytes::Bytes)> {
    let (parts, body) = request.into_parts();
    let limit = app.body_limit_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::TooLarge { limit }); // said beforehand: nothing is read, nor asked to be sent
    }
    let bytes = axum::body::to_bytes(body, limit)
        .await
        .map_err(|_| Error::TooLarge { limit })?;
    Ok((parts, bytes))
}

fn media_type(parts: &Parts) -> &str {
    let header = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    header.split(';').next().unwrap_or("").trim()
}

/// JSON that says where it is wrong.
pub(crate) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { path };
        Error::Field {
            field,
            why: error.inner().to_string(),
        }
    })?;
    reader.end().map_err(|error| Error::Field {
        field: "body".to_owned(),
        why: error.to_string(),
    })?;
    Ok(read)
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, bytes) = read(request, app).await?;
        let kind = media_type(&parts);
        if !(kind.is_empty() || kind == "application/json" || kind.ends_with("+json")) {
            return Err(Error::MediaType {
                expected: "application/json",
            });
        }
        from_json(&bytes).map(Body)
    }
}

impl FromRequest<App> for Text {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, bytes) = read(request, app).await?;
        let is_yaml = media_type(&parts).contains("yaml");
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Error::Field {
            field: "body".to_owned(),
            why: "it is not UTF-8".to_owned(),
        })?;
        Ok(Self { text, is_yaml })
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        // No name and no cursor holds it, and no database takes it.
        if let Some(pair) = query.split('&').find(|pair| pair.contains("%00")) {
            return Err(Error::field(name_of(pair), NUL));
        }
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|error| {
                let field = wrong_parameter::<T>(query)
                    .or_else(|| doubled(query))
                    .unwrap_or("query");
                let why = error.body_text();
                let why = why.trim_start_matches("Failed to deserialize query string: ");
                Error::field(
                    field,
                    why.strip_prefix(&format!("{field}: ")).unwrap_or(why),
                )
            })
    }
}

const NUL: &str = "it cannot hold the character NUL";

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair)
}

/// The first parameter that is given twice.
fn doubled(query: &str) -> Option<&str> {
    let names: Vec<&str> = query.split('&').map(name_of).collect();
    let twice = |(place, name): &(usize, &&str)| names[..*place].contains(*name);
    names.iter().enumerate().find(twice).map(|(_, name)| *name)
}

/// The parameter that is wrong by itself, so that the error can name it.
fn wrong_parameter<T: DeserializeOwned>(query: &str) -> Option<&str> {
    let is_wrong = |pair: &&str| {
        let uri = format!("/?{pair}").parse::<axum::http::Uri>();
        uri.is_ok_and(|uri| axum::extract::Query::<T>::try_from_uri(&uri).is_err())
    };
    query.split('&').find(is_wrong).map(name_of)
}

impl<T: FromStr<Err: Display>> FromRequestParts<App> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        own_parts(parts, app)
            .await?
            .into_iter()
            .next()
            .map(read_part)
            .transpose()?
            .map(Path)
            .ok_or(Error::NoRoute)
    }
}

impl<A: FromStr<Err: Display>, B: FromStr<Err: Display>> FromRequestParts<App> for Path2<A, B> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let mut own = own_parts(parts, app).await?.into_iter();
        let (Some(first), Some(second)) = (own.next(), own.next()) else {
            return Err(Error::NoRoute);
        };
        Ok(Path2(read_part(first)?, read_part(second)?))
    }
}

async fn own_parts(parts: &mut Parts, app: &App) -> Result<Vec<(String, String)>> {
    let unreadable = |_| Error::field("path", "it is not UTF-8");
    let all = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(unreadable)?;
    let own = all.iter().filter(|(name, _)| !OF_THE_BASE.contains(name));
    Ok(own
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn read_part<T: FromStr<Err: Display>>((name, value): (String, String)) -> Result<T> {
    if value.contains('\0') {
        return Err(Error::field(name, NUL));
    }
    value
        .parse()
        .map_err(|error: T::Err| Error::field(name, error))
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let wrong = |why: &str| Error::Field {
            field: IDEMPOTENCY_KEY.to_owned(),
            why: why.to_owned(),
        };
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let text = value.to_str().map_err(|_| wrong("it is not plain text"))?;
        if text.is_empty() || text.len() > store::idempotency::MAX_KEY {
            return Err(wrong("it has 1 to 256 characters"));
        }
        Ok(Self(Some(text.to_owned())))
    }
}

/// How much of a listing, as query parameters.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many at most, 1 to 1000; 25 if nothing is said.
    pub(crate) limit: Option<u32>,
    /// How many to leave out, at most 10,000.
    pub(crate) skip: Option<u32>,
    /// Continue behind this cursor.
    pub(crate) after: Option<String>,
}

impl Paging {
    /// The page, if it is one that can be given.
    pub(crate) fn page(self) -> Result<Page> {
        page(self.limit, self.skip, self.after)
    }

    /// The page, where the cursor is the id of the last one seen.
    pub(crate) fn behind<T: FromStr<Err: Display>>(self) -> Result<Page> {
        behind::<T>(self.page()?)
    }
}

/// The page, if its cursor is an id: what is no id would pass for one that stands before or behind
/// all others.
pub(crate) fn behind<T: FromStr<Err: Display>>(page: Page) -> Result<Page> {
    let wrong = |error| Error::field("after", error);
    page.after
        .as_deref()
        .map(str::parse::<T>)
        .transpose()
        .map_err(wrong)?;
    Ok(page)
}

/// How much of a listing that is paged by `skip` alone.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BySkip {
    /// How many at most, 1 to 1000; 25 if nothing is said.
    pub(crate) limit: Option<u32>,
    /// How many to leave out, at most 10,000.
    pub(crate) skip: Option<u32>,
}

impl BySkip {
    /// The page, if it is one that can be given.
    pub(crate) fn page(self) -> Result<Page> {
        page(self.limit, self.skip, None)
    }
}

/// A page from its parameters; an error names the one that is wrong.
pub(crate) fn page(limit: Option<u32>, skip: Option<u32>, after: Option<String>) -> Result<Page> {
    let field = |error: types::PageError| match error {
        types::PageError::Limit => "limit",
        types::PageError::Skip => "skip",
    };
    Page::new(limit, skip, after).map_err(|error| Error::field(field(error), error))
}

impl utoipa::IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .build();
        let says = "Names the command, so that sending it twice does it once; 1 to 256 characters.";
        let parameter = ParameterBuilder::new()
            .name(IDEMPOTENCY_KEY)
            .parameter_in(ParameterIn::Header);
        vec![
            parameter
                .required(Required::False)
                .description(Some(says))
                .schema(Some(text))
                .build(),
        ]
    }
}
