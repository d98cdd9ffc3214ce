//! Events of the token standards: movements of value.

use super::{Declaration, STANDARDS};
use crate::evm::{Log, address};
use alloy_primitives::keccak256;
use std::collections::HashMap;
use std::sync::LazyLock;
use types::{Amount, ChainEvent, Height, Transfer, TransferKind};

/// An event of a standard.
pub(super) struct EventKind {
    /// The signature, which gives the topic.
    pub(super) signature: &'static str,
    /// The movements that it reports. `None` if it does not have the layout of this standard.
    pub(super) read: fn(&EventReader<'_>) -> Option<Vec<Transfer>>,
}

/// A word of the EVM.
pub(super) type Word = [u8; 32];

/// A log while it is read as an event of a standard.
pub(super) struct EventReader<'a> {
    standard: &'static Declaration,
    height: Height,
    event: &'a ChainEvent,
    log: &'a Log,
}

/// Who takes part in a movement.
pub(super) struct Parties {
    operator: Option<String>,
    from: String,
    to: String,
}

/// The standards that have an event, by topic.
static TOPICS: LazyLock<HashMap<String, Vec<(&'static Declaration, &'static EventKind)>>> =
    LazyLock::new(|| {
        let mut topics: HashMap<_, Vec<_>> = HashMap::new();
        for standard in STANDARDS {
            for kind in standard.events {
                let topic = format!("0x{}", hex::encode(keccak256(kind.signature)));
                topics.entry(topic).or_default().push((standard, kind));
            }
        }
        topics
    });

/// The movements that an event reports: none, one, or one per id of a batch.
pub fn transfers(height: Height, event: &ChainEvent) -> Vec<Transfer> {
    let Some(kinds) = TOPICS.get(&event.topic) else {
        return Vec::new();
    };
    let Some(log) = Log::from_body(&event.body).filter(|log| log.topic() == event.topic) else {
        return Vec::new();
    };
    let read = |(standard, kind): &(&'static Declaration, &EventKind)| {
        (kind.read)(&EventReader {
            standard,
            height,
            event,
            log: &log,
        })
    };
    kinds.iter().find_map(read).unwrap_or_default()
}

impl EventReader<'_> {
    pub(super) fn topics(&self) -> &[Word] {
        &self.log.topics
    }

    /// The data as words, if it has no other bytes.
    pub(super) fn words(&self) -> Option<&[Word]> {
        let (words, rest) = self.log.data.as_chunks();
        rest.is_empty().then_some(words)
    }

    /// The list whose offset is word `index` of the head. `None` if it exceeds the data.
    pub(super) fn list(&self, index: usize) -> Option<Vec<Amount>> {
        let words = self.words()?;
        let offset = to_index(words.get(index)?).filter(|offset| offset % 32 == 0)?;
        let (count, items) = words.get(offset / 32..)?.split_first()?;
        let items = items.get(..to_index(count)?)?;
        Some(items.iter().map(number).collect())
    }

    pub(super) fn parties(
        &self,
        operator: Option<&Word>,
        from: &Word,
        to: &Word,
    ) -> Option<Parties> {
        Some(Parties {
            operator: operator.map_or(Some(None), |word| account(word).map(Some))?,
            from: account(from)?,
            to: account(to)?,
        })
    }
}

impl Parties {
    pub(super) fn transfer(
        &self,
        reader: &EventReader<'_>,
        what: TransferKind,
        amount: Amount,
    ) -> Transfer {
        let event = reader.event;
        Transfer {
            transaction: event.transaction.clone(),
            path: event.path.clone(),
            protocol_id: event.protocol_id(reader.height),
            contract: event.source.clone(),
            standard: reader.standard.name.to_owned(),
            what,
            from: self.from.clone(),
            to: self.to.clone(),
            operator: self.operator.clone(),
            amount,
        }
    }
}

pub(super) fn number(word: &Word) -> Amount {
    Amount::from_be_bytes(*word)
}

fn to_index(word: &Word) -> Option<usize> {
    usize::try_from(number(word).to_u64()?).ok()
}

/// The address in a word, if the other bits are zero.
fn account(word: &Word) -> Option<String> {
    let (padding, account) = word.split_at(12);
    padding
        .iter()
        .all(|byte| *byte == 0)
        .then(|| address::format(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_are_those_of_the_standards() {
        let expected = [
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62",
            "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb",
        ];
        assert_eq!(TOPICS.len(), expected.len());
        for topic in expected {
            assert!(TOPICS.contains_key(topic), "{topic}");
        }
    }
}
