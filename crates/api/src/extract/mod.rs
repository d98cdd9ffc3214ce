//! Extractors of handlers: bodies, queries, path parameters, idempotency keys. Every rejection
//! names the invalid field.

mod paging;
mod query;

pub(crate) use paging::{CursorPaging, Paging, SkipPaging, check_cursor, page};
pub(crate) use query::{Filtered, Query};

use crate::{App, Error, Result};
use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required};

/// The header with the idempotency key of a command.
pub(crate) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// A body as text.
pub(crate) struct Text {
    pub(crate) text: String,
    /// Whether the `Content-Type` names YAML.
    pub(crate) is_yaml: bool,
}

/// The first path parameter of the route. Parameters of the base path are left out.
pub(crate) struct Path<T>(pub(crate) T);

/// The first two path parameters of the route.
pub(crate) struct Path2<A, B>(pub(crate) A, pub(crate) B);

/// Path parameters of the base path.
const BASE_PARAMETERS: [&str; 3] = ["env", "service", "namespace"];

/// The `Idempotency-Key` header.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

async fn read_body(request: Request, app: &App) -> Result<(Parts, bytes::Bytes)> {
    let (parts, body) = request.into_parts();
    let limit = app.body_limit_bytes;
    if body.size_hint().lower() > limit as u64 {
        // Before reading, so that no `100 Continue` is sent.
        return Err(Error::BodyTooLarge { limit });
    }
    let bytes = axum::body::to_bytes(body, limit)
        .await
        .map_err(|_| Error::BodyTooLarge { limit })?;
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

/// Parses JSON. An error names the invalid field as a path.
pub(crate) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, reason) = (error.path().to_string(), error.inner().to_string());
        match (missing_field(&reason), path.as_str()) {
            (Some(name), ".") => Error::field(name, "required"),
            (Some(name), _) => Error::field(format!("{path}.{name}"), "required"),
            (None, ".") => Error::field("body", reason),
            (None, _) => Error::field(path, reason),
        }
    })?;
    reader.end().map_err(|error| Error::field("body", error))?;
    Ok(value)
}

/// The field whose absence is the reason of a deserializer.
fn missing_field(reason: &str) -> Option<&str> {
    reason.strip_prefix("missing field `")?.split('`').next()
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, bytes) = read_body(request, app).await?;
        let kind = media_type(&parts);
        if !(kind.is_empty() || kind == "application/json" || kind.ends_with("+json")) {
            return Err(Error::UnsupportedMediaType {
                expected: "application/json",
            });
        }
        from_json(&bytes).map(Body)
    }
}

impl FromRequest<App> for Text {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, bytes) = read_body(request, app).await?;
        let is_yaml = media_type(&parts).contains("yaml");
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|_| Error::field("body", "not valid UTF-8"))?;
        Ok(Self { text, is_yaml })
    }
}

impl<T: FromStr<Err: Display>> FromRequestParts<App> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        route_parameters(parts, app)
            .await?
            .into_iter()
            .next()
            .map(parse_parameter)
            .transpose()?
            .map(Path)
            .ok_or(Error::UnknownRoute)
    }
}

impl<A: FromStr<Err: Display>, B: FromStr<Err: Display>> FromRequestParts<App> for Path2<A, B> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let mut route = route_parameters(parts, app).await?.into_iter();
        let (Some(first), Some(second)) = (route.next(), route.next()) else {
            return Err(Error::UnknownRoute);
        };
        Ok(Path2(parse_parameter(first)?, parse_parameter(second)?))
    }
}

/// Why text with NUL is rejected: no valid value contains it, and PostgreSQL does not store it.
const NUL: &str = "must not contain the character NUL";

async fn route_parameters(parts: &mut Parts, app: &App) -> Result<Vec<(String, String)>> {
    let not_utf8 = |_| Error::field("path", "not valid UTF-8");
    let all = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(not_utf8)?;
    let route = all
        .iter()
        .filter(|(name, _)| !BASE_PARAMETERS.contains(name));
    Ok(route
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn parse_parameter<T: FromStr<Err: Display>>((name, value): (String, String)) -> Result<T> {
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
        let invalid = |reason: &str| Error::field(IDEMPOTENCY_KEY, reason);
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let text = value.to_str().map_err(|_| invalid("not printable ASCII"))?;
        if text.is_empty() || text.len() > store::idempotency::MAX_KEY_BYTES {
            return Err(invalid("expected 1 to 256 characters"));
        }
        Ok(Self(Some(text.to_owned())))
    }
}

impl utoipa::IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .build();
        let description = "A unique key of 1 to 256 characters. Sending the same command again under the same key does it only once.";
        let parameter = ParameterBuilder::new()
            .name(IDEMPOTENCY_KEY)
            .parameter_in(ParameterIn::Header);
        vec![
            parameter
                .required(Required::False)
                .description(Some(description))
                .schema(Some(text))
                .build(),
        ]
    }
}
