//! Transfers in logs, valid and hostile.

use intent::evm::{Log, transfers};
use proptest::collection::vec;
use proptest::prelude::*;
use types::{Amount, ChainEvent, Height, Transfer, TransferKind};

const TRANSFER: &str = "Transfer(address,address,uint256)";
const SINGLE: &str = "TransferSingle(address,address,address,uint256,uint256)";
const BATCH: &str = "TransferBatch(address,address,address,uint256[],uint256[])";

fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

fn account(number: u64) -> String {
    format!("0x{number:040x}")
}

fn event(signature: &str, topics: &[[u8; 32]], data: Vec<u8>) -> ChainEvent {
    let topics = [&[alloy_primitives::keccak256(signature).0], topics].concat();
    let log = Log { topics, data };
    ChainEvent {
        transaction: "0xabc".into(),
        path: "3".into(),
        transaction_index: 1,
        index: 9,
        source: account(0xc0),
        topic: log.topic(),
        body: log.to_body(),
    }
}

fn decode(signature: &str, topics: &[[u8; 32]], data: Vec<u8>) -> Vec<Transfer> {
    transfers(Height(7), &event(signature, topics, data))
}

fn lists(ids: &[u64], values: &[u64]) -> Vec<u8> {
    let list = |items: &[u64]| {
        [
            vec![word(items.len() as u64)],
            items.iter().map(|n| word(*n)).collect(),
        ]
        .concat()
        .concat()
    };
    let second = 64 + 32 * (ids.len() as u64 + 1);
    [
        word(64).to_vec(),
        word(second).to_vec(),
        list(ids),
        list(values),
    ]
    .concat()
}

#[test]
fn an_erc20_transfer() {
    let [transfer] = &decode(TRANSFER, &[word(1), word(2)], [0xff; 32].to_vec())[..] else {
        panic!()
    };
    let expected = Transfer {
        transaction: "0xabc".into(),
        path: "3".into(),
        protocol_id: "000000000007/000001/000009".into(),
        contract: account(0xc0),
        standard: "ERC-20".into(),
        what: TransferKind::Fungible { token_id: None },
        from: account(1),
        to: account(2),
        operator: None,
        amount: Amount::MAX,
    };
    assert_eq!(*transfer, expected);
}

#[test]
fn an_erc721_transfer() {
    let [transfer] = &decode(TRANSFER, &[word(0), word(2), word(0)], vec![])[..] else {
        panic!()
    };
    assert_eq!(
        (transfer.standard.as_str(), transfer.amount),
        ("ERC-721", Amount::from(1))
    );
    assert_eq!(
        transfer.what,
        TransferKind::NonFungible {
            token_id: Amount::ZERO
        }
    );
    assert_eq!(transfer.from, account(0));
}

#[test]
fn an_erc1155_single_transfer() {
    let [transfer] = &decode(
        SINGLE,
        &[word(8), word(1), word(2)],
        [word(5), word(6)].concat(),
    )[..] else {
        panic!()
    };
    assert_eq!(
        (transfer.standard.as_str(), transfer.operator.clone()),
        ("ERC-1155", Some(account(8)))
    );
    assert_eq!(
        transfer.what,
        TransferKind::Fungible {
            token_id: Some(Amount::from(5))
        }
    );
    assert_eq!(
        (transfer.from.clone(), transfer.to.clone(), transfer.amount),
        (account(1), account(2), Amount::from(6))
    );
}

#[test]
fn each_id_of_a_batch_is_a_transfer() {
    let transfers = decode(
        BATCH,
        &[word(8), word(1), word(2)],
        lists(&[5, 5, 7], &[1, 2, 3]),
    );
    let read: Vec<_> = transfers
        .iter()
        .map(|transfer| {
            (
                transfer.path.as_str(),
                transfer.protocol_id.as_str(),
                transfer.amount,
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("3.0", "000000000007/000001/000009/0", Amount::from(1)),
            ("3.1", "000000000007/000001/000009/1", Amount::from(2)),
            ("3.2", "000000000007/000001/000009/2", Amount::from(3)),
        ]
    );
    assert_eq!(
        transfers[2].what,
        TransferKind::Fungible {
            token_id: Some(Amount::from(7))
        }
    );
    assert_eq!(
        decode(BATCH, &[word(8), word(1), word(2)], lists(&[], &[])),
        []
    );
}

#[test]
fn a_log_that_only_resembles_a_transfer_is_ignored() {
    let dirty = [0xff; 32];
    let batch = |data: Vec<u8>| decode(BATCH, &[word(8), word(1), word(2)], data);
    let cases = [
        ("no data", decode(TRANSFER, &[word(1), word(2)], vec![])),
        (
            "too much data",
            decode(TRANSFER, &[word(1), word(2)], vec![0; 64]),
        ),
        (
            "half a word",
            decode(TRANSFER, &[word(1), word(2)], vec![0; 33]),
        ),
        ("no topics", decode(TRANSFER, &[], vec![0; 96])),
        ("one topic", decode(TRANSFER, &[word(1)], vec![0; 64])),
        (
            "an NFT with data",
            decode(TRANSFER, &[word(1), word(2), word(3)], vec![0; 32]),
        ),
        (
            "no account",
            decode(TRANSFER, &[dirty, word(2)], vec![0; 32]),
        ),
        (
            "no receiver",
            decode(TRANSFER, &[word(1), dirty], vec![0; 32]),
        ),
        (
            "a single without operator",
            decode(SINGLE, &[word(1), word(2)], vec![0; 64]),
        ),
        (
            "a single with one word",
            decode(SINGLE, &[word(1), word(2), word(3)], vec![0; 32]),
        ),
        ("lists of two lengths", batch(lists(&[1, 2], &[1]))),
        ("no lists", batch(vec![])),
        (
            "an offset beyond the data",
            batch([word(6400), word(64)].concat()),
        ),
        ("an offset beyond any size", batch([dirty, dirty].concat())),
        (
            "an offset between words",
            batch(
                [
                    &lists(&[1], &[1])[..32],
                    &word(97),
                    &lists(&[1], &[1])[64..],
                ]
                .concat(),
            ),
        ),
        (
            "a count beyond the data",
            batch([word(64), word(64), word(u64::MAX)].concat()),
        ),
        (
            "a count beyond any size",
            batch([word(64), word(64), dirty].concat()),
        ),
    ];
    for (name, transfers) in cases {
        assert_eq!(transfers, [], "{name}");
    }
}

#[test]
fn an_invalid_body_is_ignored() {
    let valid = event(TRANSFER, &[word(1), word(2)], vec![0; 32]);
    for body in [
        "",
        "{}",
        "null",
        "{\"topics\":[],\"data\":\"0x\"}",
        "{\"topics\":[\"x\"],\"data\":\"0x\"}",
    ] {
        assert_eq!(
            transfers(
                Height(1),
                &ChainEvent {
                    body: body.into(),
                    ..valid.clone()
                }
            ),
            [],
            "{body}"
        );
    }
    let other = event(SINGLE, &[word(1), word(2)], vec![0; 32]);
    assert_eq!(
        transfers(
            Height(1),
            &ChainEvent {
                topic: valid.topic.clone(),
                ..other
            }
        ),
        []
    );
    assert_eq!(
        transfers(
            Height(1),
            &ChainEvent {
                topic: String::new(),
                ..valid
            }
        ),
        []
    );
}

proptest! {
    #[test]
    fn no_log_causes_a_panic(
        signature in proptest::sample::select(vec![TRANSFER, SINGLE, BATCH, "Other()"]),
        topics in vec(any::<[u8; 32]>(), 0..4),
        words in vec(prop_oneof![(0..9u64).prop_map(|n| word(32 * n)), (0..5u64).prop_map(word), any::<[u8; 32]>()], 0..12),
        body: String,
    ) {
        let event = event(signature, &topics, words.concat());
        let _ = transfers(Height(1), &event);
        prop_assert_eq!(transfers(Height(1), &ChainEvent { body, ..event }), []);
    }

    #[test]
    fn a_batch_decodes_as_it_was_encoded(pairs in vec(any::<(u64, u64)>(), 0..20)) {
        let (ids, values): (Vec<u64>, Vec<u64>) = pairs.iter().copied().unzip();
        let transfers = decode(BATCH, &[word(8), word(1), word(2)], lists(&ids, &values));
        let read: Vec<_> = transfers.iter().map(|transfer| (transfer.what.clone(), transfer.amount)).collect();
        let written = pairs.iter().map(|(id, value)| {
            (TransferKind::Fungible { token_id: Some(Amount::from(*id)) }, Amount::from(*value))
        });
        prop_assert_eq!(read, written.collect::<Vec<_>>());
    }
}
