//! What an intent does, as policy sees it.

use crate::any;
use crate::key::Key;
use intent::{Act, AssetRef, Call, Effects, Error, Grant, Intent, Interface, Move, effects};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::{Amount, ChainId, Digest, Json};

const COIN: &str = "0x00000000000000000000000000000000000000c0";
const ALICE: &str = "0x00000000000000000000000000000000000a11ce";
const BOB: &str = "0x0000000000000000000000000000000000000b0b";

fn me() -> String {
    Key::new(1).account()
}

fn calls(data: Vec<u8>) -> Intent {
    Intent::call(ChainId::evm(5), me(), Some(COIN.into()), Amount::ZERO, data)
}

/// The data of a call, by a signature with types in order and values.
fn data(signature: &str, values: Value) -> Vec<u8> {
    let (name, types) = signature.trim_end_matches(')').split_once('(').unwrap();
    let inputs: Vec<Value> = types
        .split(',')
        .map(|ty| json!({"name": "", "type": ty}))
        .collect();
    let interface = Interface::new(json!([{"name": name, "inputs": inputs}]).to_string());
    intent::encode_call(&ChainId::evm(5), &interface, name, &values).unwrap()
}

fn of(signature: &str, values: Value) -> Effects {
    effects(&calls(data(signature, values)), None).unwrap()
}

fn with(signature: &str, values: Value, interface: &Value) -> Effects {
    effects(
        &calls(data(signature, values)),
        Some(&Interface::new(interface.to_string())),
    )
    .unwrap()
}

fn token(id: Option<u64>) -> AssetRef {
    AssetRef::Token {
        contract: COIN.into(),
        token_id: id.map(Amount::from),
    }
}

fn moved(asset: AssetRef, from: &str, to: &str, amount: u64) -> Move {
    Move {
        asset,
        from: from.into(),
        to: to.into(),
        amount: Amount::from(amount),
    }
}

fn granted(asset: AssetRef, to: &str, amount: Option<u64>) -> Grant {
    Grant {
        asset: Some(asset),
        to: to.into(),
        amount: amount.map(Amount::from),
    }
}

/// The interface of a contract of coins, and of one of things: only the functions that tell them
/// apart.
fn coins() -> Value {
    functions(&[
        ("transferFrom", &["address", "address", "uint256"]),
        ("approve", &["address", "uint256"]),
        ("decimals", &[]),
    ])
}

fn things() -> Value {
    functions(&[
        ("transferFrom", &["address", "address", "uint256"]),
        ("approve", &["address", "uint256"]),
        ("ownerOf", &["uint256"]),
    ])
}

fn functions(all: &[(&str, &[&str])]) -> Value {
    let input = |ty: &&str| json!({"name": "", "type": ty});
    all.iter()
        .map(|(name, types)| json!({"name": name, "inputs": types.iter().map(input).collect::<Vec<_>>()}))
        .collect()
}

#[test]
fn a_payment_moves_the_chains_coin() {
    let pays = Intent::call(
        ChainId::evm(5),
        me(),
        Some(ALICE.into()),
        Amount::from(9),
        vec![],
    );
    let expected = Effects {
        moves: vec![moved(AssetRef::Native, &me(), ALICE, 9)],
        ..Effects::default()
    };
    assert_eq!(effects(&pays, None).unwrap(), expected);
    assert_eq!(
        effects(&Intent::cancel(ChainId::evm(5), me()), None).unwrap(),
        Effects::default()
    );
}

#[test]
fn a_deployment_is_known_by_its_code() {
    let deploys = Intent::call(ChainId::evm(5), me(), None, Amount::from(1), vec![1, 2, 3]);
    let told = effects(&deploys, None).unwrap();
    assert_eq!(told.deploys, Some(Digest::of(&[1, 2, 3])));
    assert_eq!(told.moves, [moved(AssetRef::Native, &me(), "", 1)]);
    assert!(!told.opaque && told.calls.is_empty());
}

#[test]
fn a_transfer_of_coins() {
    let told = of("transfer(address,uint256)", json!([ALICE, 5]));
    let call = Call {
        contract: COIN.into(),
        selector: "0xa9059cbb".into(),
        signature: Some("transfer(address,uint256)".into()),
        arguments: Json::of(&json!({"to": ALICE, "value": "5"})).ok(),
    };
    let moves = vec![moved(token(None), &me(), ALICE, 5)];
    assert_eq!(
        told,
        Effects {
            moves,
            calls: vec![call],
            ..Effects::default()
        }
    );
}

#[test]
fn value_sent_with_a_call_moves_too() {
    let data = data("transfer(address,uint256)", json!([ALICE, 5]));
    let told = effects(
        &Intent::call(
            ChainId::evm(5),
            me(),
            Some(COIN.into()),
            Amount::from(3),
            data,
        ),
        None,
    )
    .unwrap();
    assert_eq!(
        told.moves,
        [
            moved(AssetRef::Native, &me(), COIN, 3),
            moved(token(None), &me(), ALICE, 5)
        ]
    );
}

#[test]
fn whose_coins_move_is_in_the_arguments() {
    let values = json!([BOB, ALICE, 5]);
    let told = with(
        "transferFrom(address,address,uint256)",
        values.clone(),
        &coins(),
    );
    assert_eq!(
        (told.moves, told.opaque),
        (vec![moved(token(None), BOB, ALICE, 5)], false)
    );
    let told = with(
        "transferFrom(address,address,uint256)",
        values.clone(),
        &things(),
    );
    assert_eq!(
        (told.moves, told.opaque),
        (vec![moved(token(Some(5)), BOB, ALICE, 1)], false)
    );
    // Without an interface it could be five coins or thing number five.
    let told = of("transferFrom(address,address,uint256)", values);
    assert_eq!(
        (told.moves, told.opaque),
        (vec![moved(token(None), BOB, ALICE, 5)], true)
    );
}

#[test]
fn an_interface_of_one_call_tells_by_its_names() {
    let (signature, values) = (
        "transferFrom(address,address,uint256)",
        json!([BOB, ALICE, 5]),
    );
    let one = |last: &str, outputs: Value| {
        let input = |name: &str, ty: &str| json!({"name": name, "type": ty});
        let inputs = json!([
            input("from", "address"),
            input("to", "address"),
            input(last, "uint256")
        ]);
        with(
            signature,
            values.clone(),
            &json!({"name": "transferFrom", "inputs": inputs, "outputs": outputs}),
        )
    };
    let truth = json!([{"type": "bool"}]);
    let coins = one("value", truth.clone());
    assert_eq!(
        (coins.moves, coins.opaque),
        (vec![moved(token(None), BOB, ALICE, 5)], false)
    );
    let thing = one("_tokenId", json!([]));
    assert_eq!(
        (thing.moves, thing.opaque),
        (vec![moved(token(Some(5)), BOB, ALICE, 1)], false)
    );
    assert!(one("value", json!([])).opaque);
    assert!(one("tokenId", truth).opaque);
}

#[test]
fn an_old_contract_of_things_that_has_transfer_is_not_clear() {
    let kitties = functions(&[
        ("transfer", &["address", "uint256"]),
        ("ownerOf", &["uint256"]),
    ]);
    assert!(with("transfer(address,uint256)", json!([ALICE, 5]), &kitties).opaque);
    let coin = functions(&[("transfer", &["address", "uint256"])]);
    assert!(!with("transfer(address,uint256)", json!([ALICE, 5]), &coin).opaque);
}

#[test]
fn things_and_pools_move() {
    let told = of(
        "safeTransferFrom(address,address,uint256)",
        json!([me(), ALICE, 5]),
    );
    assert_eq!(
        (told.moves, told.opaque),
        (vec![moved(token(Some(5)), &me(), ALICE, 1)], false)
    );
    let told = of(
        "safeTransferFrom(address,address,uint256,bytes)",
        json!([me(), ALICE, 5, "0x00"]),
    );
    assert_eq!(
        (told.moves, told.opaque),
        (vec![moved(token(Some(5)), &me(), ALICE, 1)], false)
    );
    let told = of(
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        json!([me(), ALICE, 5, 6, "0x"]),
    );
    assert_eq!(
        (told.moves, told.opaque),
        (vec![moved(token(Some(5)), &me(), ALICE, 6)], false)
    );
    let batch = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)";
    let told = of(batch, json!([me(), ALICE, [5, 7], [6, 8], "0x"]));
    let both = vec![
        moved(token(Some(5)), &me(), ALICE, 6),
        moved(token(Some(7)), &me(), ALICE, 8),
    ];
    assert_eq!((told.moves, told.opaque), (both, false));
    assert!(of(batch, json!([me(), ALICE, [5, 7], [6], "0x"])).opaque);
}

#[test]
fn rights_that_are_given_away() {
    let approve = "approve(address,uint256)";
    let told = with(approve, json!([BOB, 5]), &coins());
    assert_eq!(
        (told.grants, told.opaque),
        (vec![granted(token(None), BOB, Some(5))], false)
    );
    let told = with(approve, json!([BOB, 0]), &coins());
    assert_eq!((told.grants, told.opaque), (vec![], false));
    let told = with(approve, json!([BOB, 0]), &things());
    assert_eq!(
        (told.grants, told.opaque),
        (vec![granted(token(Some(0)), BOB, Some(1))], false)
    );
    let nobody = format!("0x{}", "0".repeat(40));
    assert_eq!(with(approve, json!([nobody, 0]), &things()).grants, []);
    let told = of(approve, json!([BOB, 0]));
    assert_eq!(
        (told.grants, told.opaque),
        (vec![granted(token(None), BOB, Some(0))], true)
    );
    let told = of("setApprovalForAll(address,bool)", json!([BOB, true]));
    assert_eq!(
        (told.grants, told.opaque),
        (vec![granted(token(None), BOB, None)], false)
    );
    let told = of("setApprovalForAll(address,bool)", json!([BOB, false]));
    assert_eq!((told.grants, told.opaque), (vec![], false));
    let told = of("increaseAllowance(address,uint256)", json!([BOB, 5]));
    assert_eq!(
        (told.grants, told.opaque),
        (vec![granted(token(None), BOB, Some(5))], false)
    );
}

#[test]
fn an_interface_names_what_a_call_is() {
    let mint = functions(&[("mint", &["address", "uint256"])]);
    let told = with("mint(address,uint256)", json!([ALICE, 5]), &mint);
    let call = &told.calls[0];
    assert_eq!(call.signature.as_deref(), Some("mint(address,uint256)"));
    assert_eq!(
        call.arguments.as_ref().unwrap().to_value(),
        json!({"arg": ALICE, "arg1": "5"})
    );
    assert!(!told.opaque && told.moves.is_empty());
    let told = of("mint(address,uint256)", json!([ALICE, 5]));
    assert!(
        told.opaque && told.calls[0].signature.is_none() && told.calls[0].selector == call.selector
    );
    let told = with("burn(uint256)", json!([5]), &mint);
    assert!(told.opaque && told.calls[0].signature.is_none() && told.calls[0].arguments.is_none());
}

#[test]
fn an_interface_cannot_hide_a_transfer() {
    // Known to have the selector of transfer(address,uint256).
    let disguise = functions(&[("many_msg_babbage", &["bytes1"])]);
    let told = with("transfer(address,uint256)", json!([ALICE, 5]), &disguise);
    assert_eq!(told.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert!(told.opaque);
    let none = with(
        "transfer(address,uint256)",
        json!([ALICE, 5]),
        &functions(&[("f", &[])]),
    );
    assert_eq!(none.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert!(none.opaque && none.calls[0].signature.is_none());
}

#[test]
fn what_the_arguments_do_not_account_for_is_opaque() {
    let honest = data("transfer(address,uint256)", json!([ALICE, 5]));
    let longer = effects(&calls([honest.clone(), vec![1]].concat()), None).unwrap();
    assert_eq!(longer.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert!(longer.opaque);
    let mut dirty = honest.clone();
    dirty[5] = 1;
    let dirty = effects(&calls(dirty), None).unwrap();
    assert!(dirty.opaque && dirty.moves.is_empty() && dirty.calls[0].signature.is_none());
    let short = effects(&calls(honest[..40].to_vec()), None).unwrap();
    assert!(short.opaque && short.moves.is_empty());
    let stub = effects(&calls(vec![1, 2, 3]), None).unwrap();
    assert!(stub.opaque && stub.calls[0].selector.is_empty());
    let gap = functions(&[("f", &["bytes"])]);
    let mut spread = data("f(bytes)", json!(["0x01"]));
    spread[4 + 31] = 64;
    spread.splice(36..36, [0; 32]);
    let told = effects(&calls(spread), Some(&Interface::new(gap.to_string()))).unwrap();
    assert!(
        told.opaque
            && told.calls[0].arguments.as_ref().unwrap().to_value() == json!({"arg": "0x01"})
    );
}

#[test]
fn an_authorisation_grants_the_whole_account() {
    let (one, _) = any::authorised(&ChainId::evm(5), &Key::new(1), [7; 20], 3, false);
    let whole = Grant {
        asset: None,
        to: one.delegate.clone(),
        amount: None,
    };
    let signs = Intent {
        chain: ChainId::evm(5),
        signer: me(),
        act: Act::Authorisation(one.clone()),
    };
    assert_eq!(
        effects(&signs, None).unwrap(),
        Effects {
            grants: vec![whole.clone()],
            ..Effects::default()
        }
    );
    let mut carries = Intent::cancel(ChainId::evm(5), me());
    let Act::Transaction(transaction) = &mut carries.act else {
        unreachable!()
    };
    transaction.authorisations = vec![one];
    assert_eq!(effects(&carries, None).unwrap().grants, [whole]);
    let (ends, _) = any::authorised(&ChainId::evm(5), &Key::new(1), [0; 20], 3, false);
    let ends = Intent {
        act: Act::Authorisation(ends),
        ..signs
    };
    assert_eq!(effects(&ends, None).unwrap(), Effects::default());
}

fn permit(change: impl FnOnce(&mut Value)) -> Effects {
    let mut value = json!({
        "types": {"Permit": [
            {"name": "owner", "type": "address"}, {"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"},
            {"name": "nonce", "type": "uint256"}, {"name": "deadline", "type": "uint256"}
        ]},
        "primaryType": "Permit",
        "domain": {"name": "Coin", "version": "1", "chainId": 5, "verifyingContract": COIN},
        "message": {"owner": intent::evm::checksum(&me()).unwrap(), "spender": BOB, "value": "0x10", "nonce": 0, "deadline": "99"}
    });
    change(&mut value);
    let act = Act::TypedData {
        json: intent::evm::typed_data(&value).unwrap(),
    };
    effects(
        &Intent {
            chain: ChainId::evm(5),
            signer: me(),
            act,
        },
        None,
    )
    .unwrap()
}

#[test]
fn a_permit_is_a_grant() {
    let expected = Effects {
        grants: vec![granted(token(None), BOB, Some(16))],
        ..Effects::default()
    };
    assert_eq!(permit(|_| {}), expected);
    let opaque = Effects {
        opaque: true,
        ..Effects::default()
    };
    assert_eq!(permit(|v| v["message"]["owner"] = json!(ALICE)), opaque);
    assert_eq!(
        permit(|v| {
            v["domain"].as_object_mut().unwrap().remove("chainId");
        }),
        opaque
    );
    assert_eq!(
        permit(|v| {
            v["domain"]
                .as_object_mut()
                .unwrap()
                .remove("verifyingContract");
        }),
        opaque
    );
    assert_eq!(
        permit(|v| v["types"]["Permit"][4]["type"] = json!("uint64")),
        opaque
    );
    assert_eq!(
        permit(|v| {
            v["types"]["Permit"].as_array_mut().unwrap().swap(0, 1);
        }),
        opaque
    );
}

#[test]
fn a_message_is_opaque() {
    let says = Intent {
        chain: ChainId::evm(5),
        signer: me(),
        act: Act::Message {
            bytes: b"hello".to_vec(),
        },
    };
    assert_eq!(
        effects(&says, None).unwrap(),
        Effects {
            opaque: true,
            ..Effects::default()
        }
    );
}

#[test]
fn an_account_in_capitals_is_refused_before_policy_sees_it() {
    let refused = |intent: Intent| matches!(effects(&intent, None), Err(Error::Unsuitable { .. }));
    let capitals = intent::evm::checksum(&me()).unwrap();
    assert!(refused(Intent::call(
        ChainId::evm(5),
        me(),
        Some(capitals.clone()),
        Amount::from(1),
        vec![]
    )));
    assert!(refused(Intent::call(
        ChainId::evm(5),
        me(),
        Some(capitals.clone()),
        Amount::from(1),
        vec![1]
    )));
    assert!(refused(Intent::cancel(ChainId::evm(5), capitals.clone())));
    assert!(refused(Intent::call(
        ChainId::evm(5),
        capitals,
        Some(ALICE.into()),
        Amount::from(1),
        vec![]
    )));
}

#[test]
fn an_interface_that_cannot_be_read_is_an_error() {
    let told = effects(
        &calls(vec![1; 36]),
        Some(&Interface::new("nonsense".into())),
    );
    assert!(matches!(told, Err(Error::AbiMismatch { .. })));
    let elsewhere = Intent::cancel("stellar:pubnet".parse().unwrap(), me());
    assert!(matches!(
        effects(&elsewhere, None),
        Err(Error::UnknownFamily { .. })
    ));
}

proptest! {
    #[test]
    fn no_intent_makes_it_panic(intent in any::intent()) {
        let told = effects(&intent, None);
        prop_assert!(told.is_ok());
        let _ = effects(&intent, Some(&Interface::new(coins().to_string())));
    }

    #[test]
    fn what_is_not_understood_is_said_to_be(bytes in proptest::collection::vec(any::<u8>(), 4..120)) {
        let told = effects(&calls(bytes), None).unwrap();
        prop_assert!(told.opaque || told.calls[0].signature.is_some());
    }
}
