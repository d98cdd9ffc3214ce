//! What a decision knows of contracts, and which policies that selects.

use crate::world::{ALLOW_ALL, BOB, SELF, World, chain, pay, request};
use intent::{Intent, Interface, Standard};
use policy::{DecisionFilter, DecisionRequest, ReasonCode, Target, Verdict};
use serde_json::{Value, json};
use testkit::on_each_engine;
use types::Amount;

const TOKEN: &str = "0x70c0000000000000000000000000000000000070";
const COMPLETE: &str =
    "package florin.complete\ndefault allow := false\nallow if input.effects.complete";
const DENY: &str = "package florin.no\nallow := false";

/// A request to pay Bob 5 units of the token.
fn transfer() -> DecisionRequest {
    let data = format!("a9059cbb{:0>64}{:0>64}", &BOB[2..], "5");
    let (to, data) = (Some(TOKEN.to_owned()), hex::decode(data).unwrap());
    request(Intent::call(chain(), SELF.into(), to, Amount::ZERO, data))
}

/// Decides a request, and returns the verdict with the logged input.
async fn decided(world: &World, request: &DecisionRequest) -> (Verdict, Value) {
    let verdict = world.decide(request).await;
    let decision = policy::decision(&world.policy, &world.principal, verdict.decision());
    (verdict, decision.await.unwrap().input.to_value())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_registered_token_is_complete_and_shows_its_asset() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("complete", COMPLETE).await;
        world
            .contracts
            .register(TOKEN, Standard::Erc20, Some("gold"));
        let (verdict, input) = decided(&world, &transfer()).await;
        assert!(matches!(verdict, Verdict::Permit { .. }), "{verdict:?}");
        let asset = json!({
            "type": "token", "contract": TOKEN,
            "name": "gold", "decimals": 6, "standard": "erc20",
        });
        assert_eq!(input["effects"]["moves"][0]["asset"], asset);
        assert_eq!(input["assets"], json!(["gold"]));
        assert_eq!(input["contracts"][TOKEN]["standards"], json!(["erc20"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_incomplete() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("complete", COMPLETE).await;
        let code = async |request: &DecisionRequest| {
            let (verdict, input) = decided(&world, request).await;
            assert!(matches!(verdict, Verdict::Denied { .. }), "{verdict:?}");
            assert_eq!(input["effects"]["complete"], false);
            input["effects"]["incomplete"][0]["code"].clone()
        };
        assert_eq!(code(&transfer()).await, "unknown_contract");
        world.contracts.register(TOKEN, Standard::Erc1155, None);
        assert_eq!(code(&transfer()).await, "unknown_selector");
        world.permit(&pay("1")).await;
        *world.contracts.failure.lock().unwrap() = Some("the database is down".into());
        assert_eq!(code(&transfer()).await, "no_knowledge");
        assert_eq!(code(&pay("1")).await, "no_knowledge");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_in_the_request_changes_nothing() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("complete", COMPLETE).await;
        let input_of = async |interface: &str| {
            let mut request = transfer();
            request.interface = Some(Interface::new(interface.into()));
            let (_, mut input) = decided(&world, &request).await;
            input["interface"].take();
            input["time"].take();
            input
        };
        let nothing = input_of("[]").await;
        let named = json!([{"type": "function", "name": "transfer", "outputs": [{"type": "bool"}],
            "inputs": [{"name": "x", "type": "address"}, {"name": "tokenId", "type": "uint256"}]}]);
        for interface in [named.to_string(), "nonsense".to_owned()] {
            assert_eq!(input_of(&interface).await, nothing, "{interface}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_names_never_suffices() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.upload("yes", ALLOW_ALL).await;
        let mut named = pay("1");
        named.policies = vec!["yes".into()];
        named.assets = vec!["gold".into()];
        named.task = Some(policy::TaskRef {
            name: "payout".into(),
            version: "1".into(),
            run: types::RunId::from_ulid(types::Ulid::from_bits(6)),
            step: "pay".into(),
        });
        let gold = Target::Asset {
            name: "gold".into(),
        };
        let task = Target::Task {
            name: "payout".into(),
        };
        for target in [&gold, &task] {
            let attached = policy::attach(&world.policy, &world.principal, "yes", target.clone());
            attached.await.unwrap();
        }
        let reasons = world.denial(&named).await;
        assert_eq!(reasons[0].code, ReasonCode::NoPolicy);
        let filter = DecisionFilter::default();
        let replay = policy::replay(
            &world.policy,
            &world.principal,
            &filter,
            policy::ReplayTarget::SameVersion,
            |_| {},
        );
        let total = replay.await.unwrap().total;
        assert_eq!((total.judged, total.different), (1, 0));
        // The same asset, as the one of the registered contract.
        world
            .contracts
            .register(TOKEN, Standard::Erc20, Some("gold"));
        world.permit(&transfer()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_effects_are_subject_to_the_policies_of_every_contract_and_asset() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        world.upload("no", DENY).await;
        let elsewhere = "0xe15e000000000000000000000000000000e15e00";
        let target = |chain| Target::Contract {
            chain,
            account: elsewhere.into(),
        };
        let silver = Target::Asset {
            name: "silver".into(),
        };
        for (target, applies) in [
            (target(chain()), true),
            (target(types::ChainId::evm(1)), false),
            (silver, true),
        ] {
            let attached = policy::attach(&world.policy, &world.principal, "no", target.clone());
            attached.await.unwrap();
            if applies {
                let reasons = world.denial(&transfer()).await;
                assert_eq!(reasons[0].policy.as_deref(), Some("no"), "{target:?}");
            } else {
                world.permit(&transfer()).await;
            }
            world.permit(&pay("1")).await;
            let detached = policy::detach(&world.policy, &world.principal, "no", target);
            assert!(detached.await.unwrap());
        }
    })
    .await;
}
