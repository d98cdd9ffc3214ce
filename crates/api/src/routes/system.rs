//! Health, metrics, the API's own description.

use crate::access::Open;
use crate::{App, Result, permissions};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// Read how the installation is.
    SystemRead = "system:read";
}

/// The routes below every base.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The routes at the root, for machines that watch machines.
pub(super) fn outside() -> Router<App> {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(document))
        .route("/docs", get(page))
}

/// Whether the API answers.
#[derive(Serialize, ToSchema)]
struct Status {
    /// `ok`.
    status: &'static str,
    /// The release.
    version: &'static str,
}

/// Whether the API answers.
#[utoipa::path(get, path = "/status", tag = "system", responses((status = 200, body = Status)))]
async fn status(_: Open) -> Json<Status> {
    Json(Status { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

async fn livez(_: Open) -> &'static str {
    "ok"
}

/// Ready: the database answers. A chain that is halted is told in its own place and takes no traffic away.
async fn readyz(State(app): State<App>, _: Open) -> Result<impl IntoResponse> {
    app.db().read_unbound(|tx| store::partitions(tx)).await?;
    Ok((StatusCode::OK, "ok"))
}

async fn metrics(State(app): State<App>, _: Open) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (app.metrics)())
}

async fn document(_: Open) -> Json<utoipa::openapi::OpenApi> {
    Json(super::openapi())
}

/// A page to browse the API: no script or font is loaded from anywhere else.
async fn page(_: Open) -> Html<&'static str> {
    Html(include_str!("../docs.html"))
}
