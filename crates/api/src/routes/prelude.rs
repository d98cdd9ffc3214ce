//! What most handlers use: extractors, responses, and how routes are declared.

pub(super) use crate::access::Authorized;
pub(super) use crate::extract::{
    Body, CursorPaging, Filtered, IdempotencyKey, Paging, Path, Path2, Query, SkipPaging, Text,
};
pub(super) use crate::shapes::{Accepted, Items};
pub(super) use crate::{App, Error, Problem, Result, permissions};
pub(super) use axum::Json;
pub(super) use axum::extract::State;
pub(super) use axum::http::StatusCode;
pub(super) use serde::{Deserialize, Serialize};
pub(super) use utoipa::{IntoParams, ToSchema};
pub(super) use utoipa_axum::router::OpenApiRouter;
pub(super) use utoipa_axum::routes;
