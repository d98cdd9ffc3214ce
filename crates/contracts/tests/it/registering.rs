use crate::world::{ADDRESS, World, abi, chain, json, new, node, principal};
use contracts::{ContractChanges, Error, Filter, NewContract, delete, register, update};
use intent::Standard;
use serde_json::Value;
use std::collections::BTreeSet;
use testkit::{Fault, Proxy, on_each_engine};
use types::{ChainId, Coded, Page};

const CLONE: &str = "0x00000000000000000000000000000000000000c1";

fn set(standards: &[Standard]) -> BTreeSet<Standard> {
    standards.iter().copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_stores_what_the_chain_says_and_proposes_the_standards() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        let mentioned = world.ensure("ns", &node.token).await.unwrap();
        let token = NewContract {
            interface: abi("DemoToken"),
            ..new("token", &node.token)
        };
        let registered = register(&world.contracts, &principal("ns"), token.clone()).await;
        let (known, is_new) = registered.unwrap();
        assert!(is_new && known.id == mentioned.id && known.version == 2);
        assert!(known.standards.contains(&Standard::Erc20), "{known:?}");
        assert_eq!(
            (known.decimals, known.symbol.as_deref()),
            (Some(6), Some("DEM"))
        );
        let code = (node.anvil).rpc("eth_getCode", serde_json::json!([node.token, "latest"]));
        let hash = node.anvil.rpc("web3_sha3", serde_json::json!([code]));
        assert_eq!(known.code_hash.as_deref(), hash.as_str());
        assert_eq!(known.verified.unwrap().0 + 2, node.anvil.height());
        assert_eq!(known.registered_by.as_deref(), Some("system/test"));

        let again = register(&world.contracts, &principal("ns"), token.clone()).await;
        assert_eq!(again, Ok((known.clone(), false)));
        assert_eq!(world.ensure("ns", &node.token).await, Ok(known.clone()));
        let other = NewContract {
            standards: Some(set(&[])),
            ..token
        };
        let error = world.register("ns", other).await.unwrap_err();
        assert_eq!(error, Error::AlreadyRegistered { contract: known.id });
        let facts = world.stored_facts().await;
        let kinds: Vec<&str> = facts.iter().map(|fact| fact.kind.as_str()).collect();
        let expected = [
            "contract.mentioned",
            "contract.interface_added",
            "contract.registered",
        ];
        assert_eq!(kinds, expected);
        let payload: Value = facts[2].payload.as_ref().unwrap().to_value();
        assert_eq!(payload["was"]["name"], Value::Null);
        assert_eq!(payload["name"], "token");
        assert_eq!(payload["code_hash"], hash);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_code_and_a_chain_that_cannot_be_read_register_nothing() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let proxy = Proxy::in_front_of(&node.anvil.url());
        let world = World::on(test, &proxy.url()).await;
        let error = world
            .register("ns", new("token", ADDRESS))
            .await
            .unwrap_err();
        assert_eq!(error.code().code, "contracts.no_code");
        assert_eq!(
            (error.code().status, error.field().as_deref()),
            (400, Some("address"))
        );
        proxy.fail_always("eth_getCode", Fault::Status(500));
        let error = world
            .register("ns", new("token", &node.token))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code().code, error.code().status),
            ("chain.unreachable", 503)
        );
        let elsewhere = NewContract {
            chain: ChainId::evm(1),
            ..new("token", &node.token)
        };
        let error = world.register("ns", elsewhere).await.unwrap_err();
        assert_eq!(error.code().code, "contracts.unknown_chain");
        for address in ["", "0x12", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"] {
            let error = world
                .register("ns", new("token", address))
                .await
                .unwrap_err();
            assert_eq!(error.code().code, "intent.invalid_address", "{address:?}");
        }
        assert!(world.list("ns").await.is_empty() && world.facts().await.is_empty());
        proxy.clear_faults();
        world
            .register("ns", new("token", &node.token))
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standards_do_not_contradict_each_other_or_the_interface() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        let world = World::on(test, &node.anvil.url()).await;
        let both = serde_json::to_string(
            &[
                testkit::artifact("DemoToken")
                    .abi
                    .as_array()
                    .unwrap()
                    .as_slice(),
                testkit::artifact("DemoCollectible")
                    .abi
                    .as_array()
                    .unwrap()
                    .as_slice(),
            ]
            .concat(),
        )
        .unwrap();
        for (standards, interface) in [
            (Some(set(&[Standard::Erc20, Standard::Erc721])), None),
            (Some(set(&[Standard::Erc721])), abi("DemoToken")),
            (Some(set(&[Standard::Erc20])), abi("DemoItems")),
            (None, Some(json(&both))),
        ] {
            let new = NewContract {
                standards,
                interface,
                ..new("token", &node.token)
            };
            let error = world.register("ns", new).await.unwrap_err();
            assert_eq!(error.code().code, "contracts.invalid_field", "{error}");
            assert_eq!(error.field().as_deref(), Some("standards"));
        }
        let chosen = NewContract {
            standards: Some(set(&[Standard::Erc20])),
            interface: Some(json(&both)),
            ..new("token", &node.token)
        };
        let chosen = world.register("ns", chosen).await.unwrap();
        let changes = ContractChanges {
            interface: abi("DemoItems"),
            ..ContractChanges::default()
        };
        let error = update(&world.contracts, &principal("ns"), "token", changes).await;
        assert_eq!(error.unwrap_err().field().as_deref(), Some("standards"));
        let unchanged = world.list("ns").await;
        assert_eq!(unchanged, [chosen]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_changes_only_as_asked_and_is_deleted_unless_referred_to() {
    on_each_engine(|test| async move {
        let Some(node) = node() else { return };
        node.set_code(CLONE, "0x00");
        let world = World::on(test, &node.anvil.url()).await;
        let (engine, who) = (&world.contracts, principal("ns"));
        let token = world
            .register("ns", new("token", &node.token))
            .await
            .unwrap();
        let clone = world.register("ns", new("clone", CLONE)).await.unwrap();
        let renamed = |name: &str| ContractChanges {
            name: Some(name.to_owned()),
            ..ContractChanges::default()
        };
        let error = update(engine, &who, "clone", renamed("token"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code().code, error.code().status),
            ("contracts.name_taken", 409)
        );
        for name in ["", "a/b", "query", &token.id.to_string()] {
            let error = update(engine, &who, "clone", renamed(name))
                .await
                .unwrap_err();
            assert_eq!(error.field().as_deref(), Some("name"), "{name}");
        }
        let unchanged = update(engine, &who, "clone", renamed("clone")).await;
        assert_eq!(unchanged.unwrap().version, clone.version);
        let changes = ContractChanges {
            name: Some("copy".to_owned()),
            standards: Some(set(&[Standard::Erc20])),
            interface: abi("DemoToken"),
        };
        let copy = update(engine, &who, &clone.id.to_string(), changes)
            .await
            .unwrap();
        assert_eq!((copy.version, copy.name.as_deref()), (2, Some("copy")));
        let erc20 = Filter {
            standard: Some(Standard::Erc20),
            registered: true,
            chain: Some(chain()),
            ..Filter::default()
        };
        assert_eq!(
            world.list_by("ns", erc20, &Page::default()).await,
            std::slice::from_ref(&copy)
        );

        world.referring.set(copy.id, "binding euro");
        let error = delete(engine, &who, "copy").await.unwrap_err();
        assert_eq!(
            error,
            Error::Referenced {
                by: "binding euro".to_owned()
            }
        );
        delete(engine, &who, "token").await.unwrap();
        assert_eq!(world.list("ns").await, [copy]);
        let mentioned = world.ensure("ns", ADDRESS).await.unwrap();
        let error = update(engine, &who, &mentioned.id.to_string(), renamed("x")).await;
        assert_eq!(
            error,
            Err(Error::NotRegistered {
                contract: mentioned.id
            })
        );
        let facts = world.facts().await;
        let expected = [
            "contract.registered",
            "contract.registered",
            "contract.interface_added",
            "contract.updated",
            "contract.deleted",
            "contract.mentioned",
        ];
        assert_eq!(facts, expected);
    })
    .await;
}
