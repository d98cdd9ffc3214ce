//! From an intent to a block: quote, plan, sign, send, include.

use crate::fixture::{UNUSED_ACCOUNT, interface, start, watch_all};
use chain::{Connector, Error, Plan, Reservations, SubmitOutcome, TxStatus, Watch};
use intent::Intent;
use serde_json::{Value, json};
use testkit::anvil::{Mining, Options};
use types::{Amount, ChainId, ExecutionStatus, ReplayKey};

fn on_demand() -> Options {
    Options {
        mining: Mining::OnDemand,
        ..Options::default()
    }
}

#[tokio::test]
async fn a_payment_is_quoted_planned_sent_and_included() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    let (from, payment) = (
        fixture.account(0),
        fixture.payment(0, UNUSED_ACCOUNT, 1_000),
    );
    let quote = fixture.quote(&payment).await;
    assert_eq!(quote.terms.gas, 21_000);
    assert_eq!(
        Some(quote.terms.total_fee),
        Amount::from(21_000).checked_mul(quote.terms.fee_per_gas)
    );

    let (signed, submitted) = fixture.send(&payment).await;
    assert_eq!(submitted, SubmitOutcome::Accepted);
    assert_eq!(
        fixture.evm.status(&signed.id).await.unwrap(),
        TxStatus::Pending
    );
    let sequence = fixture.evm.sequence(from).await.unwrap();
    assert_eq!((sequence.mined, sequence.pending), (0, 1));

    fixture.anvil.mine(1);
    let block = fixture.newest(&watch_all(&[from])).await;
    let [included] = &block.inclusions[..] else {
        panic!("{block:?}")
    };
    assert_eq!(
        (&included.transaction, &included.signer[..]),
        (&signed.id, from)
    );
    assert_eq!(
        (included.index, included.status, &included.created),
        (0, ExecutionStatus::Succeeded, &None)
    );
    assert_eq!(included.replay_keys, [ReplayKey::nonce(from, 0)]);
    let receipt = fixture.anvil.receipt(&signed.id).unwrap();
    let price = u64::from_str_radix(
        receipt["effectiveGasPrice"]
            .as_str()
            .unwrap()
            .trim_start_matches("0x"),
        16,
    )
    .unwrap();
    assert_eq!(included.fee, Amount::from(21_000 * price));
    assert!(included.fee <= quote.terms.total_fee);
    let included = TxStatus::Included {
        block: block.hash,
        height: block.height,
        status: ExecutionStatus::Succeeded,
    };
    assert_eq!(fixture.evm.status(&signed.id).await.unwrap(), included);
    assert_eq!(
        fixture.evm.balance(UNUSED_ACCOUNT).await.unwrap(),
        Amount::from(1_000)
    );
}

#[tokio::test]
async fn a_token_is_deployed_and_minted_and_its_events_report_transfers() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    let (issuer, holder) = (fixture.account(0).to_owned(), fixture.account(1).to_owned());
    let code = hex::decode(
        testkit::artifact("DemoToken")
            .bytecode
            .trim_start_matches("0x"),
    )
    .unwrap();
    let params = json!(["Demo", "DMO", "6", issuer]);
    let data =
        intent::encode_deploy(&fixture.chain(), &interface("DemoToken"), &code, &params).unwrap();
    let (_, submitted) = fixture
        .send(&Intent::call(
            fixture.chain(),
            issuer.clone(),
            None,
            Amount::ZERO,
            data,
        ))
        .await;
    assert_eq!(submitted, SubmitOutcome::Accepted);
    fixture.anvil.mine(1);
    let deployed = fixture.newest(&watch_all(&[&issuer])).await;
    let token = deployed.inclusions[0].created.clone().unwrap();

    for amount in [
        "5",
        "115792089237316195423570985008687907853269984665640564039457584007913129639930",
    ] {
        let mint = fixture.call(0, &token, "DemoToken", "mint", json!([holder, amount]));
        assert_eq!(fixture.send(&mint).await.1, SubmitOutcome::Accepted);
    }
    fixture.anvil.mine(1);
    let block = fixture.newest(&watch_all(&[&issuer])).await;
    assert_eq!(
        block
            .inclusions
            .iter()
            .map(|inclusion| inclusion.status)
            .collect::<Vec<_>>(),
        [ExecutionStatus::Succeeded; 2]
    );
    let [first, second] = &block.events[..] else {
        panic!("{block:?}")
    };
    assert_eq!((&first.source, first.index, second.index), (&token, 0, 1));
    assert_eq!(
        (&first.path[..], &second.path[..]),
        ("0", "0"),
        "the path counts within the transaction"
    );
    assert_eq!((first.transaction_index, second.transaction_index), (0, 1));
    let [transfer] = &fixture.evm.transfers(block.height, first)[..] else {
        panic!("{first:?}")
    };
    assert_eq!((&transfer.to, transfer.amount), (&holder, Amount::from(5)));
    let event = fixture
        .evm
        .decode_event(&interface("DemoToken"), second)
        .unwrap()
        .unwrap();
    assert_eq!(event.signature, "Transfer(address,address,uint256)");
    assert_eq!(
        event.output["value"],
        "115792089237316195423570985008687907853269984665640564039457584007913129639930"
    );
}

#[tokio::test]
async fn a_transaction_that_fails_in_its_block_is_reported_as_reverted() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    fixture.anvil.set_automine(true);
    let contract = fixture
        .anvil
        .deploy(&testkit::artifact("Overloads").bytecode);
    fixture.anvil.set_automine(false);
    let fail = fixture.call(1, &contract, "Overloads", "failNothing", json!([]));
    let terms = fixture
        .quote(&fixture.payment(1, UNUSED_ACCOUNT, 1))
        .await
        .terms;
    let terms = intent::FeeTerms {
        gas: 100_000,
        ..terms
    };
    let signed = fixture.signed(&fail, 0, terms).await;
    assert_eq!(fixture.submit(&signed).await, SubmitOutcome::Accepted);
    fixture.anvil.mine(1);
    let block = fixture.newest(&watch_all(&[fixture.account(1)])).await;
    assert_eq!(block.inclusions[0].status, ExecutionStatus::Reverted);
    assert!(!block.inclusions[0].fee.is_zero());
}

#[tokio::test]
async fn each_transaction_of_a_batch_gets_its_own_outcome() {
    let Some(fixture) = start(&on_demand(), json!({"limits": {"batch": 3}})) else {
        return;
    };
    let payment = fixture.payment(0, UNUSED_ACCOUNT, 1);
    let terms = fixture.quote(&payment).await.terms;
    let mut transactions = Vec::new();
    for nonce in 0..7 {
        transactions.push(fixture.signed(&payment, nonce, terms).await);
    }
    transactions[4] = transactions[3].clone();
    let submitted = fixture.evm.submit(&transactions).await;
    let expected = (0..7).map(|index| {
        if index == 4 {
            SubmitOutcome::AlreadyKnown
        } else {
            SubmitOutcome::Accepted
        }
    });
    assert_eq!(submitted, expected.collect::<Vec<_>>());
    let requests: Vec<u64> = vec![fixture.evm.counters().requests];
    assert!(requests[0] >= 3, "{requests:?}");
}

#[tokio::test]
async fn an_intent_that_cannot_be_planned_affects_no_other() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    let (payment, reserved) = (
        fixture.payment(0, UNUSED_ACCOUNT, 1),
        Reservations {
            nonce: Some(0),
            ..Reservations::default()
        },
    );
    let terms = fixture.quote(&payment).await.terms;
    let foreign = Intent {
        chain: ChainId::evm(1),
        ..payment.clone()
    };
    let plan = |intent, reservations| Plan {
        intent,
        terms,
        reservations,
        authorizations: &[],
    };
    let without = Reservations::default();
    let plans = [
        plan(&payment, &without),
        plan(&foreign, &reserved),
        plan(&payment, &reserved),
    ];
    let planned = fixture.evm.plan(&plans).await;
    assert!(
        matches!(&planned[0], Err(Error::Intent(_))),
        "a nonce is needed"
    );
    assert!(
        matches!(&planned[1], Err(Error::Intent(_))),
        "the chain must match"
    );
    assert!(planned[2].is_ok());

    let quotes = fixture.evm.quote(&[foreign, payment]).await;
    assert!(quotes[0].is_err() && quotes[1].is_ok(), "{quotes:?}");
}

#[tokio::test]
async fn only_watched_items_are_returned() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    fixture.anvil.set_automine(true);
    let contract = fixture
        .anvil
        .deploy(&testkit::artifact("Overloads").bytecode);
    fixture.anvil.set_automine(false);
    for (from, method, params) in [
        (0, "set(uint256)", json!(["7"])),
        (1, "set(string)", json!(["x"])),
    ] {
        let call = fixture.call(from, &contract, "Overloads", method, params);
        assert_eq!(fixture.send(&call).await.1, SubmitOutcome::Accepted);
    }
    fixture.anvil.mine(1);
    let all = fixture
        .newest(&watch_all(&[fixture.account(0), fixture.account(1)]))
        .await;
    assert_eq!((all.events.len(), all.inclusions.len()), (2, 2));
    let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let second = &all.events[1];
    for (watch, events, included) in [
        (Watch::default(), 0, 0),
        (
            Watch {
                topics: set(&[&second.topic]),
                ..Watch::default()
            },
            1,
            0,
        ),
        (
            Watch {
                sources: set(&[&contract]),
                ..Watch::default()
            },
            2,
            0,
        ),
        (
            Watch {
                sources: set(&[UNUSED_ACCOUNT]),
                signers: set(&[fixture.account(1)]),
                ..Watch::default()
            },
            0,
            1,
        ),
        (
            Watch {
                signers: set(&[UNUSED_ACCOUNT]),
                ..Watch::default()
            },
            0,
            0,
        ),
    ] {
        let block = fixture.newest(&watch).await;
        assert_eq!(
            (block.events.len(), block.inclusions.len()),
            (events, included),
            "{watch:?}"
        );
        assert!(
            block.events.iter().all(|event| all.events.contains(event)),
            "the position does not depend on the watch"
        );
    }
    let by_transaction = crate::fixture::connect(
        &fixture.anvil.url(),
        fixture.anvil.chain_id(),
        json!({"receipts": "transaction"}),
    );
    let watch = watch_all(&[fixture.account(0), fixture.account(1)]);
    assert_eq!(
        by_transaction
            .block(&all.hash, &watch)
            .await
            .unwrap()
            .unwrap(),
        all,
        "both ways of fetching give the same block"
    );
}

#[tokio::test]
async fn an_authorization_without_a_signature_is_rejected() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    let mut intent = fixture.payment(0, UNUSED_ACCOUNT, 0);
    let intent::Act::Transaction(transaction) = &mut intent.act else {
        panic!()
    };
    transaction.authorizations.push(intent::Authorization {
        authority: fixture.account(1).to_owned(),
        delegate: UNUSED_ACCOUNT.to_owned(),
        nonce: 0,
        any_chain: false,
    });
    let reservations = Reservations {
        nonce: Some(0),
        ..Reservations::default()
    };
    let terms = fixture
        .quote(&fixture.payment(0, UNUSED_ACCOUNT, 0))
        .await
        .terms;
    let plan = Plan {
        intent: &intent,
        terms,
        reservations: &reservations,
        authorizations: &[],
    };
    assert!(matches!(
        fixture.evm.plan(&[plan]).await.remove(0),
        Err(Error::Intent(_))
    ));
}

#[tokio::test]
async fn the_node_stores_the_bytes_that_were_sent() {
    let Some(fixture) = start(&on_demand(), json!({})) else {
        return;
    };
    let (signed, _) = fixture.send(&fixture.payment(0, UNUSED_ACCOUNT, 1)).await;
    let raw: Value = fixture
        .anvil
        .rpc("eth_getRawTransactionByHash", json!([signed.id]));
    assert_eq!(
        raw.as_str().unwrap(),
        format!("0x{}", hex::encode(&signed.raw))
    );
}
