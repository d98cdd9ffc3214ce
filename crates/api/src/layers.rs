//! Middleware around every route: concurrency limit, timeout, panic handling, security headers, one
//! log event per request.

use crate::{App, Error};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{REQUEST_SECONDS, REQUESTS, Timer};
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use types::TraceContext;

/// Wraps the routes in the middleware.
pub(crate) fn wrap(routes: Router<App>, app: &App) -> Router<App> {
    let permits = Arc::new(Semaphore::new(app.concurrency.max(1)));
    routes
        .layer(middleware::from_fn_with_state(
            (app.clone(), permits),
            limit_request,
        ))
        .layer(middleware::from_fn_with_state(app.clone(), record_request))
}

/// Limits concurrency and time, and turns a panic into a problem that ends only its own request.
async fn limit_request(
    State((app, permits)): State<(App, Arc<Semaphore>)>,
    request: Request,
    next: Next,
) -> Response {
    if route(&request).ends_with("/ws") {
        return next.run(request).await; // A WebSocket has no time limit.
    }
    let limit = Duration::from_millis(app.request_timeout_ms);
    let handled = async {
        let _permit = permits.acquire().await;
        AssertUnwindSafe(next.run(request)).catch_unwind().await
    };
    match tokio::time::timeout(limit, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::Internal.into_response(),
        Err(_) => Error::TimedOut.into_response(),
    }
}

/// Records the span, one log event and the metrics of a request.
async fn record_request(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let timer = Timer::start();
    let route = route(&request).to_owned();
    let method = method_label(request.method());
    let span = tracing::info_span!("request", method, route, trace = tracing::field::Empty);
    let trace = join_trace(&app, &span, request.headers());
    request.extensions_mut().insert(trace);
    let mut response = next.run(request).instrument(span).await;
    set_security_headers(response.headers_mut());
    let (status, seconds) = (response.status().as_u16(), timer.seconds());
    tracing::debug!(
        event = "request.handled",
        method,
        route,
        status,
        seconds,
        "request handled"
    );
    REQUEST_SECONDS.record(seconds, [method.into(), route.clone().into()]);
    REQUESTS.increment([method.into(), route.into(), status.to_string().into()]);
    response
}

/// Continues the trace that the caller names in `traceparent` (W3C Trace Context), or starts one.
fn join_trace(app: &App, span: &tracing::Span, headers: &HeaderMap) -> TraceContext {
    let received = (headers.get("traceparent"))
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    telemetry::continue_trace(span, received).unwrap_or_else(|| {
        let trace = TraceContext::new(app.db().entropy().as_ref());
        span.record("trace", trace.trace());
        trace
    })
}

/// The route pattern that the request matched; `none` without a route.
fn route(request: &Request) -> &str {
    request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
}

/// The method as a metric label. A method that no route has becomes `other`: otherwise a caller
/// could create any number of time series.
fn method_label(method: &Method) -> &'static str {
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    methods
        .into_iter()
        .find(|label| *label == method.as_str())
        .unwrap_or("other")
}

/// Sets the default security headers, where the handler set none. There is no CORS header: no other
/// origin may read a response.
fn set_security_headers(headers: &mut HeaderMap) {
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
