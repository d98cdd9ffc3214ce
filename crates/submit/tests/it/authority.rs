//! What was permitted, when what the permit relies on changes before it is signed: policies, and the
//! API key of the initiator.

use crate::world::World;
use intent::Intent;
use keys::DEFAULT_BACKEND;
use policy::{NewPolicy, NewVersion, Target};
use serde_json::json;
use std::sync::Arc;
use submit::{Enqueue, State};
use testkit::{Fault, on_each_engine};
use types::{ApiKeyId, PermitId, Principal, Role, SubmissionId};

const DENY_ALL: &str = "package florin.none\nallow := false\ndeny contains \"closed today\"\n";
const ALLOW_ALL: &str = "package florin.all\nallow := true\n";
/// The pause between two broadcasts of the same bytes, with room.
const REBROADCAST_MS: i64 = 31_000;

/// What holds permitted submissions back.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    /// The lane is paused.
    ByLane,
    /// The node does not answer when a nonce is needed.
    ByNode,
}

/// What withdraws the authority of permitted submissions.
#[derive(Debug, Clone, Copy)]
enum Withdrawal {
    DenyAllAttached,
    PolicyDetached,
    VersionDenies,
    KeyRevoked,
    RolesLowered,
}

impl Withdrawal {
    async fn apply(self, world: &World, key: ApiKeyId) {
        let (policy, admin) = (&world.policy, &world.principal);
        match self {
            Self::DenyAllAttached => world.attach_policy(admin, "none", DENY_ALL).await,
            Self::PolicyDetached => {
                let detached = policy::detach(policy, admin, "small", Target::Namespace).await;
                assert!(detached.unwrap());
            }
            Self::VersionDenies => {
                let version = NewVersion {
                    description: String::new(),
                    document: DENY_ALL.into(),
                    example_input: None,
                };
                let added = policy::add_version(policy, admin, "small", version).await;
                added.unwrap();
            }
            Self::KeyRevoked => world.api_keys.revoke(key),
            Self::RolesLowered => world.api_keys.set_roles(key, vec![Role::Reader]),
        }
    }

    /// A part of the reason of the denial.
    fn reason(self) -> &'static str {
        match self {
            Self::DenyAllAttached | Self::VersionDenies => "closed today",
            Self::PolicyDetached => "no policy is attached",
            Self::KeyRevoked => "the API key of ben was revoked",
            Self::RolesLowered => "the roles of ben do not allow to submit any more",
        }
    }
}

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

/// Three payments of 1, 2 and 4 wei that are permitted and held back.
async fn permitted(world: &World, initiator: &Principal, held: Held) -> Vec<SubmissionId> {
    if held == Held::ByNode {
        world
            .proxy
            .fail_always("eth_getTransactionCount", Fault::Status(503));
    }
    let mut ids = Vec::new();
    for wei in [1, 2, 4] {
        let new = world.payment(wei);
        let outcome = submit::enqueue(&world.submit, initiator, new).await;
        ids.push(outcome.unwrap().submission().id);
    }
    if held == Held::ByLane {
        pause_lane(world).await;
    }
    world.turn().await;
    for id in &ids {
        let submission = world.get(*id).await;
        assert_eq!(
            submission.state,
            State::Permitted,
            "{:?}",
            submission.reason
        );
    }
    ids
}

/// Creates the lane in a pause that only an operator ends.
async fn pause_lane(world: &World) {
    let (chain, signer) = (world.chain(), &world.signer);
    world
        .execute(&format!(
            "INSERT INTO submission_lane
               (chain, signer, shard, next_nonce, next_lane_index, paused, version)
             VALUES ('{chain}', '{signer}', 0, 0, 0, 'the test pauses it', 1)"
        ))
        .await;
}

async fn let_go(world: &World, held: Held) {
    match held {
        Held::ByNode => world.proxy.clear_faults(),
        Held::ByLane => {
            let (submit, chain) = (&world.submit, world.chain());
            submit::resume_lane(submit, &world.principal, &chain, &world.signer, "go on")
                .await
                .unwrap();
        }
    }
    world.wait(60_000).await;
    world.run_until_idle().await;
}

async fn permit_of(world: &World, id: SubmissionId) -> Option<PermitId> {
    world.get(id).await.permit.map(|permit| permit.body.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_permitted_and_not_signed_ends_with_its_authority() {
    use Withdrawal as W;
    for held in [Held::ByLane, Held::ByNode] {
        for withdrawal in [
            W::DenyAllAttached,
            W::PolicyDetached,
            W::VersionDenies,
            W::KeyRevoked,
            W::RolesLowered,
        ] {
            on_each_engine(|test| async move {
                let Some(world) = World::new(test).await else {
                    return;
                };
                let (operator, key) = operator(&world);
                let ids = permitted(&world, &operator, held).await;
                withdrawal.apply(&world, key).await;
                let_go(&world, held).await;
                world.mine(3).await;
                assert_eq!(
                    (world.nonce(), world.bob_balance()),
                    (0, 0),
                    "{held:?} {withdrawal:?}"
                );
                for id in ids {
                    let ended = world.get(id).await;
                    assert_eq!(ended.state, State::Denied, "{held:?} {withdrawal:?}");
                    let reason = ended.reason.unwrap();
                    assert!(reason.contains(withdrawal.reason()), "{reason}");
                    assert_eq!((ended.permit, ended.lane_index), (None, None));
                }
                assert_eq!(world.lane().await.next_nonce, 0, "no nonce is used up");
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_denies_nothing_delays_nothing_and_keeps_the_order() {
    for backend in ["scripted", DEFAULT_BACKEND] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, backend).await else {
                return;
            };
            let (operator, _) = operator(&world);
            let ids = permitted(&world, &operator, Held::ByNode).await;
            let before = permit_of(&world, ids[0]).await;
            world
                .attach_policy(&world.principal, "all", ALLOW_ALL)
                .await;
            let_go(&world, Held::ByNode).await;
            world.mine(3).await;
            let mut indices = Vec::new();
            for id in &ids {
                let submission = world.get(*id).await;
                assert_eq!(submission.state, State::Final, "{:?}", submission.reason);
                indices.push(submission.lane_index.unwrap());
            }
            assert!(indices.is_sorted(), "{indices:?}");
            assert_ne!(permit_of(&world, ids[0]).await, before, "another decision");
            assert_eq!((world.nonce(), world.bob_balance()), (3, 7));
            let facts = world.facts().await;
            let revoked = facts.iter().filter(|fact| fact.kind == "permit.revoked");
            assert_eq!(revoked.count(), 3, "the earlier permits have ended");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_authority_ended_holds_back_no_other() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let (first, key) = operator(&world);
        let (second, _) = operator(&world);
        let revoked = permitted(&world, &first, Held::ByNode).await;
        let other = submit::enqueue(&world.submit, &second, world.payment(8)).await;
        let other = other.unwrap().submission().id;
        world.api_keys.revoke(key);
        let_go(&world, Held::ByNode).await;
        world.mine(3).await;
        assert_eq!(world.state(revoked[0]).await, State::Denied);
        assert_eq!(world.state(other).await, State::Final);
        assert_eq!((world.nonce(), world.bob_balance()), (1, 8));
    })
    .await;
}

/// The policy is attached after the worker has loaded what it signs, and before it commits.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_attached_while_the_worker_signs_stops_the_signature() {
    for backend in ["scripted", DEFAULT_BACKEND] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, backend).await else {
                return;
            };
            let (runtime, policy) = (tokio::runtime::Handle::current(), world.policy.clone());
            let admin = world.principal.clone();
            policy::put_policy(&policy, &admin, "none", NewPolicy::default())
                .await
                .unwrap();
            let version = NewVersion {
                description: String::new(),
                document: DENY_ALL.into(),
                example_input: None,
            };
            policy::add_version(&policy, &admin, "none", version)
                .await
                .unwrap();
            let ids = permitted(&world, &world.principal, Held::ByNode).await;
            world.proxy.clear_faults();
            world.wait(60_000).await;
            let attach = move |_: &mut serde_json::Value| {
                let attached = policy::attach(&policy, &admin, "none", Target::Namespace);
                runtime.block_on(attached).unwrap();
            };
            world
                .proxy
                .fail_next("eth_getTransactionCount", Fault::Modify(Arc::new(attach)));
            world.run_until_idle().await;
            world.mine(3).await;
            for id in ids {
                assert_eq!(world.state(id).await, State::Denied);
            }
            assert_eq!((world.nonce(), world.bob_balance()), (0, 0));
        })
        .await;
    }
}

/// Nothing more is signed once the attachment has returned, whenever it comes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_after_a_policy_that_denies_it_is_attached() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let world = Arc::new(world);
        let admin = &world.principal;
        world.attach_policy(admin, "none", DENY_ALL).await;
        for round in 0..8 {
            let detached = policy::detach(&world.policy, admin, "none", Target::Namespace);
            assert!(detached.await.unwrap());
            let id = world.enqueue(world.payment(5)).await;
            let signer = tokio::spawn({
                let world = world.clone();
                async move {
                    for _ in 0..3 {
                        world.turn().await;
                    }
                }
            });
            for _ in 0..round * 40 {
                tokio::task::yield_now().await;
            }
            policy::attach(&world.policy, admin, "none", Target::Namespace)
                .await
                .unwrap();
            let signed = world.transactions(id).await;
            signer.await.unwrap();
            world.run_until_idle().await;
            assert_eq!(world.transactions(id).await, signed, "round {round}");
            world.mine(3).await;
        }
    })
    .await;
}

async fn accepted(world: &World) -> SubmissionId {
    let id = world.enqueue(world.payment(5)).await;
    world.run_until_idle().await;
    assert_eq!(world.state(id).await, State::Accepted);
    id
}

/// The node refuses the next broadcast, because its price is too low.
async fn refuse_price(world: &World) {
    let refusal = json!({ "code": -32000, "message": "transaction underpriced" });
    let fault = Fault::Error(refusal);
    world.proxy.fail_next("eth_sendRawTransaction", fault);
    world.wait(REBROADCAST_MS).await;
    world.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_raised_only_with_another_decision_once_the_standing_set_changed() {
    for backend in ["scripted", DEFAULT_BACKEND] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, backend).await else {
                return;
            };
            let id = accepted(&world).await;
            let first = world.get(id).await;
            refuse_price(&world).await;
            let unchanged = world.get(id).await;
            assert_eq!(world.transactions(id).await, 2);
            assert_eq!(unchanged.decision, first.decision, "within its permit");

            world
                .attach_policy(&world.principal, "all", ALLOW_ALL)
                .await;
            refuse_price(&world).await;
            let renewed = world.get(id).await;
            assert_eq!(world.transactions(id).await, 3);
            assert_ne!(renewed.decision, first.decision);
            let permit = renewed.permit.unwrap().body;
            assert_eq!(permit.supersedes, first.permit.map(|permit| permit.body.id));
            assert_eq!(permit.decision, renewed.decision.unwrap());

            // The newest permit is the one that a cancel supersedes.
            let cancel = world.cancel(id).await;
            world.run_until_idle().await;
            world.mine(3).await;
            let ended = (world.state(id).await, world.state(cancel).await);
            assert_eq!(ended, (State::Cancelled, State::Final));
            assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_price_leaves_only_the_cancel() {
    for backend in ["scripted", DEFAULT_BACKEND] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, backend).await else {
                return;
            };
            let id = accepted(&world).await;
            world
                .attach_policy(&world.principal, "none", DENY_ALL)
                .await;
            refuse_price(&world).await;
            assert_eq!(world.transactions(id).await, 1, "no higher price");
            assert!(
                world.state(id).await == State::Accepted || world.state(id).await == State::Signed
            );
            let explained = world.explain(id).await;
            let reason = explained.reason.unwrap();
            for part in ["decided again", "closed today", &format!("cancel {id}")] {
                assert!(reason.contains(part), "{reason}");
            }
            let can_cancel = |action: &String| action.contains("cancel it on the chain");
            assert!(explained.actions.iter().any(can_cancel));

            let cancel = world.cancel(id).await;
            world.run_until_idle().await;
            world.mine(3).await;
            let ended = (world.state(id).await, world.state(cancel).await);
            assert_eq!(ended, (State::Cancelled, State::Final));
            assert_eq!((world.nonce(), world.bob_balance()), (1, 0));
        })
        .await;
    }
}

/// Bytes that were signed before another decision are stored under the earlier permit.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_transaction_is_sent_again_after_a_reorganization() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let id = accepted(&world).await;
        world
            .attach_policy(&world.principal, "all", ALLOW_ALL)
            .await;
        // The raised price reaches no node: the earlier transaction is mined.
        let refusal = json!({ "code": -32000, "message": "transaction underpriced" });
        let sending = "eth_sendRawTransaction";
        world.proxy.fail_always(sending, Fault::Error(refusal));
        world.wait(REBROADCAST_MS).await;
        world.turn().await;
        assert!(world.transactions(id).await > 1);
        world.mine(1).await;
        assert_eq!(world.state(id).await, State::Mined);
        world.proxy.clear_faults();
        world.node.reorg(1, &[]);
        world.run_until_idle().await;
        world.wait(REBROADCAST_MS).await;
        world.run_until_idle().await;
        world.mine(3).await;
        let ended = world.get(id).await;
        assert_eq!(ended.state, State::Final, "{:?}", ended.reason);
        assert_eq!((world.nonce(), world.bob_balance()), (1, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_to_self_without_value_is_decided_like_any_other() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let lookalike = || Enqueue {
            intent: Intent::cancel(world.chain(), world.signer.clone()),
            ..world.payment(0)
        };
        let allowed = world.enqueue(lookalike()).await;
        world.run_until_idle().await;
        world.mine(3).await;
        assert_eq!(world.state(allowed).await, State::Final);

        world
            .attach_policy(&world.principal, "none", DENY_ALL)
            .await;
        let denied = world.enqueue(lookalike()).await;
        world.run_until_idle().await;
        world.mine(1).await;
        assert_eq!(world.state(denied).await, State::Denied);
        assert_eq!(world.nonce(), 1);
    })
    .await;
}

/// The back end signs what it was asked for before the policy was attached.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_arrives_under_another_standing_set_is_sent_only_if_it_is_permitted_again()
{
    for (document, is_sent) in [(ALLOW_ALL, true), (DENY_ALL, false)] {
        on_each_engine(|test| async move {
            let Some(world) = World::on(test, "scripted").await else {
                return;
            };
            let id = world.enqueue(world.payment(5)).await;
            world.turn().await;
            let requested = world.get(id).await;
            assert_eq!(requested.state, State::Signing);
            world
                .attach_policy(&world.principal, "other", document)
                .await;
            world.run_until_idle().await;
            let explained = world.explain(id).await;
            world.mine(3).await;
            world.run_until_idle().await;
            let ended = world.get(id).await;
            let outcome = (world.nonce(), world.bob_balance());
            if is_sent {
                assert_eq!((ended.state, outcome), (State::Final, (1, 5)));
                assert_ne!(ended.decision, requested.decision);
            } else {
                assert_eq!((ended.state, outcome), (State::Cancelled, (1, 0)));
                let reason = explained.reason.unwrap();
                assert!(reason.contains("closed today"), "{reason}");
                assert!(explained.next_step.contains("a cancel that uses its nonce"));
            }
        })
        .await;
    }
}
