//! Which addresses outbound calls may reach (SSRF protection).

use crate::Error;
use crate::address::{embedded_ipv4, non_public_reason};
use ipnet::IpNet;
use reqwest::Url;
use std::net::IpAddr;

const MAX_URL: usize = 2_048;

/// An exception in the configuration: a network (`10.1.0.0/16`, `::1`), or a name
/// (`hooks.internal`) regardless of what it resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    Network(IpNet),
    /// Lower case.
    Host(String),
}

/// A text is not a [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a network such as 10.1.0.0/16, an address, or a name such as hooks.internal")]
pub struct RuleError;

/// Rejects addresses that are not public, except those that the configuration allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allow: Vec<Rule>,
}

impl AddressPolicy {
    /// A policy with these exceptions.
    pub fn new(allow: Vec<Rule>) -> Self {
        Self { allow }
    }

    /// Parse a URL and check what can be checked before name resolution: scheme, credentials, port,
    /// literal address. Errors: [`Error::InvalidUrl`], [`Error::AddressBlocked`].
    pub fn check(&self, url: &str) -> Result<Url, Error> {
        if url.len() > MAX_URL {
            return Err(Error::invalid_url("it is longer than 2,048 characters"));
        }
        let url = Url::parse(url).map_err(|error| Error::invalid_url(&error.to_string()))?;
        self.check_parsed(&url)?;
        Ok(url)
    }

    pub(crate) fn check_parsed(&self, url: &Url) -> Result<(), Error> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::invalid_url("its scheme is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid_url(
                "it contains credentials; send them in a header",
            ));
        }
        let host = url
            .host_str()
            .ok_or_else(|| Error::invalid_url("it has no host"))?;
        if url.port_or_known_default().unwrap_or_default() == 0 {
            return Err(Error::blocked(host, "port 0 is not allowed"));
        }
        match literal(host) {
            Some(address) => self.check_address(host, address),
            None => Ok(()),
        }
    }

    /// Check an address that a host resolved to. Errors: [`Error::AddressBlocked`].
    pub(crate) fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Error> {
        match non_public_reason(address) {
            Some(why) if !self.allows(host, address) => {
                Err(Error::blocked(host, &format!("{address} is {why}")))
            }
            _ => Ok(()),
        }
    }

    fn allows(&self, host: &str, address: IpAddr) -> bool {
        let host = normalize(host);
        self.allow.iter().any(|rule| match rule {
            Rule::Host(name) => *name == host,
            Rule::Network(network) => {
                network.contains(&address) || network.contains(&embedded_ipv4(address))
            }
        })
    }
}

/// The address, if the host is a literal address.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// A name as in [`Rule::Host`]: lower case, without a trailing dot.
fn normalize(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl std::str::FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if let Some(address) = literal(text) {
            return Ok(Rule::Network(address.into()));
        }
        if text.contains('/') {
            return text.parse().map(Rule::Network).map_err(|_| RuleError);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_name = text.chars().any(|c| c.is_ascii_alphabetic()) && text.chars().all(legal);
        if is_name {
            Ok(Rule::Host(normalize(text)))
        } else {
            Err(RuleError)
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rule::Network(network) => network.fmt(f),
            Rule::Host(name) => f.write_str(name),
        }
    }
}

types::serde_as_text!(Rule);

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str]) -> AddressPolicy {
        AddressPolicy::new(
            rules
                .iter()
                .map(|rule| rule.parse().expect("a rule"))
                .collect(),
        )
    }

    #[test]
    fn every_notation_of_an_address_is_recognized() {
        let urls = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/latest/meta-data",
            "http://[64:ff9b::a00:1]/",
            "http://169.254.169.254/",
            "http://１２７.0.0.1/",
        ];
        for url in urls {
            assert!(
                matches!(policy(&[]).check(url), Err(Error::AddressBlocked { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn only_http_without_credentials_is_allowed() {
        for url in [
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://a:b@example.org/",
            "gopher://x/",
            "no url",
            "http://",
        ] {
            assert!(
                matches!(policy(&[]).check(url), Err(Error::InvalidUrl { .. })),
                "{url}"
            );
        }
        assert!(policy(&[]).check("https://example.org/hook?x=1").is_ok());
        assert!(matches!(
            policy(&[]).check("http://example.org:0/"),
            Err(Error::AddressBlocked { .. })
        ));
    }

    #[test]
    fn exceptions_match_exactly_what_they_name() {
        let policy = policy(&["10.1.0.0/16", "Hooks.internal", "::1"]);
        assert!(policy.check("http://10.1.2.3/").is_ok());
        assert!(policy.check("http://[::ffff:10.1.2.3]/").is_ok());
        assert!(policy.check("http://[::1]:80/").is_ok());
        assert!(policy.check("http://10.2.0.1/").is_err());
        let private = "192.168.0.1".parse().expect("an address");
        assert_eq!(policy.check_address("hooks.internal.", private), Ok(()));
        assert!(policy.check_address("other.internal", private).is_err());
    }

    #[test]
    fn a_rule_round_trips_through_text() {
        for text in ["10.0.0.0/8", "::1/128", "a.internal"] {
            assert_eq!(text.parse::<Rule>().expect("a rule").to_string(), text);
        }
        for invalid in ["10.0.0.0/33", "10.0.0/8", "", "a/b", "x y", "1.2.3"] {
            assert_eq!(invalid.parse::<Rule>(), Err(RuleError), "{invalid}");
        }
    }
    proptest::proptest! {
        /// For any text: no panic, and only http or https URLs with an allowed host pass.
        #[test]
        fn any_text_is_parsed_or_rejected(text in "(http|https|ftp|)(://|:|//)?[ -~é]{0,40}") {
            if let Ok(url) = AddressPolicy::default().check(&text) {
                proptest::prop_assert!(matches!(url.scheme(), "http" | "https"));
                let address = literal(url.host_str().unwrap_or_default());
                proptest::prop_assert!(address.is_none_or(|address| non_public_reason(address).is_none()), "{}", url);
            }
            let _ = text.parse::<Rule>();
        }
    }
}
