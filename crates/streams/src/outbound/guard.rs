//! Whom Florin may speak to.

use super::address::{forbidden, unwrapped, within};
use super::failure::Failure;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The longest URL.
const MAX_URL: usize = 2_048;

/// An exception that the configuration makes: a network (`10.1.0.0/16`, `::1`) or a name
/// (`hooks.internal`), whatever it resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Every address in a network.
    Network(IpAddr, u8),
    /// A name, in lower case.
    Host(String),
}

/// Why a text is not a [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a network such as 10.1.0.0/16, an address, or a name such as hooks.internal")]
pub struct RuleError;

/// Refuses addresses that are not of the public internet, but for the exceptions that the
/// configuration makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    allow: Vec<Rule>,
    ports: Vec<u16>,
}

impl Guard {
    /// A guard with these exceptions.
    pub fn new(allow: Vec<Rule>) -> Self {
        Self {
            allow,
            ports: Vec::new(),
        }
    }

    /// The same, for these ports alone. Without a port, any will do.
    #[must_use]
    pub fn only_ports(mut self, ports: Vec<u16>) -> Self {
        self.ports = ports;
        self
    }

    /// Read a URL and check what can be checked before its name is resolved: scheme, credentials,
    /// port, a literal address. Errors: [`Failure::Url`], [`Failure::Refused`].
    pub fn check(&self, url: &str) -> Result<Url, Failure> {
        if url.len() > MAX_URL {
            return Err(Failure::url("it is longer than 2,048 characters"));
        }
        let url = Url::parse(url).map_err(|error| Failure::url(&error.to_string()))?;
        self.check_parsed(&url)?;
        Ok(url)
    }

    pub(super) fn check_parsed(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::url("its scheme is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::url(
                "it carries credentials; put them into a header",
            ));
        }
        let host = url
            .host_str()
            .ok_or_else(|| Failure::url("it names no host"))?;
        let port = url.port_or_known_default().unwrap_or_default();
        if port == 0 || !(self.ports.is_empty() || self.ports.contains(&port)) {
            return Err(Failure::refused(
                host,
                &format!("port {port} is not allowed"),
            ));
        }
        match literal(host) {
            Some(address) => self.check_address(host, address),
            None => Ok(()),
        }
    }

    /// Check an address that a host resolved to. Errors: [`Failure::Refused`].
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Failure> {
        match forbidden(address) {
            Some(why) if !self.allows(host, address) => {
                Err(Failure::refused(host, &format!("{address} is {why}")))
            }
            _ => Ok(()),
        }
    }

    fn allows(&self, host: &str, address: IpAddr) -> bool {
        let host = plain(host);
        self.allow.iter().any(|rule| match rule {
            Rule::Host(name) => *name == host,
            Rule::Network(network, bits) => {
                within(address, *network, *bits) || within(unwrapped(address), *network, *bits)
            }
        })
    }
}

/// The address that a host is, if it is written as one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// A name as rules have it: lower case, no dot at its end.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl std::str::FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if let Some(address) = literal(text) {
            return Ok(Rule::Network(
                address,
                if address.is_ipv4() { 32 } else { 128 },
            ));
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| RuleError)?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or(RuleError)?;
            return Ok(Rule::Network(address, bits));
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let named = text.chars().any(|c| c.is_ascii_alphabetic()) && text.chars().all(legal);
        if named {
            Ok(Rule::Host(plain(text)))
        } else {
            Err(RuleError)
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rule::Network(address, bits) => write!(f, "{address}/{bits}"),
            Rule::Host(name) => f.write_str(name),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(rules: &[&str]) -> Guard {
        Guard::new(
            rules
                .iter()
                .map(|rule| rule.parse().expect("a rule"))
                .collect(),
        )
    }

    #[test]
    fn an_address_in_disguise_is_seen() {
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
                matches!(guard(&[]).check(url), Err(Failure::Refused { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn only_http_without_credentials() {
        for url in [
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://a:b@example.org/",
            "gopher://x/",
            "no url",
            "http://",
        ] {
            assert!(
                matches!(guard(&[]).check(url), Err(Failure::Url { .. })),
                "{url}"
            );
        }
        assert!(guard(&[]).check("https://example.org/hook?x=1").is_ok());
        assert!(matches!(
            guard(&[]).check("http://example.org:0/"),
            Err(Failure::Refused { .. })
        ));
        let narrow = guard(&[]).only_ports(vec![443]);
        assert!(narrow.check("https://example.org/").is_ok());
        assert!(matches!(
            narrow.check("https://example.org:8443/"),
            Err(Failure::Refused { .. })
        ));
    }

    #[test]
    fn exceptions_are_as_wide_as_they_are_written() {
        let guard = guard(&["10.1.0.0/16", "Hooks.internal", "::1"]);
        assert!(guard.check("http://10.1.2.3/").is_ok());
        assert!(guard.check("http://[::ffff:10.1.2.3]/").is_ok());
        assert!(guard.check("http://[::1]:80/").is_ok());
        assert!(guard.check("http://10.2.0.1/").is_err());
        let private = "192.168.0.1".parse().expect("an address");
        assert_eq!(guard.check_address("hooks.internal.", private), Ok(()));
        assert!(guard.check_address("other.internal", private).is_err());
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in ["10.0.0.0/8", "::1/128", "a.internal"] {
            assert_eq!(text.parse::<Rule>().expect("a rule").to_string(), text);
        }
        for bad in ["10.0.0.0/33", "10.0.0/8", "", "a/b", "x y", "1.2.3"] {
            assert_eq!(bad.parse::<Rule>(), Err(RuleError), "{bad}");
        }
    }
    proptest::proptest! {
        /// Whatever the text: no panic, and nothing passes that does not name an open host by http.
        #[test]
        fn any_text_is_read_or_refused(text in "(http|https|ftp|)(://|:|//)?[ -~é]{0,40}") {
            if let Ok(url) = Guard::default().check(&text) {
                proptest::prop_assert!(matches!(url.scheme(), "http" | "https"));
                let address = literal(url.host_str().unwrap_or_default());
                proptest::prop_assert!(address.is_none_or(|address| forbidden(address).is_none()), "{}", url);
            }
            let _ = text.parse::<Rule>();
        }
    }
}
