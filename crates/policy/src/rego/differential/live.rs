//! Comparison with a running OPA: `cargo xtask bench policy --differential`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a report, and the settings of a run by hand"
)]

use super::{Answers, Generated, INPUTS, Verdict, compiled, hash_of, stored_pairs, verdict};
use crate::document::LIBRARY;
use std::collections::BTreeMap;
use testkit::opa::{OpaConnection, PERMIT, permits};

/// The environment variable with the number of pairs.
const PAIRS: &str = "FLORIN_PAIRS";
/// The environment variable with the seed of the pairs.
const SEED: &str = "FLORIN_SEED";

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// A connection with the library and what asks for the document `judge`.
fn connect(opa: &testkit::opa::Opa) -> OpaConnection {
    let mut connection = opa.connect();
    // Generated documents use only these: OPA compiles all that it has for each document.
    let used = |name: &str| ["florin.amount", "florin.units"].contains(&name);
    for (name, text) in LIBRARY.iter().filter(|(name, _)| used(name)) {
        connection.put(name, text).unwrap();
    }
    let judge = "package florin.judge\n\nallow := false\n";
    connection.put("judge", judge).unwrap();
    connection.put("judged", PERMIT).unwrap();
    connection
}

/// Whether OPA permits each input; a document that it refuses permits none.
fn answers(connection: &mut OpaConnection, pair: &Generated) -> (bool, Vec<bool>) {
    let accepted = connection.put("judge", &pair.document).is_ok();
    let inputs = pair.inputs.iter();
    let answers = inputs.map(|input| accepted && permits(connection, input));
    (accepted, answers.collect())
}

#[test]
#[ignore = "takes minutes: `cargo xtask bench policy --differential`"]
fn generated_pairs_agree_with_a_running_opa() {
    let Some(opa) = testkit::opa::start() else {
        return;
    };
    let mut connection = connect(&opa);
    let (pairs, seed) = (number(PAIRS, 100_000), number(SEED, 1));
    let mut counts: BTreeMap<(bool, Verdict), usize> = BTreeMap::new();
    let mut denials: BTreeMap<String, usize> = BTreeMap::new();
    let (mut refused, mut false_permits) = (0, Vec::new());
    for index in 0..pairs / INPUTS as u64 {
        let pair = Generated::of(seed.wrapping_mul(1_000_003).wrapping_add(index));
        let (accepted, answers) = answers(&mut connection, &pair);
        refused += usize::from(!accepted);
        let document = compiled(&pair.document);
        for (input, opa) in pair.inputs.iter().zip(answers) {
            let (verdict, why) = verdict(&document, input);
            *counts.entry((opa, verdict)).or_default() += 1;
            match (opa, verdict) {
                (false, Verdict::Permitted) => {
                    false_permits.push(format!("{}\n{input}", pair.document));
                }
                (true, Verdict::Permitted) | (false, _) => {}
                (true, _) => *denials.entry(format!("{verdict:?} {why}")).or_default() += 1,
            }
        }
    }
    println!("{pairs} pairs; documents refused by OPA: {refused}");
    for ((opa, verdict), count) in &counts {
        println!("OPA permits: {opa}; here: {verdict:?}: {count}");
    }
    for (why, count) in denials.iter().take(20) {
        println!("false denials: {count}: {why}");
    }
    assert_eq!(false_permits, Vec::<String>::new());
}

/// Compares the stored answers, and writes them with `FLORIN_WRITE_OPA=1`.
#[test]
#[ignore = "needs a running OPA: `cargo xtask bench policy --differential`"]
fn stored_answers_are_those_of_a_running_opa() {
    let Some(opa) = testkit::opa::start() else {
        return;
    };
    let mut connection = connect(&opa);
    let pairs = stored_pairs();
    let all = pairs
        .iter()
        .flat_map(|pair| answers(&mut connection, pair).1);
    let all: Vec<bool> = all.collect();
    let mut bits = vec![0u8; all.len().div_ceil(8)];
    for (place, permitted) in all.iter().enumerate() {
        bits[place / 8] |= u8::from(*permitted) << (place % 8);
    }
    let answers = Answers {
        about: "The answers of OPA 1.22.0 to the generated pairs.".to_owned(),
        pairs: hash_of(&pairs),
        permitted: hex::encode(bits),
    };
    let text = serde_json::to_string_pretty(&answers).unwrap() + "\n";
    if std::env::var("FLORIN_WRITE_OPA").is_ok() {
        let file = "crates/policy/src/rego/differential/answers.json";
        std::fs::write(testkit::workspace_root().join(file), text).unwrap();
    } else {
        assert_eq!(text, include_str!("answers.json"));
    }
}
