//! The logs of one block: checked against the block, and told as chain events.

use super::bloom::Gathered;
use super::config::LogsBloom;
use super::header::Header;
use super::numerals::{Account, Bytes, Quantity, Word};
use crate::Watch;
use intent::evm::Log;
use serde::Deserialize;
use types::ChainEvent;

/// A log as JSON tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogJson {
    pub(super) address: Account,
    pub(super) topics: Vec<Word>,
    #[serde(default)]
    pub(super) data: Bytes,
    pub(super) block_hash: Word,
    pub(super) transaction_hash: Word,
    pub(super) transaction_index: Quantity,
    pub(super) log_index: Quantity,
    #[serde(default)]
    pub(super) removed: bool,
}

/// A block that logs are held against.
pub(super) struct Frame<'a> {
    pub(super) header: &'a Header,
    /// The hashes of its transactions, in order.
    pub(super) transactions: &'a [Word],
    pub(super) rule: LogsBloom,
    /// Whether the logs were proven by the receipts' root already.
    pub(super) proven: bool,
}

impl Frame<'_> {
    /// Whether these can be all the logs of the block, in order; what is wrong if not.
    pub(super) fn check(&self, logs: &[LogJson]) -> Result<(), String> {
        logs.iter().try_for_each(|log| self.check_one(log))?;
        for (place, pair) in logs.windows(2).enumerate() {
            let grows = pair[0].log_index < pair[1].log_index
                && pair[0].transaction_index <= pair[1].transaction_index;
            if !grows {
                return Err(format!("logs {place} and {} are out of order", place + 1));
            }
        }
        match self.rule {
            _ if self.proven => self.check_gaps(logs),
            LogsBloom::Exact => self.check_gaps(logs).and_then(|()| self.check_bloom(logs)),
            LogsBloom::Covered => self.check_bloom(logs),
            LogsBloom::Off => Ok(()),
        }
    }

    fn check_one(&self, log: &LogJson) -> Result<(), String> {
        if log.block_hash != self.header.hash || log.removed {
            return Err("a log is of another block".to_owned());
        }
        let place = usize::try_from(log.transaction_index.0).unwrap_or(usize::MAX);
        match self.transactions.get(place) {
            Some(hash) if *hash == log.transaction_hash => Ok(()),
            // Polygon tells of its state synchronisation by logs of a transaction that stands in no
            // block.
            None if self.rule != LogsBloom::Exact => Ok(()),
            _ => Err("a log is of a transaction that is not in the block".to_owned()),
        }
    }

    /// Log indexes count through the block from 0.
    fn check_gaps(&self, logs: &[LogJson]) -> Result<(), String> {
        let gap = logs
            .iter()
            .zip(0u64..)
            .find(|(log, place)| log.log_index.0 != *place);
        gap.map_or(Ok(()), |(_, place)| Err(format!("log {place} is missing")))
    }

    fn check_bloom(&self, logs: &[LogJson]) -> Result<(), String> {
        let mut gathered = Gathered::default();
        logs.iter()
            .for_each(|log| gathered.add(&log.address, &log.topics));
        let header = &self.header.logs_bloom;
        let holds = if self.rule == LogsBloom::Exact {
            gathered.is(header)
        } else {
            gathered.covers(header)
        };
        if holds {
            Ok(())
        } else {
            Err(format!(
                "the header's filter tells of other logs than these {}",
                logs.len()
            ))
        }
    }
}

/// The logs that the watch asks for, as events. The path is a log's place among its transaction's.
pub(super) fn events(logs: &[LogJson], watch: &Watch) -> Result<Vec<ChainEvent>, String> {
    let mut events = Vec::new();
    let mut first_of_transaction = 0;
    for (place, log) in logs.iter().enumerate() {
        if place > 0 && logs[place - 1].transaction_index != log.transaction_index {
            first_of_transaction = place;
        }
        if is_watched(log, watch) {
            events.push(event(log, place - first_of_transaction)?);
        }
    }
    Ok(events)
}

fn is_watched(log: &LogJson, watch: &Watch) -> bool {
    watch.everything
        || (!watch.topics.is_empty() && watch.topics.contains(&topic(log)))
        || (!watch.sources.is_empty() && watch.sources.contains(&log.address.to_string()))
}

fn topic(log: &LogJson) -> String {
    log.topics.first().map(Word::to_string).unwrap_or_default()
}

fn event(log: &LogJson, path: usize) -> Result<ChainEvent, String> {
    let small = |number: Quantity| {
        u32::try_from(number.0).map_err(|_| "a log's place is beyond 2^32".to_owned())
    };
    let topics = log.topics.iter().map(|topic| topic.0).collect();
    Ok(ChainEvent {
        transaction: log.transaction_hash.to_string(),
        path: path.to_string(),
        transaction_index: small(log.transaction_index)?,
        index: small(log.log_index)?,
        source: log.address.to_string(),
        topic: topic(log),
        body: Log {
            topics,
            data: log.data.0.clone(),
        }
        .to_body(),
    })
}
