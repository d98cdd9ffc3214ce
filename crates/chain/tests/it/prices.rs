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

/// Mines one payment of account 1 with this tip, in a block of its own.
async fn pay_with_tip(fixture: &Fixture, nonce: u64, tip: Amount) {
    let payment = fixture.payment(1, UNUSED_ACCOUNT, 1);
    let cap = tip.checked_add(Amount::from(2_000_000_000)).unwrap();
    let signed = fixture.signed_at(&payment, nonce, cap, tip);
    let submitted = fixture.submit(&signed).await;
    assert_eq!(submitted, SubmitOutcome::Accepted);
    fixture.anvil.mine(1);
}

#[tokio::test]
async fn the_tip_follows_what_others_pay_in_enough_blocks() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let quoted_tip = async || {
        let quote = quote_through(&fixture, json!({}), |method, reply| {
            if method == "eth_maxPriorityFeePerGas" {
                reply["result"] = json!("0x5");
            }
        });
        quote.await.unwrap().terms.tip
    };
    let tip = Amount::from(1_700_000_000);
    for nonce in 0..4 {
        pay_with_tip(&fixture, nonce, tip).await;
    }
    assert_eq!(quoted_tip().await, Amount::from(5));
    fixture.anvil.mine(2); // empty blocks do not count
    assert_eq!(quoted_tip().await, Amount::from(5));
    pay_with_tip(&fixture, 4, tip).await;
    assert_eq!(quoted_tip().await, tip);
}

#[tokio::test]
async fn a_strangers_tip_does_not_set_the_price_of_a_quiet_chain() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    for nonce in 0..6 {
        pay_with_tip(&fixture, nonce, Amount::from(1_000_000_000_000_000)).await;
        let terms = fixture.quote(&payment).await.terms;
        // As high as the base fee, and the floor of 2 gwei.
        assert!(terms.tip <= Amount::from(3_000_000_000), "{terms:?}");
        assert!(
            terms.fee_per_gas <= Amount::from(5_000_000_000),
            "{terms:?}"
        );
    }
}

/// A proxy whose answers to price calls a function changes.
async fn quote_through(
    fixture: &Fixture,
    settings: Value,
    lie: impl FnMut(&str, &mut Value) + Send + 'static,
) -> chain::Result<chain::Quote> {
    let proxy = crate::fake_node::modified(&fixture.anvil, lie);
    let url = proxy.url("/");
    let evm = crate::fixture::connect(&url, fixture.anvil.chain_id(), settings);
    evm.quote(&[fixture.payment(0, UNUSED_ACCOUNT, 1)])
        .await
        .remove(0)
}

#[tokio::test]
async fn a_lying_fee_history_does_not_set_the_price() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let high = || json!(format!("{:#x}", 10u64.pow(15)));
    let quote = quote_through(&fixture, json!({}), move |method, reply| {
        if method == "eth_feeHistory" {
            reply["result"] = json!({
                "oldestBlock": "0x0", "reward": vec![[high()]; 20], "gasUsedRatio": vec![0.5; 20],
                "baseFeePerGas": vec![high(); 21],
            });
        } else if method == "eth_maxPriorityFeePerGas" {
            reply["result"] = high();
        }
    });
    let terms = quote.await.unwrap().terms;
    assert!(
        terms.fee_per_gas <= Amount::from(8_000_000_003),
        "{terms:?}"
    );
    assert!(terms.tip <= Amount::from(4_000_000_001), "{terms:?}");
}

#[tokio::test]
async fn a_quiet_chain_pays_the_tip_that_its_node_suggests() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let suggest = |reply: Value| {
        quote_through(&fixture, json!({}), move |method, answer| {
            if method == "eth_maxPriorityFeePerGas" {
                let id = answer["id"].clone();
                *answer = reply.clone();
                answer["id"] = id;
                answer["jsonrpc"] = json!("2.0");
            }
        })
    };
    let one_gwei = suggest(json!({"result": "0x3b9aca00"})).await.unwrap();
    assert_eq!(one_gwei.terms.tip, Amount::from(1_000_000_000));
    let unknown = json!({"error": {"code": -32601, "message": "the method does not exist"}});
    let without = suggest(unknown).await.unwrap();
    assert_eq!(without.terms.tip, Amount::from(1));
}

#[tokio::test]
async fn limits_apply_and_a_price_above_them_is_rejected() {
    let options = Options {
        base_fee: Some(1_000_000_000),
        ..on_demand(&[])
    };
    let limits = |fee: u64, total: u64| json!({"fees": {"max_fee_per_gas": fee.to_string(), "max_tip": "5", "max_total_fee": total.to_string()}});
    let any = u64::MAX;
    let Some(tight) = start(&options, limits(1_200_000_000, any)) else {
        return;
    };
    let payment = tight.payment(0, UNUSED_ACCOUNT, 1);
    let terms = tight.quote(&payment).await.terms;
    assert_eq!(
        (terms.fee_per_gas, terms.tip),
        (Amount::from(1_200_000_000), Amount::from(5))
    );
    assert_eq!(pay(&tight).await, 2);
    let connect =
        |settings| crate::fixture::connect(&tight.anvil.url(), tight.anvil.chain_id(), settings);
    let total = 21_000 * 1_100_000_000;
    let terms = connect(limits(any, total))
        .quote(std::slice::from_ref(&payment))
        .await;
    let terms = terms[0].as_ref().unwrap().terms;
    assert_eq!(
        (terms.fee_per_gas, terms.total_fee),
        (Amount::from(1_100_000_000), Amount::from(total))
    );
    for (settings, expected) in [
        (limits(1_000, any), "fees.max_fee_per_gas"),
        (limits(any, 21_000), "fees.max_total_fee"),
    ] {
        let quoted = connect(settings)
            .quote(std::slice::from_ref(&payment))
            .await
            .remove(0);
        let Err(Error::FeeTooHigh { setting, .. }) = quoted else {
            panic!("{quoted:?}")
        };
        assert_eq!(setting, expected);
    }
}

#[tokio::test]
async fn a_plan_above_the_limits_is_rejected() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let terms = fixture.quote(&payment).await.terms;
    let above = Amount::from(10_000_000_000_001);
    let reservations = chain::Reservations {
        nonce: Some(0),
        ..chain::Reservations::default()
    };
    for (terms, expected) in [
        (
            intent::FeeTerms {
                tip: above,
                ..terms
            },
            "fees.max_tip",
        ),
        (
            intent::FeeTerms {
                fee_per_gas: above,
                ..terms
            },
            "fees.max_fee_per_gas",
        ),
        (
            intent::FeeTerms {
                l1_fee: Amount::from_u128(10u128.pow(18)),
                ..terms
            },
            "fees.max_total_fee",
        ),
    ] {
        let plan = chain::Plan {
            intent: &payment,
            terms,
            reservations: &reservations,
            authorizations: &[],
        };
        let planned = fixture.evm.plan(&[plan]).await.remove(0);
        let Err(Error::FeeTooHigh { setting, .. }) = planned else {
            panic!("{planned:?}")
        };
        assert_eq!(setting, expected);
    }
}

#[tokio::test]
async fn a_lying_gas_price_does_not_set_a_legacy_price() {
    let Some(fixture) = start(&on_demand(&[]), json!({})) else {
        return;
    };
    let legacy = json!({"pricing": {"kind": "legacy"}});
    let quote = quote_through(&fixture, legacy, |method, reply| {
        if method == "eth_gasPrice" {
            reply["result"] = json!(format!("{:#x}", 10u64.pow(12)));
        }
    });
    let terms = quote.await.unwrap().terms;
    assert!(
        terms.fee_per_gas <= Amount::from(5_000_000_000),
        "{terms:?}"
    );
    let berlin = start(&on_demand(&["--hardfork", "berlin"]), json!({})).unwrap();
    let quote = quote_through(&berlin, json!({}), |method, reply| {
        if method == "eth_gasPrice" {
            reply["result"] = json!(format!("{:#x}", 10u64.pow(15)));
        }
    });
    let Err(Error::FeeTooHigh { setting, .. }) = quote.await else {
        panic!("quoted")
    };
    assert_eq!(setting, "fees.max_fee_per_gas");
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
