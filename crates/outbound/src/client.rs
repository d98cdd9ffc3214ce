//! The HTTP client: one call within its limits, to an address that the policy allows.

use crate::Error;
use crate::address_policy::AddressPolicy;
use crate::message::{Request, Response};
use crate::redirect::{self, MAX_REDIRECTS};
use crate::resolve::{CheckedResolver, NameResolver, SystemResolver};
use reqwest::Url;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

const IDLE_PER_HOST: usize = 4;

/// Settings of an [`Outbound`] client.
#[derive(Clone)]
pub struct Settings {
    pub address_policy: AddressPolicy,
    pub resolver: Arc<dyn NameResolver>,
    pub connect_timeout_ms: u64,
    pub user_agent: String,
}

/// Makes HTTP calls to URLs that callers supply. Clones share a connection pool.
#[derive(Clone)]
pub struct Outbound {
    address_policy: AddressPolicy,
    client: reqwest::Client,
}

impl Settings {
    /// The default settings with an address policy.
    pub fn new(policy: AddressPolicy) -> Self {
        Self {
            address_policy: policy,
            resolver: Arc::new(SystemResolver),
            connect_timeout_ms: 10_000,
            user_agent: "florin".to_owned(),
        }
    }
}

impl Outbound {
    /// Create a client. Errors: [`Error::Unreachable`] if the system's root certificates cannot
    /// be read.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        // reqwest needs one provider per process. An error means that one is installed already,
        // which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = CheckedResolver {
            policy: settings.address_policy.clone(),
            resolver: settings.resolver,
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .user_agent(settings.user_agent)
            .build()
            .map_err(|error| Error::unreachable("the client", &error.to_string()))?;
        Ok(Self {
            address_policy: settings.address_policy,
            client,
        })
    }

    /// The address policy, to check a URL before it is stored.
    pub fn address_policy(&self) -> &AddressPolicy {
        &self.address_policy
    }

    /// Make a call. A response of any status is a success, even if its body is late or endless;
    /// everything else is a [`Error`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the limit of a call includes its redirects"
    )]
    pub async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let deadline = Instant::now() + Duration::from_millis(request.timeout_ms);
        for _ in 0..=MAX_REDIRECTS {
            let url = self.address_policy.check(&request.url)?;
            let response = self.call(&request, &url, deadline).await?;
            match redirect::next(&request, &url, &response)? {
                Some(next) => request = next,
                None => return Ok(response),
            }
        }
        let url = self.address_policy.check(&request.url)?;
        Err(Error::redirect(host_of(&url), "it is the fourth in a row"))
    }

    async fn call(
        &self,
        request: &Request,
        url: &Url,
        deadline: Instant,
    ) -> Result<Response, Error> {
        let host = host_of(url);
        let mut call = self
            .client
            .request(request.method.as_reqwest(), url.clone())
            .body(request.body.clone());
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let timeout = |_| Error::Timeout {
            host: host.to_owned(),
            limit_ms: request.timeout_ms,
        };
        let response = timeout_at(deadline, call.send())
            .await
            .map_err(timeout)?
            .map_err(|error| failure(host, &error))?;
        // Defense in depth: check the address that the connection actually reached.
        if let Some(reached) = response.remote_addr() {
            self.address_policy.check_address(host, reached.ip())?;
        }
        Ok(read(response, url, request.max_body, deadline).await)
    }
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Read a response up to its limits. A body that is cut off, late or too long still leaves the
/// status valid.
async fn read(
    mut response: reqwest::Response,
    url: &Url,
    max_body: usize,
    deadline: Instant,
) -> Response {
    let headers = response.headers().iter();
    let headers = headers.filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let (status, headers) = (response.status().as_u16(), headers.collect());
    let mut body = Vec::new();
    let truncated = loop {
        let Ok(Ok(chunk)) = timeout_at(deadline, response.chunk()).await else {
            break true;
        };
        let Some(chunk) = chunk else { break false };
        let room = max_body - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
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

/// The failure behind a reqwest error, without the URL that reqwest's message contains (its query
/// may be a secret).
fn failure(host: &str, error: &reqwest::Error) -> Error {
    let mut cause = error.source();
    let mut last = String::new();
    while let Some(inner) = cause {
        if let Some(failure) = inner.downcast_ref::<Error>() {
            return failure.clone();
        }
        last = inner.to_string();
        cause = inner.source();
    }
    if error.is_builder() {
        return Error::invalid_url("the URL or a header cannot be sent");
    }
    Error::unreachable(
        host,
        if last.is_empty() {
            "the connection was closed"
        } else {
            &last
        },
    )
}
