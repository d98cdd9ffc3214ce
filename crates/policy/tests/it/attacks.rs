//! The shipped policies can be uploaded. `src/rego/shipped_tests.rs` attacks them.

use crate::world::World;
use policy::{NewPolicy, NewVersion};
use serde_json::Value as Json;
use testkit::on_each_engine;

/// The attack files by the name of their policy.
fn attack_files() -> Vec<(String, Json)> {
    let root = testkit::workspace_root().join("policies");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix("_attacks.json") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut file: Json = serde_json::from_str(&text).unwrap();
            files.push((name.to_owned(), file[format!("{name}_attacks")].take()));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_policy_is_accepted_with_the_example_input() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let root = testkit::workspace_root().join("policies");
        let (engine, principal) = (&world.policy, &world.principal);
        for (name, file) in attack_files() {
            let new = NewVersion {
                description: String::new(),
                document: std::fs::read_to_string(root.join(format!("{name}.rego"))).unwrap(),
                example_input: Some(file["base"].to_string()),
            };
            let created = policy::put_policy(engine, principal, &name, NewPolicy::default());
            created.await.unwrap();
            let added = policy::add_version(engine, principal, &name, new).await;
            assert!(added.is_ok(), "{name}: {added:?}");
        }
    })
    .await;
}
