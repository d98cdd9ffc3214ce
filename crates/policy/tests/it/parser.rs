//! Robustness of uploads: no text makes the parser panic, and none becomes a policy that allows by
//! mistake.

use crate::world::World;
use policy::{DryRunTarget, Error, dry_run};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use testkit::on_each_engine;

const EXAMPLE: &str = include_str!("../../../../policies/example.json");
const SEEDS: [&str; 4] = [
    include_str!("../../../../policies/limit.rego"),
    include_str!("../../../../policies/allowlist.rego"),
    include_str!("../../../../policies/cancel.rego"),
    include_str!("../../../../policies/lib/amount.rego"),
];

/// Rego tokens in random order, after a valid package line.
fn random_tokens() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "allow", "deny", "if", "contains", "not", "some", "every", "in", "input", "data", "x", "y",
        "{", "}", "[", "]", "(", ")", ":=", "=", "==", "<", "|", ".", ",", ";", "\n", "1", "1e400",
        "-", "*", "\"a\"", "\"", "`", "#", "default", "import", "with", "as", "else", "true",
        "null", "_", "set()", "package", "count", "sprintf", "\u{202e}", "é",
    ]);
    prop::collection::vec(token, 0..60).prop_map(|random_tokens| {
        format!(
            "package florin.p\nallow := false\n{}",
            random_tokens.join(" ")
        )
    })
}

/// A valid document with a few characters removed, inserted or cut off.
fn mutants() -> impl Strategy<Value = String> {
    (
        prop::sample::select(SEEDS.to_vec()),
        prop::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0..3u8), 1..6),
    )
        .prop_map(|(seed, changes)| {
            let mut text: Vec<char> = seed.chars().collect();
            for (index, inserted, change) in changes {
                let index = index.index(text.len().max(1));
                if text.is_empty() {
                    continue;
                }
                match change {
                    0 => drop(text.remove(index)),
                    1 => text.insert(index, inserted),
                    _ => text.truncate(index.max(1)),
                }
            }
            text.into_iter().collect()
        })
}

fn nested() -> Vec<String> {
    let deep = |open: &str, close: &str| {
        format!(
            "package p\nallow if x == {}1{}",
            open.repeat(20_000),
            close.repeat(20_000)
        )
    };
    vec![
        deep("[", "]"),
        deep("(", ")"),
        deep("{", "}"),
        deep("{\"a\":", "}"),
        format!("package p\nallow if {}x", "not ".repeat(20_000)),
        format!("package p\nallow if {}", "x.y[".repeat(20_000)),
        format!("package p\nallow if {}1", "1 + ".repeat(20_000)),
        format!("package {}\nallow := true", "a.".repeat(20_000)),
        format!("package p\nallow := true {}", "else := 1 ".repeat(5_000)),
        format!(
            "package p\nallow if {}",
            (0..3_000)
                .map(|n| format!("a{n} == b{n}; "))
                .collect::<String>()
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_is_accepted_or_rejected() {
    on_each_engine(|test| async move {
        if test.server().is_some() {
            return; // nothing here touches the database
        }
        let world = World::new(&test).await;
        let mut runner = TestRunner::deterministic();
        let mut texts = nested();
        for _ in 0..400 {
            texts.push(random_tokens().new_tree(&mut runner).unwrap().current());
            texts.push(mutants().new_tree(&mut runner).unwrap().current());
            texts.push("(?s).{0,300}".new_tree(&mut runner).unwrap().current());
        }
        for text in texts {
            let head: String = text.chars().take(300).collect();
            match dry_run(
                &world.policy,
                &world.principal,
                DryRunTarget::Document(text),
                EXAMPLE,
            )
            .await
            {
                Ok(_) | Err(Error::InvalidDocument(_) | Error::LimitExceeded { .. }) => {}
                Err(other) => panic!("{other}: {head}"),
            }
        }
    })
    .await;
}
