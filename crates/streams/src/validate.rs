//! Validation of subscriptions. Each error names its field.

use crate::error::{Error, Result, require};
use crate::retry::RetryRule;
use crate::subscription::{Change, Filter, NewSubscription};
use outbound::AddressPolicy;
use types::{Characters, NameRule};

const NAME: NameRule = NameRule::new(64, Characters::Identifier);
const MAX_ENTRIES: usize = 100;
const ENTRY: NameRule = NameRule::new(256, Characters::Printable);

pub(crate) fn new(new: &NewSubscription, policy: &AddressPolicy) -> Result<()> {
    name(&new.name)?;
    filter(&new.filter)?;
    new.delivery.check(policy)?;
    retry(&new.retry)
}

pub(crate) fn change(change: &Change, policy: &AddressPolicy) -> Result<()> {
    change.name.as_deref().map_or(Ok(()), name)?;
    change.filter.as_ref().map_or(Ok(()), filter)?;
    change
        .delivery
        .as_ref()
        .map_or(Ok(()), |delivery| delivery.check(policy))?;
    change.retry.as_ref().map_or(Ok(()), retry)
}

fn name(name: &str) -> Result<()> {
    require(NAME.accepts(name), "name", &NAME.to_string())
}

fn filter(filter: &Filter) -> Result<()> {
    entries("filter.types", &filter.types)?;
    entries("filter.sources", &filter.sources)?;
    entries("filter.topics", &filter.topics)?;
    entries("filter.subjects", &filter.subjects)
}

fn entries(field: &str, entries: &[String]) -> Result<()> {
    require(entries.len() <= MAX_ENTRIES, field, "at most 100 entries")?;
    match entries.iter().position(|entry| !ENTRY.accepts(entry)) {
        Some(index) => {
            let field = format!("{field}[{index}]");
            Err(Error::invalid(&field, ENTRY))
        }
        None => Ok(()),
    }
}

fn retry(retry: &RetryRule) -> Result<()> {
    require(
        (100..=60_000).contains(&retry.initial_ms),
        "retry.initialMs",
        "100 to 60,000",
    )?;
    let allowed = retry.initial_ms..=3_600_000;
    require(
        allowed.contains(&retry.max_ms),
        "retry.maxMs",
        "between initialMs and 3,600,000",
    )?;
    require(
        (1..=100).contains(&retry.attempts),
        "retry.attempts",
        "1 to 100",
    )
}
