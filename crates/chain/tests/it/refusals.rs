//! Refusals of a real node, and their classes.

use crate::fixture::{UNUSED_ACCOUNT, connect, start};
use chain::{Connector, Error, RefusalClass, SubmitOutcome};
use intent::{FeeTerms, Signed};
use serde_json::json;
use testkit::anvil::{Mining, Options};
use types::Amount;

fn class(submitted: SubmitOutcome) -> RefusalClass {
    match submitted {
        SubmitOutcome::Refused { class, .. } => class,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_of_another_chain_gets_no_other_requests() {
    let Some(fixture) = start(
        &Options {
            chain_id: 5,
            ..Options::default()
        },
        json!({}),
    ) else {
        return;
    };
    let (signed, _) = fixture.send(&fixture.payment(0, UNUSED_ACCOUNT, 1)).await;
    let wrong = connect(&fixture.anvil.url(), 6, json!({}));
    assert_eq!(
        wrong.head().await,
        Err(Error::WrongChain {
            chain: "eip155:6".to_owned(),
            actual: 5
        })
    );
    assert_eq!(
        wrong.balance(UNUSED_ACCOUNT).await,
        Err(Error::WrongChain {
            chain: "eip155:6".to_owned(),
            actual: 5
        })
    );
    assert_eq!(
        class(wrong.submit(&[signed]).await.remove(0)),
        RefusalClass::WrongChain
    );
    assert_eq!(
        wrong.counters().calls,
        3,
        "each requests the chain id and nothing else"
    );
}

#[tokio::test]
async fn bytes_for_another_chain_are_not_sent() {
    let Some(fixture) = start(&Options::default(), json!({})) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let own = fixture
        .signed(&payment, 0, fixture.quote(&payment).await.terms)
        .await;
    let foreign = Signed {
        chain: "eip155:9".parse().unwrap(),
        ..own.clone()
    };
    let submitted = fixture.evm.submit(&[foreign, own]).await;
    assert_eq!(class(submitted[0].clone()), RefusalClass::WrongChain);
    assert_eq!(submitted[1], SubmitOutcome::Accepted);
}

#[tokio::test]
async fn refusals_are_classified_by_what_they_prove() {
    let Some(fixture) = start(
        &Options {
            mining: Mining::OnDemand,
            ..Options::default()
        },
        json!({"fees": {"max_total_fee": "10000000000000000000"}}),
    ) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let terms = fixture.quote(&payment).await.terms;
    let first = fixture.signed(&payment, 0, terms).await;
    assert_eq!(fixture.submit(&first).await, SubmitOutcome::Accepted);
    assert_eq!(fixture.submit(&first).await, SubmitOutcome::AlreadyKnown);

    let other = fixture
        .signed(&fixture.payment(0, UNUSED_ACCOUNT, 2), 0, terms)
        .await;
    assert_eq!(
        class(fixture.submit(&other).await),
        RefusalClass::ReplacementUnderpriced
    );

    fixture.anvil.mine(1);
    assert_eq!(class(fixture.submit(&first).await), RefusalClass::NonceUsed);
    assert_eq!(class(fixture.submit(&other).await), RefusalClass::NonceUsed);

    let cheap = FeeTerms {
        fee_per_gas: Amount::from(1),
        tip: Amount::from(1),
        ..terms
    };
    assert_eq!(
        class(
            fixture
                .submit(&fixture.signed(&payment, 1, cheap).await)
                .await
        ),
        RefusalClass::BelowBaseFee
    );
    let small = FeeTerms {
        gas: 20_000,
        ..terms
    };
    assert_eq!(
        class(
            fixture
                .submit(&fixture.signed(&payment, 1, small).await)
                .await
        ),
        RefusalClass::GasLimit
    );
    let huge = FeeTerms {
        gas: 400_000_000,
        ..terms
    };
    assert_eq!(
        class(
            fixture
                .submit(&fixture.signed(&payment, 1, huge).await)
                .await
        ),
        RefusalClass::GasLimit
    );
    let mut rich = fixture.payment(0, UNUSED_ACCOUNT, 0);
    let intent::Act::Transaction(transaction) = &mut rich.act else {
        panic!()
    };
    transaction.outputs[0].value = Amount::from_u128(u128::MAX);
    assert_eq!(
        class(fixture.submit(&fixture.signed(&rich, 1, terms).await).await),
        RefusalClass::Funds
    );

    let garbage = Signed {
        raw: vec![2, 0xc0],
        ..first
    };
    assert_eq!(class(fixture.submit(&garbage).await), RefusalClass::Size);
}

#[tokio::test]
async fn configured_rules_override_the_table() {
    let rule = json!({"errors": [{"class": "pool_full", "contains": ["nonce too low"]}]});
    let Some(fixture) = start(&Options::default(), rule) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let (_, submitted) = fixture.send(&payment).await;
    assert_eq!(submitted, SubmitOutcome::Accepted);
    assert!(testkit::wait_until(10_000, || fixture
        .anvil
        .nonce(fixture.account(0))
        == 1));
    let again = fixture
        .signed(&payment, 0, fixture.quote(&payment).await.terms)
        .await;
    assert_eq!(class(fixture.submit(&again).await), RefusalClass::PoolFull);
}
