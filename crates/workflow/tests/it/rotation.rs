//! Key rotation: encrypted values are re-encrypted and stay readable.

use crate::world::{World, assert_succeeded, data_of};
use serde_json::json;
use testkit::on_each_engine;
use workflow::{NewTask, NewVariables, put_task, put_variables};

/// Number of ciphertexts under each data key.
async fn versions(world: &World) -> Vec<(u32, usize)> {
    let read = |tx: &mut store::Unbound<'_, '_>| {
        let mut all: Vec<(Option<Vec<u8>>,)> = tx.rows("SELECT sealed FROM variable_set", ())?;
        all.extend(tx.rows::<(Option<Vec<u8>>,)>("SELECT sealed FROM run", ())?);
        all.extend(tx.rows::<(Option<Vec<u8>>,)>("SELECT sealed FROM run_step", ())?);
        all.extend(tx.rows::<(Option<Vec<u8>>,)>("SELECT request FROM run_step", ())?);
        Ok::<_, store::Error>(all)
    };
    let mut counts = std::collections::BTreeMap::new();
    for bytes in world
        .test
        .db
        .read_unbound(read)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|(bytes,)| bytes)
    {
        *counts
            .entry(store::secret::version_of(&bytes).unwrap())
            .or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_before_a_rotation_is_sealed_anew_and_opens() {
    on_each_engine(|test| async move {
        let mut world = World::new(test).await;
        let (flow, principal) = (world.workflow.clone(), world.principal.clone());
        let set = |values: serde_json::Value| NewVariables {
            classification: Some("secret".into()),
            variables: values.as_object().unwrap().clone(),
            ..NewVariables::default()
        };
        put_variables(&flow, &principal, "bank", set(json!({"token": "hush-hush-hush", "bad": true}))).await.unwrap();
        put_task(&flow, &principal, "child", NewTask::default()).await.unwrap();
        world.task("child", "steps: [{name: echo, type: jsonata_template, options: {template: 'input.token'}}]").await;
        let with = NewTask { variable_set: Some("bank".into()), ..NewTask::default() };
        put_task(&flow, &principal, "t", with).await.unwrap();
        let steps = r#"
steps:
- {name: make, type: jsonata_template, options: {template: '"Bearer " & variables.token'}}
- {name: child, type: invoke_task, options: {taskName: child}, dynamicOptions: {input: '{"token": variables.token}'}}
- {name: use, type: jsonata_template, options: {template: 'variables.bad ? $error("not yet") : steps.make.data = "Bearer hush-hush-hush"'}}
"#;
        workflow::post_version(&flow, &principal, "t", steps, workflow::Format::Yaml).await.unwrap();
        let run = world.through("t", "{}").await;
        assert_eq!(run.error.as_ref().unwrap().code, "workflow.expression");
        // The variable set, the child's input, and the outputs of both runs.
        let before = versions(&world).await;
        assert_eq!((before[0].0, before.len()), (1, 1));
        assert!(before[0].1 >= 4, "{before:?}");

        keys::rotate(&world.keys, &principal).await.unwrap();
        assert_eq!(workflow::sealed_before(&flow).await.unwrap(), before[0].1 as u64);
        let (mut after, mut resealed) = (Some(String::new()), 0);
        while let Some(place) = after {
            let step = workflow::reseal(&flow, &place).await.unwrap();
            (after, resealed) = (step.after, resealed + step.resealed);
            assert_eq!(step.broken, 0);
        }
        assert_eq!((resealed, workflow::sealed_before(&flow).await.unwrap()), (before[0].1 as u64, 0));
        assert_eq!(versions(&world).await, [(2, before[0].1)]);

        // The run resumes with its stored values, and the changed set uses the new key.
        put_variables(&flow, &principal, "bank", set(json!({"token": "hush-hush-hush", "bad": false}))).await.unwrap();
        workflow::retry(&flow, &principal, run.id).await.unwrap();
        world.settle().await;
        let run = world.run(run.id).await;
        assert_succeeded(&run);
        assert_eq!(data_of(&run, "use"), true);
        let child = world.run(data_of(&run, "child").as_str().unwrap().parse().unwrap()).await;
        assert_eq!(data_of(&child, "echo"), "•••");
        assert_eq!(versions(&world).await.len(), 1);
    })
    .await;
}
