//! A client that calls the router directly, without a network.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::Value;
use tower::ServiceExt as _;

/// More than any response of a test.
const MAX_RESPONSE: usize = 16 << 20;

pub(crate) struct ApiRequest {
    method: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A response with its body read completely.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl ApiRequest {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn key(self, secret: &str) -> Self {
        self.with("authorization", &format!("Bearer {secret}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    pub(crate) fn text(self, kind: &str, body: &str) -> Self {
        Self {
            body: body.as_bytes().to_vec(),
            ..self.with("content-type", kind)
        }
    }

    pub(crate) async fn send(self, router: &Router) -> ApiResponse {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, MAX_RESPONSE).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        ApiResponse {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text,
        }
    }
}

impl ApiResponse {
    /// Asserts a 2xx status; returns the JSON body, `Null` if it is empty.
    pub(crate) fn success(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text
        );
        if self.text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&self.text).unwrap()
        }
    }

    /// Asserts a 4xx status with well-formed problem details; returns them.
    pub(crate) fn problem(&self) -> Value {
        assert!(
            (400..500).contains(&self.status),
            "{} {}",
            self.status,
            self.text
        );
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem["status"], self.status);
        assert_eq!(
            problem["type"],
            format!("/docs/errors/{}", problem["code"].as_str().unwrap())
        );
        problem
    }

    /// The code of a problem, and its field or an empty string.
    pub(crate) fn code_and_field(&self) -> (String, String) {
        let problem = self.problem();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("field"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
