//! Requests and responses.

/// The supported HTTP methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // the names are those of HTTP
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// An outbound HTTP request.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    /// Checked when the request is sent.
    pub url: String,
    /// In order. They may hold secrets and are never logged.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// For the whole call, including redirects and the response body.
    pub timeout_ms: u64,
    /// Bytes of the response body that are kept.
    pub max_body: usize,
}

/// A response of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case. Values that are not text are omitted.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body is incomplete: longer than the limit, late or cut off.
    pub truncated: bool,
    /// The final URL, after redirects.
    pub url: String,
}

impl Request {
    /// A request without headers and body; limits: 30 seconds and 1 MiB.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 30_000,
            max_body: 1 << 20,
        }
    }

    /// Add a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Response {
    /// The first value of a header. `name` must be lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Method {
    /// The name in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    pub(crate) fn as_reqwest(self) -> reqwest::Method {
        match self {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        }
    }
}

impl std::fmt::Debug for Request {
    /// Omits headers and body: they may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} bytes", self.method.as_str(), self.body.len())
    }
}
