//! What can go wrong at the edge, and how every error is told: RFC 9457 problem details with a
//! stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use types::{ApiKeyId, Code, Coded, Retry, codes};
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// How the whole of a body is called where a field is named.
const BODY: &str = "body";

/// What can go wrong at the edge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key, or not a valid one.
    #[error("send a valid API key as Authorization: Bearer flr_…")]
    Unauthenticated,
    /// The key does not grant this.
    #[error("this needs the permission {permission}")]
    Forbidden {
        /// The permission.
        permission: &'static str,
    },
    /// The path names another namespace than the key's.
    #[error("this key belongs to another namespace")]
    OtherNamespace,
    /// There is no such namespace.
    #[error("there is no such namespace")]
    UnknownNamespace,
    /// There is no such API key in this namespace.
    #[error("there is no API key {id} that could be revoked")]
    UnknownKey {
        /// As given.
        id: ApiKeyId,
    },
    /// There is no such thing in this namespace.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// What: declared path.
        what: &'static str,
        /// As it was named.
        name: String,
    },
    /// As many connections are open as may be.
    #[error("this process holds as many connections as it may")]
    Busy,
    /// There is nothing under this path.
    #[error("there is nothing under this path")]
    NoRoute,
    /// There is something under this path, but not for this method.
    #[error("this path does not take this method")]
    Method,
    /// Only the operators of the installation may do this: it concerns every namespace.
    #[error("this concerns the whole installation; a key of its operators' namespace may do it")]
    Operators,
    /// The body is not what the route takes.
    #[error("{field}: {why}")]
    Field {
        /// Where, as a path such as `transfers[0].amount`; `body` for the whole.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// The body is larger than the limit.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body is of a kind that the route does not read.
    #[error("send {expected}")]
    MediaType {
        /// What it reads.
        expected: &'static str,
    },
    /// The request took longer than is allowed.
    #[error("the request took too long")]
    TimedOut,
    /// An assertion failed in a handler. A mistake in Florin.
    #[error("an assertion failed; the log says where")]
    Assertion,
    /// An engine's error.
    #[error("{0}")]
    Engine(Box<dyn Coded + Send + Sync>),
    /// An error that is known to come from one field of the request.
    #[error("{inner}")]
    At {
        /// Which.
        field: String,
        /// What is wrong with it.
        inner: Box<dyn Coded + Send + Sync>,
    },
}

codes! { Error {
    Self::Unauthenticated => ("api.unauthenticated", 401, Never),
    Self::Forbidden { .. } => ("api.forbidden", 403, Never),
    Self::OtherNamespace => ("api.other_namespace", 403, Never),
    Self::UnknownNamespace => ("api.unknown_namespace", 404, Never),
    Self::UnknownKey { .. } => ("api.unknown_key", 404, Never),
    Self::Unknown { .. } => ("api.unknown", 404, Never),
    Self::Busy => ("api.busy", 503, Later),
    Self::NoRoute => ("api.no_route", 404, Never),
    Self::Method => ("api.method", 405, Never),
    Self::Operators => ("api.operators", 403, Never),
    Self::Field { .. } => ("api.field", 400, Never),
    Self::TooLarge { .. } => ("api.too_large", 413, Never),
    Self::MediaType { .. } => ("api.media_type", 415, Never),
    Self::TimedOut => ("api.timed_out", 503, Later),
    Self::Assertion => ("api.assertion", 500, Never),
    ;
    Self::Engine(inner) => inner.as_ref(),
    Self::At { inner, .. } => inner.as_ref(),
}}

impl Error {
    /// A field that does not say what it should.
    pub(crate) fn field(field: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Field {
            field: field.into(),
            why: why.to_string(),
        }
    }

    /// The same error, said of a field of the request.
    pub(crate) fn at(field: &str, error: impl Into<Error>) -> Self {
        match error.into() {
            Self::Engine(inner) => Self::At {
                field: field.to_owned(),
                inner,
            },
            Self::Field { why, .. } => Self::Field {
                field: field.to_owned(),
                why,
            },
            other => other,
        }
    }

    /// The same error, said of the body where it is one of input and names no field of its own.
    pub(crate) fn of_body(error: impl Into<Error>) -> Self {
        let error = error.into();
        if error.field().is_none() && error.code().status == 400 {
            Self::at(BODY, error)
        } else {
            error
        }
    }

    /// The same error, said of a member of a field: `deploy` and `params[0]` make
    /// `deploy.params[0]`.
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
            Self::Field { field, .. } | Self::At { field, .. } => Some(field.clone()),
            // An engine that was given a whole body names the whole of it by no name.
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
    intent::Error,
    chain::Error,
    index::Error,
    policy::Error,
    keys::Error,
    submit::Error,
    data::Error,
    streams::Error,
    workflow::Error,
);

/// RFC 9457 problem details.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code: stable, for programs.
    pub code: &'static str,
    /// The code's words for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// The field that is at fault, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether the same request may succeed later.
    pub retry: bool,
}

impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let schema = utoipa::openapi::Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let refused = ResponseBuilder::new()
            .description("What is wrong, with a stable code.")
            .content("application/problem+json", content)
            .build();
        BTreeMap::from([
            ("4XX".to_owned(), RefOr::T(refused.clone())),
            ("5XX".to_owned(), RefOr::T(refused)),
        ])
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let code = error.code();
        let words = code
            .code
            .rsplit('.')
            .next()
            .unwrap_or(code.code)
            .replace('_', " ");
        // What went wrong inside is for the log alone.
        let detail = if code.status >= 500 && code.retry == Retry::Never {
            words.clone()
        } else {
            error.to_string()
        };
        Self {
            kind: format!("/docs/errors/{}", code.code),
            code: code.code,
            title: words,
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
            tracing::error!(code = problem.code, error = %self, "request failed");
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
