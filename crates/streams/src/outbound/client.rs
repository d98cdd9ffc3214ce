//! The client: one call, within its limits, to whom the guard allows.

use super::failure::Failure;
use super::guard::Guard;
use super::message::{Request, Response};
use super::redirect::{self, MAX_REDIRECTS};
use super::resolve::{Checked, Lookup, SystemLookup};
use reqwest::Url;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Idle connections that are kept for a receiver.
const IDLE_PER_HOST: usize = 4;

/// How calls are made.
#[derive(Clone)]
pub struct Settings {
    /// Whom to speak to.
    pub guard: Guard,
    /// Who knows the addresses of names.
    pub lookup: Arc<dyn Lookup>,
    /// The longest wait for a connection.
    pub connect_timeout_ms: u64,
    /// What we call ourselves.
    pub user_agent: String,
}

/// Makes calls to addresses that users name. Clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    guard: Guard,
    client: reqwest::Client,
}

impl Settings {
    /// The usual settings behind a guard.
    pub fn new(guard: Guard) -> Self {
        Self {
            guard,
            lookup: Arc::new(SystemLookup),
            connect_timeout_ms: 10_000,
            user_agent: "florin".to_owned(),
        }
    }
}

impl Outbound {
    /// A client. Errors: [`Failure::Unreachable`] if the machine's certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        // reqwest asks for one provider a process; if somebody gave one before, that one is as
        // good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let checked = Checked {
            guard: settings.guard.clone(),
            lookup: settings.lookup,
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(checked))
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .user_agent(settings.user_agent)
            .build()
            .map_err(|error| Failure::unreachable("the client", &error.to_string()))?;
        Ok(Self {
            guard: settings.guard,
            client,
        })
    }

    /// The guard, to check an address before it is stored.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Make a call. An answer of any status is an answer, even if its body comes late or without
    /// end; everything else is a [`Failure`].
    pub async fn send(&self, mut request: Request) -> Result<Response, Failure> {
        let end = Instant::now() + Duration::from_millis(request.timeout_ms);
        for _ in 0..=MAX_REDIRECTS {
            let url = self.guard.check(&request.url)?;
            let answer = self.call(&request, &url, end).await?;
            match redirect::next(&request, &url, &answer)? {
                Some(next) => request = next,
                None => return Ok(answer),
            }
        }
        let url = self.guard.check(&request.url)?;
        Err(Failure::redirect(
            host_of(&url),
            "there were three before it",
        ))
    }

    async fn call(&self, request: &Request, url: &Url, end: Instant) -> Result<Response, Failure> {
        let host = host_of(url);
        let mut call = self
            .client
            .request(request.method.as_reqwest(), url.clone())
            .body(request.body.clone());
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let late = |_| Failure::Timeout {
            host: host.to_owned(),
            limit_ms: request.timeout_ms,
        };
        let answer = timeout_at(end, call.send())
            .await
            .map_err(late)?
            .map_err(|error| failure(host, &error))?;
        // The connection says itself whom it reached: what was checked and what was done must
        // agree.
        if let Some(reached) = answer.remote_addr() {
            self.guard.check_address(host, reached.ip())?;
        }
        Ok(read(answer, url, request.max_body, end).await)
    }
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Read an answer up to its limits. A body that breaks off, comes late or is too long does not undo
/// the status.
async fn read(mut answer: reqwest::Response, url: &Url, max_body: usize, end: Instant) -> Response {
    let headers = answer.headers().iter();
    let headers = headers.filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    let mut body = Vec::new();
    let truncated = loop {
        let Ok(Ok(piece)) = timeout_at(end, answer.chunk()).await else {
            break true;
        };
        let Some(piece) = piece else { break false };
        let room = max_body - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            break true;
        }
    };
    Response {
        status,
        headers,
        body,
        truncated,
        url: url.to_string(),
    }
}

/// What went wrong, without the URL that reqwest's own words hold (a query may be a secret).
fn failure(host: &str, error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    let mut last = String::new();
    while let Some(inner) = cause {
        if let Some(ours) = inner.downcast_ref::<Failure>() {
            return ours.clone();
        }
        last = inner.to_string();
        cause = inner.source();
    }
    if error.is_builder() {
        return Failure::url("a header or the address cannot be sent");
    }
    Failure::unreachable(
        host,
        if last.is_empty() {
            "the connection broke"
        } else {
            &last
        },
    )
}
