//! Speaking to Florin as an application would.

use serde_json::Value;
use testkit::http;

/// An application with a key.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) address: String,
    pub(super) key: String,
}

impl Api {
    /// A call; anything but success is an error that says what the server said.
    pub(super) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        more: &[(&str, &str)],
    ) -> Result<Value, String> {
        let text = body.map(Value::to_string).unwrap_or_default();
        self.send(method, path, "application/json", text.as_bytes(), more)
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, String> {
        self.call("GET", path, None, &[])
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call("POST", path, Some(body), &[])
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call("PUT", path, Some(body), &[])
    }

    pub(super) fn post_yaml(&self, path: &str, yaml: &str) -> Result<Value, String> {
        self.send("POST", path, "application/x-yaml", yaml.as_bytes(), &[])
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: &[u8], more: &[(&str, &str)]) -> Result<Value, String> {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", kind)];
        headers.extend_from_slice(more);
        let target = format!("/api/v1{path}");
        let response = http::send(&self.address, method, &target, &headers, body)
            .map_err(|error| format!("{method} {path}: {error}"))?;
        let text = String::from_utf8_lossy(&response.body);
        if (200..300).contains(&response.status) {
            return Ok(if text.is_empty() { Value::Null } else { response.json() });
        }
        Err(format!("{method} {path}: {}: {text}", response.status))
    }
}

/// A text field of an answer.
pub(super) fn text(value: &Value, name: &str) -> Result<String, String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("no {name} in {value}"))
}
