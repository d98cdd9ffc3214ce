//! Speaking to Florin as an application would.

use serde_json::Value;
use std::time::Duration;
use testkit::http;

/// An application with a key.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) key: String,
    /// How long an answer may take.
    pub(crate) patience: Duration,
}

/// What an application got when it asked.
pub(crate) struct Heard {
    /// The status code.
    pub(crate) status: u16,
    /// Whether it is what the same key made before.
    pub(crate) is_replay: bool,
    /// The answer; null if it is none.
    pub(crate) body: Value,
}

impl Api {
    /// A call; anything but success is an error that says what the server said.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        more: &[(&str, &str)],
    ) -> Result<Value, String> {
        let text = body.map(Value::to_string).unwrap_or_default();
        self.send(method, path, "application/json", text.as_bytes(), more)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        self.call("GET", path, None, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call("POST", path, Some(body), &[])
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call("PUT", path, Some(body), &[])
    }

    pub(crate) fn post_yaml(&self, path: &str, yaml: &str) -> Result<Value, String> {
        self.send("POST", path, "application/x-yaml", yaml.as_bytes(), &[])
    }

    /// A call under an idempotency key, whatever it is answered; an error if there is no answer.
    pub(crate) fn post_once(&self, path: &str, body: &Value, key: &str) -> Result<Heard, String> {
        let response = self.ask(
            "POST",
            path,
            "application/json",
            body.to_string().as_bytes(),
            &[("Idempotency-Key", key)],
        )?;
        let is_replay = response.header("idempotency-replayed") == Some("true");
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Ok(Heard {
            status: response.status,
            is_replay,
            body,
        })
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
        more: &[(&str, &str)],
    ) -> Result<Value, String> {
        let response = self.ask(method, path, kind, body, more)?;
        let text = String::from_utf8_lossy(&response.body);
        if (200..300).contains(&response.status) {
            return Ok(if text.is_empty() {
                Value::Null
            } else {
                response.json()
            });
        }
        Err(format!("{method} {path}: {}: {text}", response.status))
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
        more: &[(&str, &str)],
    ) -> Result<http::Response, String> {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", kind)];
        headers.extend_from_slice(more);
        let target = format!("/api/v1{path}");
        http::send_within(
            self.patience,
            &self.address,
            method,
            &target,
            &headers,
            body,
        )
        .map_err(|error| format!("{method} {path}: {error}"))
    }
}

/// Whether a server on a port takes requests.
pub(crate) fn is_ready(address: &str) -> bool {
    let patience = Duration::from_secs(2);
    http::send_within(patience, address, "GET", "/readyz", &[], &[])
        .is_ok_and(|answer| answer.status == 200)
}

/// A text field of an answer.
pub(crate) fn text(value: &Value, name: &str) -> Result<String, String> {
    value
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("no {name} in {value}"))
}
