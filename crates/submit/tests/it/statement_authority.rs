//! Statements that were permitted, when what the permit relies on changes before it is used.

use crate::statements::{
    assert_unsigned, during_signing, get, message, request, signature, world_on,
};
use crate::world::World;
use keys::Scope;
use submit::{StatementState, stop_submissions_of};
use testkit::on_each_engine;
use types::{ApiKeyId, Principal, Role, StatementId};

const DENY_ALL: &str = "package florin.none\nallow := false\ndeny contains \"closed today\"\n";
const ALLOW_ALL: &str = "package florin.all\nallow := true\n";

/// An operator with an API key.
fn operator(world: &World) -> (Principal, ApiKeyId) {
    let roles = vec![Role::Operator];
    let key = world.api_keys.issue(roles.clone());
    let principal = Principal {
        id: "ben".into(),
        roles,
        key: Some(key),
        ..world.principal.clone()
    };
    (principal, key)
}

async fn request_by(world: &World, principal: &Principal, text: &str) -> StatementId {
    let new = message(world, text);
    let outcome = submit::request_statement(&world.submit, principal, new).await;
    outcome.unwrap().statement().id
}

/// Runs something while a freeze holds permitted statements back.
async fn while_frozen(world: &World, act: impl AsyncFnOnce()) {
    let (keys, ann) = (&world.keys, &world.principal);
    let scope = Scope::Namespace;
    keys::freeze(keys, ann, scope, false, "audit")
        .await
        .unwrap();
    world.run_until_idle().await;
    act().await;
    keys::unfreeze(keys, ann, scope, "done").await.unwrap();
    world.wait(5_000).await;
    world.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permitted_statement_is_decided_again_under_changed_policies() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "software").await else {
            return;
        };
        let ann = &world.principal;
        let kept = request(&world, message(&world, "Florin: kept")).await;
        let mut before = None;
        while_frozen(&world, async || {
            let permitted = get(&world, kept).await.statement;
            assert_eq!(permitted.state, StatementState::Permitted);
            before = permitted.decision;
            world.attach_policy(ann, "all", ALLOW_ALL).await;
        })
        .await;
        assert!(signature(&world, kept).await.is_some());
        let after = get(&world, kept).await.statement.decision;
        assert!(before.is_some() && after != before, "{before:?}");

        let lost = request(&world, message(&world, "Florin: lost")).await;
        while_frozen(&world, async || {
            world.attach_policy(ann, "none", DENY_ALL).await
        })
        .await;
        assert_unsigned(&world, lost, StatementState::Denied, "closed today").await;
        let facts = world.facts().await;
        let recorded = facts
            .iter()
            .filter(|fact| fact.kind == "signature.recorded");
        assert_eq!(recorded.count(), 1);
        let revoked = facts.iter().filter(|fact| fact.kind == "permit.revoked");
        assert_eq!(
            revoked.count(),
            2,
            "an outdated permit signs nothing any more"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_between_signature_and_commit_is_seen() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "held").await else {
            return;
        };
        let (ben, key) = operator(&world);
        let revoked = request_by(&world, &ben, "Florin: revoked").await;
        during_signing(&world, async || world.api_keys.revoke(key)).await;
        world.run_until_idle().await;
        let reason = "the API key of ben was revoked";
        assert_unsigned(&world, revoked, StatementState::Denied, reason).await;

        let denied = request(&world, message(&world, "Florin: denied")).await;
        during_signing(&world, async || {
            world
                .attach_policy(&world.principal, "none", DENY_ALL)
                .await;
        })
        .await;
        world.run_until_idle().await;
        assert_unsigned(&world, denied, StatementState::Denied, "closed today").await;
        let facts = world.facts().await;
        assert!(facts.iter().all(|fact| fact.kind != "signature.recorded"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_back_end_is_not_asked_under_changed_policies() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "scripted").await else {
            return;
        };
        let id = request(&world, message(&world, "Florin: late")).await;
        while_frozen(&world, async || {
            world
                .attach_policy(&world.principal, "none", DENY_ALL)
                .await;
        })
        .await;
        assert_unsigned(&world, id, StatementState::Denied, "closed today").await;
        let facts = world.facts().await;
        assert!(facts.iter().all(|fact| fact.kind != "signature.requested"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_signature_is_not_released_under_changed_policies() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "scripted").await else {
            return;
        };
        let id = request(&world, message(&world, "Florin: late")).await;
        world.turn().await;
        world.turn().await;
        assert_unsigned(&world, id, StatementState::Signing, "answers later").await;
        let ann = &world.principal;
        world.attach_policy(ann, "none", DENY_ALL).await;
        assert_eq!(world.answer_requests().await, 1);
        world.run_until_idle().await;
        assert_unsigned(&world, id, StatementState::Withdrawn, "not released").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_api_key_ends_what_was_requested_with_it() {
    on_each_engine(|test| async move {
        let Some(world) = world_on(test, "scripted").await else {
            return;
        };
        let (ben, key) = operator(&world);
        let signed = request_by(&world, &ben, "Florin: signed").await;
        world.run_until_idle().await;
        let asked = request_by(&world, &ben, "Florin: asked").await;
        world.turn().await;
        let waiting = request_by(&world, &ben, "Florin: waiting").await;
        let of_other = request(&world, message(&world, "Florin: of another")).await;
        let db = world.test.db.clone();
        let lease = world.test.lease("api/1").await;
        let args = world.principal.clone();
        let write = db
            .on(&lease)
            .write_unscoped_with(args, move |tx, actor| stop_submissions_of(tx, actor, key));
        assert_eq!(write.await.unwrap(), 2);
        world.run_until_idle().await;
        let reason = "its API key was revoked";
        assert_unsigned(&world, asked, StatementState::Withdrawn, reason).await;
        assert_unsigned(&world, waiting, StatementState::Denied, reason).await;
        for id in [signed, of_other] {
            assert!(signature(&world, id).await.is_some());
        }
    })
    .await;
}
