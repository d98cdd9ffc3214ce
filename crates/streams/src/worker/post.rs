//! Post a batch, and read the receiver's answer.

use super::claim::{Outgoing, delivery_id};
use crate::outbound::{Method, Outbound, Request, Response};
use crate::sign::signature;
use crate::subscription::Delivery;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use types::{Time, hostile_text};

/// Bytes of an answer that are read, for the words that explain a refusal.
const MAX_ANSWER: usize = 512;

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Any 2xx: the receiver has it.
    Taken,
    /// 410: the receiver wants nothing ever again.
    Gone,
    /// 413: too much at once.
    TooLarge,
    /// Anything else, or nothing.
    Refused {
        /// What is known.
        why: String,
        /// When the receiver wants to be asked again.
        retry_after_ms: Option<i64>,
    },
}

/// Post a batch. External effect: it may arrive more than once, always with the same bytes and the
/// same id.
pub(super) async fn post(outbound: &Outbound, outgoing: &Outgoing, now: Time) -> Answer {
    let Some(request) = request(outgoing, now) else {
        return Answer::Refused {
            why: "the secrets of the subscription do not open".to_owned(),
            retry_after_ms: None,
        };
    };
    match outbound.send(request).await {
        Ok(response) => judge(&response, now),
        Err(failure) => Answer::Refused {
            why: failure.to_string(),
            retry_after_ms: None,
        },
    }
}

fn request(outgoing: &Outgoing, now: Time) -> Option<Request> {
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
    request.max_body = MAX_ANSWER;
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

fn judge(response: &Response, now: Time) -> Answer {
    match response.status {
        200..=299 => Answer::Taken,
        410 => Answer::Gone,
        413 => Answer::TooLarge,
        status => Answer::Refused {
            why: words(status, &response.body),
            retry_after_ms: response
                .header("retry-after")
                .and_then(|value| retry_after(value, now)),
        },
    }
}

/// The answer in a few words; its body is hostile text.
fn words(status: u16, body: &[u8]) -> String {
    let text = hostile_text(body);
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

/// Seconds, or a date (RFC 9110, 10.2.3).
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
    fn the_receiver_may_say_when() {
        let now: Time = "2026-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!(retry_after("120", now), Some(120_000));
        assert_eq!(
            retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now),
            Some(60_000)
        );
        assert_eq!(retry_after("Thu, 01 Jan 2015 00:01:00 GMT", now), Some(0));
        for bad in ["", "-5", "soon", "1e9", "99999999999"] {
            assert_eq!(retry_after(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_plain_words() {
        assert_eq!(words(500, b""), "the receiver answered 500");
        assert_eq!(
            words(422, b"bad\0\x1b[31m\xff"),
            "the receiver answered 422: bad\u{fffd} [31m\u{fffd}"
        );
        assert!(words(500, &[b'x'; 512]).len() < 240);
    }
}
