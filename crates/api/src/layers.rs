//! What every request passes: limits, time-outs, panics made into problems, one log line.

use crate::{App, Error};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Put the layers around the routes.
pub(crate) fn around(routes: Router<App>, app: &App) -> Router<App> {
    let room = Arc::new(Semaphore::new(app.concurrency.max(1)));
    routes
        .layer(middleware::from_fn_with_state((app.clone(), room), guard))
        .layer(middleware::from_fn(watch))
}

/// Room, time, and a panic that stops only its own request.
async fn guard(
    State((app, room)): State<(App, Arc<Semaphore>)>,
    request: Request,
    next: Next,
) -> Response {
    if route(&request).ends_with("/ws") {
        return next.run(request).await; // a WebSocket lives as long as it lives
    }
    let limit = Duration::from_millis(app.request_timeout_ms);
    let handled = async {
        let _room = room.acquire().await;
        AssertUnwindSafe(next.run(request)).catch_unwind().await
    };
    match tokio::time::timeout(limit, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::Assertion.into_response(),
        Err(_) => Error::TimedOut.into_response(),
    }
}

/// One line a request, and its figures.
async fn watch(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = route(&request).to_owned();
    let method = known(request.method());
    let mut response = next.run(request).await;
    protect(response.headers_mut());
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    tracing::debug!(method, route, status, seconds, "request");
    let labels = [
        ("method", method.to_owned()),
        ("route", route),
        ("status", status.to_string()),
    ];
    metrics::counter!("florin_requests_total", &labels).increment(1);
    metrics::histogram!("florin_request_seconds", &labels[..2]).record(seconds);
    response
}

/// The pattern that the request's path fits; `none` where there is no route.
fn route(request: &Request) -> &str {
    request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
}

/// The method, if it is one that routes have: a word of the caller's own must not become a series
/// of the metrics.
fn known(method: &Method) -> &'static str {
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    all.into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

/// What browsers must not do with answers, where the handler did not say otherwise. There is no
/// CORS header: no other origin may read.
fn protect(headers: &mut HeaderMap) {
    let rules = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, rule) in rules {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(rule));
    }
}
