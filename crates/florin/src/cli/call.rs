//! One call to a running server's API.

use anyhow::{Result, bail};
use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// The server address and the credentials of the caller.
#[derive(Args)]
pub(crate) struct Server {
    /// URL of the server.
    #[arg(
        long,
        global = true,
        env = "FLORIN_URL",
        default_value = "http://127.0.0.1:7480"
    )]
    url: String,
    /// API key of the caller.
    #[arg(long, global = true, env = "FLORIN_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

/// One HTTP request.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<(String, &'static str)>,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
        }
    }

    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::with_body(Method::POST, path.into(), body)
    }

    pub(crate) fn put(path: impl Into<String>, body: &Value) -> Self {
        Self::with_body(Method::PUT, path.into(), body)
    }

    fn with_body(method: Method, path: String, body: &Value) -> Self {
        let body = Some((body.to_string(), "application/json"));
        Self { method, path, body }
    }
}

/// A client of one server with the key of the caller.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    api_key: String,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Result<Self> {
        let api_key = server.api_key.as_deref().map_or("", str::trim);
        if api_key.is_empty() {
            bail!(
                "no API key; pass --api-key or set FLORIN_API_KEY (`florin init` issues the first one)"
            );
        }
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            url: server.url.trim_end_matches('/').to_owned(),
            api_key: api_key.to_owned(),
        })
    }

    /// Send the request and parse the response. A problem document becomes its error message.
    pub(crate) async fn send(&self, call: Call) -> Result<Value> {
        let path = call.path.trim_start_matches('/');
        let request = self
            .http
            .request(call.method, format!("{}/api/v1/{path}", self.url))
            .bearer_auth(&self.api_key);
        let request = match call.body {
            Some((body, kind)) => request.header("Content-Type", kind).body(body),
            None => request,
        };
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let text = response.text().await;
        let text = text.map_err(reqwest::Error::without_url)?;
        let value = match text.as_str() {
            "" => Value::Null,
            _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        };
        if status.is_success() {
            return Ok(value);
        }
        let text_field = |name: &str| value.get(name).and_then(Value::as_str);
        match (text_field("detail"), text_field("code")) {
            (Some(detail), Some(code)) => bail!(
                "{detail} ({}, see {}/docs/errors/{code})",
                status.as_u16(),
                self.url
            ),
            _ => bail!(
                "{} returned {status} without a Florin error code; check that this is the address of a Florin server",
                self.url
            ),
        }
    }

    /// The error for a server that does not respond: its address, the cause and a hint.
    fn unreachable(&self, error: reqwest::Error) -> anyhow::Error {
        let error = anyhow::Error::new(error.without_url());
        anyhow::anyhow!(
            "{} is not reachable: {}; start it with `florin serve`, or set its address with --url or FLORIN_URL",
            self.url,
            error.root_cause()
        )
    }
}

/// Percent-encode a name as one path segment.
pub(crate) fn path_segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte);
    name.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
