//! The L1 fee of OP-stack chains, against a stub of their gas price oracle.

use crate::fixture::{Fixture, UNUSED_ACCOUNT, start};
use chain::{Error, Quote};
use serde_json::{Value, json};
use testkit::anvil::{Mining, Options};
use types::Amount;

const ORACLE: &str = "0x420000000000000000000000000000000000000F";

fn op_stack(settings: Value) -> Option<Fixture> {
    let options = Options {
        mining: Mining::OnDemand,
        ..Options::default()
    };
    let mut all = json!({"preset": "optimism"});
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    start(&options, all)
}

fn deploy(fixture: &Fixture, is_fjord: bool) {
    let code = testkit::artifact("L1FeeOracle").deployed_bytecode;
    fixture.anvil.rpc("anvil_setCode", json!([ORACLE, code]));
    let value = format!("0x{:064x}", u8::from(is_fjord));
    let slot = format!("0x{:064x}", 0);
    fixture
        .anvil
        .rpc("anvil_setStorageAt", json!([ORACLE, slot, value]));
}

/// The bytes that are signed for a payment at this quote.
async fn signed_bytes(fixture: &Fixture, quote: &Quote) -> usize {
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let signed = fixture.signed(&payment, 0, quote.terms).await;
    signed.raw.len()
}

#[tokio::test]
async fn a_quote_has_the_upper_bound_of_the_l1_fee() {
    let Some(fixture) = op_stack(json!({})) else {
        return;
    };
    for (is_fjord, gwei_a_byte) in [(true, 1), (false, 2)] {
        deploy(&fixture, is_fjord);
        let quote = fixture.quote(&fixture.payment(0, UNUSED_ACCOUNT, 1)).await;
        let l1 = quote.terms.l1_fee.to_u64().unwrap();
        let bytes = signed_bytes(&fixture, &quote).await as u64;
        let least = bytes * gwei_a_byte * 1_000_000_000;
        assert!((least..least * 3 / 2).contains(&l1), "{l1} for {bytes}");
        let full = quote.terms.total_fee.checked_add(Amount::from(l1));
        assert_eq!(Some(quote.terms.full_fee()), full);
    }
}

#[tokio::test]
async fn the_limit_on_the_total_counts_the_l1_fee() {
    let Some(fixture) = op_stack(json!({"fees": {"max_total_fee": "100000000000"}})) else {
        return;
    };
    deploy(&fixture, true);
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let quoted = chain::Connector::quote(&fixture.evm, &[payment]).await;
    let Err(Error::FeeTooHigh { setting, .. }) = &quoted[0] else {
        panic!("{quoted:?}")
    };
    assert_eq!(*setting, "fees.max_total_fee");
}

#[tokio::test]
async fn without_an_answer_of_the_oracle_there_is_no_quote() {
    let Some(fixture) = op_stack(json!({})) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let quoted = chain::Connector::quote(&fixture.evm, &[payment]).await;
    assert!(
        matches!(&quoted[0], Err(Error::InvalidResponse { why, .. }) if why.contains("oracle")),
        "{quoted:?}"
    );
}
