//! From an intent to a block: quote, plan, sign, send, see.

use crate::stand::{NOBODY, interface, stand, watch_all};
use chain::{Connector, Error, Plan, Reservations, Submitted, TxStatus, Watch};
use intent::Intent;
use serde_json::{Value, json};
use testkit::anvil::{Mining, Options};
use types::{Amount, ChainId, Status, Witness};

fn on_demand() -> Options {
    Options {
        mining: Mining::OnDemand,
        ..Options::default()
    }
}

#[tokio::test]
async fn a_payment_is_quoted_planned_sent_and_seen_in_its_block() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    let (from, payment) = (stand.account(0), stand.payment(0, NOBODY, 1_000));
    let quote = stand.quote(&payment).await;
    assert_eq!(quote.terms.gas, 21_000);
    assert_eq!(
        Some(quote.terms.total_fee),
        Amount::from(21_000).checked_mul(quote.terms.fee_per_gas)
    );

    let (signed, submitted) = stand.send(&payment).await;
    assert_eq!(submitted, Submitted::Accepted);
    assert_eq!(
        stand.evm.status(&signed.id).await.unwrap(),
        TxStatus::Pending
    );
    let sequence = stand.evm.sequence(from).await.unwrap();
    assert_eq!((sequence.mined, sequence.pending), (0, 1));

    stand.anvil.mine(1);
    let block = stand.newest(&watch_all(&[from])).await;
    let [included] = &block.included[..] else {
        panic!("{block:?}")
    };
    assert_eq!(
        (&included.transaction, &included.signer[..]),
        (&signed.id, from)
    );
    assert_eq!(
        (included.index, included.status, &included.created),
        (0, Status::Succeeded, &None)
    );
    assert_eq!(included.witnesses, [Witness::nonce(from, 0)]);
    let receipt = stand.anvil.receipt(&signed.id).unwrap();
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
        status: Status::Succeeded,
    };
    assert_eq!(stand.evm.status(&signed.id).await.unwrap(), included);
    assert_eq!(
        stand.evm.balance(NOBODY).await.unwrap(),
        Amount::from(1_000)
    );
}

#[tokio::test]
async fn a_token_is_deployed_and_minted_and_the_events_tell_the_transfer() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    let (issuer, holder) = (stand.account(0).to_owned(), stand.account(1).to_owned());
    let code = hex::decode(
        testkit::artifact("DemoToken")
            .bytecode
            .trim_start_matches("0x"),
    )
    .unwrap();
    let params = json!(["Demo", "DMO", "6", issuer]);
    let data =
        intent::encode_deploy(&stand.chain(), &interface("DemoToken"), &code, &params).unwrap();
    let (_, submitted) = stand
        .send(&Intent::call(
            stand.chain(),
            issuer.clone(),
            None,
            Amount::ZERO,
            data,
        ))
        .await;
    assert_eq!(submitted, Submitted::Accepted);
    stand.anvil.mine(1);
    let deployed = stand.newest(&watch_all(&[&issuer])).await;
    let token = deployed.included[0].created.clone().unwrap();

    for amount in [
        "5",
        "115792089237316195423570985008687907853269984665640564039457584007913129639930",
    ] {
        let mint = stand.call(0, &token, "DemoToken", "mint", json!([holder, amount]));
        assert_eq!(stand.send(&mint).await.1, Submitted::Accepted);
    }
    stand.anvil.mine(1);
    let block = stand.newest(&watch_all(&[&issuer])).await;
    assert_eq!(
        block
            .included
            .iter()
            .map(|one| one.status)
            .collect::<Vec<_>>(),
        [Status::Succeeded; 2]
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
    let [transfer] = &stand.evm.transfers(block.height, first)[..] else {
        panic!("{first:?}")
    };
    assert_eq!((&transfer.to, transfer.amount), (&holder, Amount::from(5)));
    let event = stand
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
async fn a_transaction_that_fails_in_its_block_is_told_as_reverted() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    stand.anvil.set_automine(true);
    let contract = stand.anvil.deploy(&testkit::artifact("Overloads").bytecode);
    stand.anvil.set_automine(false);
    let fail = stand.call(1, &contract, "Overloads", "failNothing", json!([]));
    let terms = stand.quote(&stand.payment(1, NOBODY, 1)).await.terms;
    let terms = intent::FeeTerms {
        gas: 100_000,
        ..terms
    };
    let signed = stand.signed(&fail, 0, terms).await;
    assert_eq!(stand.submit(&signed).await, Submitted::Accepted);
    stand.anvil.mine(1);
    let block = stand.newest(&watch_all(&[stand.account(1)])).await;
    assert_eq!(block.included[0].status, Status::Reverted);
    assert!(!block.included[0].fee.is_zero());
}

#[tokio::test]
async fn many_are_sent_at_once_and_each_gets_its_own_answer() {
    let Some(stand) = stand(&on_demand(), json!({"limits": {"batch": 3}})) else {
        return;
    };
    let payment = stand.payment(0, NOBODY, 1);
    let terms = stand.quote(&payment).await.terms;
    let mut all = Vec::new();
    for nonce in 0..7 {
        all.push(stand.signed(&payment, nonce, terms).await);
    }
    all[4] = all[3].clone();
    let submitted = stand.evm.submit(&all).await;
    let expected = (0..7).map(|place| {
        if place == 4 {
            Submitted::AlreadyKnown
        } else {
            Submitted::Accepted
        }
    });
    assert_eq!(submitted, expected.collect::<Vec<_>>());
    let requests: Vec<u64> = vec![stand.evm.counters().requests];
    assert!(requests[0] >= 3, "{requests:?}");
}

#[tokio::test]
async fn an_intent_that_cannot_be_planned_stops_only_itself() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    let (payment, reserved) = (
        stand.payment(0, NOBODY, 1),
        Reservations {
            nonce: Some(0),
            ..Reservations::default()
        },
    );
    let terms = stand.quote(&payment).await.terms;
    let foreign = Intent {
        chain: ChainId::evm(1),
        ..payment.clone()
    };
    let plan = |intent, reservations| Plan {
        intent,
        terms,
        reservations,
        authorisations: &[],
    };
    let without = Reservations::default();
    let plans = [
        plan(&payment, &without),
        plan(&foreign, &reserved),
        plan(&payment, &reserved),
    ];
    let planned = stand.evm.plan(&plans).await;
    assert!(
        matches!(&planned[0], Err(Error::Intent(_))),
        "a nonce is needed"
    );
    assert!(
        matches!(&planned[1], Err(Error::Intent(_))),
        "the chain must be ours"
    );
    assert!(planned[2].is_ok());

    let quotes = stand.evm.quote(&[foreign, payment]).await;
    assert!(quotes[0].is_err() && quotes[1].is_ok(), "{quotes:?}");
}

#[tokio::test]
async fn only_what_is_watched_is_told() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    stand.anvil.set_automine(true);
    let contract = stand.anvil.deploy(&testkit::artifact("Overloads").bytecode);
    stand.anvil.set_automine(false);
    for (from, method, params) in [
        (0, "set(uint256)", json!(["7"])),
        (1, "set(string)", json!(["x"])),
    ] {
        let call = stand.call(from, &contract, "Overloads", method, params);
        assert_eq!(stand.send(&call).await.1, Submitted::Accepted);
    }
    stand.anvil.mine(1);
    let all = stand
        .newest(&watch_all(&[stand.account(0), stand.account(1)]))
        .await;
    assert_eq!((all.events.len(), all.included.len()), (2, 2));
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
                sources: set(&[NOBODY]),
                signers: set(&[stand.account(1)]),
                ..Watch::default()
            },
            0,
            1,
        ),
        (
            Watch {
                signers: set(&[NOBODY]),
                ..Watch::default()
            },
            0,
            0,
        ),
    ] {
        let block = stand.newest(&watch).await;
        assert_eq!(
            (block.events.len(), block.included.len()),
            (events, included),
            "{watch:?}"
        );
        assert!(
            block.events.iter().all(|event| all.events.contains(event)),
            "the same place whatever is watched"
        );
    }
    let by_transaction = crate::stand::connect(
        &stand.anvil.url(),
        stand.anvil.chain_id(),
        json!({"receipts": "transaction"}),
    );
    let watch = watch_all(&[stand.account(0), stand.account(1)]);
    assert_eq!(
        by_transaction
            .block(&all.hash, &watch)
            .await
            .unwrap()
            .unwrap(),
        all,
        "either way of fetching tells the same"
    );
}

#[tokio::test]
async fn a_signature_carries_a_list_of_authorisations_or_is_refused() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    let mut intent = stand.payment(0, NOBODY, 0);
    let intent::Act::Transaction(transaction) = &mut intent.act else {
        panic!()
    };
    transaction.authorisations.push(intent::Authorisation {
        authority: stand.account(1).to_owned(),
        delegate: NOBODY.to_owned(),
        nonce: 0,
        any_chain: false,
    });
    let reservations = Reservations {
        nonce: Some(0),
        ..Reservations::default()
    };
    let terms = stand.quote(&stand.payment(0, NOBODY, 0)).await.terms;
    let plan = Plan {
        intent: &intent,
        terms,
        reservations: &reservations,
        authorisations: &[],
    };
    assert!(matches!(
        stand.evm.plan(&[plan]).await.remove(0),
        Err(Error::Intent(_))
    ));
}

#[tokio::test]
async fn the_hash_of_the_node_is_ours() {
    let Some(stand) = stand(&on_demand(), json!({})) else {
        return;
    };
    let (signed, _) = stand.send(&stand.payment(0, NOBODY, 1)).await;
    let raw: Value = stand
        .anvil
        .rpc("eth_getRawTransactionByHash", json!([signed.id]));
    assert_eq!(
        raw.as_str().unwrap(),
        format!("0x{}", hex::encode(&signed.raw))
    );
}
