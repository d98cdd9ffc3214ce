use crate::world::{Node, World, abi, deploy_token, new, node, principal};
use contracts::{
    ContractChanges, Known, NewContract, Settings, Verification, delete, update, verify,
};
use serde_json::Value;
use testkit::{Fault, Proxy, TestDb, on_each_engine, proxy_code};
use types::Coded;

const SLOT: &str = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
const PROXY: &str = "0x00000000000000000000000000000000000000f1";
/// Longer than an observation is believed.
const LATER_MS: i64 = 31_000;

fn accept() -> Verification {
    Verification {
        accept: true,
        ..Verification::default()
    }
}

/// A registered proxy of a token.
async fn proxied(test: TestDb, node: &Node) -> World {
    node.set_code(PROXY, &proxy_code(SLOT));
    node.set_slot(PROXY, SLOT, &node.token);
    let world = World::on(test, &node.anvil.url()).await;
    let token = NewContract {
        interface: abi("DemoToken"),
        ..new("token", PROXY)
    };
    let registered = world.register("ns", token).await.unwrap();
    assert_eq!(registered.proxy.as_deref(), Some("eip1967"));
    assert_eq!(registered.implementation.as_ref(), Some(&node.token));
    assert_eq!(registered.decimals, Some(6));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_proxy_is_not_trusted_until_a_controller_accepts_it() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = proxied(test, &node).await;
        let (engine, who) = (&world.contracts, principal("ns"));
        assert_eq!(world.problem("ns", PROXY).await, None);
        let other = deploy_token(&node.anvil, 6);
        node.set_slot(PROXY, SLOT, &other);
        assert_eq!(world.problem("ns", PROXY).await, None, "read a moment ago");
        world.test.clock.advance_millis(LATER_MS);
        let problem = world.problem("ns", PROXY).await.unwrap();
        assert!(
            problem.contains(&node.token) && problem.contains(&other),
            "{problem}"
        );
        let changed = world.list("ns").await.remove(0);
        assert_eq!(changed.changed.as_ref(), Some(&problem));

        node.set_slot(PROXY, SLOT, &node.token);
        world.test.clock.advance_millis(LATER_MS);
        let back = world.problem("ns", PROXY).await;
        assert_eq!(
            back.as_ref(),
            Some(&problem),
            "back again, and still not accepted"
        );
        let compared = verify(engine, &who, "token", Verification::default()).await;
        assert_eq!(compared.unwrap().changed.as_ref(), Some(&problem));

        node.set_slot(PROXY, SLOT, &other);
        let accepted = verify(engine, &who, "token", accept()).await.unwrap();
        assert_eq!(
            (accepted.changed, accepted.implementation),
            (None, Some(other))
        );
        assert_eq!(world.problem("ns", PROXY).await, None);
        let facts = world.stored_facts().await;
        let facts: Vec<_> = (facts
            .iter()
            .filter(|fact| fact.kind != "contract.interface_added"))
        .map(|fact| {
            (
                fact.kind.as_str(),
                fact.payload.as_ref().unwrap().to_value(),
            )
        })
        .collect();
        let kinds: Vec<&str> = facts.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(
            kinds,
            [
                "contract.registered",
                "contract.changed",
                "contract.verified"
            ]
        );
        assert_eq!(facts[1].1["was"]["changed"], Value::Null);
        assert_eq!(facts[1].1["changed"], problem);
        assert_eq!(facts[2].1["was"]["implementation"], node.token);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_not_final_yet_is_not_trusted_either_and_not_stored() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = proxied(test, &node).await;
        let other = deploy_token(&node.anvil, 6);
        node.anvil.mine(3);
        let word = format!("0x{:0>64}", other.trim_start_matches("0x"));
        let params = serde_json::json!([PROXY, SLOT, word]);
        node.anvil.rpc("anvil_setStorageAt", params);
        node.anvil.mine(1);
        world.test.clock.advance_millis(LATER_MS);
        let problem = world.problem("ns", PROXY).await.unwrap();
        assert!(
            problem.contains("not final yet") && problem.contains(&other),
            "{problem}"
        );
        assert_eq!(world.list("ns").await[0].changed, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_code_and_missing_code_are_not_trusted() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        let (engine, who) = (&world.contracts, principal("ns"));
        world
            .register("ns", new("token", &node.token))
            .await
            .unwrap();
        node.set_code(&node.token, "0x00");
        world.test.clock.advance_millis(LATER_MS);
        let problem = world.problem("ns", &node.token).await.unwrap();
        assert!(problem.starts_with("its code changed from 0x"), "{problem}");
        verify(engine, &who, "token", accept()).await.unwrap();
        assert_eq!(world.problem("ns", &node.token).await, None);
        node.set_code(&node.token, "0x");
        world.test.clock.advance_millis(LATER_MS);
        let problem = world.problem("ns", &node.token).await;
        assert_eq!(problem.as_deref(), Some("it has no code any more"));
        let error = verify(engine, &who, "token", accept()).await.unwrap_err();
        assert_eq!(error.code().code, "contracts.no_code");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_what_is_known_withdraws_what_was_decided_on_it() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        let (engine, who) = (&world.contracts, principal("ns"));
        let withdrawals = || world.referring.withdrawals();
        world.ensure("ns", &node.token).await.unwrap();
        assert_eq!(withdrawals(), 0, "a mention says nothing of a contract");
        let token = || new("token", &node.token);
        world.register("ns", token()).await.unwrap();
        assert_eq!(withdrawals(), 1);
        world.register("ns", token()).await.unwrap();
        node.anvil.mine(3);
        world.test.clock.advance_millis(LATER_MS);
        let confirm = Verification::default();
        verify(engine, &who, "token", confirm).await.unwrap();
        assert_eq!(withdrawals(), 1, "it is as it was");
        node.set_code(&node.token, "0x00");
        world.test.clock.advance_millis(LATER_MS);
        world.problem("ns", &node.token).await.unwrap();
        assert_eq!(withdrawals(), 2, "its code changed");
        verify(engine, &who, "token", accept()).await.unwrap();
        assert_eq!(withdrawals(), 3);
        let renamed = ContractChanges {
            name: Some("coin".to_owned()),
            ..ContractChanges::default()
        };
        update(engine, &who, "token", renamed).await.unwrap();
        delete(engine, &who, "coin").await.unwrap();
        assert_eq!(withdrawals(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_decimals_are_not_trusted() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        // The code is the same: the answer follows from storage.
        node.set_code(PROXY, "0x60005460005260206000f3");
        node.set_slot(PROXY, "0x0", "0x06");
        let registered = world.register("ns", new("token", PROXY)).await.unwrap();
        assert_eq!(registered.decimals, Some(6));
        node.set_slot(PROXY, "0x0", "0x12");
        world.test.clock.advance_millis(LATER_MS);
        let problem = world.problem("ns", PROXY).await.unwrap();
        assert!(
            problem.starts_with("its decimals changed from 6 to 18"),
            "{problem}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_cannot_be_read_is_not_trusted_and_nothing_is_stored() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let proxy = Proxy::in_front_of(&node.anvil.url());
        let world = World::on(test, &proxy.url()).await;
        let registered = world
            .register("ns", new("token", &node.token))
            .await
            .unwrap();
        world.test.clock.advance_millis(LATER_MS);
        proxy.fail_always("eth_getCode", Fault::Status(500));
        let problem = world.problem("ns", &node.token).await.unwrap();
        assert!(
            problem.starts_with("it cannot be verified: the node of"),
            "{problem}"
        );
        assert_eq!(world.list("ns").await, [registered]);
        proxy.clear_faults();
        world.test.clock.advance_millis(1_001);
        assert_eq!(world.problem("ns", &node.token).await, None);
        assert_eq!(world.facts().await, ["contract.registered"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_answer_ends_the_wait() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let proxy = Proxy::in_front_of(&node.anvil.url());
        let settings = Settings {
            verify_timeout_ms: 50,
            ..Settings::default()
        };
        let world = World::with(test, settings, Some(&proxy.url())).await;
        world
            .register("ns", new("token", &node.token))
            .await
            .unwrap();
        world.test.clock.advance_millis(LATER_MS);
        proxy.fail_always("eth_getCode", Fault::NoResponse);
        let problem = world.problem("ns", &node.token).await.unwrap();
        assert!(problem.contains("no answer within 50 ms"), "{problem}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_decisions_of_all_namespaces_read_the_chain_once() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let proxy = Proxy::in_front_of(&node.anvil.url());
        let world = World::on(test, &proxy.url()).await;
        for ns in ["ns", "other"] {
            world.register(ns, new("token", &node.token)).await.unwrap();
        }
        world.test.clock.advance_millis(LATER_MS);
        let before = proxy.calls("eth_getCode");
        let decisions = (0..20).map(|number| {
            let ns = if number % 2 == 0 { "ns" } else { "other" };
            world.problem(ns, &node.token)
        });
        let problems = futures::future::join_all(decisions).await;
        assert!(problems.iter().all(Option::is_none));
        // At the final block and at the newest one.
        assert_eq!(proxy.calls("eth_getCode") - before, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_fields_of_a_verification_require_acceptance() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        let (engine, who) = (&world.contracts, principal("ns"));
        world
            .register("ns", new("token", &node.token))
            .await
            .unwrap();
        let with_interface = Verification {
            interface: abi("DemoToken"),
            ..Verification::default()
        };
        let error = verify(engine, &who, "token", with_interface.clone()).await;
        assert_eq!(error.unwrap_err().field().as_deref(), Some("accept"));
        let accepted = Verification {
            accept: true,
            ..with_interface
        };
        let accepted = verify(engine, &who, "token", accepted).await.unwrap();
        assert!(accepted.interface.is_some());
        let verified = verify(engine, &who, "token", Verification::default()).await;
        assert_eq!(
            verified.unwrap().version,
            accepted.version,
            "the same block"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_registered_has_code_or_not_or_cannot_be_read() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let proxy = Proxy::in_front_of(&node.anvil.url());
        let world = World::on(test, &proxy.url()).await;
        world.ensure("ns", &node.token).await.unwrap();
        let mentioned = world.known("ns", &node.token).await;
        assert_eq!(mentioned, Known::Unregistered);
        assert_eq!(world.known("ns", PROXY).await, Known::NoCode);
        let code = serde_json::json!([PROXY, "0x00"]);
        node.anvil.rpc("anvil_setCode", code);
        node.anvil.mine(1);
        world.test.clock.advance_millis(1_001);
        let new = world.known("ns", PROXY).await;
        assert_eq!(new, Known::Unregistered, "in a block that is not final");
        proxy.fail_always("eth_getCode", Fault::Status(500));
        world.test.clock.advance_millis(LATER_MS);
        let unreadable = world.known("ns", PROXY).await;
        assert!(matches!(unreadable, Known::Unreadable(_)), "{unreadable:?}");
        assert_eq!(world.facts().await, ["contract.mentioned"]);
    })
    .await;
}
