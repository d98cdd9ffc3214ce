//! HTTP calls to URLs that callers supply: webhooks, and the HTTP steps of tasks.
//!
//! A caller-supplied URL can be used for server-side request forgery (SSRF): it may point to the
//! metadata service of a cloud, a database behind the firewall or the loopback interface. An
//! [`AddressPolicy`] rejects such addresses, unless the configuration allows them, at three points:
//! when a URL is parsed (literal addresses), after a name is resolved (the connection is made to
//! the checked address, so DNS rebinding has no effect), and on each redirect. An [`Outbound`]
//! client limits time, redirects and response size.
//!
//! What it never does: use a proxy from the environment, follow a redirect from https to http, send
//! the caller's headers to another origin, or speak anything but HTTP.
//!
//! Invariants, each with the test that checks it:
//! - no request reaches a disallowed address, whatever its name resolves to and wherever it is
//!   redirected (`tests/it/address_policy`);
//! - credentials and headers of the caller stay with the origin they were meant for
//!   (`redirect::tests`).

mod address;
mod address_policy;
mod client;
mod error;
mod message;
mod redirect;
mod resolve;

pub use address_policy::{AddressPolicy, Rule, RuleError};
pub use client::{Outbound, Settings};
pub use error::Error;
pub use message::{Method, Request, Response};
pub use resolve::NameResolver;
