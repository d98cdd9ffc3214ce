//! Evaluation in sandbox processes: the test binary is its own child.
#![allow(clippy::disallowed_methods, reason = "tests of real time limits")]
#![allow(clippy::unwrap_used)]

use super::*;
use crate::expression::EvaluationContext;
use std::time::Instant;

/// The argument that makes the `child` test act as an evaluator process.
const CHILD_ARGUMENT: &str = "act-as-evaluator";
const LIMITS: Limits = Limits {
    time_ms: 300,
    memory_mb: 200,
    result_bytes: 1 << 20,
};
/// Time limit high enough that the memory limit applies first, even on a slow machine.
const MEMORY_LIMITS: Limits = Limits {
    time_ms: 20_000,
    memory_mb: 64,
    ..LIMITS
};

#[test]
fn child() {
    if std::env::args().any(|arg| arg == CHILD_ARGUMENT) {
        evaluate_expressions().unwrap();
        std::process::exit(0);
    }
}

fn evaluators() -> Evaluators {
    let args = [
        "--exact",
        "--nocapture",
        "--test-threads=1",
        "expression::sandbox::tests::child",
        CHILD_ARGUMENT,
    ];
    let args = args.into_iter().map(OsString::from).collect();
    Evaluators::sandboxed(EvaluatorCommand {
        program: std::env::current_exe().unwrap().into(),
        args,
    })
}

fn context(input: &str, evaluators: &Evaluators) -> EvaluationContext {
    EvaluationContext {
        members: vec![("input", Json::parse(input).unwrap())],
        now: Time::from_secs(1_767_225_600),
        evaluators: evaluators.clone(),
    }
}

fn evaluate(evaluators: &Evaluators, sources: &[&str]) -> Result<Vec<String>, FailedExpression> {
    evaluate_within(evaluators, sources, &LIMITS)
}

fn evaluate_within(
    evaluators: &Evaluators,
    sources: &[&str],
    limits: &Limits,
) -> Result<Vec<String>, FailedExpression> {
    let compiled: Vec<Expression> = sources
        .iter()
        .map(|source| Expression::compile(source).unwrap())
        .collect();
    let answers = context(
        r#"{"n":123456789012345678901234567890,"a":"ü\"\n"}"#,
        evaluators,
    )
    .evaluate(&compiled.iter().collect::<Vec<_>>(), limits)?;
    let text = |answer: Evaluation| {
        format!(
            "{} {}",
            answer
                .json
                .map_or("undefined".to_owned(), |json| json.as_str().to_owned()),
            answer.truthy
        )
    };
    Ok(answers.into_iter().map(text).collect())
}

fn processes(evaluators: &Evaluators) -> Vec<u32> {
    evaluators
        .0
        .as_ref()
        .unwrap()
        .idle()
        .iter()
        .map(|process| process.child.id())
        .collect()
}

#[test]
fn a_sandbox_process_gives_the_same_results_as_this_process() {
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
    let (in_process, sandboxed) = (Evaluators::default(), evaluators());
    assert_eq!(
        evaluate(&sandboxed, &sources),
        evaluate(&in_process, &sources)
    );
    assert_eq!(
        evaluate(&sandboxed, &sources).unwrap()[3],
        "null false",
        "null is a value, undefined is not"
    );
    let before = processes(&sandboxed);
    assert_eq!(
        evaluate(&sandboxed, &["1", "$error(\"no\")", "2"]),
        evaluate(&in_process, &["1", "$error(\"no\")", "2"])
    );
    assert_eq!(
        evaluate(&sandboxed, &["1", "$error(\"no\")"])
            .unwrap_err()
            .0,
        1,
        "the failed expression is identified"
    );
    assert_eq!(
        (before.len(), processes(&sandboxed)),
        (1, before),
        "a process that answers is reused"
    );
}

/// Small expressions whose values take forever to traverse, or that allocate all memory.
#[test]
fn an_uninterruptible_expression_is_killed_and_the_next_is_evaluated() {
    let doubled = |item: &str, then: &str| {
        format!(
            "($f := function($a, $n){{ $n = 0 ? $a : $f({item}, $n - 1) }}; $x := $f([0], 60); {then})"
        )
    };
    let evaluators = evaluators();
    for (source, reason) in [
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
        let started = Instant::now();
        let limits = if reason == "memory" {
            MEMORY_LIMITS
        } else {
            LIMITS
        };
        let (index, message) = evaluate_within(&evaluators, &["1", &source], &limits).unwrap_err();
        assert!(
            index == 1 && message.contains(reason) && message.contains("stopped"),
            "{source}: {message}"
        );
        assert!(started.elapsed().as_secs() < 30, "{source}");
        assert_eq!(
            evaluate(&evaluators, &["input.a"]).unwrap().len(),
            1,
            "after {source}"
        );
    }
}

#[test]
fn a_dead_process_is_replaced_and_a_missing_one_is_reported() {
    let evaluators = evaluators();
    evaluate(&evaluators, &["1"]).unwrap();
    for process in evaluators.0.as_ref().unwrap().idle().iter_mut() {
        process.kill();
    }
    assert_eq!(
        evaluate(&evaluators, &["1"]).unwrap(),
        ["1 true"],
        "another process is started"
    );
    for program in ["/does/not/exist", "/bin/true"] {
        let broken = Evaluators::sandboxed(EvaluatorCommand {
            program: program.into(),
            args: Vec::new(),
        });
        assert!(
            evaluate(&broken, &["1"])
                .unwrap_err()
                .1
                .starts_with("cannot start an evaluator process"),
            "{program}"
        );
    }
}

#[test]
fn a_child_exits_when_its_parent_closes_the_pipe() {
    let evaluators = evaluators();
    evaluate(&evaluators, &["1"]).unwrap();
    let mut process = evaluators.0.as_ref().unwrap().acquire().unwrap();
    drop(process.requests);
    assert!(process.child.wait().unwrap().success());
}
