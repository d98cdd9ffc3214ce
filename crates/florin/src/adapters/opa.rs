//! The second voice of policy: an OPA server.

use anyhow::{Context as _, Error, Result, ensure};
use async_trait::async_trait;
use outbound::{AddressPolicy, Method, Outbound, Request, Rule, Settings};
use policy::{OpaServer, SecondVoice};
use std::net::IpAddr;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// An OPA server that is asked for one document.
pub(crate) struct Opa {
    outbound: Outbound,
    url: String,
    timeout_ms: u64,
}

impl Opa {
    /// The configured server; `None` if none is configured.
    pub(crate) fn new(server: &OpaServer) -> Result<Option<Self>> {
        if server.url.is_empty() {
            return Ok(None);
        }
        let base = server.url.trim_end_matches('/');
        let host = host(base).context("policy.opa.url: it has no host")?;
        let address = host.trim_matches(['[', ']']);
        let is_here = address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        ensure!(
            base.starts_with("https://") || (is_here && base.starts_with("http://")),
            "policy.opa.url must be https://, or http:// with a loopback address"
        );
        // Only this host, wherever it is.
        let rule: Rule = address.parse().map_err(Error::msg)?;
        let url = format!("{base}/v1/data/{}", server.path.trim_matches('/'));
        Ok(Some(Self {
            outbound: Outbound::new(Settings::new(AddressPolicy::new(vec![rule])))?,
            url,
            timeout_ms: server.timeout_ms,
        }))
    }
}

/// The host of a URL, without its port.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    match authority.rfind(']') {
        Some(end) => authority.get(..=end),
        None => authority.split(':').next().filter(|host| !host.is_empty()),
    }
}

#[async_trait]
impl SecondVoice for Opa {
    async fn permits(&self, input: &str) -> std::result::Result<(), String> {
        let mut request = Request::new(Method::Post, self.url.as_str())
            .with_header("content-type", "application/json");
        request.body = format!("{{\"input\":{input}}}").into_bytes();
        request.timeout_ms = self.timeout_ms;
        request.max_body = MAX_ANSWER;
        let response = self.outbound.send(request).await;
        let response = response.map_err(|error| error.to_string())?;
        if response.status != 200 || response.truncated {
            return Err(format!("OPA answered with status {}", response.status));
        }
        let answer: serde_json::Value =
            serde_json::from_slice(&response.body).map_err(|_| "OPA answered without JSON")?;
        match answer.get("result") {
            Some(serde_json::Value::Bool(true)) => Ok(()),
            None => Err("OPA's result is undefined".to_owned()),
            Some(_) => Err("OPA's result is not true".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(url: &str) -> Result<Option<Opa>> {
        Opa::new(&OpaServer {
            url: url.to_owned(),
            path: "florin/permit".to_owned(),
            timeout_ms: 2_000,
        })
    }

    #[test]
    fn the_url_is_https_or_of_this_machine() {
        for good in [
            "https://opa.example.com",
            "http://127.0.0.1:8181/",
            "http://[::1]:8181",
        ] {
            assert!(voice(good).is_ok_and(|voice| voice.is_some()), "{good}");
        }
        for bad in [
            "http://opa.example.com",
            "opa",
            "http://10.0.0.1:8181",
            "ftp://127.0.0.1",
        ] {
            assert!(voice(bad).is_err(), "{bad}");
        }
        assert!(voice("").is_ok_and(|voice| voice.is_none()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_true_permits() {
        let Some(opa) = testkit::opa::start() else {
            return;
        };
        let ask = async |document: &str| {
            opa.connect().put("permit", document).unwrap();
            let voice = voice(&opa.url()).unwrap().unwrap();
            voice.permits(r#"{"effects":{"complete":true}}"#).await
        };
        let permit = "package florin\npermit if input.effects.complete == true";
        assert_eq!(ask(permit).await, Ok(()));
        for document in [
            "package florin\npermit if input.effects.complete == false",
            "package florin\npermit := false",
            "package florin\npermit := \"true\"",
            "package florin\npermit := true\npermit := false if input.effects.complete",
            "package florin",
        ] {
            assert!(ask(document).await.is_err(), "{document}");
        }
        let silent = voice(&opa.url()).unwrap().unwrap();
        opa.signal("STOP").unwrap();
        assert!(silent.permits("{}").await.is_err());
        opa.signal("CONT").unwrap();
    }
}
