//! Whatever is uploaded as a document: an answer, never a panic, and never a policy that allows by
//! mistake.

use crate::world::World;
use policy::{Error, Trial, dry_run};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use testkit::on_each_engine;

const EXAMPLE: &str = include_str!("../../../../policies/example.json");
const SEEDS: [&str; 4] = [
    include_str!("../../../../policies/limit.rego"),
    include_str!("../../../../policies/allowlist.rego"),
    include_str!("../../../../policies/approvals.rego"),
    include_str!("../../../../policies/lib/amount.rego"),
];

/// Words of Rego in any order, after a head that makes it past the package.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "allow", "deny", "if", "contains", "not", "some", "every", "in", "input", "data", "x", "y",
        "{", "}", "[", "]", "(", ")", ":=", "=", "==", "<", "|", ".", ",", ";", "\n", "1", "1e400",
        "-", "*", "\"a\"", "\"", "`", "#", "default", "import", "with", "as", "else", "true",
        "null", "_", "set()", "package", "count", "sprintf", "\u{202e}", "é",
    ]);
    prop::collection::vec(word, 0..60)
        .prop_map(|words| format!("package florin.p\nallow := false\n{}", words.join(" ")))
}

/// A good document with a few bytes cut, doubled or changed.
fn mutants() -> impl Strategy<Value = String> {
    (
        prop::sample::select(SEEDS.to_vec()),
        prop::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0..3u8), 1..6),
    )
        .prop_map(|(seed, changes)| {
            let mut text: Vec<char> = seed.chars().collect();
            for (place, by, how) in changes {
                let place = place.index(text.len().max(1));
                if text.is_empty() {
                    continue;
                }
                match how {
                    0 => drop(text.remove(place)),
                    1 => text.insert(place, by),
                    _ => text.truncate(place.max(1)),
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
async fn any_text_gets_an_answer() {
    on_each_engine(|test| async move {
        if test.server().is_some() {
            return; // nothing here touches the database
        }
        let world = World::new(&test).await;
        let mut runner = TestRunner::deterministic();
        let mut texts = nested();
        for _ in 0..400 {
            texts.push(words().new_tree(&mut runner).unwrap().current());
            texts.push(mutants().new_tree(&mut runner).unwrap().current());
            texts.push("(?s).{0,300}".new_tree(&mut runner).unwrap().current());
        }
        for text in texts {
            let head: String = text.chars().take(300).collect();
            match dry_run(&world.policy, &world.who, Trial::Document(text), EXAMPLE).await {
                Ok(_) | Err(Error::Document(_) | Error::Limit { .. }) => {}
                Err(other) => panic!("{other}: {head}"),
            }
        }
    })
    .await;
}
