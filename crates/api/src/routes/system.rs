//! Health checks, metrics, the OpenAPI document and the documentation page.

use crate::access::Public;
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

/// The routes below every base path.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The routes at the root, for monitoring and for people who explore the API.
pub(super) fn root_routes() -> Router<App> {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi_document))
        .route("/docs", get(docs_page))
        .route("/docs/page.js", get(docs_script))
        .route("/docs/page.css", get(docs_style))
        .route("/docs/errors/{code}", get(error_page))
}

/// The status of the server.
#[derive(Serialize, ToSchema)]
struct Status {
    /// Always `ok`.
    status: &'static str,
    /// The version of Florin.
    version: &'static str,
}

/// Retrieve the server status.
///
/// Needs no API key.
#[utoipa::path(get, path = "/status", tag = "system", responses((status = 200, body = Status)))]
async fn status(_: Public) -> Json<Status> {
    Json(Status {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

async fn livez(_: Public) -> &'static str {
    "ok"
}

/// Ready means that the database responds. A halted chain does not affect readiness: other chains
/// and reads still work.
async fn readyz(State(app): State<App>, _: Public) -> Result<impl IntoResponse> {
    store::audit::partitions(app.db()).await?;
    Ok((StatusCode::OK, "ok"))
}

async fn metrics(State(app): State<App>, _: Public) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        (app.metrics)(),
    )
}

async fn openapi_document(_: Public) -> Json<utoipa::openapi::OpenApi> {
    Json(super::openapi())
}

/// The content security policy of the documentation page: it loads only files of this server.
const DOCS_PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The interactive documentation page.
async fn docs_page(_: Public) -> impl IntoResponse {
    (
        [(header::CONTENT_SECURITY_POLICY, DOCS_PAGE_POLICY)],
        Html(include_str!("../docs/page.html")),
    )
}

async fn docs_script(_: Public) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("../docs/page.js"),
    )
}

async fn docs_style(_: Public) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("../docs/page.css"),
    )
}

/// The pages of all error codes, separated by NUL. The first line of each is `# <code>`.
const ERROR_PAGES: &str = include_str!(concat!(env!("OUT_DIR"), "/error_pages.md"));

/// The page of an error code, which the `type` of a problem links to.
async fn error_page(_: Public, Path(code): Path<String>) -> Result<impl IntoResponse> {
    let title = format!("# {code}");
    let page = ERROR_PAGES
        .split('\0')
        .find(|page| page.lines().next() == Some(&title))
        .ok_or(Error::UnknownRoute)?;
    Ok((
        [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")],
        page,
    ))
}
