//! Health, metrics, the API's own description.

use crate::access::Open;
use crate::extract::Path;
use crate::{App, Error, Result};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
        .route("/docs/page.js", get(script))
        .route("/docs/page.css", get(style))
        .route("/docs/errors/{code}", get(error_page))
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
    Json(Status {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

async fn livez(_: Open) -> &'static str {
    "ok"
}

/// Ready: the database answers. A chain that is halted is told in its own place and takes no
/// traffic away.
async fn readyz(State(app): State<App>, _: Open) -> Result<impl IntoResponse> {
    app.db().read_unbound(store::partitions).await?;
    Ok((StatusCode::OK, "ok"))
}

async fn metrics(State(app): State<App>, _: Open) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        (app.metrics)(),
    )
}

async fn document(_: Open) -> Json<utoipa::openapi::OpenApi> {
    Json(super::openapi())
}

/// What the page may load: its own files, nothing from elsewhere.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page to browse and try the API.
async fn page(_: Open) -> impl IntoResponse {
    (
        [(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)],
        Html(include_str!("../docs/page.html")),
    )
}

async fn script(_: Open) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("../docs/page.js"),
    )
}

async fn style(_: Open) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("../docs/page.css"),
    )
}

/// The pages of all error codes, parted by NUL; the first line of each names its code.
const ERROR_PAGES: &str = include_str!(concat!(env!("OUT_DIR"), "/error_pages.md"));

/// What an error code means, for the `type` of a problem.
async fn error_page(_: Open, Path(code): Path<String>) -> Result<impl IntoResponse> {
    let title = format!("# {code}");
    let page = ERROR_PAGES
        .split('\0')
        .find(|page| page.lines().next() == Some(&title))
        .ok_or(Error::NoRoute)?;
    Ok((
        [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")],
        page,
    ))
}
