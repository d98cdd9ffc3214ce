//! Why there is no answer.

use types::{Code, Coded, codes};

/// Why there is no answer. Never holds a header, a body or a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The URL cannot be used.
    #[error("the URL cannot be used: {why}")]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// The guard refuses the address.
    #[error("calls to {host} are not allowed: {why}")]
    Refused {
        /// The host of the URL.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name has no address.
    #[error("the name {host} has no address: {why}")]
    Unresolved {
        /// The host of the URL.
        host: String,
        /// The resolver's words.
        why: String,
    },
    /// Nobody answers, or the answer broke off.
    #[error("{host} does not answer: {why}")]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// What is known.
        why: String,
    },
    /// The answer did not come in time. Whether the call had an effect is not known.
    #[error("{host} did not answer within {limit_ms} ms")]
    Timeout {
        /// The host of the URL.
        host: String,
        /// The limit.
        limit_ms: u64,
    },
    /// Redirected more often than the limit allows, or where no redirect may lead.
    #[error("the redirect of {host} is not followed: {why}")]
    Redirect {
        /// The host that redirects.
        host: String,
        /// Why not.
        why: String,
    },
}

codes! { Failure {
    Self::Url { .. } => ("streams.outbound_url", 400, Never),
    Self::Refused { .. } => ("streams.outbound_refused", 403, Never),
    Self::Unresolved { .. } => ("streams.outbound_unresolved", 502, Later),
    Self::Unreachable { .. } => ("streams.outbound_unreachable", 502, Later),
    Self::Timeout { .. } => ("streams.outbound_timeout", 504, Later),
    Self::Redirect { .. } => ("streams.outbound_redirect", 502, Later),
}}

impl Coded for Failure {
    fn code(&self) -> Code {
        self.own_code()
    }
}

impl Failure {
    pub(super) fn url(why: &str) -> Self {
        Self::Url {
            why: why.to_owned(),
        }
    }

    pub(super) fn refused(host: &str, why: &str) -> Self {
        Self::Refused {
            host: host.to_owned(),
            why: why.to_owned(),
        }
    }

    pub(super) fn unreachable(host: &str, why: &str) -> Self {
        Self::Unreachable {
            host: host.to_owned(),
            why: why.to_owned(),
        }
    }

    pub(super) fn redirect(host: &str, why: &str) -> Self {
        Self::Redirect {
            host: host.to_owned(),
            why: why.to_owned(),
        }
    }
}
