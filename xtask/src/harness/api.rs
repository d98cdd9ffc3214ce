//! An API client, as an application would use.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::Duration;
use testkit::http;

/// An API client with a key.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) key: String,
    /// Request timeout.
    pub(crate) timeout: Duration,
}

/// The response to a request with an idempotency key.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Whether the response was replayed for a repeated key.
    pub(crate) is_replay: bool,
    /// The JSON body; null if there is none.
    pub(crate) body: Value,
}

impl Api {
    /// Send a request. A status other than success is an error with the response body.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        extra_headers: &[(&str, &str)],
    ) -> Result<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        self.send(
            method,
            path,
            "application/json",
            text.as_bytes(),
            extra_headers,
        )
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, None, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", path, Some(body), &[])
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("PUT", path, Some(body), &[])
    }

    pub(crate) fn post_yaml(&self, path: &str, yaml: &str) -> Result<Value> {
        self.send("POST", path, "application/x-yaml", yaml.as_bytes(), &[])
    }

    /// Send a request with an idempotency key and return any response. Fails only without a
    /// response.
    pub(crate) fn post_once(&self, path: &str, body: &Value, key: &str) -> Result<Reply> {
        let response = self.request(
            "POST",
            path,
            "application/json",
            body.to_string().as_bytes(),
            &[("Idempotency-Key", key)],
        )?;
        let is_replay = response.header("idempotency-replayed") == Some("true");
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Ok(Reply {
            status: response.status,
            is_replay,
            body,
        })
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
        extra_headers: &[(&str, &str)],
    ) -> Result<Value> {
        let response = self.request(method, path, content_type, body, extra_headers)?;
        let text = String::from_utf8_lossy(&response.body);
        if (200..300).contains(&response.status) {
            return Ok(if text.is_empty() {
                Value::Null
            } else {
                response.json()
            });
        }
        bail!("{method} {path}: {}: {text}", response.status)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
        extra_headers: &[(&str, &str)],
    ) -> Result<http::Response> {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![
            ("Authorization", bearer.as_str()),
            ("Content-Type", content_type),
        ];
        headers.extend_from_slice(extra_headers);
        let target = format!("/api/v1{path}");
        http::send_with_timeout(self.timeout, &self.address, method, &target, &headers, body)
            .with_context(|| format!("{method} {path}"))
    }
}

/// Whether the server is ready for requests.
pub(crate) fn is_ready(address: &str) -> bool {
    let timeout = Duration::from_secs(2);
    http::send_with_timeout(timeout, address, "GET", "/readyz", &[], &[])
        .is_ok_and(|answer| answer.status == 200)
}

/// A text field of a response.
pub(crate) fn text(value: &Value, name: &str) -> Result<String> {
    value
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("no {name} in {value}"))
}
