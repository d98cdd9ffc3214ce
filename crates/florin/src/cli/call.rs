//! One call to a running server's API.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// The server address and the credentials of the caller.
#[derive(Args)]
pub(crate) struct Server {
    /// URL of the server.
    #[arg(long, env = "FLORIN_URL", default_value = "http://127.0.0.1:7480")]
    url: String,
    /// API key.
    #[arg(long, env = "FLORIN_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
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

    pub(crate) fn send(method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self {
            method,
            path: path.into(),
            body: Some((body.to_string(), "application/json")),
        }
    }
}

pub(crate) fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())
}

/// Send the request and parse the response. A problem document becomes its error message.
pub(crate) async fn send(
    client: &reqwest::Client,
    server: &Server,
    call: Call,
) -> Result<Value, String> {
    let url = format!(
        "{}/api/v1/{}",
        server.url.trim_end_matches('/'),
        call.path.trim_start_matches('/')
    );
    let mut request = client
        .request(call.method, url)
        .bearer_auth(server.api_key.trim());
    if let Some((body, kind)) = call.body {
        request = request.header("Content-Type", kind).body(body);
    }
    let response = request
        .send()
        .await
        .map_err(|error| unreachable(server, error))?;
    let status = response.status();
    let text = response
        .text()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let value: Value = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    };
    if status.is_success() {
        return Ok(value);
    }
    let text_field = |name: &str| value.get(name).and_then(Value::as_str);
    Err(match (text_field("detail"), text_field("code")) {
        (Some(detail), Some(code)) => {
            format!(
                "{detail} ({}, see {}/docs/errors/{code})",
                status.as_u16(),
                server.url.trim_end_matches('/')
            )
        }
        _ => format!(
            "{} returned {status} without a Florin error code; check that this is the address of a Florin server",
            server.url
        ),
    })
}

/// The error message for a server that does not respond: its address, the cause and a hint.
fn unreachable(server: &Server, error: reqwest::Error) -> String {
    use std::error::Error as _;
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    format!(
        "{} is not reachable: {reason}; start it with `florin serve`, or set its address with --url or FLORIN_URL",
        server.url
    )
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
