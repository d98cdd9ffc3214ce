//! Tasks, variable sets and bindings: create, change, list, delete, and isolation between
//! namespaces.

use crate::world::{CHAIN, World, json, principal_in};
use serde_json::json;
use testkit::on_each_engine;
use types::{Coded, Page};
use workflow::{
    NewBinding, NewTask, NewVariables, binding, bindings, delete_binding, delete_task,
    delete_variable_set, patch_task, put_binding, put_task, put_variable_set, task, tasks,
    variable_set, variable_sets,
};

fn code<T: std::fmt::Debug>(outcome: Result<T, workflow::Error>) -> &'static str {
    outcome.unwrap_err().code().code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_created_by_name_and_changed_by_id() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        let created = put_task(
            &engine,
            &principal,
            "mint",
            NewTask {
                name: Some("other".into()),
                description: Some("d".into()),
                ..NewTask::default()
            },
        )
        .await
        .unwrap();
        assert!(created.version == 1 && created.id.to_string().starts_with("tsk:"));
        assert_eq!(
            created.name, "mint",
            "a new task takes its name from the path"
        );
        let same = put_task(&engine, &principal, "mint", NewTask::default())
            .await
            .unwrap();
        assert_eq!(
            (same.id, same.version, same.description.as_str()),
            (created.id, 2, ""),
            "PUT replaces the task"
        );
        let by_id = NewTask {
            name: Some("mint2".into()),
            variable_set: Some("v".into()),
            ..NewTask::default()
        };
        let renamed = put_task(&engine, &principal, &created.id.to_string(), by_id)
            .await
            .unwrap();
        assert_eq!((renamed.id, renamed.name.as_str()), (created.id, "mint2"));
        let patch = NewTask {
            description: Some("e".into()),
            ..NewTask::default()
        };
        let patched = patch_task(&engine, &principal, "mint2", patch)
            .await
            .unwrap();
        assert_eq!(
            (
                patched.description.as_str(),
                patched.variable_set.as_deref()
            ),
            ("e", Some("v")),
            "PATCH keeps other members"
        );
        put_task(&engine, &principal, "burn", NewTask::default())
            .await
            .unwrap();
        let taken = NewTask {
            name: Some("burn".into()),
            ..NewTask::default()
        };
        assert_eq!(
            code(patch_task(&engine, &principal, "mint2", taken).await),
            "workflow.name_taken"
        );
        let names: Vec<String> = tasks(&engine, &principal, &Page::default())
            .await
            .unwrap()
            .into_iter()
            .map(|task| task.name)
            .collect();
        assert_eq!(names, ["burn", "mint2"]);
        for bad in [
            "",
            "a/b",
            " a",
            "a\0",
            &"x".repeat(129),
            "tsk:01KDVDNA00Q8V49J3W0WDFT10Z",
        ] {
            assert!(
                put_task(&engine, &principal, bad, NewTask::default())
                    .await
                    .is_err(),
                "{bad:?}"
            );
        }

        world
            .task(
                "burn",
                "steps: [{name: a, type: jsonata_template, options: {template: '1'}}]",
            )
            .await;
        let plain = world.start_run("burn", "{}").await;
        assert_eq!(
            code(delete_task(&engine, &principal, "burn").await),
            "workflow.referenced"
        );
        world.run_until_idle().await;
        delete_task(&engine, &principal, "burn").await.unwrap();
        assert_eq!(
            code(task(&engine, &principal, "burn").await),
            "workflow.unknown_resource"
        );
        assert_eq!(
            world.run(plain).await.task,
            "burn",
            "its runs stay readable"
        );
        assert_eq!(
            code(task(&engine, &principal_in("other"), "mint2").await),
            "workflow.unknown_resource"
        );
        assert!(
            put_task(&engine, &principal_in("other"), "mint2", NewTask::default())
                .await
                .is_ok(),
            "a name used in one namespace is free in another"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_a_secret_set_cannot_be_read_back() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        let new = |classification: Option<&str>| NewVariables {
            classification: classification.map(str::to_owned),
            variables: json!({"url": "https://example.org", "limit": 5})
                .as_object()
                .unwrap()
                .clone(),
            ..NewVariables::default()
        };
        let plain = put_variable_set(engine, principal, "plain", new(None))
            .await
            .unwrap();
        let shown = json(r#"{"url":"https://example.org","limit":5}"#);
        assert_eq!(plain.variables, Some(shown.clone()));
        assert_eq!(
            variable_set(engine, principal, "plain")
                .await
                .unwrap()
                .variables,
            Some(shown)
        );
        let secret = put_variable_set(engine, principal, "hidden", new(Some("secret")))
            .await
            .unwrap();
        assert_eq!(secret.variables, None);
        assert_eq!(
            variable_set(engine, principal, &secret.id.to_string())
                .await
                .unwrap()
                .variables,
            None
        );
        let listed = variable_sets(engine, principal, &Page::default())
            .await
            .unwrap();
        assert_eq!(
            listed
                .iter()
                .map(|set| set.variables.is_some())
                .collect::<Vec<_>>(),
            [false, true]
        );
        put_task(
            engine,
            principal,
            "t",
            NewTask {
                variable_set: Some("hidden".into()),
                ..NewTask::default()
            },
        )
        .await
        .unwrap();
        assert_eq!(
            code(delete_variable_set(engine, principal, "hidden").await),
            "workflow.referenced"
        );
        delete_variable_set(engine, principal, "plain")
            .await
            .unwrap();
        assert_eq!(
            code(variable_set(engine, principal, "plain").await),
            "workflow.unknown_resource"
        );
        assert_eq!(
            code(variable_set(engine, &principal_in("other"), "hidden").await),
            "workflow.unknown_resource"
        );
        let large = NewVariables {
            variables: json!({"x": "y".repeat(70_000)})
                .as_object()
                .unwrap()
                .clone(),
            ..NewVariables::default()
        };
        assert_eq!(
            code(put_variable_set(engine, principal, "large", large).await),
            "workflow.limit_exceeded"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_is_validated() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        let contract = Some("0x77cC00000000000000000000000000000000C0de".to_lowercase());
        let new = NewBinding {
            contract: contract.clone(),
            abi: Some(json(r#"[{"type":"event","name":"E","inputs":[]}]"#)),
            ..NewBinding::default()
        };
        let created = put_binding(engine, principal, "token", new).await.unwrap();
        assert_eq!(
            (&created.chain, &created.contract),
            (&*CHAIN, &contract),
            "the default chain"
        );
        assert_eq!(binding(engine, principal, "token").await.unwrap(), created);
        let bad = [
            NewBinding {
                contract: Some("0x12".into()),
                ..NewBinding::default()
            },
            NewBinding {
                signer: Some("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1Beaed".into()),
                ..NewBinding::default()
            },
            NewBinding {
                abi: Some(json("7")),
                ..NewBinding::default()
            },
            NewBinding {
                chain: Some("cosmos:hub".parse().unwrap()),
                contract: contract.clone(),
                ..NewBinding::default()
            },
        ];
        for new in bad {
            let error = put_binding(engine, principal, "bad", new)
                .await
                .unwrap_err();
            assert_eq!(
                (error.code().status, error.field().is_some()),
                (400, true),
                "{error}"
            );
        }
        assert_eq!(
            bindings(engine, principal, &Page::default())
                .await
                .unwrap()
                .len(),
            1
        );
        assert!(
            bindings(engine, &principal_in("other"), &Page::default())
                .await
                .unwrap()
                .is_empty()
        );
        delete_binding(engine, principal, "token").await.unwrap();
        assert_eq!(
            code(binding(engine, principal, "token").await),
            "workflow.unknown_resource"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_name_their_contract_and_show_their_own_interface() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (engine, principal) = (&world.workflow, &world.principal);
        let address = "0x77cc00000000000000000000000000000000c0de";
        let artifact = r#"{ "abi":[{"type":"event","name":"E","inputs":[]}], "x": 1.10 }"#;
        for (name, abi) in [
            ("a", Some(json(artifact))),
            ("b", Some(json("[]"))),
            ("c", None),
        ] {
            let new = NewBinding {
                contract: Some(address.to_owned()),
                abi,
                ..NewBinding::default()
            };
            put_binding(engine, principal, name, new).await.unwrap();
        }
        let known = contracts::contracts(
            &world.contracts,
            principal,
            contracts::Filter::default(),
            &Page::default(),
        )
        .await;
        let known = known.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(
            (known[0].chain, known[0].address.as_str()),
            (*CHAIN, address)
        );
        let listed = bindings(engine, principal, &Page::default()).await.unwrap();
        let listed: Vec<_> = listed
            .iter()
            .map(|binding| {
                let abi = binding.abi.as_ref().map(types::Json::as_str);
                (binding.contract.as_deref(), abi)
            })
            .collect();
        let contract = Some(address);
        assert_eq!(
            listed,
            [
                (contract, Some(artifact)),
                (contract, Some("[]")),
                (contract, None)
            ]
        );
        put_binding(engine, principal, "a", NewBinding::default())
            .await
            .unwrap();
        let replaced = binding(engine, principal, "a").await.unwrap();
        assert_eq!((replaced.contract, replaced.abi), (None, None));
        delete_binding(engine, principal, "b").await.unwrap();
        let facts = world.facts("binding.").await;
        let contracts: Vec<_> = facts.iter().map(|fact| fact["contract"].as_str()).collect();
        assert_eq!(contracts, [contract, contract, contract, None, contract]);
    })
    .await;
}
