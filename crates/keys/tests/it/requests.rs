//! Signatures that are asked for, and answered later.

use crate::house::{self, House, code, pay, unsigned};
use intent::Signature;
use keys::{Order, RequestState, Result, Scope};
use testkit::on_each_engine;
use types::RequestId;

async fn ask(house: &House, order: Order) -> Result<RequestId> {
    let (who, checked) = (
        house.who.clone(),
        keys::check(&house.keys, &house.who, order)?,
    );
    house
        .test
        .db
        .on(&house.lease)
        .write(house.ns(), move |tx| keys::request(tx, &who, &checked))
        .await
}

async fn state(house: &House, id: RequestId) -> keys::Request {
    house
        .test
        .db
        .read(house.ns(), move |tx| keys::request_of(tx, &id))
        .await
        .unwrap()
}

fn order(house: &House, from: &str, nonce: u64) -> Order {
    let intent = pay(from, 5);
    Order {
        permit: house.permit(&intent),
        unsigned: unsigned(&intent, nonce),
        supersedes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_the_witness_and_its_answer_names_a_row() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let order = order(&house, &from, 0);
        let id = ask(&house, order.clone()).await.unwrap();
        assert_eq!(
            ask(&house, order.clone()).await.unwrap(),
            id,
            "the same bytes are the same request"
        );
        let waiting = state(&house, id).await;
        assert_eq!(
            (waiting.state, waiting.backend.as_str(), waiting.signed_id),
            (RequestState::Waiting, "software", None)
        );
        let other = house.permit(&pay(&from, 5));
        assert_eq!(
            code(&house.send(&other, &unsigned(&pay(&from, 5), 0)).await),
            "keys.witness_used"
        );

        let house = house.restart().await;
        assert_eq!(keys::serve(&house.keys, &house.who).await.unwrap(), 1);
        assert_eq!(keys::serve(&house.keys, &house.who).await.unwrap(), 0);
        let answered = state(&house, id).await;
        assert_eq!(answered.state, RequestState::Answered);
        let signed_id = answered.signed_id.unwrap();
        assert!(
            house
                .bytes(order.permit.body.id, &signed_id)
                .await
                .is_some()
        );
        let fact = house
            .facts()
            .await
            .into_iter()
            .find(|fact| fact.contains("signature.answered"))
            .unwrap();
        assert!(fact.contains(&id.to_string()) && fact.contains(&signed_id));
        assert!(
            house
                .send(&order.permit, &order.unsigned)
                .await
                .unwrap()
                .again,
            "signing it here gives the same"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_signers_own_signature_is_an_answer_and_only_the_first() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let id = ask(&house, order(&house, &from, 0)).await.unwrap();
        let nonsense = vec![Signature {
            rs: [7; 64],
            recovery: 0,
        }];
        let wrong = keys::answer(&house.keys, &house.who, &id, nonsense.clone()).await;
        assert_eq!(code(&wrong), "intent.wrong_signature");
        assert_eq!(
            code(&keys::answer(&house.keys, &house.who, &id, Vec::new()).await),
            "intent.wrong_signature"
        );
        assert_eq!(state(&house, id).await.state, RequestState::Waiting);
        let elsewhere = house::principal("other");
        assert_eq!(
            code(&keys::answer(&house.keys, &elsewhere, &id, nonsense).await),
            "keys.request_unknown"
        );
        keys::serve(&house.keys, &house.who).await.unwrap();
        assert_eq!(
            code(&keys::decline(&house.keys, &house.who, &id, "late").await),
            "keys.request_over"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_or_a_revocation_holds_the_answer_back() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let (first, second) = (order(&house, &from, 0), order(&house, &from, 1));
        let held = ask(&house, first).await.unwrap();
        let revoked = ask(&house, second.clone()).await.unwrap();
        keys::freeze(&house.keys, &house.who, Scope::Namespace, false, "")
            .await
            .unwrap();
        assert_eq!(keys::serve(&house.keys, &house.who).await.unwrap(), 0);
        assert_eq!(
            code(&ask(&house, order(&house, &from, 2)).await),
            "keys.frozen"
        );
        keys::unfreeze(&house.keys, &house.who, Scope::Namespace, "")
            .await
            .unwrap();
        keys::revoke(&house.keys, &house.who, &second.permit.body.id, "")
            .await
            .unwrap();
        assert_eq!(
            keys::serve(&house.keys, &house.who).await.unwrap(),
            1,
            "one refusal stops no other"
        );
        assert_eq!(state(&house, held).await.state, RequestState::Answered);
        assert_eq!(state(&house, revoked).await.state, RequestState::Waiting);
        keys::decline(&house.keys, &house.who, &revoked, "its permit was revoked")
            .await
            .unwrap();
        let over = state(&house, revoked).await;
        assert_eq!(
            (over.state, over.note.as_deref()),
            (RequestState::Refused, Some("its permit was revoked"))
        );
        let again = house.permit(&pay(&from, 5));
        let taken = house.send(&again, &unsigned(&pay(&from, 5), 1)).await;
        assert_eq!(
            code(&taken),
            "keys.witness_used",
            "somebody may have signed: its witness stays taken"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_judged_as_a_signature_is() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let good = order(&house, &from, 0);
        let other = Order {
            unsigned: unsigned(&pay(&from, 6), 0),
            ..good.clone()
        };
        assert_eq!(code(&ask(&house, other).await), "keys.other_intent");
        let mut forged = good.clone();
        forged.permit.body.envelope.signatures = 9;
        assert_eq!(code(&ask(&house, forged).await), "intent.forged_permit");
        house.later(60_001);
        assert_eq!(code(&ask(&house, good).await), "keys.permit_expired");
        let unknown = order(&house, house::SECOND, 0);
        assert_eq!(code(&ask(&house, unknown).await), "keys.signer_unknown");
        assert_eq!(house.facts_of("signature.requested").await, 0);
    })
    .await;
}
