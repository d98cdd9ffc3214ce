//! Post a batch, and classify the receiver's response.

use super::claim::{OutgoingBatch, delivery_id};
use crate::sign::signature;
use crate::subscription::Delivery;
use outbound::{Method, Outbound, Request, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use types::{Time, sanitize_text};

/// Bytes of the response body that are read, to explain a failure.
const MAX_RESPONSE: usize = 512;

/// The outcome of a webhook call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// 2xx.
    Delivered,
    /// 410: the receiver wants no further events.
    Gone,
    /// 413: the batch is too large.
    TooLarge,
    /// Any other status, or no response.
    Failed {
        why: String,
        /// From the `Retry-After` header.
        retry_after_ms: Option<i64>,
    },
}

/// Post a batch. External effect: it may arrive more than once, always with the same bytes under
/// the same id.
pub(super) async fn post(
    outbound: &Outbound,
    outgoing: &OutgoingBatch,
    now: Time,
) -> DeliveryOutcome {
    let Some(request) = request(outgoing, now) else {
        return DeliveryOutcome::Failed {
            why: "the secrets of the subscription cannot be decrypted".to_owned(),
            retry_after_ms: None,
        };
    };
    match outbound.send(request).await {
        Ok(response) => classify(&response, now),
        Err(failure) => DeliveryOutcome::Failed {
            why: failure.to_string(),
            retry_after_ms: None,
        },
    }
}

fn request(outgoing: &OutgoingBatch, now: Time) -> Option<Request> {
    let (
        Delivery::Webhook {
            url, timeout_ms, ..
        },
        Some(secrets),
    ) = (&outgoing.delivery, &outgoing.secrets)
    else {
        return None;
    };
    let mut request = Request::new(Method::Post, url.clone());
    for (name, value) in &secrets.headers {
        request = request.with_header(name, value);
    }
    request.timeout_ms = *timeout_ms;
    request.max_body = MAX_RESPONSE;
    let request = request
        .with_header("content-type", "application/json")
        .with_header(
            "florin-delivery",
            &delivery_id(outgoing.subscription, outgoing.batch),
        )
        .with_header("florin-subscription", &outgoing.subscription.to_string())
        .with_header("florin-attempt", &outgoing.attempt.to_string())
        .with_header(
            "florin-signature",
            &signature(now, &outgoing.body, &secrets.live(now)),
        );
    Some(Request {
        body: outgoing.body.clone(),
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
    let text = sanitize_text(body);
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect();
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
