//! The logs of one block: verification, and conversion to chain events.

use super::bloom::BloomBuilder;
use super::config::LogsBloom;
use super::header::Header;
use super::numerals::{Account, Bytes, Quantity, Word};
use crate::Watch;
use intent::evm::Log;
use serde::Deserialize;
use types::ChainEvent;

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

/// Verifies logs against their block.
pub(super) struct LogChecker<'a> {
    pub(super) header: &'a Header,
    /// Transaction hashes, in order.
    pub(super) transactions: &'a [Word],
    pub(super) rule: LogsBloom,
    /// Whether the receipts root already proves the logs.
    pub(super) proven: bool,
}

impl LogChecker<'_> {
    /// Checks that these can be all logs of the block, in order. The error describes the fault.
    pub(super) fn check(&self, logs: &[LogJson]) -> Result<(), String> {
        logs.iter().try_for_each(|log| self.check_one(log))?;
        for (index, pair) in logs.windows(2).enumerate() {
            let ascending = pair[0].log_index < pair[1].log_index
                && pair[0].transaction_index <= pair[1].transaction_index;
            if !ascending {
                return Err(format!("logs {index} and {} are out of order", index + 1));
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
            return Err("a log belongs to another block".to_owned());
        }
        let index = usize::try_from(*log.transaction_index).unwrap_or(usize::MAX);
        match self.transactions.get(index) {
            Some(hash) if *hash == log.transaction_hash => Ok(()),
            // Polygon reports its state sync in logs of a transaction that is in no block.
            None if self.rule != LogsBloom::Exact => Ok(()),
            _ => Err("a log belongs to a transaction that is not in the block".to_owned()),
        }
    }

    /// Log indexes are consecutive through the block, from 0.
    fn check_gaps(&self, logs: &[LogJson]) -> Result<(), String> {
        let gap = logs
            .iter()
            .zip(0u64..)
            .find(|(log, index)| *log.log_index != *index);
        gap.map_or(Ok(()), |(_, index)| Err(format!("log {index} is missing")))
    }

    fn check_bloom(&self, logs: &[LogJson]) -> Result<(), String> {
        let mut bloom = BloomBuilder::default();
        logs.iter()
            .for_each(|log| bloom.add(&log.address, &log.topics));
        let header = &self.header.logs_bloom;
        let matches = if self.rule == LogsBloom::Exact {
            bloom.equals(header)
        } else {
            bloom.covers(header)
        };
        if matches {
            Ok(())
        } else {
            Err(format!(
                "the header's bloom filter does not match the {} logs",
                logs.len()
            ))
        }
    }
}

/// The watched logs, as events. The path is a log's index within its transaction.
pub(super) fn events(logs: &[LogJson], watch: &Watch) -> Result<Vec<ChainEvent>, String> {
    let mut events = Vec::new();
    let mut first_of_transaction = 0;
    for (index, log) in logs.iter().enumerate() {
        if index > 0 && logs[index - 1].transaction_index != log.transaction_index {
            first_of_transaction = index;
        }
        if is_watched(log, watch) {
            events.push(event(log, index - first_of_transaction)?);
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
    let to_u32 = |number: Quantity| {
        u32::try_from(*number).map_err(|_| "a log's index exceeds 2^32".to_owned())
    };
    let topics = log.topics.iter().map(|topic| **topic).collect();
    Ok(ChainEvent {
        transaction: log.transaction_hash.to_string(),
        path: path.to_string(),
        transaction_index: to_u32(log.transaction_index)?,
        index: to_u32(log.log_index)?,
        source: log.address.to_string(),
        topic: topic(log),
        body: Log {
            topics,
            data: log.data.to_vec(),
        }
        .to_body(),
    })
}
