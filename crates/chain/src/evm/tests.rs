//! A real block, and damage to its text: rejected, or without effect.

use super::bloom::BloomBuilder;
use super::config::LogsBloom;
use super::header::Header;
use super::logs::{LogChecker, LogJson, events};
use super::numerals::{Hex, Word};
use super::receipts::{ReceiptJson, matches_root};
use super::transactions::TransactionJson;
use crate::Watch;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;
use types::ChainEvent;

/// Five transactions of two types, one of them failed, six logs.
static BLOCK: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/block.json")).unwrap());
static HEADER: LazyLock<Header> =
    LazyLock::new(|| serde_json::from_str(&BLOCK["block"].to_string()).unwrap());
static HASHES: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let read: Vec<TransactionJson> =
        serde_json::from_str(&BLOCK["block"]["transactions"].to_string()).unwrap();
    read.iter().map(|transaction| transaction.hash).collect()
});

fn everything() -> Watch {
    Watch {
        everything: true,
        ..Watch::default()
    }
}

fn checker(rule: LogsBloom, proven: bool) -> LogChecker<'static> {
    LogChecker {
        header: &HEADER,
        transactions: &HASHES,
        rule,
        proven,
    }
}

/// The events of receipts in this text, if they pass verification.
fn verified_events(receipts: &str) -> Option<Vec<ChainEvent>> {
    let receipts: Vec<ReceiptJson> = serde_json::from_str(receipts).ok()?;
    let logs: Vec<LogJson> = receipts
        .iter()
        .flat_map(|receipt| receipt.logs.clone())
        .collect();
    if !matches_root(&HEADER, &receipts) || checker(LogsBloom::Exact, true).check(&logs).is_err() {
        return None;
    }
    events(&logs, &everything()).ok()
}

#[test]
fn a_real_block_passes_verification() {
    assert!(HEADER.hash_matches());
    assert_eq!(HASHES.len(), 5);
    let events = verified_events(&BLOCK["receipts"].to_string()).unwrap();
    let paths: Vec<(u32, &str)> = events
        .iter()
        .map(|event| (event.transaction_index, &event.path[..]))
        .collect();
    assert_eq!(
        paths,
        [(0, "0"), (1, "0"), (1, "1"), (1, "2"), (3, "0"), (3, "1")]
    );
}

fn logs() -> Vec<LogJson> {
    let receipts: Vec<ReceiptJson> = serde_json::from_str(&BLOCK["receipts"].to_string()).unwrap();
    receipts
        .into_iter()
        .flat_map(|receipt| receipt.logs)
        .collect()
}

/// A random log similar to the block's.
fn log() -> impl Strategy<Value = LogJson> {
    (
        prop::sample::select(logs()),
        any::<u64>(),
        any::<u64>(),
        any::<bool>(),
        prop::collection::vec(any::<[u8; 32]>(), 0..6),
    )
        .prop_map(|(log, transaction, index, wild, topics)| LogJson {
            transaction_index: if wild {
                Hex(transaction)
            } else {
                log.transaction_index
            },
            log_index: if wild { Hex(index) } else { log.log_index },
            topics: topics.into_iter().map(Hex).collect(),
            ..log
        })
}

proptest! {
    #[test]
    fn a_damaged_text_is_rejected_or_gives_the_same_events(position: prop::sample::Index, with: u8) {
        let mut text = BLOCK["receipts"].to_string().into_bytes();
        let position = position.index(text.len());
        text[position] = with;
        if let Some(events) = std::str::from_utf8(&text).ok().and_then(verified_events) {
            prop_assert_eq!(events, verified_events(&BLOCK["receipts"].to_string()).unwrap());
        }
    }

    #[test]
    fn any_omitted_log_is_detected(omitted in prop::collection::btree_set(0usize..6, 1..6)) {
        let kept: Vec<LogJson> = logs().into_iter().enumerate().filter(|(n, _)| !omitted.contains(n)).map(|(_, log)| log).collect();
        prop_assert!(checker(LogsBloom::Exact, false).check(&kept).is_err());
        prop_assert!(checker(LogsBloom::Covered, false).check(&kept).is_err());
    }

    #[test]
    fn logs_out_of_order_are_rejected(order in Just(vec![0usize, 1, 2, 3, 4, 5]).prop_shuffle()) {
        let all = logs();
        let shuffled: Vec<LogJson> = order.iter().map(|n| all[*n].clone()).collect();
        prop_assert_eq!(checker(LogsBloom::Off, false).check(&shuffled).is_ok(), order.is_sorted());
    }

    #[test]
    fn no_logs_cause_a_panic(logs in prop::collection::vec(log(), 0..8)) {
        for rule in [LogsBloom::Exact, LogsBloom::Covered, LogsBloom::Off] {
            let _ = checker(rule, false).check(&logs);
        }
        let _ = events(&logs, &everything());
        let mut builder = BloomBuilder::default();
        logs.iter().for_each(|log| builder.add(&log.address, &log.topics));
    }

    #[test]
    fn no_text_causes_a_panic(position: prop::sample::Index, with in ".{0,12}") {
        let mut text = BLOCK.to_string();
        let mut position = position.index(text.len());
        while !text.is_char_boundary(position) {
            position -= 1;
        }
        text.insert_str(position, &with);
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let header = serde_json::from_str::<Header>(&value["block"].to_string());
            let _ = header.map(|header| header.hash_matches());
            let _ = verified_events(&value["receipts"].to_string());
        }
    }
}
