//! `webhook`: batches are posted to a URL, signed.

use super::{
    Attempt, DeliveryOutcome, Field, Limits, Mode, OutgoingBatch, Sink, SinkDoc, SinkSettings,
};
use crate::error::{Error, Result, require};
use crate::sign::signature;
use outbound::{AddressPolicy, Method, Outbound, Request, Response};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use types::{Time, clip, sanitize_text};

/// Bytes of the response body that are read, to explain a failure.
const MAX_RESPONSE: usize = 512;
/// Characters of it that are shown.
const MAX_SHOWN: usize = 200;
const MAX_HEADERS: usize = 20;
const MAX_HEADER: usize = 4_096;

/// Headers that Florin or the HTTP client sets.
const RESERVED_HEADERS: [&str; 7] = [
    "host",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "user-agent",
    "traceparent",
];

pub(super) struct Webhook;

const DOC: SinkDoc = SinkDoc {
    name: "webhook",
    doc: "Events are posted to a URL.",
    fields: &[
        Field::text("url", "An http or https URL without credentials"),
        Field::secret_texts(
            "headers",
            "Additional request headers; their values are returned empty",
        ),
        Field::integer(
            "batchSize",
            (1, 1_000),
            50,
            "The maximum number of events per request",
        ),
        Field::integer(
            "timeoutMs",
            (100, 60_000),
            10_000,
            "The response timeout in milliseconds",
        ),
    ],
    mode: Mode::Push,
    signs: true,
};

#[async_trait::async_trait]
impl Sink for Webhook {
    fn doc(&self) -> &'static SinkDoc {
        &DOC
    }

    fn check(&self, settings: &SinkSettings, policy: &AddressPolicy) -> Result<()> {
        settings
            .texts("headers")
            .map_or(Ok(()), |texts| headers(&texts))?;
        match policy.check(settings.text("url")) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::invalid("delivery.url", error)),
        }
    }

    fn limits(&self, settings: &SinkSettings) -> Limits {
        Limits {
            batch_size: settings.small_integer("batchSize"),
            timeout_ms: settings.integer("timeoutMs"),
            window: 0,
        }
    }

    async fn send(
        &self,
        outbound: &Outbound,
        batch: &OutgoingBatch,
        attempt: Attempt,
    ) -> DeliveryOutcome {
        let now = attempt.now;
        let Some(request) = request(batch, attempt) else {
            return DeliveryOutcome::failed("the secrets of the subscription cannot be decrypted");
        };
        match outbound.send(request).await {
            Ok(response) => classify(&response, now),
            Err(error) => DeliveryOutcome::failed(error.to_string()),
        }
    }
}

fn headers(headers: &BTreeMap<String, String>) -> Result<()> {
    require(
        headers.len() <= MAX_HEADERS,
        "delivery.headers",
        "at most 20 headers",
    )?;
    headers
        .iter()
        .try_for_each(|(name, value)| header(name, value))
}

fn header(name: &str, value: &str) -> Result<()> {
    let field = format!("delivery.headers.{name}");
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    require(
        !name.is_empty() && name.len() <= 128 && name.chars().all(token),
        &field,
        "not a valid header name",
    )?;
    let lower = name.to_ascii_lowercase();
    let reserved = RESERVED_HEADERS.contains(&lower.as_str()) || lower.starts_with("florin-");
    require(!reserved, &field, "this header is reserved")?;
    let printable =
        value.len() <= MAX_HEADER && value.chars().all(|c| c == '\t' || (' '..='~').contains(&c));
    require(
        printable,
        &field,
        "at most 4,096 printable ASCII characters",
    )
}

/// The request of an attempt; none if the secrets cannot be decrypted.
fn request(batch: &OutgoingBatch, attempt: Attempt) -> Option<Request> {
    let secrets = batch.secrets.as_ref()?;
    let settings = batch.delivery.settings();
    let mut request = Request::new(Method::Post, settings.text("url").to_owned());
    for (name, value) in secrets.texts("headers") {
        request = request.with_header(name, value);
    }
    request.timeout_ms = settings.integer("timeoutMs");
    request.max_body = MAX_RESPONSE;
    let Attempt { now, trace } = attempt;
    let signature = signature(now, &batch.body, &secrets.live(now));
    if let Some(trace) = trace {
        request = request.with_header("traceparent", &trace.to_string());
    }
    let request = request
        .with_header("content-type", "application/json")
        .with_header("florin-delivery", &batch.delivery_id())
        .with_header("florin-subscription", &batch.subscription.to_string())
        .with_header("florin-attempt", &batch.attempt.to_string())
        .with_header("florin-signature", &signature);
    Some(Request {
        body: batch.body.clone(),
        ..request
    })
}

fn classify(response: &Response, now: Time) -> DeliveryOutcome {
    match response.status {
        200..=299 => DeliveryOutcome::Delivered,
        410 => DeliveryOutcome::Gone,
        413 => DeliveryOutcome::TooLarge,
        status => DeliveryOutcome::Failed {
            why: describe(status, &response.body),
            retry_after_ms: response
                .header("retry-after")
                .and_then(|value| retry_after(value, now)),
        },
    }
}

/// A short description of a failed response. The body is untrusted and sanitized.
fn describe(status: u16, body: &[u8]) -> String {
    let text = sanitize_text(body).replace(char::is_control, " ");
    let text = clip(&text, MAX_SHOWN);
    let text = text.trim();
    if text.is_empty() {
        format!("the receiver answered {status}")
    } else {
        format!("the receiver answered {status}: {text}")
    }
}

/// Parse `Retry-After`: seconds or a date (RFC 9110, 10.2.3).
fn retry_after(value: &str, now: Time) -> Option<i64> {
    if let Ok(seconds) = value.trim().parse::<u32>() {
        return Some(i64::from(seconds) * 1_000);
    }
    let at = OffsetDateTime::parse(value.trim(), &Rfc2822).ok()?;
    Some(
        Time::from_secs(at.unix_timestamp())
            .millis_since(now)
            .max(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Time = "2026-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!(retry_after("120", now), Some(120_000));
        assert_eq!(
            retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now),
            Some(60_000)
        );
        assert_eq!(retry_after("Thu, 01 Jan 2015 00:01:00 GMT", now), Some(0));
        for invalid in ["", "-5", "soon", "1e9", "99999999999"] {
            assert_eq!(retry_after(invalid, now), None, "{invalid}");
        }
    }

    #[test]
    fn a_failure_is_described_in_sanitized_text() {
        assert_eq!(describe(500, b""), "the receiver answered 500");
        assert_eq!(
            describe(422, b"bad\0\x1b[31m\xff"),
            "the receiver answered 422: bad\u{fffd} [31m\u{fffd}"
        );
        assert!(describe(500, &[b'x'; 512]).len() < 240);
    }
}
