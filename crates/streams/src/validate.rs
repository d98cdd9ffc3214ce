//! Validation of subscriptions. Each error names its field.

use crate::error::{Error, Result};
use crate::subscription::{Change, Delivery, Filter, NewSubscription, RetryRule};
use outbound::AddressPolicy;
use std::collections::BTreeMap;

const MAX_NAME: usize = 64;
const MAX_ENTRIES: usize = 100;
const MAX_ENTRY: usize = 256;
const MAX_HEADERS: usize = 20;
const MAX_HEADER: usize = 4_096;
const MAX_BATCH: u32 = 1_000;
const MAX_WINDOW: u32 = 32;

/// Headers that Florin or the HTTP client sets.
const RESERVED_HEADERS: [&str; 6] = [
    "host",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "user-agent",
];

pub(crate) fn new(new: &NewSubscription, policy: &AddressPolicy) -> Result<()> {
    name(&new.name)?;
    filter(&new.filter)?;
    delivery(&new.delivery, policy)?;
    retry(&new.retry)
}

pub(crate) fn change(change: &Change, policy: &AddressPolicy) -> Result<()> {
    change.name.as_deref().map_or(Ok(()), name)?;
    change.filter.as_ref().map_or(Ok(()), filter)?;
    change
        .delivery
        .as_ref()
        .map_or(Ok(()), |new| delivery(new, policy))?;
    change.retry.as_ref().map_or(Ok(()), retry)
}

fn name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let valid = !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(legal);
    require(
        valid,
        "name",
        "1 to 64 characters of A-Z, a-z, 0-9, ., _ and -",
    )
}

fn filter(filter: &Filter) -> Result<()> {
    entries("filter.types", &filter.types)?;
    entries("filter.sources", &filter.sources)?;
    entries("filter.topics", &filter.topics)?;
    entries("filter.subjects", &filter.subjects)
}

fn entries(field: &str, entries: &[String]) -> Result<()> {
    require(entries.len() <= MAX_ENTRIES, field, "at most 100 entries")?;
    let valid = |entry: &String| {
        !entry.is_empty() && entry.len() <= MAX_ENTRY && !entry.chars().any(char::is_control)
    };
    match entries.iter().position(|entry| !valid(entry)) {
        Some(index) => Err(Error::invalid(
            &format!("{field}[{index}]"),
            "1 to 256 characters",
        )),
        None => Ok(()),
    }
}

fn delivery(delivery: &Delivery, policy: &AddressPolicy) -> Result<()> {
    let batch = delivery.batch_size();
    require(
        (1..=MAX_BATCH).contains(&batch),
        "delivery.batch_size",
        "1 to 1,000",
    )?;
    match delivery {
        Delivery::Webhook {
            url,
            headers: new_headers,
            timeout_ms,
            ..
        } => {
            require(
                (100..=60_000).contains(timeout_ms),
                "delivery.timeout_ms",
                "100 to 60,000",
            )?;
            new_headers.as_ref().map_or(Ok(()), headers)?;
            policy
                .check(url)
                .map(drop)
                .map_err(|failure| Error::invalid_url(&failure))
        }
        Delivery::WebSocket { window, .. } => require(
            (1..=MAX_WINDOW).contains(window),
            "delivery.window",
            "1 to 32",
        ),
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

fn retry(retry: &RetryRule) -> Result<()> {
    require(
        (100..=60_000).contains(&retry.initial_ms),
        "retry.initial_ms",
        "100 to 60,000",
    )?;
    let allowed = retry.initial_ms..=3_600_000;
    require(
        allowed.contains(&retry.max_ms),
        "retry.max_ms",
        "between initial_ms and 3,600,000",
    )?;
    require(
        (1..=100).contains(&retry.attempts),
        "retry.attempts",
        "1 to 100",
    )
}

fn require(valid: bool, field: &str, why: &str) -> Result<()> {
    if valid {
        Ok(())
    } else {
        Err(Error::invalid(field, why))
    }
}
