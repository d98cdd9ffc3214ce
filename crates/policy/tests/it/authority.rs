//! In whose name something is decided: API keys and their roles, the chain of authors, separation
//! of duties, and the standing set.

use crate::world::{ALLOW_ALL, World, cancel, new_version, pay, request};
use policy::{DecisionRequest, Lock, ReasonCode, Settings, Target, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::Tx;
use testkit::{namespace, on_each_engine};
use tokio::sync::oneshot;
use types::{ApiKeyId, Author, Digest, Principal, PrincipalKind, Role, Via};

/// A request of an API key, which had these roles when it asked.
fn by(key: ApiKeyId, had: &[Role]) -> DecisionRequest {
    let mut request = pay("5");
    request.initiator.key = Some(key);
    request.initiator.roles = had.to_vec();
    request
}

/// The same request, with an author in its chain.
fn because_of(
    request: DecisionRequest,
    id: &str,
    key: Option<ApiKeyId>,
    via: Via,
) -> DecisionRequest {
    let author = Author {
        id: id.into(),
        kind: PrincipalKind::Person,
        key,
        roles: vec![Role::Operator],
    };
    DecisionRequest {
        initiator: request.initiator.clone().because_of(author, via),
        ..request
    }
}

async fn code(world: &World, request: &DecisionRequest) -> ReasonCode {
    let reasons = world.denial(request).await;
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons[0].code
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_permitted_in_the_name_of_a_key_that_may_not_submit_any_more() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let (key, author) = (
            world.api_keys.issue(&[Role::Operator]),
            world.api_keys.issue(&[Role::Operator]),
        );
        let direct = by(key, &[Role::Operator]);
        world.permit(&direct).await;
        for via in [Via::Task, Via::Listener, Via::Retry] {
            let indirect = because_of(direct.clone(), "ann", Some(author), via);
            world.permit(&indirect).await;
            world.api_keys.set_roles(author, &[Role::Reader]);
            assert_eq!(code(&world, &indirect).await, ReasonCode::NoAuthority);
            world.api_keys.set_roles(author, &[Role::Operator]);
        }
        let unrecorded = because_of(direct.clone(), "ann", None, Via::Task);
        assert_eq!(code(&world, &unrecorded).await, ReasonCode::NoAuthority);

        let indirect = because_of(direct.clone(), "ann", Some(author), Via::Task);
        world.api_keys.revoke(author);
        assert_eq!(code(&world, &indirect).await, ReasonCode::NoAuthority);
        world.api_keys.set_roles(key, &[Role::Controller]);
        assert_eq!(code(&world, &direct).await, ReasonCode::NoAuthority);
        world.api_keys.set_roles(key, &[Role::Operator]);
        world.permit(&direct).await;
        world.api_keys.revoke(key);
        assert_eq!(code(&world, &direct).await, ReasonCode::NoAuthority);
        let unknown = by(
            ApiKeyId::from_ulid(types::Ulid::from_bits(99)),
            &[Role::Operator],
        );
        assert_eq!(code(&world, &unknown).await, ReasonCode::NoAuthority);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_florin_may_only_use_up_nonces() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let system = Principal::system("submit", namespace("ns"));
        let act = DecisionRequest {
            initiator: system.clone(),
            ..pay("5")
        };
        assert_eq!(code(&world, &act).await, ReasonCode::NoAuthority);
        let fill = DecisionRequest {
            initiator: system,
            ..cancel()
        };
        world.permit(&fill).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_looks_like_a_cancel_is_decided_by_the_attached_policies() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world
            .attach("no", "package florin.no\nallow := false")
            .await;
        world.denial(&request(cancel().intent)).await;
        let permit = world.permit(&cancel()).await;
        assert_eq!(permit.body.supersedes, cancel().purpose.supersedes());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_sees_the_roles_that_are_left_and_who_is_behind_the_initiator() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let document = "package florin.who
default allow := false
allow if {
	input.initiator.roles == [\"operator\"]
	input.initiator.key == input.labels.key
	[[\"ann\", \"task\", [\"operator\"]]] == [[c.id, c.via, c.roles] | some c in input.initiator.chain_of]
}
deny contains \"the author of a task does not start it\" if {
	some author in input.initiator.chain_of
	author.via == \"task\"
	author.id == input.initiator.id
}
";
        world.attach("who", document).await;
        let key = world.api_keys.issue(&[Role::Operator, Role::Controller]);
        let author = world.api_keys.issue(&[Role::Operator, Role::Admin]);
        let mut request = because_of(by(key, &[Role::Admin, Role::Operator]), "ann", Some(author), Via::Task);
        request.labels.insert("key".into(), key.to_string());
        world.permit(&request).await;
        request.initiator.id = "ann".into();
        let reasons = world.denial(&request).await;
        assert!(reasons.iter().any(|reason| reason.text.contains("does not start it")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_separation_of_duties_a_policy_of_the_initiator_permits_it_nothing() {
    on_each_engine(|test| async move {
        let settings = Settings {
            separation_of_duties: true,
            ..Settings::default()
        };
        let world = World::with(&test, settings).await;
        // Written and attached by anna.
        world.attach("yes", ALLOW_ALL).await;
        world.permit(&pay("5")).await;
        let mut own = pay("5");
        own.initiator.id = "anna".into();
        assert_eq!(code(&world, &own).await, ReasonCode::SamePerson);
        let key = world.api_keys.issue(&[Role::Operator]);
        let through_a_task = because_of(pay("5"), "anna", Some(key), Via::Task);
        assert_eq!(code(&world, &through_a_task).await, ReasonCode::SamePerson);

        // Another person's policy is enough, if another person attached it.
        let ben = Principal {
            id: "ben".into(),
            ..world.principal.clone()
        };
        let (policy, yes) = (&world.policy, new_version(ALLOW_ALL));
        policy::put_policy(policy, &ben, "more", policy::NewPolicy::default())
            .await
            .unwrap();
        policy::add_version(policy, &ben, "more", yes)
            .await
            .unwrap();
        policy::attach(policy, &world.principal, "more", Target::Namespace)
            .await
            .unwrap();
        assert_eq!(code(&world, &own).await, ReasonCode::SamePerson);
        policy::detach(policy, &world.principal, "more", Target::Namespace)
            .await
            .unwrap();
        policy::attach(policy, &ben, "more", Target::Namespace)
            .await
            .unwrap();
        world.permit(&own).await;
        world.permit(&through_a_task).await;
    })
    .await;
}

/// The standing set of one request, as a transaction sees it.
async fn standing(world: &World, test: &testkit::TestDb, request: &DecisionRequest) -> Digest {
    let (policy, initiator) = (world.policy.clone(), request.initiator.clone());
    let read = test.db.read(&namespace("ns"), move |tx| {
        policy::standing(&policy, tx, &[&initiator], Lock::None)
    });
    read.await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_stored_with_its_standing_set_and_every_withdrawal_changes_it() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let key = world.api_keys.issue(&[Role::Operator]);
        let author = world.api_keys.issue(&[Role::Operator]);
        let request = because_of(by(key, &[Role::Operator]), "ann", Some(author), Via::Task);
        let Verdict::Permit {
            decision,
            standing: good,
            ..
        } = world.decide(&request).await
        else {
            panic!("denied")
        };
        let stored = policy::decision(&world.policy, &world.principal, decision).await;
        assert_eq!(stored.unwrap().standing, Some(good));
        let now = async || standing(&world, &test, &request).await;
        assert_eq!(now().await, good);
        world.upload("unattached", ALLOW_ALL).await;

        let mut seen = vec![good, now().await];
        let (policy, admin) = (&world.policy, &world.principal);
        policy::attach(policy, admin, "unattached", Target::Namespace)
            .await
            .unwrap();
        seen.push(now().await);
        policy::detach(policy, admin, "unattached", Target::Namespace)
            .await
            .unwrap();
        seen.push(now().await);
        let lease = test.lease("policy/1").await;
        let change = test.db.on(&lease).write(&namespace("ns"), |tx: &mut Tx| {
            policy::withdraw_standing(tx)
        });
        change.await.unwrap();
        seen.push(now().await);
        world
            .api_keys
            .set_roles(author, &[Role::Operator, Role::Reader]);
        seen.push(now().await);
        world.api_keys.set_roles(key, &[Role::Admin]);
        seen.push(now().await);
        world.api_keys.revoke(author);
        seen.push(now().await);
        world.api_keys.revoke(key);
        seen.push(now().await);
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{seen:?}");
        let other = namespace("other");
        let mut elsewhere = request.clone();
        elsewhere.initiator.namespace = other;
        assert_ne!(standing(&world, &test, &elsewhere).await, now().await);
    })
    .await;
}

/// The key is revoked while the lookups of the decision are answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_during_the_decision_decides_it_again() {
    on_each_engine(|test| async move {
        let world = Arc::new(World::new(&test).await);
        let document = "package florin.slow
allow := true
lookups := {\"bob\": {\"from\": \"address.labels\", \"args\": {\"address\": \"0xb0b\"}}}
";
        world.attach("slow", document).await;
        let key = world.api_keys.issue(&[Role::Operator]);
        let (reached, is_reached) = oneshot::channel();
        let (resume, resumed) = oneshot::channel();
        *world.lookups.pause.lock().unwrap() = Some((reached, resumed));
        let decision = tokio::spawn({
            let world = world.clone();
            async move { code(&world, &by(key, &[Role::Operator])).await }
        });
        is_reached.await.unwrap();
        world.api_keys.revoke(key);
        resume.send(()).unwrap();
        assert_eq!(decision.await.unwrap(), ReasonCode::NoAuthority);
    })
    .await;
}

/// The transaction that relies on the standing set is first: the attachment waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_the_transaction_that_relies_on_the_standing_set() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        world
            .upload("no", "package florin.no\nallow := false")
            .await;
        let Some(server) = test.server() else {
            return; // SQLite has one writer: no other transaction can interleave
        };
        let beside = test.open_another().await;
        let lease = beside
            .lease("policy/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let (reached, mut is_reached) = tokio::sync::mpsc::unbounded_channel();
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let opened = std::sync::Mutex::new(opened);
        let (policy, initiator) = (world.policy.clone(), pay("5").initiator);
        let relying = tokio::spawn(beside.on(&lease).write(
            &namespace("ns"),
            move |tx: &mut Tx| {
                let standing = policy::standing(&policy, tx, &[&initiator], Lock::Shared)?;
                reached.send(()).unwrap();
                let _ = opened.lock().unwrap().recv();
                Ok::<_, policy::Error>(standing)
            },
        ));
        is_reached.recv().await.unwrap();
        let attaching = tokio::spawn({
            let (policy, admin) = (world.policy.clone(), world.principal.clone());
            async move { policy::attach(&policy, &admin, "no", Target::Namespace).await }
        });
        // The server is the judge: some session waits for a lock.
        let waits = || server.psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0";
        assert!(tokio::task::block_in_place(|| testkit::wait_until(
            20_000, waits
        )));
        assert!(!attaching.is_finished());
        open.send(()).unwrap();
        relying.await.unwrap().unwrap();
        attaching.await.unwrap().unwrap();
    })
    .await;
}

/// The change is first, while the transaction that relies on the standing set has already read the
/// database: it runs again, and sees the change.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_began_before_a_change_sees_it() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        world
            .upload("no", "package florin.no\nallow := false")
            .await;
        if test.server().is_none() {
            return; // as above
        }
        let before = standing(&world, &test, &pay("5")).await;
        let beside = test.open_another().await;
        let lease = beside
            .lease("policy/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let (reached, mut is_reached) = tokio::sync::mpsc::unbounded_channel();
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let (opened, once) = (std::sync::Mutex::new(opened), AtomicBool::new(false));
        let (policy, initiator) = (world.policy.clone(), pay("5").initiator);
        let relying = tokio::spawn(beside.on(&lease).write(
            &namespace("ns"),
            move |tx: &mut Tx| {
                policy::standing(&policy, tx, &[&initiator], Lock::None)?; // fixes the snapshot
                if !once.swap(true, Ordering::SeqCst) {
                    reached.send(()).unwrap();
                    let _ = opened.lock().unwrap().recv();
                }
                policy::standing(&policy, tx, &[&initiator], Lock::Shared)
            },
        ));
        is_reached.recv().await.unwrap();
        policy::attach(&world.policy, &world.principal, "no", Target::Namespace)
            .await
            .unwrap();
        open.send(()).unwrap();
        assert_ne!(relying.await.unwrap().unwrap(), vec![before]);
    })
    .await;
}
