//! Reads movements of value from events of the token standards: ERC-20, ERC-721, ERC-1155.
//!
//! This runs over every log of every block, so it checks the first topic before anything else and
//! reads words in place. An event with the topic of a standard but not its layout (other counts of
//! topics or words, addresses with stray bits, lists of different lengths) yields no transfer.
//! Whether a contract reports honestly is not checked here.

use super::{Log, address};
use types::{Amount, ChainEvent, Height, Transfer, TransferKind};

/// `Transfer(address,address,uint256)`, of ERC-20 and ERC-721.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// `TransferSingle(address,address,address,uint256,uint256)`, of ERC-1155.
const SINGLE: &str = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62";
/// `TransferBatch(address,address,address,uint256[],uint256[])`, of ERC-1155.
const BATCH: &str = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb";

type Word = [u8; 32];

/// The movements that an event reports: none, one, or one per id of a batch (path and protocol id
/// then end in `.n` and `/n`, from 0).
pub fn transfers(height: Height, event: &ChainEvent) -> Vec<Transfer> {
    if ![TRANSFER, SINGLE, BATCH].contains(&event.topic.as_str()) {
        return Vec::new();
    }
    let Some(log) = Log::from_body(&event.body).filter(|log| log.topic() == event.topic) else {
        return Vec::new();
    };
    let transfers = match event.topic.as_str() {
        TRANSFER => transfer(height, event, &log).map(|transfer| vec![transfer]),
        SINGLE => single(height, event, &log).map(|transfer| vec![transfer]),
        _ => batch(height, event, &log),
    };
    transfers.unwrap_or_default()
}

fn transfer(height: Height, event: &ChainEvent, log: &Log) -> Option<Transfer> {
    let (standard, from, to, what, amount) = match (log.topics.as_slice(), words(&log.data)?) {
        ([_, from, to], [amount]) => (
            "ERC-20",
            from,
            to,
            TransferKind::Fungible { token_id: None },
            number(amount),
        ),
        ([_, from, to, id], []) => (
            "ERC-721",
            from,
            to,
            TransferKind::NonFungible {
                token_id: number(id),
            },
            Amount::from(1),
        ),
        _ => return None,
    };
    let parties = Parties {
        operator: None,
        from: account(from)?,
        to: account(to)?,
    };
    Some(parties.transfer(height, event, standard, what, amount))
}

fn single(height: Height, event: &ChainEvent, log: &Log) -> Option<Transfer> {
    let [id, amount] = words(&log.data)? else {
        return None;
    };
    let what = TransferKind::Fungible {
        token_id: Some(number(id)),
    };
    Some(Parties::of(log)?.transfer(height, event, "ERC-1155", what, number(amount)))
}

fn batch(height: Height, event: &ChainEvent, log: &Log) -> Option<Vec<Transfer>> {
    let words = words(&log.data)?;
    let (ids, amounts) = (list(words, 0)?, list(words, 1)?);
    if ids.len() != amounts.len() {
        return None;
    }
    let parties = Parties::of(log)?;
    let transfer = |(n, (id, amount)): (usize, (&Word, &Word))| {
        let what = TransferKind::Fungible {
            token_id: Some(number(id)),
        };
        let mut transfer = parties.transfer(height, event, "ERC-1155", what, number(amount));
        transfer.path = format!("{}.{n}", transfer.path);
        transfer.protocol_id = format!("{}/{n}", transfer.protocol_id);
        transfer
    };
    Some(ids.iter().zip(amounts).enumerate().map(transfer).collect())
}

struct Parties {
    operator: Option<String>,
    from: String,
    to: String,
}

impl Parties {
    /// The indexed parties of ERC-1155's events.
    fn of(log: &Log) -> Option<Self> {
        let [_, operator, from, to] = log.topics.as_slice() else {
            return None;
        };
        Some(Self {
            operator: Some(account(operator)?),
            from: account(from)?,
            to: account(to)?,
        })
    }

    fn transfer(
        &self,
        height: Height,
        event: &ChainEvent,
        standard: &str,
        what: TransferKind,
        amount: Amount,
    ) -> Transfer {
        Transfer {
            transaction: event.transaction.clone(),
            path: event.path.clone(),
            protocol_id: event.protocol_id(height),
            contract: event.source.clone(),
            standard: standard.to_owned(),
            what,
            from: self.from.clone(),
            to: self.to.clone(),
            operator: self.operator.clone(),
            amount,
        }
    }
}

/// The list whose offset is word `index` of the head. `None` if it exceeds the data.
fn list(words: &[Word], index: usize) -> Option<&[Word]> {
    let offset = to_usize(words.get(index)?)?;
    let (count, items) = words
        .get(offset.checked_div(32).filter(|_| offset % 32 == 0)?..)?
        .split_first()?;
    items.get(..to_usize(count)?)
}

fn words(data: &[u8]) -> Option<&[Word]> {
    let (words, rest) = data.as_chunks::<32>();
    rest.is_empty().then_some(words)
}

fn to_usize(word: &Word) -> Option<usize> {
    number(word)
        .to_u64()
        .and_then(|number| usize::try_from(number).ok())
}

fn number(word: &Word) -> Amount {
    Amount::from_be_bytes(*word)
}

fn account(word: &Word) -> Option<String> {
    word[..12]
        .iter()
        .all(|byte| *byte == 0)
        .then(|| address::format(&word[12..]))
}
