//! The effects of an intent, as policy uses them.

use crate::any;
use crate::key::Key;
use intent::{Act, AssetRef, Call, Effects, Error, Grant, Intent, Interface, Move, effects};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::{Amount, ChainId, Digest, Json};

const TOKEN: &str = "0x00000000000000000000000000000000000000c0";
const ALICE: &str = "0x00000000000000000000000000000000000a11ce";
const BOB: &str = "0x0000000000000000000000000000000000000b0b";

fn me() -> String {
    Key::new(1).account()
}

fn calls(data: Vec<u8>) -> Intent {
    Intent::call(
        ChainId::evm(5),
        me(),
        Some(TOKEN.into()),
        Amount::ZERO,
        data,
    )
}

/// Encodes a call from a signature and values in order.
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
        contract: TOKEN.into(),
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

/// Interfaces of an ERC-20 and an ERC-721 contract, with only the functions that distinguish them.
fn erc20() -> Value {
    functions(&[
        ("transferFrom", &["address", "address", "uint256"]),
        ("approve", &["address", "uint256"]),
        ("decimals", &[]),
    ])
}

fn erc721() -> Value {
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
fn a_payment_moves_the_native_coin() {
    let payment = Intent::call(
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
    assert_eq!(effects(&payment, None).unwrap(), expected);
    assert_eq!(
        effects(&Intent::cancel(ChainId::evm(5), me()), None).unwrap(),
        Effects::default()
    );
}

#[test]
fn a_deployment_is_identified_by_its_code() {
    let deployment = Intent::call(ChainId::evm(5), me(), None, Amount::from(1), vec![1, 2, 3]);
    let result = effects(&deployment, None).unwrap();
    assert_eq!(result.deploys, Some(Digest::of(&[1, 2, 3])));
    assert_eq!(result.moves, [moved(AssetRef::Native, &me(), "", 1)]);
    assert!(!result.opaque && result.calls.is_empty());
}

#[test]
fn an_erc20_transfer() {
    let result = of("transfer(address,uint256)", json!([ALICE, 5]));
    let call = Call {
        contract: TOKEN.into(),
        selector: "0xa9059cbb".into(),
        signature: Some("transfer(address,uint256)".into()),
        arguments: Json::of(&json!({"to": ALICE, "value": "5"})).ok(),
    };
    let moves = vec![moved(token(None), &me(), ALICE, 5)];
    assert_eq!(
        result,
        Effects {
            moves,
            calls: vec![call],
            ..Effects::default()
        }
    );
}

#[test]
fn value_sent_with_a_call_is_a_movement() {
    let data = data("transfer(address,uint256)", json!([ALICE, 5]));
    let result = effects(
        &Intent::call(
            ChainId::evm(5),
            me(),
            Some(TOKEN.into()),
            Amount::from(3),
            data,
        ),
        None,
    )
    .unwrap();
    assert_eq!(
        result.moves,
        [
            moved(AssetRef::Native, &me(), TOKEN, 3),
            moved(token(None), &me(), ALICE, 5)
        ]
    );
}

#[test]
fn transfer_from_moves_the_owner_in_its_arguments() {
    let values = json!([BOB, ALICE, 5]);
    let result = with(
        "transferFrom(address,address,uint256)",
        values.clone(),
        &erc20(),
    );
    assert_eq!(
        (result.moves, result.opaque),
        (vec![moved(token(None), BOB, ALICE, 5)], false)
    );
    let result = with(
        "transferFrom(address,address,uint256)",
        values.clone(),
        &erc721(),
    );
    assert_eq!(
        (result.moves, result.opaque),
        (vec![moved(token(Some(5)), BOB, ALICE, 1)], false)
    );
    // Without an interface, it could be five units or NFT number five.
    let result = of("transferFrom(address,address,uint256)", values);
    assert_eq!(
        (result.moves, result.opaque),
        (vec![moved(token(None), BOB, ALICE, 5)], true)
    );
}

#[test]
fn an_interface_of_one_call_is_judged_by_its_names() {
    let (signature, values) = (
        "transferFrom(address,address,uint256)",
        json!([BOB, ALICE, 5]),
    );
    let with_names = |last: &str, outputs: Value| {
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
    let bool_output = json!([{"type": "bool"}]);
    let fungible = with_names("value", bool_output.clone());
    assert_eq!(
        (fungible.moves, fungible.opaque),
        (vec![moved(token(None), BOB, ALICE, 5)], false)
    );
    let non_fungible = with_names("_tokenId", json!([]));
    assert_eq!(
        (non_fungible.moves, non_fungible.opaque),
        (vec![moved(token(Some(5)), BOB, ALICE, 1)], false)
    );
    assert!(with_names("value", json!([])).opaque);
    assert!(with_names("tokenId", bool_output).opaque);
}

#[test]
fn an_nft_contract_with_erc20_transfer_is_opaque() {
    let kitties = functions(&[
        ("transfer", &["address", "uint256"]),
        ("ownerOf", &["uint256"]),
    ]);
    assert!(with("transfer(address,uint256)", json!([ALICE, 5]), &kitties).opaque);
    let token = functions(&[("transfer", &["address", "uint256"])]);
    assert!(!with("transfer(address,uint256)", json!([ALICE, 5]), &token).opaque);
}

#[test]
fn nfts_and_pools_move() {
    let result = of(
        "safeTransferFrom(address,address,uint256)",
        json!([me(), ALICE, 5]),
    );
    assert_eq!(
        (result.moves, result.opaque),
        (vec![moved(token(Some(5)), &me(), ALICE, 1)], false)
    );
    let result = of(
        "safeTransferFrom(address,address,uint256,bytes)",
        json!([me(), ALICE, 5, "0x00"]),
    );
    assert_eq!(
        (result.moves, result.opaque),
        (vec![moved(token(Some(5)), &me(), ALICE, 1)], false)
    );
    let result = of(
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        json!([me(), ALICE, 5, 6, "0x"]),
    );
    assert_eq!(
        (result.moves, result.opaque),
        (vec![moved(token(Some(5)), &me(), ALICE, 6)], false)
    );
    let batch = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)";
    let result = of(batch, json!([me(), ALICE, [5, 7], [6, 8], "0x"]));
    let both = vec![
        moved(token(Some(5)), &me(), ALICE, 6),
        moved(token(Some(7)), &me(), ALICE, 8),
    ];
    assert_eq!((result.moves, result.opaque), (both, false));
    assert!(of(batch, json!([me(), ALICE, [5, 7], [6], "0x"])).opaque);
}

#[test]
fn approvals_are_grants() {
    let approve = "approve(address,uint256)";
    let result = with(approve, json!([BOB, 5]), &erc20());
    assert_eq!(
        (result.grants, result.opaque),
        (vec![granted(token(None), BOB, Some(5))], false)
    );
    let result = with(approve, json!([BOB, 0]), &erc20());
    assert_eq!((result.grants, result.opaque), (vec![], false));
    let result = with(approve, json!([BOB, 0]), &erc721());
    assert_eq!(
        (result.grants, result.opaque),
        (vec![granted(token(Some(0)), BOB, Some(1))], false)
    );
    let zero_address = format!("0x{}", "0".repeat(40));
    assert_eq!(
        with(approve, json!([zero_address, 0]), &erc721()).grants,
        []
    );
    let result = of(approve, json!([BOB, 0]));
    assert_eq!(
        (result.grants, result.opaque),
        (vec![granted(token(None), BOB, Some(0))], true)
    );
    let result = of("setApprovalForAll(address,bool)", json!([BOB, true]));
    assert_eq!(
        (result.grants, result.opaque),
        (vec![granted(token(None), BOB, None)], false)
    );
    let result = of("setApprovalForAll(address,bool)", json!([BOB, false]));
    assert_eq!((result.grants, result.opaque), (vec![], false));
    let result = of("increaseAllowance(address,uint256)", json!([BOB, 5]));
    assert_eq!(
        (result.grants, result.opaque),
        (vec![granted(token(None), BOB, Some(5))], false)
    );
}

#[test]
fn an_interface_names_a_call() {
    let mint = functions(&[("mint", &["address", "uint256"])]);
    let result = with("mint(address,uint256)", json!([ALICE, 5]), &mint);
    let call = &result.calls[0];
    assert_eq!(call.signature.as_deref(), Some("mint(address,uint256)"));
    assert_eq!(
        call.arguments.as_ref().unwrap().to_value(),
        json!({"arg": ALICE, "arg1": "5"})
    );
    assert!(!result.opaque && result.moves.is_empty());
    let result = of("mint(address,uint256)", json!([ALICE, 5]));
    assert!(
        result.opaque
            && result.calls[0].signature.is_none()
            && result.calls[0].selector == call.selector
    );
    let result = with("burn(uint256)", json!([5]), &mint);
    assert!(
        result.opaque && result.calls[0].signature.is_none() && result.calls[0].arguments.is_none()
    );
}

#[test]
fn an_interface_cannot_hide_a_transfer() {
    // Has the same selector as transfer(address,uint256).
    let disguise = functions(&[("many_msg_babbage", &["bytes1"])]);
    let result = with("transfer(address,uint256)", json!([ALICE, 5]), &disguise);
    assert_eq!(result.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert!(result.opaque);
    let none = with(
        "transfer(address,uint256)",
        json!([ALICE, 5]),
        &functions(&[("f", &[])]),
    );
    assert_eq!(none.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert!(none.opaque && none.calls[0].signature.is_none());
}

#[test]
fn data_beyond_the_arguments_is_opaque() {
    let canonical = data("transfer(address,uint256)", json!([ALICE, 5]));
    let longer = effects(&calls([canonical.clone(), vec![1]].concat()), None).unwrap();
    assert_eq!(longer.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert!(longer.opaque);
    let mut dirty = canonical.clone();
    dirty[5] = 1;
    let dirty = effects(&calls(dirty), None).unwrap();
    assert!(dirty.opaque && dirty.moves.is_empty() && dirty.calls[0].signature.is_none());
    let short = effects(&calls(canonical[..40].to_vec()), None).unwrap();
    assert!(short.opaque && short.moves.is_empty());
    let stub = effects(&calls(vec![1, 2, 3]), None).unwrap();
    assert!(stub.opaque && stub.calls[0].selector.is_empty());
    let gap = functions(&[("f", &["bytes"])]);
    let mut spread = data("f(bytes)", json!(["0x01"]));
    spread[4 + 31] = 64;
    spread.splice(36..36, [0; 32]);
    let result = effects(&calls(spread), Some(&Interface::new(gap.to_string()))).unwrap();
    assert!(
        result.opaque
            && result.calls[0].arguments.as_ref().unwrap().to_value() == json!({"arg": "0x01"})
    );
}

#[test]
fn an_authorization_grants_the_whole_account() {
    let (authorization, _) = any::authorized(&ChainId::evm(5), &Key::new(1), [7; 20], 3, false);
    let whole = Grant {
        asset: None,
        to: authorization.delegate.clone(),
        amount: None,
    };
    let signed = Intent {
        chain: ChainId::evm(5),
        signer: me(),
        act: Act::Authorization(authorization.clone()),
    };
    assert_eq!(
        effects(&signed, None).unwrap(),
        Effects {
            grants: vec![whole.clone()],
            ..Effects::default()
        }
    );
    let mut carrier = Intent::cancel(ChainId::evm(5), me());
    let Act::Transaction(transaction) = &mut carrier.act else {
        unreachable!()
    };
    transaction.authorizations = vec![authorization];
    assert_eq!(effects(&carrier, None).unwrap().grants, [whole]);
    let (revocation, _) = any::authorized(&ChainId::evm(5), &Key::new(1), [0; 20], 3, false);
    let revocation = Intent {
        act: Act::Authorization(revocation),
        ..signed
    };
    assert_eq!(effects(&revocation, None).unwrap(), Effects::default());
}

fn permit(change: impl FnOnce(&mut Value)) -> Effects {
    let mut value = json!({
        "types": {"Permit": [
            {"name": "owner", "type": "address"}, {"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"},
            {"name": "nonce", "type": "uint256"}, {"name": "deadline", "type": "uint256"}
        ]},
        "primaryType": "Permit",
        "domain": {"name": "Coin", "version": "1", "chainId": 5, "verifyingContract": TOKEN},
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
    let message = Intent {
        chain: ChainId::evm(5),
        signer: me(),
        act: Act::Message {
            bytes: b"hello".to_vec(),
        },
    };
    assert_eq!(
        effects(&message, None).unwrap(),
        Effects {
            opaque: true,
            ..Effects::default()
        }
    );
}

#[test]
fn an_account_in_upper_case_is_rejected() {
    let rejected =
        |intent: Intent| matches!(effects(&intent, None), Err(Error::InvalidIntent { .. }));
    let upper = intent::evm::checksum(&me()).unwrap();
    assert!(rejected(Intent::call(
        ChainId::evm(5),
        me(),
        Some(upper.clone()),
        Amount::from(1),
        vec![]
    )));
    assert!(rejected(Intent::call(
        ChainId::evm(5),
        me(),
        Some(upper.clone()),
        Amount::from(1),
        vec![1]
    )));
    assert!(rejected(Intent::cancel(ChainId::evm(5), upper.clone())));
    assert!(rejected(Intent::call(
        ChainId::evm(5),
        upper,
        Some(ALICE.into()),
        Amount::from(1),
        vec![]
    )));
}

#[test]
fn an_invalid_interface_is_an_error() {
    let result = effects(
        &calls(vec![1; 36]),
        Some(&Interface::new("nonsense".into())),
    );
    assert!(matches!(result, Err(Error::AbiMismatch { .. })));
    let elsewhere = Intent::cancel("stellar:pubnet".parse().unwrap(), me());
    assert!(matches!(
        effects(&elsewhere, None),
        Err(Error::UnknownFamily { .. })
    ));
}

proptest! {
    #[test]
    fn no_intent_causes_a_panic(intent in any::intent()) {
        let result = effects(&intent, None);
        prop_assert!(result.is_ok());
        let _ = effects(&intent, Some(&Interface::new(erc20().to_string())));
    }

    #[test]
    fn data_that_is_not_decoded_is_opaque(bytes in proptest::collection::vec(any::<u8>(), 4..120)) {
        let result = effects(&calls(bytes), None).unwrap();
        prop_assert!(result.opaque || result.calls[0].signature.is_some());
    }
}
