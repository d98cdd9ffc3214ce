//! The effects of an intent, as policy uses them.

use crate::any;
use crate::key::Key;
use intent::{
    Act, AssetRef, Call, DecodedBy, Effects, Error, Grant, IncompleteCode, Intent, Interface,
    Knowledge, KnownAccount, KnownContract, Move, Power, PowerKind, Standard, effects,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use types::{Amount, ChainId, Digest, Json};

const TOKEN: &str = "0x0000000000000000000000000000000000c0c0c0";
const ALICE: &str = "0x00000000000000000000000000000000000a11ce";
const BOB: &str = "0x00000000000000000000000000000000000b0b00";
const ZERO: &str = "0x0000000000000000000000000000000000000000";

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

/// What is known in these tests: the token and its standards. Alice and Bob have no code.
fn knowing(standards: &[Standard]) -> Knowledge {
    let token = KnownContract {
        name: "token".into(),
        standards: standards.iter().copied().collect(),
        ..KnownContract::default()
    };
    let mut known = Knowledge::default();
    known
        .accounts
        .insert(TOKEN.into(), KnownAccount::Contract(token));
    for account in [ALICE, BOB] {
        known.accounts.insert(account.into(), KnownAccount::NoCode);
    }
    known
}

/// The effects of a call of the token.
fn by(standards: &[Standard], signature: &str, values: Value) -> Effects {
    read(&calls(data(signature, values)), &knowing(standards))
}

/// The effects of a call of an unknown contract.
fn of(signature: &str, values: Value) -> Effects {
    let mut known = knowing(&[]);
    known
        .accounts
        .insert(TOKEN.into(), KnownAccount::Unregistered);
    read(&calls(data(signature, values)), &known)
}

/// The effects without what they depend on.
fn read(intent: &Intent, known: &Knowledge) -> Effects {
    let effects = effects(intent, known).unwrap();
    assert_eq!(effects.complete, effects.incomplete.is_empty());
    Effects {
        touched: BTreeSet::new(),
        ..effects
    }
}

fn codes(effects: &Effects) -> Vec<IncompleteCode> {
    effects
        .incomplete
        .iter()
        .map(|reason| reason.code)
        .collect()
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
        amount: Some(Amount::from(amount)),
    }
}

fn granted(asset: AssetRef, to: &str, amount: Option<u64>) -> Grant {
    Grant {
        asset: Some(asset),
        owner: me(),
        to: to.into(),
        amount: amount.map(Amount::from),
    }
}

fn revoked(to: Option<&str>, role: Option<&str>) -> Power {
    Power {
        kind: PowerKind::GrantRevocation,
        contract: TOKEN.into(),
        from: Some(me()),
        to: to.map(str::to_owned),
        role: role.map(str::to_owned),
        amount: None,
        path: String::new(),
    }
}

#[test]
fn a_payment_moves_the_native_coin() {
    let chain = ChainId::evm(5);
    let payment = Intent::call(chain, me(), Some(ALICE.into()), Amount::from(9), vec![]);
    let expected = Effects {
        moves: vec![moved(AssetRef::Native, &me(), ALICE, 9)],
        ..Effects::none()
    };
    assert_eq!(read(&payment, &knowing(&[])), expected);
    let cancel = Intent::cancel(chain, me());
    assert_eq!(read(&cancel, &Knowledge::default()), Effects::none());
}

#[test]
fn a_payment_to_an_account_that_may_have_code_is_incomplete() {
    let pay = |account: &str, known: KnownAccount| {
        let chain = ChainId::evm(5);
        let payment = Intent::call(chain, me(), Some(account.into()), Amount::from(9), vec![]);
        let known = Knowledge {
            accounts: [(account.to_owned(), known)].into(),
        };
        let effects = read(&payment, &known);
        assert_eq!(effects.moves, [moved(AssetRef::Native, &me(), account, 9)]);
        assert_eq!((effects.calls.len(), &*effects.calls[0].selector), (1, ""));
        codes(&effects)
    };
    let unregistered = pay(ALICE, KnownAccount::Unregistered);
    assert_eq!(unregistered, [IncompleteCode::ReceiverCode]);
    let unreadable = pay(ALICE, KnownAccount::Unreadable("the node is down".into()));
    assert_eq!(unreadable, [IncompleteCode::NoKnowledge]);
    let contract = KnownContract {
        standards: [Standard::Erc20].into(),
        ..KnownContract::default()
    };
    let contract = pay(ALICE, KnownAccount::Contract(contract));
    assert_eq!(contract, [IncompleteCode::ReceiverCode]);
    for reserved in [
        "0x0000000000000000000000000000000000000001",
        "0x0000000000000000000000000000000000000802",
        "0x4200000000000000000000000000000000000016",
    ] {
        assert_eq!(
            pay(reserved, KnownAccount::NoCode),
            [IncompleteCode::ReceiverCode]
        );
    }
}

#[test]
fn a_deployment_is_identified_by_its_code() {
    let deployment = Intent::call(ChainId::evm(5), me(), None, Amount::from(1), vec![1, 2, 3]);
    let result = read(&deployment, &Knowledge::default());
    assert_eq!(result.deploys, Some(Digest::of(&[1, 2, 3])));
    assert_eq!(result.moves, [moved(AssetRef::Native, &me(), "", 1)]);
    assert!(result.complete && result.calls.is_empty());
}

#[test]
fn an_erc20_transfer() {
    let result = by(
        &[Standard::Erc20],
        "transfer(address,uint256)",
        json!([ALICE, 5]),
    );
    let call = Call {
        path: String::new(),
        contract: TOKEN.into(),
        selector: "0xa9059cbb".into(),
        signature: Some("transfer(address,uint256)".into()),
        arguments: Json::of(&json!({"to": ALICE, "value": "5"})).ok(),
        decoded_by: Some(DecodedBy::Standard),
    };
    let moves = vec![moved(token(None), &me(), ALICE, 5)];
    assert_eq!(
        result,
        Effects {
            moves,
            calls: vec![call],
            ..Effects::none()
        }
    );
}

#[test]
fn a_call_of_an_unknown_contract_is_read_and_incomplete() {
    let result = of("transfer(address,uint256)", json!([ALICE, 5]));
    assert_eq!(result.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert_eq!(codes(&result), [IncompleteCode::UnknownContract]);
    let data = data("transfer(address,uint256)", json!([ALICE, 5]));
    let result = read(&calls(data), &Knowledge::default());
    assert_eq!(codes(&result), [IncompleteCode::NoKnowledge]);
}

#[test]
fn a_contract_that_changed_is_not_trusted() {
    let changed = KnownContract {
        standards: [Standard::Erc20].into(),
        changed: Some("its code is another one".into()),
        ..KnownContract::default()
    };
    let known = Knowledge {
        accounts: [(TOKEN.to_owned(), KnownAccount::Contract(changed))].into(),
    };
    let data = data("transfer(address,uint256)", json!([ALICE, 5]));
    let result = read(&calls(data), &known);
    assert_eq!(codes(&result), [IncompleteCode::Changed]);
}

#[test]
fn value_sent_with_a_call_is_a_movement() {
    let data = data("transfer(address,uint256)", json!([ALICE, 5]));
    let chain = ChainId::evm(5);
    let intent = Intent::call(chain, me(), Some(TOKEN.into()), Amount::from(3), data);
    let result = read(&intent, &knowing(&[Standard::Erc20]));
    assert_eq!(
        result.moves,
        [
            moved(AssetRef::Native, &me(), TOKEN, 3),
            moved(token(None), &me(), ALICE, 5)
        ]
    );
}

#[test]
fn the_registered_standard_decides_between_an_amount_and_a_token_id() {
    let signature = "transferFrom(address,address,uint256)";
    let values = json!([BOB, ALICE, 5]);
    let amount = moved(token(None), BOB, ALICE, 5);
    let token_id = moved(token(Some(5)), BOB, ALICE, 1);
    let result = by(&[Standard::Erc20], signature, values.clone());
    assert_eq!(
        (result.moves, result.complete),
        (vec![amount.clone()], true)
    );
    let result = by(&[Standard::Erc721], signature, values.clone());
    assert_eq!(
        (result.moves, result.complete),
        (vec![token_id.clone()], true)
    );
    let both = vec![amount, token_id];
    let result = of(signature, values.clone());
    assert_eq!(codes(&result), [IncompleteCode::UnknownContract]);
    assert_eq!(result.moves, both);
    let result = by(&[Standard::Erc20, Standard::Erc721], signature, values);
    assert_eq!(codes(&result), [IncompleteCode::Ambiguous]);
    assert_eq!(result.moves, both);
}

#[test]
fn nfts_and_pools_move() {
    let one = vec![moved(token(Some(5)), &me(), ALICE, 1)];
    let nft = |signature: &str, values: Value| by(&[Standard::Erc721], signature, values);
    let safe = "safeTransferFrom(address,address,uint256)";
    let result = nft(safe, json!([me(), ALICE, 5]));
    assert_eq!((&result.moves, result.complete), (&one, true));
    let with_data = "safeTransferFrom(address,address,uint256,bytes)";
    let result = nft(with_data, json!([me(), ALICE, 5, "0x"]));
    assert_eq!((&result.moves, result.complete), (&one, true));
    let result = nft(with_data, json!([me(), ALICE, 5, "0x00"]));
    assert_eq!(
        (&result.moves, codes(&result)),
        (&one, vec![IncompleteCode::HookData])
    );
    let hook = &result.calls[1];
    assert_eq!(
        (&*hook.path, &*hook.contract, &*hook.selector),
        ("0", ALICE, "0x150b7a02")
    );
    let pool = |signature: &str, values: Value| by(&[Standard::Erc1155], signature, values);
    let result = pool(
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        json!([me(), ALICE, 5, 6, "0x"]),
    );
    assert_eq!(
        (result.moves, result.complete),
        (vec![moved(token(Some(5)), &me(), ALICE, 6)], true)
    );
    let batch = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)";
    let result = pool(batch, json!([me(), ALICE, [5, 7], [6, 8], "0x"]));
    let both = vec![
        moved(token(Some(5)), &me(), ALICE, 6),
        moved(token(Some(7)), &me(), ALICE, 8),
    ];
    assert_eq!((result.moves, result.complete), (both, true));
    let result = pool(batch, json!([me(), ALICE, [5, 7], [6], "0x"]));
    assert_eq!(codes(&result), [IncompleteCode::UnknownArgument]);
}

#[test]
fn a_receiver_of_nfts_that_may_have_code_is_incomplete() {
    let data = data(
        "safeTransferFrom(address,address,uint256)",
        json!([me(), ALICE, 5]),
    );
    let mut known = knowing(&[Standard::Erc721]);
    known
        .accounts
        .insert(ALICE.into(), KnownAccount::Unregistered);
    let result = read(&calls(data.clone()), &known);
    assert_eq!(codes(&result), [IncompleteCode::ReceiverCode]);
    let registered = |standard| KnownContract {
        standards: [standard].into(),
        ..KnownContract::default()
    };
    let mut with = |contract: KnownContract| {
        known
            .accounts
            .insert(ALICE.into(), KnownAccount::Contract(contract));
        read(&calls(data.clone()), &known)
    };
    let token = with(registered(Standard::Erc20));
    assert_eq!(codes(&token), [IncompleteCode::ReceiverCode]);
    assert!(
        with(registered(Standard::Safe)).complete,
        "it keeps what it gets"
    );
}

#[test]
fn approvals_are_grants() {
    let approve = "approve(address,uint256)";
    let (erc20, erc721) = (&[Standard::Erc20], &[Standard::Erc721]);
    let result = by(erc20, approve, json!([BOB, 5]));
    assert_eq!(
        (result.grants, result.complete),
        (vec![granted(token(None), BOB, Some(5))], true)
    );
    let result = by(erc20, approve, json!([BOB, 0]));
    assert_eq!(
        (result.grants, result.powers, result.complete),
        (vec![], vec![revoked(Some(BOB), None)], true)
    );
    let result = by(erc721, approve, json!([BOB, 0]));
    assert_eq!(
        (result.grants, result.complete),
        (vec![granted(token(Some(0)), BOB, Some(1))], true)
    );
    let result = by(erc721, approve, json!([ZERO, 0]));
    assert_eq!(
        (result.grants, result.powers),
        (vec![], vec![revoked(None, Some("0"))])
    );
    let result = of(approve, json!([BOB, 5]));
    let both = vec![
        granted(token(None), BOB, Some(5)),
        granted(token(Some(5)), BOB, Some(1)),
    ];
    assert_eq!((result.grants, result.complete), (both, false));
    let all = "setApprovalForAll(address,bool)";
    for standard in [Standard::Erc721, Standard::Erc1155] {
        let result = by(&[standard], all, json!([BOB, true]));
        assert_eq!(
            (result.grants, result.complete),
            (vec![granted(token(None), BOB, None)], true)
        );
        let result = by(&[standard], all, json!([BOB, false]));
        assert_eq!(result.powers, [revoked(Some(BOB), None)]);
    }
    let both = by(
        &[Standard::Erc721, Standard::Erc1155],
        all,
        json!([BOB, true]),
    );
    assert!(both.complete, "the standards agree");
    let result = by(erc20, "increaseAllowance(address,uint256)", json!([BOB, 5]));
    assert_eq!(
        (result.grants, result.complete),
        (vec![granted(token(None), BOB, Some(5))], true)
    );
}

#[test]
fn a_registered_interface_names_a_call_and_changes_nothing_else() {
    let named = |standards: &[Standard], interface: Value, data: Vec<u8>| {
        let mut known = knowing(standards);
        let Some(KnownAccount::Contract(contract)) = known.accounts.get_mut(TOKEN) else {
            unreachable!()
        };
        contract.interface = Some(Interface::new(interface.to_string()));
        read(&calls(data), &known)
    };
    let input = |name: &str, ty: &str| json!({"name": name, "type": ty});
    let interface = json!([{
        "type": "function", "name": "rebase",
        "inputs": [input("epoch", "uint256")],
    }]);
    let rebase = data("rebase(uint256)", json!([5]));
    let result = named(&[Standard::Erc20], interface.clone(), rebase.clone());
    let call = &result.calls[0];
    assert_eq!(call.signature.as_deref(), Some("rebase(uint256)"));
    assert_eq!(
        call.arguments.as_ref().unwrap().to_value(),
        json!({"epoch": "5"})
    );
    assert_eq!(call.decoded_by, Some(DecodedBy::Registry));
    assert_eq!(codes(&result), [IncompleteCode::UnknownSelector]);
    let unnamed = by(&[Standard::Erc20], "rebase(uint256)", json!([5]));
    assert_eq!(codes(&unnamed), [IncompleteCode::UnknownSelector]);
    assert_eq!(
        (&unnamed.calls[0].signature, unnamed.calls[0].decoded_by),
        (&None, None)
    );
    // A name such as `tokenId` does not make an amount a token id.
    let nft_names = json!([{
        "type": "function", "name": "approve",
        "inputs": [input("to", "address"), input("tokenId", "uint256")],
    }]);
    let approve = data("approve(address,uint256)", json!([BOB, 5]));
    let result = named(&[Standard::Erc20], nft_names, approve);
    assert_eq!(result.grants, [granted(token(None), BOB, Some(5))]);
    let unparsable = named(&[Standard::Erc20], json!("nonsense"), rebase);
    assert_eq!(codes(&unparsable), [IncompleteCode::UnknownSelector]);
}

#[test]
fn data_beyond_the_arguments_is_incomplete() {
    let known = knowing(&[Standard::Erc20]);
    let canonical = data("transfer(address,uint256)", json!([ALICE, 5]));
    let longer = read(&calls([canonical.clone(), vec![1]].concat()), &known);
    assert_eq!(longer.moves, [moved(token(None), &me(), ALICE, 5)]);
    assert_eq!(codes(&longer), [IncompleteCode::NotCanonical]);
    let mut dirty = canonical.clone();
    dirty[5] = 1;
    let dirty = read(&calls(dirty), &known);
    assert_eq!(codes(&dirty), [IncompleteCode::InvalidData]);
    assert!(dirty.moves.is_empty() && dirty.calls[0].signature.is_none());
    let short = read(&calls(canonical[..40].to_vec()), &known);
    assert_eq!(codes(&short), [IncompleteCode::InvalidData]);
    let stub = read(&calls(vec![1, 2, 3]), &known);
    assert!(stub.calls[0].selector.is_empty());
    let both = [IncompleteCode::UnknownSelector, IncompleteCode::InvalidData];
    assert_eq!(codes(&stub), both);
}

#[test]
fn an_authorization_grants_the_whole_account() {
    let chain = ChainId::evm(5);
    let (authorization, _) = any::authorized(&chain, &Key::new(1), [7; 20], 3, false);
    let whole = Grant {
        asset: None,
        owner: me(),
        to: authorization.delegate.clone(),
        amount: None,
    };
    let power = Power {
        kind: PowerKind::Delegation,
        contract: me(),
        from: Some(me()),
        to: Some(authorization.delegate.clone()),
        role: None,
        amount: None,
        path: String::new(),
    };
    let signed = Intent {
        chain,
        signer: me(),
        act: Act::Authorization(authorization.clone()),
    };
    let result = read(&signed, &knowing(&[]));
    assert_eq!(codes(&result), [IncompleteCode::UnknownContract]);
    assert_eq!(
        (result.grants, result.powers),
        (vec![whole.clone()], vec![power.clone()])
    );
    let delegate = KnownContract {
        standards: [Standard::SmartAccount].into(),
        ..KnownContract::default()
    };
    let mut known = knowing(&[]);
    let address = authorization.delegate.clone();
    known
        .accounts
        .insert(address, KnownAccount::Contract(delegate));
    assert!(read(&signed, &known).complete);
    let (everywhere, _) = any::authorized(&chain, &Key::new(1), [7; 20], 3, true);
    let everywhere = Intent {
        act: Act::Authorization(everywhere),
        ..signed.clone()
    };
    assert_eq!(
        codes(&read(&everywhere, &known)),
        [IncompleteCode::UnknownArgument]
    );
    let mut carrier = Intent::cancel(chain, me());
    let Act::Transaction(transaction) = &mut carrier.act else {
        unreachable!()
    };
    transaction.authorizations = vec![authorization];
    let result = read(&carrier, &Knowledge::default());
    assert_eq!(
        (result.grants, result.powers),
        (vec![whole], vec![power.clone()])
    );
    let (revocation, _) = any::authorized(&chain, &Key::new(1), [0; 20], 3, false);
    let revocation = Intent {
        act: Act::Authorization(revocation),
        ..signed
    };
    let ended = Effects {
        powers: vec![Power {
            to: Some(ZERO.into()),
            ..power
        }],
        ..Effects::none()
    };
    assert_eq!(read(&revocation, &Knowledge::default()), ended);
}

fn permit(known: &Knowledge, change: impl FnOnce(&mut Value)) -> Effects {
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
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: me(),
        act,
    };
    read(&intent, known)
}

#[test]
fn a_permit_is_a_grant() {
    let known = knowing(&[Standard::Erc2612]);
    let grants = vec![granted(token(None), BOB, Some(16))];
    let expected = Effects {
        grants: grants.clone(),
        ..Effects::none()
    };
    assert_eq!(permit(&known, |_| {}), expected);
    let elsewhere = permit(&knowing(&[Standard::Erc20]), |_| {});
    assert_eq!((&elsewhere.grants, elsewhere.complete), (&grants, false));
    let unknown = |change: fn(&mut Value)| {
        let result = permit(&known, change);
        assert!(!result.complete);
    };
    unknown(|v| v["message"]["owner"] = json!(ALICE));
    unknown(|v| drop(v["domain"].as_object_mut().unwrap().remove("chainId")));
    unknown(|v| {
        drop(
            v["domain"]
                .as_object_mut()
                .unwrap()
                .remove("verifyingContract"),
        )
    });
    unknown(|v| v["types"]["Permit"][4]["type"] = json!("uint64"));
    unknown(|v| v["types"]["Permit"].as_array_mut().unwrap().swap(0, 1));
}

#[test]
fn a_message_is_incomplete() {
    let message = Intent {
        chain: ChainId::evm(5),
        signer: me(),
        act: Act::Message {
            bytes: b"hello".to_vec(),
        },
    };
    let result = read(&message, &Knowledge::default());
    assert_eq!(codes(&result), [IncompleteCode::Message]);
}

#[test]
fn an_account_in_upper_case_is_rejected() {
    let known = Knowledge::default();
    let rejected =
        |intent: Intent| matches!(effects(&intent, &known), Err(Error::InvalidIntent { .. }));
    let upper = intent::evm::checksum(&me()).unwrap();
    let call = |signer: &str, to: &str, data: Vec<u8>| {
        let (chain, to) = (ChainId::evm(5), Some(to.to_owned()));
        Intent::call(chain, signer.to_owned(), to, Amount::from(1), data)
    };
    assert!(rejected(call(&me(), &upper, vec![])));
    assert!(rejected(call(&me(), &upper, vec![1])));
    assert!(rejected(call(&upper, ALICE, vec![])));
    assert!(rejected(Intent::cancel(ChainId::evm(5), upper)));
}

#[test]
fn a_chain_of_another_family_is_an_error() {
    let elsewhere = Intent::cancel("stellar:pubnet".parse().unwrap(), me());
    assert!(matches!(
        effects(&elsewhere, &Knowledge::default()),
        Err(Error::UnknownFamily { .. })
    ));
}

proptest! {
    #[test]
    fn no_intent_causes_a_panic(intent in any::intent()) {
        let result = effects(&intent, &knowing(&[Standard::Erc20]));
        prop_assert!(result.is_ok_and(|effects| effects.complete == effects.incomplete.is_empty()));
    }

    #[test]
    fn data_that_is_not_decoded_is_incomplete(
        bytes in proptest::collection::vec(any::<u8>(), 4..120),
    ) {
        let result = effects(&calls(bytes), &knowing(&[Standard::Erc20])).unwrap();
        prop_assert!(!result.complete || result.calls[0].signature.is_some());
    }
}
