//! Limits on fees, whatever strangers pay and the node says. What was paid is read from the chain.

use crate::world::{BOB, World};
use serde_json::json;
use submit::State;
use testkit::{Fault, on_each_engine};
use types::SubmissionId;

/// The base fee of the first block and a tip as high, twice, and the floor of the preset.
const GENEROUS: u64 = 8_000_000_000;

/// The highest price per gas that was paid for the nonce of a submission.
async fn price_paid(world: &World, id: SubmissionId) -> u64 {
    let sent = submit::transactions(&world.submit, &world.principal, id).await;
    let receipts = sent.unwrap().into_iter();
    let mined = receipts.filter_map(|sent| world.node.receipt(&sent.transaction));
    let prices = mined.map(|receipt| {
        let price = receipt["effectiveGasPrice"].as_str().unwrap().to_owned();
        u64::from_str_radix(price.trim_start_matches("0x"), 16).unwrap()
    });
    prices.max().unwrap()
}

/// Another account pays a tip of 10^15 wei per gas, 21 ether for a payment.
fn stranger_pays(world: &World) {
    let stranger = &world.node.accounts()[5].address;
    let tip = format!("{:#x}", 10u64.pow(15));
    let payment = json!({ "from": stranger, "to": BOB, "value": "0x0", "gas": "0x5208",
        "maxFeePerGas": format!("{:#x}", 10u64.pow(15) + 10u64.pow(10)), "maxPriorityFeePerGas": tip });
    world.node.rpc("eth_sendTransaction", json!([payment]));
    world.node.mine(1);
}

/// The node reports a tip and a base fee of 10^15 wei.
fn node_lies(world: &World) {
    let high = || json!(format!("{:#x}", 10u64.pow(15)));
    let history = Fault::modify_result(move |result| {
        *result = json!({ "oldestBlock": "0x0", "reward": vec![[high()]; 20],
            "gasUsedRatio": vec![0.5; 20], "baseFeePerGas": vec![high(); 21] });
    });
    world.proxy.fail_always("eth_feeHistory", history);
    let tip = Fault::modify_result(move |result| *result = high());
    world.proxy.fail_always("eth_maxPriorityFeePerGas", tip);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_strangers_tip_on_a_quiet_chain_does_not_set_the_price() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        stranger_pays(&world);
        let id = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(id).await, State::Final);
        assert!(price_paid(&world, id).await <= GENEROUS);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_fee_history_sets_neither_the_price_nor_that_of_a_cancel() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        node_lies(&world);
        let paid = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(paid).await, State::Final);
        assert!(price_paid(&world, paid).await <= GENEROUS);
        let cancelled = world.enqueue(world.payment(2)).await;
        world.run_until_idle().await;
        let cancel = world.cancel(cancelled).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(cancelled).await, State::Cancelled);
        assert!(price_paid(&world, cancel).await <= GENEROUS * 11 / 10 + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_above_a_limit_gets_no_permit_and_names_the_setting() {
    on_each_engine(|test| async move {
        let low = json!({ "max_fee_per_gas": "1000", "max_tip": "1000" });
        let Some(world) = World::with_fees(test, low).await else {
            return;
        };
        let id = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        let waiting = world.get(id).await;
        assert_eq!((waiting.state, waiting.permit), (State::Deciding, None));
        let reason = waiting.reason.unwrap();
        assert!(reason.contains("fees.max_fee_per_gas"), "{reason}");
        assert_eq!(world.nonce(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_above_a_limit_that_was_lowered_since_the_permit() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = world.enqueue(world.payment(1)).await;
        world.run_until_idle().await;
        let sent = submit::transactions(&world.submit, &world.principal, id).await;
        let price = sent.unwrap()[0].terms.fee_per_gas.to_u64().unwrap();
        let (limit, tip) = (price + 1, price.to_string());
        let fees = json!({ "max_fee_per_gas": limit.to_string(), "max_tip": tip });
        let world = world.restart_with_fees(fees).await;
        let underpriced = json!({ "code": -32000, "message": "transaction underpriced" });
        let refuse = Fault::Error(underpriced);
        world.proxy.fail_always("eth_sendRawTransaction", refuse);
        world.wait(400_000).await;
        world.run_until_idle().await;
        let held = world.get(id).await;
        let reason = held.reason.unwrap();
        assert!(reason.contains("fees.max_fee_per_gas"), "{reason}");
        assert_eq!(world.transactions(id).await, 1);
        let cancel = world.cancel(id).await;
        world.run_until_idle().await;
        let denied = world.get(cancel).await;
        assert_eq!(denied.state, State::Denied);
        let reason = denied.reason.unwrap();
        assert!(reason.contains("fees.max_fee_per_gas"), "{reason}");
    })
    .await;
}
