//! HTTP exchanges with limits on time and size.

use super::failure::{Failure, RpcResult};
use super::limits::Limits;
use super::node_url::NodeUrl;
use crate::{Error, Result};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::time::Duration;

/// A connection pool to one node.
pub(super) struct Http {
    client: Client,
    url: Url,
    /// The redacted URL.
    display_url: String,
    response_bytes: usize,
}

impl Http {
    /// Builds a pool without connecting. Never follows redirects, uses no system proxy, and never
    /// retries.
    pub(super) fn new(url: &NodeUrl, proxy: Option<&NodeUrl>, limits: &Limits) -> Result<Self> {
        // reqwest panics without a TLS provider. Installing a second one fails, which is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .connect_timeout(Duration::from_millis(limits.connect_timeout_ms))
            .timeout(Duration::from_millis(limits.timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .no_proxy();
        // A machine without root certificates can still use an http node.
        let builder = if url.is_tls() {
            builder
        } else {
            builder.tls_certs_only([])
        };
        let builder = match proxy {
            Some(proxy) => {
                builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(|_| unusable("proxy"))?)
            }
            None => builder,
        };
        let client = builder.build().map_err(|_| unusable("url"))?;
        Ok(Self {
            client,
            url: url.expose(),
            display_url: url.to_string(),
            response_bytes: limits.response_bytes,
        })
    }

    /// Sends a body once and reads the answer. A failure after the first byte was sent proves
    /// nothing about what the node did.
    pub(super) async fn post(&self, body: Vec<u8>) -> RpcResult<Vec<u8>> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let response = request
            .send()
            .await
            .map_err(|error| self.no_response(&error))?;
        let status = response.status();
        match status {
            StatusCode::TOO_MANY_REQUESTS => Err(self.throttled(&response)),
            _ if status.is_server_error() => Err(self.unavailable(&response)),
            _ if status.is_redirection() => Err(Failure::HttpStatus {
                status: status.as_u16(),
            }),
            _ if status.is_success() => self.body(response).await,
            // Some nodes return JSON-RPC errors with a 4xx status.
            _ if is_json(response.headers()) => self.body(response).await,
            _ => Err(Failure::HttpStatus {
                status: status.as_u16(),
            }),
        }
    }

    async fn body(&self, mut response: Response) -> RpcResult<Vec<u8>> {
        let length = response.content_length().unwrap_or(0);
        if usize::try_from(length).map_or(true, |length| length > self.response_bytes) {
            return Err(self.too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.no_response(&error))?
        {
            if body.len() + chunk.len() > self.response_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn too_large(&self) -> Failure {
        Failure::InvalidResponse {
            why: format!(
                "{}: the answer is larger than {} bytes",
                self.display_url, self.response_bytes
            ),
        }
    }

    fn throttled(&self, response: &Response) -> Failure {
        let wait_ms = retry_after_ms(response.headers());
        Failure::Throttled {
            wait_ms,
            why: format!("{}: too many requests", self.display_url),
        }
    }

    /// 503 may carry Retry-After like 429 (RFC 9110, 10.2.3).
    fn unavailable(&self, response: &Response) -> Failure {
        let why = format!(
            "{}: HTTP status {}",
            self.display_url,
            response.status().as_u16()
        );
        match retry_after_ms(response.headers()) {
            Some(wait) => Failure::Throttled {
                wait_ms: Some(wait),
                why,
            },
            None => Failure::NoResponse { why },
        }
    }

    /// reqwest's messages contain the whole URL with its credentials, so they are never used.
    fn no_response(&self, error: &reqwest::Error) -> Failure {
        let what = match error {
            _ if error.is_timeout() => "no answer in time",
            _ if error.is_connect() => "no connection",
            _ if error.is_body() || error.is_decode() => "the answer broke off",
            _ => "the connection failed",
        };
        let cause = io_cause(error)
            .map(|kind| format!(" ({kind})"))
            .unwrap_or_default();
        Failure::NoResponse {
            why: format!("{}: {what}{cause}", self.display_url),
        }
    }
}

/// The operating system's error, if there is one.
fn io_cause(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        match cause.downcast_ref::<std::io::Error>() {
            Some(io) if io.kind() != std::io::ErrorKind::Other => return Some(io.kind()),
            _ => source = cause.source(),
        }
    }
    None
}

fn unusable(field: &'static str) -> Error {
    Error::InvalidConfig {
        field,
        why: "this URL cannot be used".to_owned(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("json"))
}

/// Seconds only: a date would need clocks that agree.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1_000)
}
