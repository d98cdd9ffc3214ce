//! Errors of the API itself, and how the errors of every engine become RFC 9457 problem details
//! with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use types::{ApiKeyId, Code, Coded, Retry, codes};
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// A result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The field name of the whole body.
const BODY: &str = "body";

/// An error of the API, or of an engine that it called.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API key is missing, invalid, revoked or expired.
    #[error("send a valid API key as `Authorization: Bearer flr_…`")]
    Unauthenticated,
    #[error("the API key lacks the permission {permission}")]
    Forbidden { permission: &'static str },
    #[error("the API key belongs to another namespace than the path names")]
    NamespaceMismatch,
    #[error("the namespace of this API key does not exist")]
    UnknownNamespace,
    /// No such key in this namespace, or it is revoked already.
    #[error("no active API key {id} in this namespace")]
    UnknownApiKey { id: ApiKeyId },
    #[error("metadata field {path:?} is not declared in this namespace")]
    UnknownMetadataField { path: String },
    #[error("this process serves the maximum number of WebSocket connections")]
    TooManyConnections,
    #[error("no route matches this path")]
    UnknownRoute,
    #[error("this path does not support this method")]
    MethodNotAllowed,
    /// The request affects every namespace.
    #[error("only an API key of the operators' namespace may do this: it affects every namespace")]
    OperatorsOnly,
    #[error("{field}: {reason}")]
    InvalidField {
        /// A path such as `transfers[0].amount`; `body` for the whole body.
        field: String,
        reason: String,
    },
    #[error("the body exceeds the limit of {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("unsupported media type: send {expected}")]
    UnsupportedMediaType { expected: &'static str },
    #[error("the request exceeded the time limit of the server")]
    TimedOut,
    /// A handler panicked: a bug in Florin.
    #[error("internal error; see the server log")]
    Internal,
    /// An engine's error.
    #[error("{0}")]
    Engine(Box<dyn Coded + Send + Sync>),
    /// An engine's error, attributed to one field of the request.
    #[error("{inner}")]
    EngineField {
        field: String,
        inner: Box<dyn Coded + Send + Sync>,
    },
}

codes! { Error {
    Self::Unauthenticated => ("api.unauthenticated", 401, Never),
    Self::Forbidden { .. } => ("api.forbidden", 403, Never),
    Self::NamespaceMismatch => ("api.namespace_mismatch", 403, Never),
    Self::UnknownNamespace => ("api.unknown_namespace", 404, Never),
    Self::UnknownApiKey { .. } => ("api.unknown_api_key", 404, Never),
    Self::UnknownMetadataField { .. } => ("api.unknown_metadata_field", 404, Never),
    Self::TooManyConnections => ("api.too_many_connections", 503, Later),
    Self::UnknownRoute => ("api.unknown_route", 404, Never),
    Self::MethodNotAllowed => ("api.method_not_allowed", 405, Never),
    Self::OperatorsOnly => ("api.operators_only", 403, Never),
    Self::InvalidField { .. } => ("api.invalid_field", 400, Never),
    Self::BodyTooLarge { .. } => ("api.body_too_large", 413, Never),
    Self::UnsupportedMediaType { .. } => ("api.unsupported_media_type", 415, Never),
    Self::TimedOut => ("api.timed_out", 503, Later),
    Self::Internal => ("api.internal_error", 500, Never),
    ;
    Self::Engine(inner) => inner.as_ref(),
    Self::EngineField { inner, .. } => inner.as_ref(),
}}

impl Error {
    /// An invalid field of the request.
    pub(crate) fn field(field: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::InvalidField {
            field: field.into(),
            reason: reason.to_string(),
        }
    }

    /// Attributes an error to a field of the request.
    pub(crate) fn at(field: &str, error: impl Into<Error>) -> Self {
        match error.into() {
            Self::Engine(inner) => Self::EngineField {
                field: field.to_owned(),
                inner,
            },
            Self::InvalidField { reason, .. } => Self::InvalidField {
                field: field.to_owned(),
                reason,
            },
            other => other,
        }
    }

    /// Attributes an input error (400) that names no field to the whole body.
    pub(crate) fn in_body(error: impl Into<Error>) -> Self {
        let error = error.into();
        if error.field().is_none() && error.code().status == 400 {
            Self::at(BODY, error)
        } else {
            error
        }
    }

    /// Prefixes the field of an error: `deploy` and `params[0]` become `deploy.params[0]`.
    pub(crate) fn within(field: &str, error: impl Into<Error>) -> Self {
        let error = error.into();
        let path = error
            .field()
            .map_or_else(|| field.to_owned(), |inner| format!("{field}.{inner}"));
        Self::at(&path, error)
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::InvalidField { field, .. } | Self::EngineField { field, .. } => {
                Some(field.clone())
            }
            // An engine that received the whole body reports the body itself as an empty field.
            Self::Engine(inner) => inner.field().map(|field| {
                if field.is_empty() {
                    BODY.to_owned()
                } else {
                    field
                }
            }),
            _ => None,
        }
    }
}

macro_rules! engines {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Engine(Box::new(error))
            }
        }
    )*};
}
engines!(
    store::Error,
    secrets::Error,
    intent::Error,
    chain::Error,
    index::Error,
    policy::Error,
    keys::Error,
    submit::Error,
    contracts::Error,
    data::Error,
    streams::Error,
    workflow::Error,
);

/// Problem details (RFC 9457). Every error response has this body.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A link to the page that explains the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// A stable code, for use by programs.
    pub code: &'static str,
    /// A short summary of the code.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What is wrong with this request, in one sentence.
    pub detail: String,
    /// The invalid field as a path, such as `params[1]`; `body` for the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether the same request may succeed later.
    pub retry: bool,
}

impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let schema = utoipa::openapi::Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let problem = ResponseBuilder::new()
            .description("The request failed. The body explains why, with a stable code.")
            .content("application/problem+json", content)
            .build();
        BTreeMap::from([
            ("4XX".to_owned(), RefOr::T(problem.clone())),
            ("5XX".to_owned(), RefOr::T(problem)),
        ])
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let code = error.code();
        let title = code
            .code
            .rsplit('.')
            .next()
            .unwrap_or(code.code)
            .replace('_', " ");
        // Details of an internal error go to the log only.
        let detail = if code.status >= 500 && code.retry == Retry::Never {
            title.clone()
        } else {
            error.to_string()
        };
        Self {
            kind: format!("/docs/errors/{}", code.code),
            code: code.code,
            title,
            status: code.status,
            detail,
            field: error.field(),
            retry: code.retry == Retry::Later,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = Problem::from(&self);
        if problem.status >= 500 {
            tracing::error!(event = "request.failed", code = problem.code, error = %self, "request failed");
        }
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = problem.retry;
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
