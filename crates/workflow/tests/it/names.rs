//! Tasks, variable sets and bindings: create, change, list, delete, and isolation between
//! namespaces.

use crate::world::{CHAIN, World, json, somebody};
use serde_json::json;
use testkit::on_each_engine;
use types::{Coded, Page};
use workflow::{
    NewBinding, NewTask, NewVariables, binding, bindings, delete_binding, delete_task,
    delete_variables, patch_task, put_binding, put_task, put_variables, task, tasks, variable_sets,
    variables,
};

fn code<T: std::fmt::Debug>(outcome: Result<T, workflow::Error>) -> &'static str {
    outcome.unwrap_err().code().code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_put_by_name_and_changed_by_id() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (flow, principal) = (world.workflow.clone(), world.principal.clone());
        let (made, fresh) = put_task(
            &flow,
            &principal,
            "mint",
            NewTask {
                description: Some("d".into()),
                ..NewTask::default()
            },
        )
        .await
        .unwrap();
        assert!(fresh && made.id.to_string().starts_with("tsk:"));
        let (same, fresh) = put_task(&flow, &principal, "mint", NewTask::default())
            .await
            .unwrap();
        assert_eq!(
            (same.id, fresh, same.description.as_str()),
            (made.id, false, ""),
            "PUT replaces"
        );
        let by_id = NewTask {
            name: Some("mint2".into()),
            variable_set: Some("v".into()),
            ..NewTask::default()
        };
        let (renamed, _) = put_task(&flow, &principal, &made.id.to_string(), by_id)
            .await
            .unwrap();
        assert_eq!((renamed.id, renamed.name.as_str()), (made.id, "mint2"));
        let patch = NewTask {
            description: Some("e".into()),
            ..NewTask::default()
        };
        let patched = patch_task(&flow, &principal, "mint2", patch).await.unwrap();
        assert_eq!(
            (
                patched.description.as_str(),
                patched.variable_set.as_deref()
            ),
            ("e", Some("v")),
            "PATCH keeps the rest"
        );
        put_task(&flow, &principal, "burn", NewTask::default())
            .await
            .unwrap();
        let taken = NewTask {
            name: Some("burn".into()),
            ..NewTask::default()
        };
        assert_eq!(
            code(patch_task(&flow, &principal, "mint2", taken).await),
            "workflow.name_taken"
        );
        let names: Vec<String> = tasks(&flow, &principal, &Page::default())
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
                put_task(&flow, &principal, bad, NewTask::default())
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
        let open = world.begin("burn", "{}").await;
        assert_eq!(
            code(delete_task(&flow, &principal, "burn").await),
            "workflow.referred_to"
        );
        world.settle().await;
        delete_task(&flow, &principal, "burn").await.unwrap();
        assert_eq!(
            code(task(&flow, &principal, "burn").await),
            "workflow.unknown"
        );
        assert_eq!(world.run(open).await.task, "burn", "its runs stay readable");
        assert_eq!(
            code(task(&flow, &somebody("other"), "mint2").await),
            "workflow.unknown"
        );
        assert!(
            put_task(&flow, &somebody("other"), "mint2", NewTask::default())
                .await
                .unwrap()
                .1,
            "a name of one namespace is free in another"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_a_secret_set_are_not_read_back() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (flow, principal) = (&world.workflow, &world.principal);
        let new = |classification: Option<&str>| NewVariables {
            classification: classification.map(str::to_owned),
            variables: json!({"url": "https://example.org", "limit": 5})
                .as_object()
                .unwrap()
                .clone(),
            ..NewVariables::default()
        };
        let (open, fresh) = put_variables(flow, principal, "plain", new(None))
            .await
            .unwrap();
        assert!(fresh);
        let shown = json(r#"{"url":"https://example.org","limit":5}"#);
        assert_eq!(open.variables, Some(shown.clone()));
        assert_eq!(
            variables(flow, principal, "plain").await.unwrap().variables,
            Some(shown)
        );
        let (hidden, _) = put_variables(flow, principal, "hidden", new(Some("secret")))
            .await
            .unwrap();
        assert_eq!(hidden.variables, None);
        assert_eq!(
            variables(flow, principal, &hidden.id.to_string())
                .await
                .unwrap()
                .variables,
            None
        );
        let listed = variable_sets(flow, principal, &Page::default())
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
            flow,
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
            code(delete_variables(flow, principal, "hidden").await),
            "workflow.referred_to"
        );
        delete_variables(flow, principal, "plain").await.unwrap();
        assert_eq!(
            code(variables(flow, principal, "plain").await),
            "workflow.unknown"
        );
        assert_eq!(
            code(variables(flow, &somebody("other"), "hidden").await),
            "workflow.unknown"
        );
        let large = NewVariables {
            variables: json!({"x": "y".repeat(70_000)})
                .as_object()
                .unwrap()
                .clone(),
            ..NewVariables::default()
        };
        assert_eq!(
            code(put_variables(flow, principal, "large", large).await),
            "workflow.too_much"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_holds_only_what_can_be_used() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (flow, principal) = (&world.workflow, &world.principal);
        let contract = Some("0x77cC00000000000000000000000000000000C0de".to_lowercase());
        let new = NewBinding {
            contract: contract.clone(),
            abi: Some(json(r#"[{"type":"event","name":"E","inputs":[]}]"#)),
            ..NewBinding::default()
        };
        let (made, fresh) = put_binding(flow, principal, "token", new).await.unwrap();
        assert_eq!(
            (fresh, &made.chain, &made.contract),
            (true, &*CHAIN, &contract),
            "the default chain"
        );
        assert_eq!(binding(flow, principal, "token").await.unwrap(), made);
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
            let error = put_binding(flow, principal, "bad", new).await.unwrap_err();
            assert_eq!(
                (error.code().status, error.field().is_some()),
                (400, true),
                "{error}"
            );
        }
        assert_eq!(
            bindings(flow, principal, &Page::default())
                .await
                .unwrap()
                .len(),
            1
        );
        assert!(
            bindings(flow, &somebody("other"), &Page::default())
                .await
                .unwrap()
                .is_empty()
        );
        delete_binding(flow, principal, "token").await.unwrap();
        assert_eq!(
            code(binding(flow, principal, "token").await),
            "workflow.unknown"
        );
    })
    .await;
}
