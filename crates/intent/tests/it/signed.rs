//! Typed data whose type is known: permits, authorizations, accounts, orders.

use crate::scene::{ALICE, BOB, COIN, SAFE, SENDER, STRANGE, Scene, TOKEN, ZERO, me, nested};
use intent::Standard::{self, *};
use serde_json::{Value, json};

const WORD: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// Typed data from `encodeType`, for a contract on this chain.
fn typed(contract: &str, encoded: &str, message: Value) -> Value {
    let mut types = serde_json::Map::new();
    for text in encoded.split_terminator(')') {
        let (name, fields) = text.split_once('(').unwrap();
        let fields: Vec<Value> = fields
            .split(',')
            .map(|field| field.split_once(' ').unwrap())
            .map(|(ty, name)| json!({"name": name, "type": ty}))
            .collect();
        types.insert(name.to_owned(), fields.into());
    }
    let primary = encoded.split('(').next().unwrap();
    json!({
        "types": types, "primaryType": primary, "message": message,
        "domain": {"name": "Any", "chainId": 5, "verifyingContract": contract},
    })
}

fn scene(standard: Standard) -> Scene {
    Scene::new(&[(SENDER, &[standard]), (TOKEN, &[Erc20]), (COIN, &[Erc20])])
}

fn sign(standard: Standard, encoded: &str, message: Value) -> Vec<String> {
    scene(standard).sign(&typed(SENDER, encoded, message))
}

const PERMIT: &str =
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";

fn permit() -> Value {
    json!({"owner": me(), "spender": BOB, "value": 5, "nonce": 0, "deadline": 9})
}

#[test]
fn permits_are_grants() {
    assert_eq!(sign(Erc2612, PERMIT, permit()), ["grant sender me->bob 5"]);
    let dai = "Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)";
    let message = json!({"holder": me(), "spender": BOB, "nonce": 0, "expiry": 9, "allowed": true});
    assert_eq!(sign(DaiPermit, dai, message), ["grant sender me->bob all"]);
}

#[test]
fn typed_data_must_be_bound_and_of_the_standard() {
    let scene = scene(Erc2612);
    let changed = |change: fn(&mut Value)| {
        let mut data = typed(SENDER, PERMIT, permit());
        change(&mut data);
        scene.sign(&data).last().unwrap().clone()
    };
    let unbound = "incomplete unbound_typed_data";
    let without_chain = changed(|data| {
        data["domain"].as_object_mut().unwrap().remove("chainId");
    });
    assert_eq!(without_chain, unbound);
    let other_owner = changed(|data| data["message"]["owner"] = json!(ALICE));
    assert_eq!(other_owner, unbound);
    let unknown_type = changed(|data| {
        data["types"]["Extra"] = json!([{"name": "x", "type": "uint256"}]);
    });
    assert_eq!(unknown_type, "incomplete unknown_typed_data");
    let strange = changed(|data| data["domain"]["verifyingContract"] = json!(STRANGE));
    assert_eq!(strange, "incomplete unknown_contract");
    let other = changed(|data| data["domain"]["verifyingContract"] = json!(TOKEN));
    assert_eq!(other, "incomplete unknown_typed_data");
    let mut stale = Scene::new(&[]);
    stale.register(SENDER, &[Erc2612], |known| {
        known.changed = Some("new code".into())
    });
    let lines = stale.sign(&typed(SENDER, PERMIT, permit()));
    assert_eq!(lines, ["grant sender me->bob 5", "incomplete changed"]);
}

#[test]
fn authorizations_are_transfers() {
    let fields = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,\
                  bytes32 nonce)";
    for name in ["TransferWithAuthorization", "ReceiveWithAuthorization"] {
        let message = json!({
            "from": me(), "to": BOB, "value": 5, "validAfter": 0, "validBefore": 9, "nonce": WORD,
        });
        let lines = sign(Erc3009, &format!("{name}{fields}"), message);
        assert_eq!(lines, ["move sender me->bob 5"]);
    }
    let cancel = "CancelAuthorization(address authorizer,bytes32 nonce)";
    let lines = sign(Erc3009, cancel, json!({"authorizer": me(), "nonce": WORD}));
    assert_eq!(
        lines,
        [format!("power grant_revocation sender by me {WORD}")]
    );
}

#[test]
fn permit2_grants_other_tokens() {
    let details = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)";
    let detail = |token: &str| json!({"token": token, "amount": 5, "expiration": 9, "nonce": 0});
    let single =
        format!("PermitSingle(PermitDetails details,address spender,uint256 sigDeadline){details}");
    let message = json!({"details": detail(TOKEN), "spender": BOB, "sigDeadline": 9});
    assert_eq!(sign(Permit2, &single, message), ["grant token me->bob 5"]);
    let message = json!({"details": detail(STRANGE), "spender": BOB, "sigDeadline": 9});
    let lines = sign(Permit2, &single, message);
    assert_eq!(
        lines,
        ["grant strange me->bob 5", "incomplete unknown_underlying"]
    );
    let batch = format!(
        "PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline){details}"
    );
    let message =
        json!({"details": [detail(TOKEN), detail(COIN)], "spender": BOB, "sigDeadline": 9});
    let lines = sign(Permit2, &batch, message);
    assert_eq!(lines, ["grant token me->bob 5", "grant coin me->bob 5"]);
    let permissions = "TokenPermissions(address token,uint256 amount)";
    let permitted = json!({"token": TOKEN, "amount": 5});
    let transfer = format!(
        "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,\
         uint256 deadline){permissions}"
    );
    let message = json!({"permitted": permitted, "spender": BOB, "nonce": 0, "deadline": 9});
    assert_eq!(sign(Permit2, &transfer, message), ["grant token me->bob 5"]);
    let batch = format!(
        "PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,\
         uint256 deadline){permissions}"
    );
    let message = json!({"permitted": [permitted], "spender": BOB, "nonce": 0, "deadline": 9});
    assert_eq!(sign(Permit2, &batch, message), ["grant token me->bob 5"]);
    let witness = format!(
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,\
         uint256 deadline,Note witness)Note(string text){permissions}"
    );
    let message = json!({
        "permitted": permitted, "spender": BOB, "nonce": 0, "deadline": 9,
        "witness": {"text": "any"},
    });
    let lines = sign(Permit2, &witness, message);
    assert_eq!(lines, ["incomplete unknown_typed_data"]);
}

#[test]
fn a_safe_transaction_is_unfolded() {
    let scene = Scene::new(&[(SAFE, &[Safe]), (TOKEN, &[Erc20])]);
    let encoded = "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,\
                   uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,\
                   uint256 nonce)";
    let transaction = |to: &str, operation: u8| {
        let data = nested("transfer(address,uint256)", json!([ALICE, 5]));
        let message = json!({
            "to": to, "value": 0, "data": data, "operation": operation, "safeTxGas": 0,
            "baseGas": 0, "gasPrice": 0, "gasToken": ZERO, "refundReceiver": ZERO, "nonce": 0,
        });
        scene.sign(&typed(SAFE, encoded, message))
    };
    assert_eq!(transaction(TOKEN, 0), ["move token safe->alice 5"]);
    assert_eq!(
        transaction(TOKEN, 1).last().unwrap(),
        "incomplete delegate_call at 0"
    );
    assert_eq!(
        transaction(STRANGE, 0).last().unwrap(),
        "incomplete unknown_contract at 0"
    );
}

#[test]
fn requests_and_operations_are_unfolded() {
    let data = nested("transfer(address,uint256)", json!([ALICE, 5]));
    let request = "ForwardRequest(address from,address to,uint256 value,uint256 gas,\
                   uint256 nonce,uint48 deadline,bytes data)";
    let message = json!({
        "from": me(), "to": TOKEN, "value": 0, "gas": 9, "nonce": 0, "deadline": 9, "data": data,
    });
    assert_eq!(
        sign(Forwarder, request, message),
        ["move token me->alice 5"]
    );
    let operation = "PackedUserOperation(address sender,uint256 nonce,bytes initCode,\
                     bytes callData,bytes32 accountGasLimits,uint256 preVerificationGas,\
                     bytes32 gasFees,bytes paymasterAndData)";
    let scene = Scene::new(&[
        (SENDER, &[EntryPoint]),
        (SAFE, &[SmartAccount]),
        (TOKEN, &[Erc20]),
    ]);
    let call = nested("execute(address,uint256,bytes)", json!([TOKEN, 0, data]));
    let message = json!({
        "sender": SAFE, "nonce": 0, "initCode": "0x", "callData": call, "accountGasLimits": WORD,
        "preVerificationGas": 0, "gasFees": WORD, "paymasterAndData": "0x",
    });
    let lines = scene.sign(&typed(SENDER, operation, message));
    let expected = [
        "move native safe->sender ?",
        "move token safe->alice 5",
        "power configuration sender by me to safe PackedUserOperation",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn orders_show_what_is_given_and_what_is_got_at_least() {
    let expected = ["move token me->unknown 5", "move coin unknown->me 7"];
    let cow = "Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,\
               uint256 buyAmount,uint32 validTo,bytes32 appData,uint256 feeAmount,string kind,\
               bool partiallyFillable,string sellTokenBalance,string buyTokenBalance)";
    let message = |balance: &str| {
        json!({
            "sellToken": TOKEN, "buyToken": COIN, "receiver": ZERO, "sellAmount": 4,
            "buyAmount": 7, "validTo": 9, "appData": WORD, "feeAmount": 1, "kind": "sell",
            "partiallyFillable": false, "sellTokenBalance": balance, "buyTokenBalance": "erc20",
        })
    };
    assert_eq!(sign(CowSettlement, cow, message("erc20")), expected);
    let internal = sign(CowSettlement, cow, message("internal"));
    assert_eq!(internal.last().unwrap(), "incomplete unknown_argument");
    let one_inch = "Order(uint256 salt,address maker,address receiver,address makerAsset,\
                    address takerAsset,uint256 makingAmount,uint256 takingAmount,\
                    uint256 makerTraits)";
    let message = |traits: &str| {
        json!({
            "salt": 0, "maker": me(), "receiver": ZERO, "makerAsset": TOKEN, "takerAsset": COIN,
            "makingAmount": 5, "takingAmount": 7, "makerTraits": traits,
        })
    };
    assert_eq!(sign(OneInch, one_inch, message("0")), expected);
    // 2^255: no partial fills. 2^249: an extension, whose hash is in the salt.
    let partial = "57896044618658097711785492504343953926634992332820282019728792003956564819968";
    assert_eq!(sign(OneInch, one_inch, message(partial)), expected);
    let extended = "904625697166532776746648320380374280103671755200316906558262375061821325312";
    let extended = sign(OneInch, one_inch, message(extended));
    assert_eq!(extended.last().unwrap(), "incomplete unknown_argument");
    let rfq = "RfqOrder(address makerToken,address takerToken,uint128 makerAmount,\
               uint128 takerAmount,address maker,address taker,address txOrigin,bytes32 pool,\
               uint64 expiry,uint256 salt)";
    let message = json!({
        "makerToken": TOKEN, "takerToken": COIN, "makerAmount": 5, "takerAmount": 7,
        "maker": me(), "taker": ZERO, "txOrigin": ZERO, "pool": WORD, "expiry": 9, "salt": 0,
    });
    assert_eq!(sign(ZeroEx, rfq, message), expected);
    let seaport = "OrderComponents(address offerer,address zone,OfferItem[] offer,\
                   ConsiderationItem[] consideration,uint8 orderType,uint256 startTime,\
                   uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,\
                   uint256 counter)ConsiderationItem(uint8 itemType,address token,\
                   uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount,\
                   address recipient)OfferItem(uint8 itemType,address token,\
                   uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount)";
    let message = |kind: u8| {
        let offer = json!({
            "itemType": kind, "token": TOKEN, "identifierOrCriteria": 7, "startAmount": 1,
            "endAmount": 1,
        });
        let price = json!({
            "itemType": 0, "token": ZERO, "identifierOrCriteria": 0, "startAmount": 9,
            "endAmount": 8, "recipient": me(),
        });
        json!({
            "offerer": me(), "zone": ZERO, "offer": [offer], "consideration": [price],
            "orderType": 0, "startTime": 0, "endTime": 9, "zoneHash": WORD, "salt": 0,
            "conduitKey": WORD, "counter": 0,
        })
    };
    let lines = sign(Seaport, seaport, message(2));
    assert_eq!(
        lines,
        ["move token#7 me->unknown 1", "move native unknown->me 8"]
    );
    let any = sign(Seaport, seaport, message(4));
    assert_eq!(any.last().unwrap(), "incomplete unknown_argument");
}
