//! Gas prices by each rule, on chains with and without base fees.

use crate::fixture::{Fixture, UNUSED_ACCOUNT, start, watch_all};
use chain::{Connector, Error, SubmitOutcome};
use serde_json::{Value, json};
use testkit::anvil::{Mining, Options};
use types::{Amount, ExecutionStatus};

fn on_demand(arguments: &[&str]) -> Options {
    let arguments = arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    Options {
        mining: Mining::OnDemand,
        arguments,
        ..Options::default()
    }
}

/// Sends one payment and checks that it succeeds. Returns the first byte of its raw form, which is
/// its type (0xc0 and above: legacy).
async fn pay(fixture: &Fixture) -> u8 {
    let (signed, submitted) = fixture.send(&fixture.payment(0, UNUSED_ACCOUNT, 1)).await;
    assert_eq!(submitted, SubmitOutcome::Accepted);
    fixture.anvil.mine(1);
    let block = fixture.newest(&watch_all(&[fixture.account(0)])).await;
    assert_eq!(block.inclusions[0].status, ExecutionStatus::Succeeded);
    signed.raw[0]
}

#[tokio::test]
async fn eip_1559_doubles_the_base_fee_and_adds_the_tip() {
    let Some(fixture) = start(
        &Options {
            base_fee: Some(1_000_000),
            ..on_demand(&[])
        },
        json!({}),
    ) else {
        return;
    };
    fixture.anvil.mine(1);
    let terms = fixture
        .quote(&fixture.payment(0, UNUSED_ACCOUNT, 1))
        .await
        .terms;
    let next = &fixture
        .anvil
        .rpc("eth_feeHistory", json!(["0x1", "latest", []]))["baseFeePerGas"][1];
    let base = u64::from_str_radix(next.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    assert_eq!(
        Some(terms.fee_per_gas),
        Amount::from(base * 2).checked_add(terms.tip)
    );
    assert!(!terms.tip.is_zero());
    assert_eq!(pay(&fixture).await, 2);
}

#[tokio::test]
async fn the_tip_follows_what_others_pay() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let payment = fixture.payment(1, UNUSED_ACCOUNT, 1);
    let terms = fixture.quote(&payment).await.terms;
    for nonce in 0..3 {
        let tip = Amount::from(7_000_000_000);
        let high_tip = intent::FeeTerms {
            tip,
            fee_per_gas: terms.fee_per_gas.checked_add(tip).unwrap(),
            ..terms
        };
        assert_eq!(
            fixture
                .submit(&fixture.signed(&payment, nonce, high_tip).await)
                .await,
            SubmitOutcome::Accepted
        );
        fixture.anvil.mine(1);
    }
    assert_eq!(
        fixture.quote(&payment).await.terms.tip,
        Amount::from(7_000_000_000)
    );
}

#[tokio::test]
async fn caps_apply_and_a_price_above_them_is_rejected() {
    let pricing = |max: u64| json!({"pricing": {"kind": "eip1559", "max_fee_per_gas": max.to_string(), "max_tip": "5"}});
    let options = Options {
        base_fee: Some(1_000_000_000),
        ..on_demand(&[])
    };
    let Some(tight) = start(&options, pricing(1_200_000_000)) else {
        return;
    };
    let terms = tight
        .quote(&tight.payment(0, UNUSED_ACCOUNT, 1))
        .await
        .terms;
    assert_eq!(
        (terms.fee_per_gas, terms.tip),
        (Amount::from(1_200_000_000), Amount::from(1))
    );
    assert_eq!(pay(&tight).await, 2);
    let capped =
        crate::fixture::connect(&tight.anvil.url(), tight.anvil.chain_id(), pricing(1_000));
    let quoted = capped
        .quote(&[tight.payment(0, UNUSED_ACCOUNT, 1)])
        .await
        .remove(0);
    assert!(
        matches!(quoted, Err(Error::FeeTooHigh { cap, .. }) if cap == Amount::from(1_000)),
        "{quoted:?}"
    );
}

#[tokio::test]
async fn a_chain_before_london_gets_a_legacy_price() {
    let Some(fixture) = start(&on_demand(&["--hardfork", "berlin"]), json!({})) else {
        return;
    };
    let terms = fixture
        .quote(&fixture.payment(0, UNUSED_ACCOUNT, 1))
        .await
        .terms;
    assert_eq!(terms.tip, terms.fee_per_gas);
    assert!(pay(&fixture).await >= 0xc0);
    let fresh = crate::fixture::connect(&fixture.anvil.url(), fixture.anvil.chain_id(), json!({}));
    let other = Fixture {
        evm: fresh,
        ..fixture
    };
    let signed = other
        .signed(&other.payment(0, UNUSED_ACCOUNT, 1), 1, terms)
        .await;
    assert!(
        signed.raw[0] >= 0xc0,
        "a plan without a previous quote determines the format itself"
    );
}

#[tokio::test]
async fn legacy_and_fixed_prices_are_as_configured() {
    for (pricing, first) in [
        (json!({"kind": "legacy"}), 0xf8),
        (json!({"kind": "fixed", "fee_per_gas": "3000000000"}), 0xf8),
        (
            json!({"kind": "fixed", "fee_per_gas": "3000000000", "tip": "7"}),
            2,
        ),
    ] {
        let Some(fixture) = start(&on_demand(&[]), json!({"pricing": pricing})) else {
            return;
        };
        assert_eq!(pay(&fixture).await, first, "{pricing}");
    }
}

#[tokio::test]
async fn gas_is_free_if_configured() {
    let free = ["--gas-price", "0", "--block-base-fee-per-gas", "0"];
    let Some(fixture) = start(&on_demand(&free), json!({"pricing": {"kind": "zero"}})) else {
        return;
    };
    let terms = fixture
        .quote(&fixture.payment(0, UNUSED_ACCOUNT, 1))
        .await
        .terms;
    assert_eq!(
        (terms.fee_per_gas, terms.total_fee),
        (Amount::ZERO, Amount::ZERO)
    );
    assert!(pay(&fixture).await >= 0xc0);
}

#[tokio::test]
async fn gas_is_scaled_and_capped_and_rejected_above_the_limit() {
    let Some(fixture) = start(
        &Options {
            mining: Mining::Auto,
            ..on_demand(&[])
        },
        json!({}),
    ) else {
        return;
    };
    let contract = fixture
        .anvil
        .deploy(&testkit::artifact("Overloads").bytecode);
    let call = fixture.call(0, &contract, "Overloads", "set(uint256)", json!(["7"]));
    let request = json!([{"from": fixture.account(0), "to": contract, "data": data(&call)}]);
    let estimate = fixture.anvil.rpc("eth_estimateGas", request);
    let estimate =
        u64::from_str_radix(estimate.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    assert_eq!(fixture.quote(&call).await.terms.gas, estimate * 3 / 2);
    for (max, expected) in [(estimate + 10, Some(estimate + 10)), (estimate - 1, None)] {
        let evm = crate::fixture::connect(
            &fixture.anvil.url(),
            fixture.anvil.chain_id(),
            json!({"gas": {"max": max}}),
        );
        let quoted = evm.quote(std::slice::from_ref(&call)).await.remove(0);
        assert_eq!(quoted.ok().map(|quote| quote.terms.gas), expected);
    }
}

fn data(intent: &intent::Intent) -> Value {
    let intent::Act::Transaction(transaction) = &intent.act else {
        panic!()
    };
    json!(format!("0x{}", hex::encode(&transaction.data)))
}
