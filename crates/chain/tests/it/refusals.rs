//! What a real node refuses, and what it proves.

use crate::stand::{NOBODY, connect, stand};
use chain::{Class, Connector, Error, Submitted};
use intent::{FeeTerms, Signed};
use serde_json::json;
use testkit::anvil::{Mining, Options};
use types::Amount;

fn class(submitted: Submitted) -> Class {
    match submitted {
        Submitted::Refused { class, .. } => class,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_of_another_chain_is_asked_nothing_more() {
    let Some(stand) = stand(
        &Options {
            chain_id: 5,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    let (signed, _) = stand.send(&stand.payment(0, NOBODY, 1)).await;
    let wrong = connect(&stand.anvil.url(), 6, json!({}));
    assert_eq!(
        wrong.head().await,
        Err(Error::WrongChain {
            chain: "eip155:6".to_owned(),
            found: 5
        })
    );
    assert_eq!(
        wrong.balance(NOBODY).await,
        Err(Error::WrongChain {
            chain: "eip155:6".to_owned(),
            found: 5
        })
    );
    assert_eq!(
        class(wrong.submit(&[signed]).await.remove(0)),
        Class::WrongChain
    );
    assert_eq!(
        wrong.counters().calls,
        3,
        "each asked for the chain, and nothing else"
    );
}

#[tokio::test]
async fn bytes_for_another_chain_are_not_sent() {
    let Some(stand) = stand(&Options::default(), json!({})) else {
        return;
    };
    let payment = stand.payment(0, NOBODY, 1);
    let mine = stand
        .signed(&payment, 0, stand.quote(&payment).await.terms)
        .await;
    let foreign = Signed {
        chain: "eip155:9".parse().unwrap(),
        ..mine.clone()
    };
    let submitted = stand.evm.submit(&[foreign, mine]).await;
    assert_eq!(class(submitted[0].clone()), Class::WrongChain);
    assert_eq!(submitted[1], Submitted::Accepted);
}

#[tokio::test]
async fn refusals_are_told_by_what_they_prove() {
    let Some(stand) = stand(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    let payment = stand.payment(0, NOBODY, 1);
    let terms = stand.quote(&payment).await.terms;
    let first = stand.signed(&payment, 0, terms).await;
    assert_eq!(stand.submit(&first).await, Submitted::Accepted);
    assert_eq!(stand.submit(&first).await, Submitted::AlreadyKnown);

    let other = stand.signed(&stand.payment(0, NOBODY, 2), 0, terms).await;
    assert_eq!(
        class(stand.submit(&other).await),
        Class::ReplacementUnderpriced
    );

    stand.anvil.mine(1);
    assert_eq!(class(stand.submit(&first).await), Class::NonceUsed);
    assert_eq!(class(stand.submit(&other).await), Class::NonceUsed);

    let cheap = FeeTerms {
        fee_per_gas: Amount::from(1),
        tip: Amount::from(1),
        ..terms
    };
    assert_eq!(
        class(stand.submit(&stand.signed(&payment, 1, cheap).await).await),
        Class::BelowBaseFee
    );
    let small = FeeTerms {
        gas: 20_000,
        ..terms
    };
    assert_eq!(
        class(stand.submit(&stand.signed(&payment, 1, small).await).await),
        Class::GasLimit
    );
    let huge = FeeTerms {
        gas: 400_000_000,
        ..terms
    };
    assert_eq!(
        class(stand.submit(&stand.signed(&payment, 1, huge).await).await),
        Class::GasLimit
    );
    let mut rich = stand.payment(0, NOBODY, 0);
    let intent::Act::Transaction(transaction) = &mut rich.act else {
        panic!()
    };
    transaction.outputs[0].value = Amount::from_u128(u128::MAX);
    assert_eq!(
        class(stand.submit(&stand.signed(&rich, 1, terms).await).await),
        Class::Funds
    );

    let garbage = Signed {
        raw: vec![2, 0xc0],
        ..first
    };
    assert_eq!(class(stand.submit(&garbage).await), Class::Size);
}

#[tokio::test]
async fn own_rules_change_what_an_answer_proves() {
    let rule = json!({"errors": [{"class": "pool_full", "contains": ["nonce too low"]}]});
    let Some(stand) = stand(&Options::default(), rule) else {
        return;
    };
    let payment = stand.payment(0, NOBODY, 1);
    let (_, submitted) = stand.send(&payment).await;
    assert_eq!(submitted, Submitted::Accepted);
    assert!(testkit::wait_until(10_000, || stand
        .anvil
        .nonce(stand.account(0))
        == 1));
    let again = stand
        .signed(&payment, 0, stand.quote(&payment).await.terms)
        .await;
    assert_eq!(class(stand.submit(&again).await), Class::PoolFull);
}
