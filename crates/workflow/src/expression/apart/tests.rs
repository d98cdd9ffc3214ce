//! Evaluation in processes of their own: the test binary is its own child.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::expression::Scene;
use std::time::Instant;

/// What tells the test that follows to be the process that evaluates.
const BE_THE_CHILD: &str = "be-the-process-that-evaluates";
const LIMITS: Limits = Limits {
    time_ms: 300,
    memory_mb: 200,
    result_bytes: 1 << 20,
};
/// For what is to be stopped by its memory, however slow the machine.
const LITTLE: Limits = Limits {
    time_ms: 20_000,
    memory_mb: 64,
    ..LIMITS
};

#[test]
fn child() {
    if std::env::args().any(|arg| arg == BE_THE_CHILD) {
        evaluate_expressions().unwrap();
        std::process::exit(0);
    }
}

fn evaluators() -> Evaluators {
    let args = [
        "--exact",
        "--nocapture",
        "--test-threads=1",
        "expression::apart::tests::child",
        BE_THE_CHILD,
    ];
    let args = args.into_iter().map(OsString::from).collect();
    Evaluators::apart(Launch {
        program: std::env::current_exe().unwrap().into(),
        args,
    })
}

fn scene(input: &str, by: &Evaluators) -> Scene {
    Scene {
        members: vec![("input", Json::parse(input).unwrap())],
        now: Time::from_secs(1_767_225_600),
        by: by.clone(),
    }
}

fn told(by: &Evaluators, sources: &[&str]) -> Result<Vec<String>, Failed> {
    told_within(by, sources, &LIMITS)
}

fn told_within(by: &Evaluators, sources: &[&str], limits: &Limits) -> Result<Vec<String>, Failed> {
    let compiled: Vec<Expression> = sources
        .iter()
        .map(|source| Expression::compile(source).unwrap())
        .collect();
    let answers = scene(r#"{"n":123456789012345678901234567890,"a":"ü\"\n"}"#, by)
        .evaluate(&compiled.iter().collect::<Vec<_>>(), limits)?;
    let text = |answer: Answer| {
        format!(
            "{} {}",
            answer
                .json
                .map_or("undefined".to_owned(), |json| json.as_str().to_owned()),
            answer.truth
        )
    };
    Ok(answers.into_iter().map(text).collect())
}

fn processes(by: &Evaluators) -> Vec<u32> {
    by.0.as_ref()
        .unwrap()
        .idle()
        .iter()
        .map(|process| process.child.id())
        .collect()
}

#[test]
fn another_process_says_what_this_one_would_say() {
    let sources = [
        "input.n",
        "input.a",
        "input.none",
        "null",
        "$now()",
        "[]",
        "{\"a\": [1, 2.5]}",
        "$amountAdd(input.n, 1)",
    ];
    let (here, apart) = (Evaluators::default(), evaluators());
    assert_eq!(told(&apart, &sources), told(&here, &sources));
    assert_eq!(
        told(&apart, &sources).unwrap()[3],
        "null false",
        "null is a value, and undefined is none"
    );
    let process = processes(&apart);
    assert_eq!(
        told(&apart, &["1", "$error(\"no\")", "2"]),
        told(&here, &["1", "$error(\"no\")", "2"])
    );
    assert_eq!(
        told(&apart, &["1", "$error(\"no\")"]).unwrap_err().0,
        1,
        "the one that failed is named"
    );
    assert_eq!(
        (process.len(), processes(&apart)),
        (1, process),
        "one that answers is kept"
    );
}

/// Small expressions whose values, walked through, do not come to an end; or that take all the
/// memory there is.
#[test]
fn what_cannot_be_stopped_is_killed_and_the_next_is_answered() {
    let doubled = |item: &str, then: &str| {
        format!(
            "($f := function($a, $n){{ $n = 0 ? $a : $f({item}, $n - 1) }}; $x := $f([0], 60); {then})"
        )
    };
    let by = evaluators();
    for (source, why) in [
        (doubled("{\"a\": [$a, $a]}", "$x = $f([0], 60)"), "took"),
        (doubled("[[$a], [$a]]", "$boolean($x)"), "took"),
        (
            doubled("[[$a], [$a]]", "$distinct([$x, $f([0], 60)])"),
            "took",
        ),
        (doubled("[[$a], [$a]]", "$x.*"), "took"),
        (doubled("{\"a\": [$a, $a]}", "$count($x.**)"), "took"),
        (
            "($s := $pad(\"a\", 1000000); $count($map([1..100000], function(){ $uppercase($s) })))"
                .to_owned(),
            "memory",
        ),
        (
            "$count($map([1..100000], function(){ [1..100000] }))".to_owned(),
            "memory",
        ),
    ] {
        let began = Instant::now();
        let limits = if why == "memory" { LITTLE } else { LIMITS };
        let (place, words) = told_within(&by, &["1", &source], &limits).unwrap_err();
        assert!(
            place == 1 && words.contains(why) && words.contains("stopped"),
            "{source}: {words}"
        );
        assert!(began.elapsed().as_secs() < 30, "{source}");
        assert_eq!(told(&by, &["input.a"]).unwrap().len(), 1, "after {source}");
    }
}

#[test]
fn one_that_dies_or_is_none_is_told_in_words() {
    let by = evaluators();
    told(&by, &["1"]).unwrap();
    for process in by.0.as_ref().unwrap().idle().iter_mut() {
        process.kill();
    }
    assert_eq!(told(&by, &["1"]).unwrap(), ["1 true"], "another is asked");
    for program in ["/does/not/exist", "/bin/true"] {
        let none = Evaluators::apart(Launch {
            program: program.into(),
            args: Vec::new(),
        });
        assert!(
            told(&none, &["1"])
                .unwrap_err()
                .1
                .starts_with("there is no process"),
            "{program}"
        );
    }
}

#[test]
fn it_ends_with_the_one_it_works_for() {
    let by = evaluators();
    told(&by, &["1"]).unwrap();
    let mut process = by.0.as_ref().unwrap().take().unwrap();
    drop(process.requests);
    assert!(process.child.wait().unwrap().success());
}
