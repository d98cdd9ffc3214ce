//! The attack files of the shipped policies and the inputs recorded of a server, on the compiled
//! and the interpreted form. `opa test policies` runs them on stock OPA.

use crate::library::attack_files;
use crate::world::World;
use policy::{NewPolicy, NewVersion};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine, Value};
use serde_json::Value as Json;
use testkit::on_each_engine;

/// A shipped document with the library, compiled and interpreted.
struct Shipped {
    engine: Engine,
    machine: RegoVM,
    allow: String,
}

impl Shipped {
    fn load(name: &str) -> Self {
        let mut engine = Engine::new();
        let root = testkit::workspace_root().join("policies");
        let lib = std::fs::read_dir(root.join("lib")).unwrap();
        let lib = lib.map(|entry| entry.unwrap().path());
        let is_library = |path: &std::path::PathBuf| {
            let text = path.to_str().unwrap();
            text.ends_with(".rego") && !text.ends_with("_test.rego")
        };
        let document = root.join(format!("{name}.rego"));
        for path in lib.filter(is_library).chain([document]) {
            let text = std::fs::read_to_string(&path).unwrap();
            engine.add_policy(path.display().to_string(), text).unwrap();
        }
        let allow = format!("data.florin.{name}.allow");
        let policy = engine
            .compile_with_entrypoint(&allow.as_str().into())
            .unwrap();
        let program = Compiler::compile_from_policy(&policy, &[&allow]).unwrap();
        let mut machine = RegoVM::new();
        machine.set_max_instructions(1_000_000);
        machine.load_program(program);
        Self {
            engine,
            machine,
            allow,
        }
    }

    /// Whether either evaluation allows. An error denies.
    fn allows(&mut self, input: &Json) -> (bool, bool) {
        let input = Value::from_json_str(&input.to_string()).unwrap();
        let is_true = |value: Option<Value>| value == Some(Value::from(true));
        self.machine.set_input(input.clone());
        let compiled = self.machine.execute_entry_point_by_name(&self.allow).ok();
        self.engine.set_input(input);
        let interpreted = self.engine.eval_rule(self.allow.clone()).ok();
        (is_true(compiled), is_true(interpreted))
    }
}

/// The document after operations of RFC 6902: `add`, `replace` and `remove`.
fn patched(base: &Json, patch: &Json) -> Json {
    let mut document = base.clone();
    for operation in patch.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        if path.is_empty() {
            return operation["value"].clone();
        }
        let (parent, last) = path.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match (operation["op"].as_str().unwrap(), parent) {
            ("remove", Json::Object(members)) => drop(members.remove(last).unwrap()),
            (_, Json::Object(members)) => {
                members.insert(last.to_owned(), operation["value"].clone());
            }
            (_, Json::Array(items)) => {
                items[last.parse::<usize>().unwrap()] = operation["value"].clone();
            }
            (op, other) => panic!("{op} of {path} in {other}"),
        }
    }
    document
}

#[test]
fn every_attack_on_a_shipped_policy_is_denied() {
    let mut problems = Vec::new();
    let files = attack_files();
    assert!(files.len() >= 6, "every shipped policy is attacked");
    for (name, file) in files {
        let mut shipped = Shipped::load(&name);
        let mut expect = |why: &str, input: &Json, expected: bool| {
            let allowed = shipped.allows(input);
            if allowed != (expected, expected) {
                problems.push(format!("{name}: {why}: {allowed:?}"));
            }
        };
        expect("the base", &file["base"], true);
        for (list, expected) in [("permitted", true), ("attacks", false)] {
            let items = file[list].as_array().unwrap();
            assert!(expected || items.len() >= 10, "{name}");
            for item in items {
                let input = patched(&file["base"], &item["patch"]);
                expect(item["why"].as_str().unwrap(), &input, expected);
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
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

/// The lookups in the log of a decision, under the names that the document gives them.
fn answers(shipped: &mut Shipped, name: &str, recorded: &Json) -> Json {
    let input = Value::from_json_str(&recorded["input"].to_string()).unwrap();
    shipped.engine.set_input(input);
    let requested = shipped
        .engine
        .eval_rule(format!("data.florin.{name}.lookups"));
    let requested = match requested {
        Ok(value) if value != Value::Undefined => value.to_json_str().unwrap(),
        _ => "{}".to_owned(), // the document has no lookups
    };
    let requested: Json = serde_json::from_str(&requested).unwrap();
    let log = recorded["lookups"].as_array().unwrap();
    let answer = |request: &Json| {
        let is_it =
            |entry: &&Json| entry["from"] == request["from"] && entry["args"] == request["args"];
        log.iter().find(is_it).map(|entry| entry["answer"].clone())
    };
    let members = requested.as_object().unwrap().iter();
    members
        .filter_map(|(id, request)| Some((id.clone(), answer(request)?)))
        .collect()
}

#[test]
fn every_recorded_input_has_the_outcome_of_the_server() {
    let folder = testkit::workspace_root().join("policies/recorded");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap();
        for (name, cases) in file.as_object().unwrap() {
            let mut shipped = Shipped::load(name);
            for recorded in cases.as_array().unwrap() {
                let mut input = recorded["input"].clone();
                input["lookups"] = answers(&mut shipped, name, recorded);
                let expected = recorded["permitted"].as_bool().unwrap();
                assert_eq!(
                    shipped.allows(&input),
                    (expected, expected),
                    "{name}: {}",
                    recorded["case"]
                );
                count += 1;
            }
        }
    }
    assert!(count >= 8, "{count} inputs are recorded");
}
