//! Key rotation: encrypted values are re-encrypted and stay readable.

use crate::world::{World, assert_succeeded, data_of};
use serde_json::json;
use testkit::on_each_engine;
use workflow::{NewTask, NewVariables, put_task, put_variable_set};

/// Number of ciphertexts under each data key.
async fn count_by_key_version(world: &World) -> Vec<(u32, usize)> {
    let read = |tx: &mut store::UnscopedTx| {
        let mut all: Vec<(Option<Vec<u8>>,)> = tx.rows("SELECT encrypted FROM variable_set", ())?;
        all.extend(tx.rows::<(Option<Vec<u8>>,)>("SELECT encrypted_input FROM run", ())?);
        all.extend(tx.rows::<(Option<Vec<u8>>,)>("SELECT encrypted_output FROM run_step", ())?);
        all.extend(tx.rows::<(Option<Vec<u8>>,)>("SELECT request FROM run_step", ())?);
        Ok::<_, store::Error>(all)
    };
    let mut counts = std::collections::BTreeMap::new();
    for bytes in world
        .test
        .db
        .read_unscoped(read)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|(bytes,)| bytes)
    {
        *counts
            .entry(secrets::data_key_version(&bytes).unwrap())
            .or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_values_are_reencrypted_and_stay_readable() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (engine, principal) = (world.workflow.clone(), world.principal.clone());
        let set = |values: serde_json::Value| NewVariables {
            classification: Some("secret".into()),
            variables: values.as_object().unwrap().clone(),
            ..NewVariables::default()
        };
        put_variable_set(&engine, &principal, "bank", set(json!({"token": "hush-hush-hush", "bad": true}))).await.unwrap();
        put_task(&engine, &principal, "child", NewTask::default()).await.unwrap();
        world.task("child", "steps: [{name: echo, type: jsonata_template, options: {template: 'input.token'}}]").await;
        let task = NewTask { variable_set: Some("bank".into()), ..NewTask::default() };
        put_task(&engine, &principal, "t", task).await.unwrap();
        let steps = r#"
steps:
- {name: make, type: jsonata_template, options: {template: '"Bearer " & variables.token'}}
- {name: child, type: invoke_task, options: {taskName: child}, dynamicOptions: {input: '{"token": variables.token}'}}
- {name: use, type: jsonata_template, options: {template: 'variables.bad ? $error("not yet") : steps.make.data = "Bearer hush-hush-hush"'}}
"#;
        workflow::post_version(&engine, &principal, "t", steps, workflow::Format::Yaml).await.unwrap();
        let run = world.run_task("t", "{}").await;
        assert_eq!(run.error.as_ref().unwrap().code, "workflow.expression_error");
        // The variable set, the child's input, and the outputs of both runs.
        let before = count_by_key_version(&world).await;
        assert_eq!((before[0].0, before.len()), (1, 1));
        assert!(before[0].1 >= 4, "{before:?}");

        secrets::rotate(&world.secrets, &principal).await.unwrap();
        assert_eq!(workflow::count_outdated(&engine).await.unwrap(), before[0].1 as u64);
        let (mut after, mut reencrypted) = (Some(String::new()), 0);
        while let Some(cursor) = after {
            let step = workflow::reencrypt(&engine, &cursor).await.unwrap();
            (after, reencrypted) = (step.after, reencrypted + step.reencrypted);
            assert_eq!(step.undecryptable, 0);
        }
        assert_eq!((reencrypted, workflow::count_outdated(&engine).await.unwrap()), (before[0].1 as u64, 0));
        assert_eq!(count_by_key_version(&world).await, [(2, before[0].1)]);

        // The run resumes with its stored values, and the changed set uses the new key.
        put_variable_set(&engine, &principal, "bank", set(json!({"token": "hush-hush-hush", "bad": false}))).await.unwrap();
        workflow::retry(&engine, &principal, run.id).await.unwrap();
        world.run_until_idle().await;
        let run = world.run(run.id).await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "use"), true);
        let child = world.run(data_of(&run, "child").as_str().unwrap().parse().unwrap()).await;
        assert_eq!(data_of(&child, "echo"), "•••");
        assert_eq!(count_by_key_version(&world).await.len(), 1);
    })
    .await;
}
