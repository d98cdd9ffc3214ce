//! The URL of a node. It may contain a user, a password or a provider's key, so it is never shown
//! whole.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The URL of a node, `http` or `https`. Displayed as scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeUrl(Url);

/// The text is not the URL of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the URL of a node such as http://127.0.0.1:8545 or https://user:password@node.example/path"
)]
pub struct NodeUrlError;

impl NodeUrl {
    /// Whether the connection is encrypted.
    pub(super) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The whole URL, for connecting.
    pub(super) fn expose(&self) -> Url {
        self.0.clone()
    }
}

impl std::str::FromStr for NodeUrl {
    type Err = NodeUrlError;

    fn from_str(text: &str) -> Result<Self, NodeUrlError> {
        let url = Url::parse(text).map_err(|_| NodeUrlError)?;
        let valid = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty());
        valid.then_some(Self(url)).ok_or(NodeUrlError)
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            self.0.scheme(),
            self.0.host_str().unwrap_or_default()
        )?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for NodeUrl {
    /// Redacted, as in `Display`.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeUrl {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let url: NodeUrl = "https://user:s3cret@node.example:8443/v3/k3y?token=t0ken#f"
            .parse()
            .unwrap();
        for shown in [
            url.to_string(),
            format!("{url:?}"),
            serde_json::to_string(&url).unwrap(),
        ] {
            assert!(shown.contains("https://node.example:8443"), "{shown}");
            assert!(
                !["s3cret", "user", "k3y", "t0ken"]
                    .iter()
                    .any(|secret| shown.contains(secret)),
                "{shown}"
            );
        }
    }

    #[test]
    fn only_http_urls_are_accepted() {
        for text in [
            "",
            "node",
            "ftp://node",
            "file:///etc/passwd",
            "http://",
            "ws://node",
        ] {
            assert_eq!(text.parse::<NodeUrl>(), Err(NodeUrlError), "{text}");
        }
        assert!(
            "http://127.0.0.1:8545"
                .parse::<NodeUrl>()
                .is_ok_and(|url| !url.is_tls())
        );
    }
}
