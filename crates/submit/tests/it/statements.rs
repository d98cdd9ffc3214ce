//! Statements: their signatures are checked by a contract, by the node's own signatures with the
//! same key, and by an included authorization.

use crate::world::{BOB, World};
use intent::{Act, Authorization, Intent};
use keys::{Scope, SignOutcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use submit::{
    Error, NewStatement, SignedStatement, State, StatementFilter, StatementKind, StatementOutcome,
    StatementState,
};
use testkit::{TestDb, namespace, on_each_engine};
use types::{ChainId, Page, Principal, StatementId};

/// Allows messages that begin with `Florin: `, grants of up to a million, and authorizations.
const STATEMENTS: &str = "package florin.statements
import data.florin.amount
default allow := false
allow if { input.intent.kind == \"message\"; startswith(input.intent.text, \"Florin: \") }
allow if {
  input.intent.kind == \"typed_data\"
  count(input.effects.grants) == 1
  every grant in input.effects.grants { amount.at_most(grant.amount, \"1000000\") }
}
allow if input.intent.kind == \"authorization\"
allow if input.intent.kind == \"transaction\"
deny contains \"it is labeled as forbidden\" if input.labels.forbidden
";

/// Minutes until an unused permit expires, and one more.
const AFTER_EXPIRY_MS: i64 = 11 * 60_000;

pub(crate) async fn world_on(test: TestDb, backend: &str) -> Option<World> {
    let world = World::on(test, backend).await?;
    let document = STATEMENTS;
    world
        .attach_policy(&world.principal, "statements", document)
        .await;
    Some(world)
}

fn of(world: &World, act: Act) -> NewStatement {
    NewStatement {
        idempotency_key: None,
        intent: Intent {
            chain: world.chain(),
            signer: world.signer.clone(),
            act,
        },
        allow_hash: false,
        policies: Vec::new(),
        labels: BTreeMap::new(),
    }
}

pub(crate) fn message(world: &World, text: &str) -> NewStatement {
    let bytes = text.as_bytes().to_vec();
    of(world, Act::Message { bytes })
}

fn authorization(world: &World, nonce: u64) -> NewStatement {
    let authorization = Authorization {
        authority: world.signer.clone(),
        delegate: BOB.into(),
        nonce,
        any_chain: false,
    };
    of(world, Act::Authorization(authorization))
}

/// The ERC-2612 permit of a token.
fn token_permit(world: &World, token: &str, value: u64) -> Value {
    let field = |name: &str, ty: &str| json!({ "name": name, "type": ty });
    json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("version", "string"), field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            "Permit": [
                field("owner", "address"), field("spender", "address"), field("value", "uint256"),
                field("nonce", "uint256"), field("deadline", "uint256"),
            ],
        },
        "primaryType": "Permit",
        "domain": {
            "name": "Permit Token", "version": "1", "chainId": world.node.chain_id(), "verifyingContract": token,
        },
        "message": {
            "owner": world.signer, "spender": BOB, "value": value.to_string(), "nonce": "0", "deadline": u64::MAX.to_string(),
        },
    })
}

fn typed_data(world: &World, value: &Value) -> NewStatement {
    let json = intent::typed_data(&world.chain(), value).unwrap();
    of(world, Act::TypedData { json })
}

pub(crate) async fn request(world: &World, new: NewStatement) -> StatementId {
    try_request(world, new).await.unwrap().statement().id
}

async fn try_request(world: &World, new: NewStatement) -> submit::Result<StatementOutcome> {
    submit::request_statement(&world.submit, &world.principal, new).await
}

pub(crate) async fn get(world: &World, id: StatementId) -> SignedStatement {
    submit::statement(&world.submit, &world.principal, id)
        .await
        .unwrap()
}

/// The signature as wallets write it: r, s, v.
pub(crate) async fn signature(world: &World, id: StatementId) -> Option<String> {
    let signature = get(world, id).await.signature?;
    let v = 27 + signature.recovery;
    Some(format!("0x{}{v:02x}", hex(&signature.rs)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn assert_unsigned(
    world: &World,
    id: StatementId,
    expected: StatementState,
    reason: &str,
) {
    let SignedStatement {
        statement,
        signature,
    } = get(world, id).await;
    let found = statement.reason.unwrap_or_default();
    assert_eq!(statement.state, expected, "{found}");
    assert!(found.contains(reason), "{found}");
    assert_eq!(signature, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_accepts_the_signature_of_a_permit() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let relayer = world.node.accounts()[1].address.clone();
        world.node.set_automine(true);
        let supply = format!(
            "{:0>64}{:0>64x}",
            world.signer.trim_start_matches("0x"),
            5_000_000
        );
        let code = testkit::artifact("PermitToken").bytecode + &supply;
        let token = world.node.deploy(&code);
        let id = request(
            &world,
            typed_data(&world, &token_permit(&world, &token, 77)),
        )
        .await;
        world.run_until_idle().await;
        let signed = signature(&world, id).await.unwrap();
        let (r, s, v) = (&signed[2..66], &signed[66..130], &signed[130..]);
        let (owner, value, deadline) = (&world.signer, "4d", format!("{:x}", u64::MAX));
        let permit = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)";
        let words = [owner, BOB, value, &deadline, v, r, s];
        let data = world.node.calldata(permit, &words);
        world.node.transact(&relayer, Some(&token), &data);
        let allowance = world
            .node
            .calldata("allowance(address,address)", &[owner, BOB]);
        assert_eq!(
            world.node.call(&token, &allowance),
            format!("0x{:064x}", 77)
        );
        // Above the limit of the policy, no signature exists.
        let above = typed_data(&world, &token_permit(&world, &token, 1_000_001));
        let above = request(&world, above).await;
        world.run_until_idle().await;
        assert_unsigned(&world, above, StatementState::Denied, "policy: ").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_those_of_any_wallet_with_the_same_key() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let text = "Florin: sign in\u{0}\u{1F600}";
        let permit = token_permit(&world, BOB, 5);
        let by_message = request(&world, message(&world, text)).await;
        let by_data = request(&world, typed_data(&world, &permit)).await;
        assert_eq!(signature(&world, by_message).await, None);
        world.run_until_idle().await;
        let data = format!("0x{}", hex(text.as_bytes()));
        let expected = world.node.rpc("personal_sign", json!([data, world.signer]));
        assert_eq!(
            signature(&world, by_message).await,
            expected.as_str().map(str::to_owned)
        );
        let args = json!([world.signer, permit]);
        let expected = world.node.rpc("eth_signTypedData_v4", args);
        assert_eq!(
            signature(&world, by_data).await,
            expected.as_str().map(str::to_owned)
        );
        assert_eq!(world.nonce(), 0);
        let metrics = submit::metrics(&world.submit).await.unwrap();
        assert!(metrics.statements.iter().all(|(.., count)| *count == 0));
        let signed = hex(&get(&world, by_message).await.signature.unwrap().rs);
        for fact in world.facts().await {
            assert!(!format!("{fact:?}").contains(&signed), "{fact:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_takes_effect_and_its_nonce_is_not_used_twice() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let id = request(&world, authorization(&world, 0)).await;
        world.run_until_idle().await;
        let signature = get(&world, id).await.signature.unwrap();
        // Another authorization with this nonce, and a transaction, could replace it.
        let mut other = authorization(&world, 0);
        if let Act::Authorization(authorization) = &mut other.intent.act {
            authorization.delegate = world.signer.clone();
        }
        let other = request(&world, other).await;
        let payment = world.enqueue(world.payment(5)).await;
        world.run_until_idle().await;
        assert_unsigned(&world, other, StatementState::Failed, "nonce/").await;
        let waiting = world.get(payment).await;
        assert_eq!(waiting.state, State::Permitted);
        assert!(waiting.reason.unwrap().contains("nonce/"));

        let authorization = json!({
            "chainId": format!("{:#x}", world.node.chain_id()), "address": BOB, "nonce": "0x0",
            "yParity": format!("{:#x}", signature.recovery),
            "r": format!("0x{}", hex(&signature.rs[..32])), "s": format!("0x{}", hex(&signature.rs[32..])),
        });
        let relayer = world.node.accounts()[1].address.clone();
        let transaction = json!({ "from": relayer, "to": relayer, "authorizationList": [authorization], "gas": "0x30d40" });
        world.node.rpc("eth_sendTransaction", json!([transaction]));
        world.mine(1).await;
        let code = world.node.rpc("eth_getCode", json!([world.signer, "latest"]));
        assert_eq!(code, json!(format!("0xef0100{}", &BOB[2..])));
        world.wait(5_000).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!((world.state(payment).await, world.bob_balance()), (State::Final, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_decided_again_and_have_the_same_signature() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let keyed = |key: &str| NewStatement {
            idempotency_key: Some(key.into()),
            ..message(&world, "Florin: again")
        };
        // Both are due in the same turn.
        let ids = [
            request(&world, keyed("a")).await,
            request(&world, keyed("b")).await,
        ];
        assert_ne!(ids[0], ids[1]);
        world.run_until_idle().await;
        let third = request(&world, keyed("c")).await;
        world.run_until_idle().await;
        let first = signature(&world, ids[0]).await;
        assert!(first.is_some());
        let mut decisions = std::collections::BTreeSet::new();
        for id in [ids[0], ids[1], third] {
            assert_eq!(signature(&world, id).await, first);
            decisions.insert(get(&world, id).await.statement.decision.unwrap());
        }
        assert_eq!(decisions.len(), 3);
        let replayed = try_request(&world, keyed("a")).await.unwrap();
        assert!(matches!(&replayed, StatementOutcome::Replayed(one) if one.id == ids[0]));
        let conflict = NewStatement {
            idempotency_key: Some("a".into()),
            ..message(&world, "Florin: other")
        };
        let conflict = try_request(&world, conflict).await;
        assert!(
            matches!(conflict, Err(Error::IdempotencyKeyReused { .. })),
            "{conflict:?}"
        );
        // A permitted signature of these bytes does not let a denied request have it.
        let mut forbidden = keyed("d");
        forbidden.labels.insert("forbidden".into(), "yes".into());
        let forbidden = request(&world, forbidden).await;
        world.run_until_idle().await;
        assert_unsigned(
            &world,
            forbidden,
            StatementState::Denied,
            "labeled as forbidden",
        )
        .await;
        // A denial does not use up the key.
        let corrected = request(&world, keyed("d")).await;
        world.run_until_idle().await;
        assert_eq!(signature(&world, corrected).await, first);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_that_policy_does_not_allow() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let unknown = request(&world, message(&world, "send everything")).await;
        let of_other = token_permit(&world, BOB, 5);
        let mut order = of_other.clone();
        order["primaryType"] = json!("Order");
        order["types"]["Order"] = order["types"]["Permit"].clone();
        order["types"].as_object_mut().unwrap().remove("Permit");
        let unknown_type = request(&world, typed_data(&world, &order)).await;
        world.run_until_idle().await;
        for id in [unknown, unknown_type] {
            assert_unsigned(&world, id, StatementState::Denied, "policy: ").await;
            let ended = submit::withdraw_statement(&world.submit, &world.principal, id).await;
            assert!(
                matches!(ended, Err(Error::StatementEnded { .. })),
                "{ended:?}"
            );
        }
        let deny =
            "package florin.none\ndefault allow := false\ndeny contains \"nothing\" if true\n";
        world.attach_policy(&world.principal, "none", deny).await;
        let known = request(&world, typed_data(&world, &of_other)).await;
        let delegation = request(&world, authorization(&world, 0)).await;
        world.run_until_idle().await;
        for id in [known, delegation] {
            assert_unsigned(&world, id, StatementState::Denied, "policy: nothing").await;
        }
        assert!(
            world
                .facts()
                .await
                .iter()
                .all(|fact| fact.kind != "signature.recorded")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_requests_are_refused_with_the_field() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let bytes = |count: usize| {
            of(
                &world,
                Act::Message {
                    bytes: vec![b'F'; count],
                },
            )
        };
        let field = |error: submit::Result<StatementOutcome>| {
            types::Coded::field(&error.unwrap_err()).unwrap_or_default()
        };
        assert_eq!(field(try_request(&world, bytes(32)).await), "message");
        let hash = NewStatement {
            allow_hash: true,
            ..bytes(32)
        };
        assert!(try_request(&world, hash).await.is_ok());
        assert_eq!(field(try_request(&world, bytes(65_537)).await), "message");
        let other_chain = token_permit(&world, BOB, 5)
            .to_string()
            .replace("31337", "1");
        let other_chain: Value = serde_json::from_str(&other_chain).unwrap();
        let json = intent::evm::typed_data(&other_chain).unwrap();
        let other_chain = of(&world, Act::TypedData { json });
        assert_eq!(
            field(try_request(&world, other_chain).await),
            "domain.chainId"
        );
        let transaction = of(&world, world.payment(1).intent.act);
        assert_eq!(field(try_request(&world, transaction).await), "intent");
        let mut unknown_signer = message(&world, "Florin: hello");
        unknown_signer.intent.signer = BOB.into();
        assert_eq!(field(try_request(&world, unknown_signer).await), "signer");
        let mut unknown_chain = message(&world, "Florin: hello");
        unknown_chain.intent.chain = ChainId::evm(999);
        assert_eq!(field(try_request(&world, unknown_chain).await), "chain");
        let mut no_authority = authorization(&world, 0);
        if let Act::Authorization(authorization) = &mut no_authority.intent.act {
            authorization.authority = BOB.into();
        }
        let refused = try_request(&world, no_authority).await;
        assert!(matches!(refused, Err(Error::Intent(_))), "{refused:?}");
        let all = submit::statements(
            &world.submit,
            &world.principal,
            StatementFilter::default(),
            Page::default(),
        );
        assert_eq!(
            all.await.unwrap().len(),
            1,
            "a refused request leaves nothing"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_has_a_limited_number_of_open_statements() {
    on_each_engine(|test| async move {
        let settings = submit::Settings {
            waiting_per_lane: 2,
            ..submit::Settings::default()
        };
        let Some(world) = World::with(test, settings).await else {
            return;
        };
        for text in ["one", "two"] {
            request(&world, message(&world, text)).await;
        }
        let third = try_request(&world, message(&world, "three")).await;
        assert!(
            matches!(third, Err(Error::LimitExceeded { limit: 2, .. })),
            "{third:?}"
        );
        world.run_until_idle().await;
        assert!(try_request(&world, message(&world, "three")).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_key_signs_nothing_until_its_permits_expire() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let (keys, ann) = (&world.keys, &world.principal);
        keys::freeze(keys, ann, Scope::Namespace, false, "audit")
            .await
            .unwrap();
        let id = request(&world, message(&world, "Florin: frozen")).await;
        world.run_until_idle().await;
        assert_unsigned(&world, id, StatementState::Permitted, "frozen").await;
        keys::unfreeze(keys, ann, Scope::Namespace, "done")
            .await
            .unwrap();
        world.wait(5_000).await;
        world.run_until_idle().await;
        assert!(signature(&world, id).await.is_some());
        keys::freeze(keys, ann, Scope::Namespace, false, "audit")
            .await
            .unwrap();
        let id = request(&world, message(&world, "Florin: too late")).await;
        world.run_until_idle().await;
        keys::unfreeze(keys, ann, Scope::Namespace, "done")
            .await
            .unwrap();
        world.wait(AFTER_EXPIRY_MS).await;
        world.run_until_idle().await;
        assert_unsigned(&world, id, StatementState::Expired, "expired").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_permit_signs_nothing() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let (keys, ann) = (&world.keys, &world.principal);
        keys::freeze(keys, ann, Scope::Namespace, false, "audit")
            .await
            .unwrap();
        let id = request(&world, message(&world, "Florin: revoked")).await;
        world.run_until_idle().await;
        let decision = get(&world, id).await.statement.decision.unwrap();
        let decision = policy::decision(&world.policy, ann, decision)
            .await
            .unwrap();
        let permit = decision.permit.unwrap().body.id;
        keys::revoke(keys, ann, &permit, "mistake").await.unwrap();
        keys::unfreeze(keys, ann, Scope::Namespace, "done")
            .await
            .unwrap();
        world.wait(5_000).await;
        world.run_until_idle().await;
        assert_unsigned(&world, id, StatementState::Failed, "revoked").await;
    })
    .await;
}

/// Runs a turn, and something between the signature and its commit.
pub(crate) async fn during_signing(world: &World, act: impl AsyncFnOnce()) {
    let held = world.scripted.1.hold_next();
    let turn = world.turn();
    let between = async {
        let release = tokio::task::spawn_blocking(move || held.recv())
            .await
            .unwrap();
        act().await;
        drop(release);
    };
    tokio::join!(turn, between);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_between_signature_and_commit_is_respected() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "held").await else {
            return;
        };
        let (keys, ann) = (&world.keys, &world.principal);
        let frozen = request(&world, message(&world, "Florin: frozen")).await;
        during_signing(&world, async || {
            keys::freeze(keys, ann, Scope::Namespace, false, "audit")
                .await
                .unwrap();
        })
        .await;
        assert_unsigned(&world, frozen, StatementState::Permitted, "frozen").await;
        keys::unfreeze(keys, ann, Scope::Namespace, "done")
            .await
            .unwrap();
        world.wait(5_000).await;
        world.run_until_idle().await;
        assert!(signature(&world, frozen).await.is_some());

        let withdrawn = request(&world, message(&world, "Florin: withdrawn")).await;
        during_signing(&world, async || {
            let ended = submit::withdraw_statement(&world.submit, ann, withdrawn).await;
            assert_eq!(ended.unwrap().state, StatementState::Withdrawn);
        })
        .await;
        world.run_until_idle().await;
        assert_unsigned(
            &world,
            withdrawn,
            StatementState::Withdrawn,
            "withdrawn by ann",
        )
        .await;
        let facts = world.facts().await;
        let recorded = facts
            .iter()
            .filter(|fact| fact.kind == "signature.recorded");
        assert_eq!(recorded.count(), 1, "only the first was recorded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_signature_and_commit_loses_only_the_signature() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "held").await else {
            return;
        };
        let id = request(&world, message(&world, "Florin: crash")).await;
        let held = world.scripted.1.hold_next();
        let signed = tokio::task::spawn_blocking(move || held.recv());
        tokio::select! {
            _ = world.turn() => panic!("the turn ends only with the signature"),
            release = signed => drop(release),
        }
        let mut world = world.crash_and_restart().await;
        assert_unsigned(&world, id, StatementState::Permitted, "").await;
        for _ in 0..3 {
            world.turn().await;
            world = world.crash_and_restart().await;
        }
        assert!(signature(&world, id).await.is_some());
        let facts = world.facts().await;
        let recorded = facts
            .iter()
            .filter(|fact| fact.kind == "signature.recorded");
        assert_eq!(recorded.count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_do_not_share_statements() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let id = request(&world, message(&world, "Florin: mine")).await;
        world.run_until_idle().await;
        let bob = Principal {
            id: "bob".into(),
            namespace: namespace("other"),
            ..world.principal.clone()
        };
        let read = submit::statement(&world.submit, &bob, id).await;
        assert!(
            matches!(read, Err(Error::UnknownStatement { .. })),
            "{read:?}"
        );
        let ended = submit::withdraw_statement(&world.submit, &bob, id).await;
        assert!(
            matches!(ended, Err(Error::UnknownStatement { .. })),
            "{ended:?}"
        );
        let filter = StatementFilter::default;
        let all = submit::statements(&world.submit, &bob, filter(), Page::default()).await;
        assert_eq!(all.unwrap(), []);
        let unknown =
            submit::request_statement(&world.submit, &bob, message(&world, "Florin: mine")).await;
        assert!(
            matches!(unknown, Err(Error::UnknownSigner { .. })),
            "{unknown:?}"
        );
        // Another namespace with the same key cannot sign what one has signed.
        world.set_up_treasury(&bob).await;
        let again =
            submit::request_statement(&world.submit, &bob, message(&world, "Florin: mine")).await;
        let again = again.unwrap().statement().id;
        world.run_until_idle().await;
        let again = submit::statement(&world.submit, &bob, again).await.unwrap();
        assert_eq!(
            (again.statement.state, again.signature),
            (StatementState::Failed, None)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_listed_by_state_kind_signer_and_chain() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let first = request(&world, message(&world, "Florin: one")).await;
        let second = request(&world, authorization(&world, 0)).await;
        world.run_until_idle().await;
        let third = request(&world, message(&world, "Florin: three")).await;
        let list = async |filter: StatementFilter, page: Page| -> Vec<StatementId> {
            let found = submit::statements(&world.submit, &world.principal, filter, page).await;
            found.unwrap().iter().map(|one| one.id).collect()
        };
        let any = StatementFilter::default;
        let kind = Some(StatementKind::Message);
        let state = Some(StatementState::Signed);
        let page = Page::default;
        assert_eq!(list(any(), page()).await, [third, second, first]);
        assert_eq!(
            list(StatementFilter { kind, ..any() }, page()).await,
            [third, first]
        );
        assert_eq!(
            list(StatementFilter { state, ..any() }, page()).await,
            [second, first]
        );
        assert_eq!(
            list(
                StatementFilter {
                    state,
                    kind,
                    ..any()
                },
                page()
            )
            .await,
            [first]
        );
        let signer = Some(BOB.to_owned());
        assert_eq!(list(StatementFilter { signer, ..any() }, page()).await, []);
        let chain = Some(ChainId::evm(1));
        assert_eq!(list(StatementFilter { chain, ..any() }, page()).await, []);
        let after = Page::new(Some(1), None, Some(third.to_string())).unwrap();
        assert_eq!(list(any(), after).await, [second]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_back_end_signs_after_the_permit_is_used() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "scripted").await else {
            return;
        };
        let id = request(&world, message(&world, "Florin: late")).await;
        let again = request(&world, message(&world, "Florin: late")).await;
        world.turn().await;
        world.turn().await;
        assert_unsigned(&world, id, StatementState::Signing, "answers later").await;
        let waits = format!("waits for the signature of {id}");
        assert_unsigned(&world, again, StatementState::Permitted, &waits).await;
        let world = world.crash_and_restart().await; // after the request
        assert_eq!(world.answer_requests().await, 1);
        assert_unsigned(&world, id, StatementState::Signing, "").await;
        let world = world.crash_and_restart().await; // after the answer
        world.run_until_idle().await;
        world.wait(5_000).await;
        world.run_until_idle().await;
        let first = signature(&world, id).await;
        assert!(first.is_some());
        assert_eq!(signature(&world, again).await, first);
        let refused = try_request(&world, authorization(&world, 0)).await;
        let field = types::Coded::field(&refused.unwrap_err());
        assert_eq!(field.as_deref(), Some("signer"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_signature_may_be_refused_withdrawn_or_too_late() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "scripted").await else {
            return;
        };
        let refused = request(&world, message(&world, "Florin: refused")).await;
        world.turn().await;
        world
            .scripted
            .answer([SignOutcome::Refused("not today".into())]);
        world.run_until_idle().await;
        assert_unsigned(&world, refused, StatementState::Failed, "not today").await;

        let withdrawn = request(&world, message(&world, "Florin: withdrawn")).await;
        world.turn().await;
        let ended = submit::withdraw_statement(&world.submit, &world.principal, withdrawn).await;
        assert_eq!(ended.unwrap().state, StatementState::Withdrawn);
        world.run_until_idle().await;
        assert_unsigned(&world, withdrawn, StatementState::Withdrawn, "by ann").await;

        let answered = request(&world, message(&world, "Florin: answered")).await;
        world.turn().await;
        assert_eq!(world.answer_requests().await, 1);
        let ended = submit::withdraw_statement(&world.submit, &world.principal, answered).await;
        assert!(
            matches!(ended, Err(Error::StatementEnded { .. })),
            "{ended:?}"
        );
        world.run_until_idle().await;
        assert!(signature(&world, answered).await.is_some());

        let late = request(&world, message(&world, "Florin: too late")).await;
        world.turn().await;
        world.wait(AFTER_EXPIRY_MS).await;
        world.run_until_idle().await;
        assert_unsigned(&world, late, StatementState::Expired, "expired").await;
        // What was refused, withdrawn or too late is decided and signed anew.
        for text in ["refused", "withdrawn", "too late"] {
            let again = request(&world, message(&world, &format!("Florin: {text}"))).await;
            world.run_until_idle().await;
            assert!(signature(&world, again).await.is_some(), "{text}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fact_of_a_statement_has_its_state_and_trace() {
    on_each_engine(|test| async move {
        let Some(mut world) = world_on(test, "software").await else {
            return;
        };
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        world.principal.trace = Some(trace.parse().unwrap());
        let id = request(&world, message(&world, "Florin: traced")).await;
        world.run_until_idle().await;
        let mut facts = world.facts().await;
        facts.retain(|fact| fact.correlation == Some(id.to_string()));
        for state in ["received", "permitted", "signed"] {
            let kind = format!("statement.{state}");
            let of_kind = facts.iter().find(|fact| fact.kind == kind);
            let fact = of_kind.unwrap_or_else(|| panic!("no {kind} in {facts:?}"));
            assert_eq!(fact.trace, world.principal.trace, "{kind}");
        }
    })
    .await;
}
