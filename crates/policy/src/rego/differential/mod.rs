//! The evaluator against stock OPA: what OPA does not permit is not permitted.
//!
//! `cases.json` has documents with OPA's answers, and `answers.json` has OPA's answers to the pairs
//! of [`generate`], which are the same in each run. Both are compared in every run of the tests.
//! The ignored tests need a running OPA: they compare further pairs and OPA's own compliance cases,
//! and write `answers.json`.
#![allow(clippy::disallowed_methods, reason = "settings of test runs")]

mod compliance;
mod generate;
mod live;

use super::{Budget, Evaluation, Stop, Value};
use crate::document::{Compiled, Entry, compile};
use generate::Generator;
use std::time::Duration;
use types::Digest;

/// The inputs of each generated document.
const INPUTS: usize = 5;
/// The generated documents with stored answers.
const STORED: u64 = 4_000;

/// What this evaluator says of a document on an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Permitted,
    Denied,
    Failed,
    Refused,
}

/// A generated document with its inputs.
struct Generated {
    document: String,
    inputs: Vec<String>,
}

/// OPA's answers to the first [`STORED`] generated documents.
#[derive(serde::Serialize, serde::Deserialize)]
struct Answers {
    about: String,
    /// The hash of all documents and inputs.
    pairs: String,
    /// A bit for each pair, 1 if OPA permits, as hexadecimal digits.
    permitted: String,
}

impl Generated {
    fn of(seed: u64) -> Self {
        let mut generator = Generator::new(seed);
        Self {
            document: generator.document(),
            inputs: (0..INPUTS).map(|_| generator.input().to_string()).collect(),
        }
    }
}

/// What is said of a document on an input, and why it is not permitted.
fn verdict(document: &Result<Compiled, String>, input: &str) -> (Verdict, String) {
    let document = match document {
        Ok(document) => document,
        Err(why) => return (Verdict::Refused, why.clone()),
    };
    match permits(document, input) {
        Ok(true) => (Verdict::Permitted, String::new()),
        Ok(false) => (Verdict::Denied, String::new()),
        Err(stop) => (Verdict::Failed, format!("{stop:?}")),
    }
}

fn compiled(document: &str) -> Result<Compiled, String> {
    compile(document).map_err(|error| error.to_string())
}

pub(super) fn permits(document: &Compiled, input: &str) -> Result<bool, Stop> {
    let input = serde_json::from_str(input).map_err(|why| Stop::Failed(why.to_string()))?;
    let budget = Budget {
        steps: 100_000,
        bytes: 32 * 1024 * 1024,
        time: Duration::from_secs(10),
    };
    let mut evaluation = Evaluation::new(&document.program, input, budget);
    let allow = match document.rule(Entry::Allow) {
        Some(rule) => evaluation.value(rule)?,
        None => None,
    };
    let deny = match document.rule(Entry::Deny) {
        Some(rule) => evaluation.value(rule)?,
        None => None,
    };
    let denied = deny.is_some_and(|deny| deny.to_string() != "set()");
    Ok(allow == Some(Value::Bool(true)) && !denied)
}

fn hash_of(pairs: &[Generated]) -> String {
    let texts = pairs
        .iter()
        .map(|pair| format!("{}\0{}", pair.document, pair.inputs.join("\0")));
    Digest::of(texts.collect::<Vec<_>>().join("\0").as_bytes()).to_string()
}

fn stored_pairs() -> Vec<Generated> {
    (0..STORED).map(Generated::of).collect()
}

#[test]
fn what_opa_does_not_permit_is_not_permitted() {
    let answers: Answers = serde_json::from_str(include_str!("answers.json")).unwrap();
    let pairs = stored_pairs();
    assert_eq!(
        answers.pairs,
        hash_of(&pairs),
        "the generator has changed: write the answers again, see `live.rs`"
    );
    let bits = hex::decode(answers.permitted).unwrap();
    let (mut place, mut permitted, mut false_denials) = (0, 0, 0);
    for pair in &pairs {
        let document = compiled(&pair.document);
        for input in &pair.inputs {
            let opa = bits[place / 8] >> (place % 8) & 1 == 1;
            place += 1;
            permitted += usize::from(opa);
            let (verdict, why) = verdict(&document, input);
            let permits = verdict == Verdict::Permitted;
            assert!(opa || !permits, "{}\n{input}", pair.document);
            // Refusals are documented: digits in text order, an amount beside a number.
            assert!(
                !opa || verdict != Verdict::Denied,
                "{}\n{input}",
                pair.document
            );
            false_denials += usize::from(opa && !permits);
            assert!(why.len() < 10_000);
        }
    }
    assert!(permitted > 1_000, "{permitted}");
    assert!(
        false_denials * 5 < permitted,
        "{false_denials} of {permitted}"
    );
}

#[test]
fn the_cases_have_the_answers_of_opa() {
    #[derive(serde::Deserialize)]
    struct Cases {
        input: serde_json::Value,
        cases: Vec<Case>,
    }
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        document: String,
        #[serde(default)]
        lookups: Option<serde_json::Value>,
        permitted: bool,
    }
    let cases: Cases = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert!(cases.cases.len() >= 100);
    let mut false_denials = Vec::new();
    for case in cases.cases {
        let document = compiled(&case.document);
        let mut input = cases.input.clone();
        if let Some(lookups) = case.lookups {
            input["lookups"] = lookups;
        }
        let (verdict, why) = verdict(&document, &input.to_string());
        let permits = verdict == Verdict::Permitted;
        assert!(
            case.permitted || !permits,
            "{}: {}",
            case.name,
            case.document
        );
        if case.permitted && !permits {
            false_denials.push(format!("{}: {why}", case.name));
        }
    }
    // Refused on purpose: what does not mean what it says.
    let on_purpose = ["a set as a condition", "numbers by kind"];
    false_denials.retain(|denial| !on_purpose.iter().any(|name| denial.starts_with(name)));
    assert_eq!(false_denials, Vec::<String>::new());
}
