//! One call to a running server's API.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// Where the server is and who asks.
#[derive(Args)]
pub(crate) struct Server {
    /// The server.
    #[arg(long, env = "FLORIN_URL", default_value = "http://127.0.0.1:7480")]
    url: String,
    /// The API key.
    #[arg(long, env = "FLORIN_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One call.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<(String, &'static str)>,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    pub(crate) fn send(method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self { method, path: path.into(), body: Some((body.to_string(), "application/json")) }
    }
}

/// What asks.
pub(crate) fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())
}

/// Ask, and read the answer; a problem becomes its words.
pub(crate) async fn perform(client: &reqwest::Client, server: &Server, call: Call) -> Result<Value, String> {
    let url = format!("{}/api/v1{}", server.url.trim_end_matches('/'), call.path);
    let mut request = client.request(call.method, url).bearer_auth(&server.api_key);
    if let Some((body, kind)) = call.body {
        request = request.header("Content-Type", kind).body(body);
    }
    let response =
        request.send().await.map_err(|error| format!("the server does not answer: {}", error.without_url()))?;
    let status = response.status();
    let text = response.text().await.map_err(|error| error.without_url().to_string())?;
    let value: Value =
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    if status.is_success() {
        return Ok(value);
    }
    let said = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Err(format!("{} ({}, see docs/errors/{}.md)", said("detail"), status.as_u16(), said("code")))
}
