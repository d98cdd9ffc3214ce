//! One exchange over HTTP: a body out, a body in, within limits of time and size.

use super::endpoint::NodeUrl;
use super::failure::Failure;
use super::limits::Limits;
use crate::{Error, Result};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use std::time::Duration;

/// A connection pool to one node.
pub(super) struct Http {
    client: Client,
    url: Url,
    /// What of the address may be shown.
    shown: String,
    response_bytes: usize,
}

impl Http {
    /// A pool; nothing is sent yet. Never follows a redirect, asks no system for a proxy, and
    /// repeats nothing by itself.
    pub(super) fn new(url: &NodeUrl, proxy: Option<&NodeUrl>, limits: &Limits) -> Result<Self> {
        // reqwest panics where no provider is installed; a second installation is refused, and that
        // is no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .connect_timeout(Duration::from_millis(limits.connect_timeout_ms))
            .timeout(Duration::from_millis(limits.timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .no_proxy();
        // A machine without certificates can still talk to its own node.
        let builder = if url.is_tls() {
            builder
        } else {
            builder.tls_certs_only([])
        };
        let builder = match proxy {
            Some(proxy) => {
                builder.proxy(reqwest::Proxy::all(proxy.reveal()).map_err(|_| unusable("proxy"))?)
            }
            None => builder,
        };
        let client = builder.build().map_err(|_| unusable("url"))?;
        Ok(Self {
            client,
            url: url.reveal(),
            shown: url.to_string(),
            response_bytes: limits.response_bytes,
        })
    }

    /// Send a body once and read the answer's. Whatever fails after the first byte left proves
    /// nothing about what the node did.
    pub(super) async fn post(&self, body: Vec<u8>) -> std::result::Result<Vec<u8>, Failure> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let response = request.send().await.map_err(|error| self.silent(&error))?;
        let status = response.status();
        match status {
            StatusCode::TOO_MANY_REQUESTS => Err(self.throttled(&response)),
            _ if status.is_server_error() => Err(self.unavailable(&response)),
            _ if status.is_redirection() => Err(Failure::Rejected {
                status: status.as_u16(),
            }),
            _ if status.is_success() => self.body(response).await,
            // Some nodes answer a well-formed no with a 4xx: it is read if it is JSON.
            _ if is_json(response.headers()) => self.body(response).await,
            _ => Err(Failure::Rejected {
                status: status.as_u16(),
            }),
        }
    }

    async fn body(&self, mut response: Response) -> std::result::Result<Vec<u8>, Failure> {
        let told = response.content_length().unwrap_or(0);
        if usize::try_from(told).map_or(true, |told| told > self.response_bytes) {
            return Err(self.too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.silent(&error))?
        {
            if body.len() + chunk.len() > self.response_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn too_large(&self) -> Failure {
        Failure::Nonsense {
            why: format!(
                "{}: the answer is larger than {} bytes",
                self.shown, self.response_bytes
            ),
        }
    }

    fn throttled(&self, response: &Response) -> Failure {
        let wait_ms = retry_after_ms(response.headers());
        Failure::Throttled {
            wait_ms,
            why: format!("{}: too many requests", self.shown),
        }
    }

    /// 503 may name a wait as 429 does (RFC 9110, 10.2.3).
    fn unavailable(&self, response: &Response) -> Failure {
        let why = format!("{}: HTTP status {}", self.shown, response.status().as_u16());
        match retry_after_ms(response.headers()) {
            Some(wait) => Failure::Throttled {
                wait_ms: Some(wait),
                why,
            },
            None => Failure::Silent { why },
        }
    }

    /// reqwest's own words name the whole address, key and all: they are never used.
    fn silent(&self, error: &reqwest::Error) -> Failure {
        let what = match error {
            _ if error.is_timeout() => "no answer in time",
            _ if error.is_connect() => "no connection",
            _ if error.is_body() || error.is_decode() => "the answer broke off",
            _ => "the connection broke",
        };
        let cause = io_cause(error)
            .map(|kind| format!(" ({kind})"))
            .unwrap_or_default();
        Failure::Silent {
            why: format!("{}: {what}{cause}", self.shown),
        }
    }
}

/// The operating system's reason, where there is one.
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
    Error::Config {
        field,
        why: "no client can be made for this address".to_owned(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("json"))
}

/// Seconds only: a date would need a clock that agrees with theirs.
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
