//! Failures of outbound calls.

use types::{Code, Coded, codes};

/// Why a call has no response. Never contains a header, a body or a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the URL cannot be used: {why}")]
    InvalidUrl { why: String },
    /// The address policy rejects the address.
    #[error("calls to {host} are not allowed: {why}")]
    AddressBlocked { host: String, why: String },
    #[error("the name {host} cannot be resolved: {why}")]
    Unresolved { host: String, why: String },
    /// The connection failed or was closed.
    #[error("{host} is unreachable: {why}")]
    Unreachable { host: String, why: String },
    /// Whether the call had an effect is unknown.
    #[error("{host} did not respond within {limit_ms} ms")]
    Timeout { host: String, limit_ms: u64 },
    /// Too many redirects, or a redirect to a disallowed target.
    #[error("a redirect from {host} was not followed: {why}")]
    RedirectRefused { host: String, why: String },
}

codes! { Error {
    Self::InvalidUrl { .. } => ("outbound.invalid_url", 400, Never),
    Self::AddressBlocked { .. } => ("outbound.address_blocked", 403, Never),
    Self::Unresolved { .. } => ("outbound.unresolved", 502, Later),
    Self::Unreachable { .. } => ("outbound.unreachable", 502, Later),
    Self::Timeout { .. } => ("outbound.timeout", 504, Later),
    Self::RedirectRefused { .. } => ("outbound.redirect_refused", 502, Later),
}}

impl Coded for Error {
    fn code(&self) -> Code {
        self.own_code()
    }
}

impl Error {
    pub(crate) fn invalid_url(why: &str) -> Self {
        Self::InvalidUrl {
            why: why.to_owned(),
        }
    }

    pub(crate) fn blocked(host: &str, why: &str) -> Self {
        Self::AddressBlocked {
            host: host.to_owned(),
            why: why.to_owned(),
        }
    }

    pub(crate) fn unreachable(host: &str, why: &str) -> Self {
        Self::Unreachable {
            host: host.to_owned(),
            why: why.to_owned(),
        }
    }

    pub(crate) fn redirect(host: &str, why: &str) -> Self {
        Self::RedirectRefused {
            host: host.to_owned(),
            why: why.to_owned(),
        }
    }
}
