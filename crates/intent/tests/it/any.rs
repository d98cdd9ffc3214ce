//! Proptest strategies for intents and terms, all in canonical form.

use crate::key::Key;
use intent::evm::{Price, Terms};
use intent::{AccessEntry, Act, Authorization, Intent, Output, Signature, Transaction};
use proptest::collection::vec;
use proptest::prelude::*;
use types::{Amount, ChainId};

pub(crate) fn account() -> impl Strategy<Value = String> {
    any::<[u8; 20]>().prop_map(|bytes| format!("0x{}", hex::encode(bytes)))
}

pub(crate) fn amount() -> impl Strategy<Value = Amount> {
    // Includes short values, so that every encoded length occurs.
    (any::<[u8; 32]>(), 0..=32usize).prop_map(|(mut bytes, zeros)| {
        bytes[..zeros].fill(0);
        Amount::from_be_bytes(bytes)
    })
}

pub(crate) fn chain() -> impl Strategy<Value = ChainId> {
    prop_oneof![Just(1u64), Just(1337), 1..=u64::MAX].prop_map(ChainId::evm)
}

fn slot() -> impl Strategy<Value = String> {
    any::<[u8; 32]>().prop_map(|bytes| format!("0x{}", hex::encode(bytes)))
}

fn access() -> impl Strategy<Value = Vec<AccessEntry>> {
    vec(
        (account(), vec(slot(), 0..3)).prop_map(|(account, slots)| AccessEntry { account, slots }),
        0..3,
    )
}

/// A transaction without authorizations.
pub(crate) fn plain() -> impl Strategy<Value = Intent> {
    let data = prop_oneof![Just(Vec::new()), vec(any::<u8>(), 0..200)];
    (
        chain(),
        account(),
        proptest::option::of(account()),
        amount(),
        data,
        access(),
    )
        .prop_map(|(chain, signer, to, value, data, access)| {
            let outputs = vec![Output { to, value }];
            let transaction = Transaction {
                outputs,
                data,
                access,
                authorizations: Vec::new(),
            };
            Intent {
                chain,
                signer,
                act: Act::Transaction(transaction),
            }
        })
}

pub(crate) fn terms() -> impl Strategy<Value = Terms> {
    (0..u64::MAX, any::<u64>(), price()).prop_map(|(nonce, gas, price)| Terms {
        nonce,
        gas,
        price,
        authorizations: Vec::new(),
    })
}

fn price() -> impl Strategy<Value = Price> {
    prop_oneof![
        any::<u128>().prop_map(|wei| Price::Legacy {
            gas_price: Amount::from_u128(wei)
        }),
        (any::<u128>(), any::<u128>()).prop_map(|(a, b)| Price::Eip1559 {
            cap: Amount::from_u128(a.max(b)),
            tip: Amount::from_u128(a.min(b)),
        }),
    ]
}

/// An intent with terms. One in four carries authorizations, signed by their authorities.
pub(crate) fn planned() -> impl Strategy<Value = (Intent, Terms)> {
    let carried = vec(
        (1..=250u8, any::<[u8; 20]>(), 0..u64::MAX, any::<bool>()),
        1..3,
    );
    let carried = prop_oneof![3 => Just(Vec::new()), 1 => carried];
    (plain(), terms(), carried).prop_map(|(mut intent, mut terms, carried)| {
        let Act::Transaction(transaction) = &mut intent.act else {
            unreachable!()
        };
        if carried.is_empty() || transaction.outputs[0].to.is_none() {
            return (intent, terms);
        }
        for (key, delegate, nonce, any_chain) in carried {
            let (authorization, signature) =
                authorized(&intent.chain, &Key::new(key), delegate, nonce, any_chain);
            transaction.authorizations.push(authorization);
            terms.authorizations.push(signature);
        }
        if let Price::Legacy { gas_price } = terms.price {
            terms.price = Price::Eip1559 {
                cap: gas_price,
                tip: gas_price,
            };
        }
        (intent, terms)
    })
}

/// An authorization with its authority's signature, made over the statement's digest.
pub(crate) fn authorized(
    chain: &ChainId,
    key: &Key,
    delegate: [u8; 20],
    nonce: u64,
    any_chain: bool,
) -> (Authorization, Signature) {
    let delegate = format!("0x{}", hex::encode(delegate));
    let authorization = Authorization {
        authority: key.account(),
        delegate,
        nonce,
        any_chain,
    };
    let act = Act::Authorization(authorization.clone());
    let unsigned = intent::statement(&Intent {
        chain: *chain,
        signer: key.account(),
        act,
    })
    .unwrap();
    let digest = intent::decode(&unsigned).unwrap().required_signatures[0].digest;
    (authorization, key.sign(digest))
}

pub(crate) fn message() -> impl Strategy<Value = Intent> {
    (chain(), account(), vec(any::<u8>(), 0..300)).prop_map(|(chain, signer, bytes)| Intent {
        chain,
        signer,
        act: Act::Message { bytes },
    })
}

pub(crate) fn authorization() -> impl Strategy<Value = Intent> {
    (chain(), account(), account(), 0..u64::MAX, any::<bool>()).prop_map(
        |(chain, signer, delegate, nonce, any_chain)| {
            let act = Act::Authorization(Authorization {
                authority: signer.clone(),
                delegate,
                nonce,
                any_chain,
            });
            Intent { chain, signer, act }
        },
    )
}

pub(crate) fn typed_data() -> impl Strategy<Value = Intent> {
    (account(), "[a-z \u{e9}\n\"]{0,20}", any::<u64>(), account()).prop_map(|(signer, text, number, verifying)| {
        let json = intent::evm::typed_data(&serde_json::json!({
            "types": { "Note": [{"name": "text", "type": "string"}, {"name": "number", "type": "uint64"}] },
            "primaryType": "Note",
            "domain": { "name": "Notes", "verifyingContract": verifying },
            "message": { "text": text, "number": number },
        }));
        Intent { chain: ChainId::evm(1), signer, act: Act::TypedData { json: json.unwrap() } }
    })
}

/// Any intent of an EVM chain.
pub(crate) fn intent() -> impl Strategy<Value = Intent> {
    prop_oneof![
        4 => planned().prop_map(|(intent, _)| intent),
        1 => message(),
        1 => authorization(),
        1 => typed_data(),
    ]
}
