//! Behavior and limits of expressions.
#![allow(clippy::disallowed_methods, reason = "tests of real time limits")]
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use types::{Json, Time};

const LIMITS: Limits = Limits {
    time_ms: 1_000,
    memory_mb: 256,
    result_bytes: 1 << 20,
};

fn context(input: &str) -> EvaluationContext {
    let members = vec![("input", Json::parse(input).unwrap())];
    EvaluationContext {
        members,
        now: Time::from_secs(1_767_225_600),
        evaluators: Evaluators::default(),
    }
}

fn evaluate(source: &str, input: &str) -> Result<Evaluation, String> {
    let expression = Expression::compile(source)?;
    let answers = context(input)
        .evaluate(&[&expression], &LIMITS)
        .map_err(|(_, reason)| reason)?;
    Ok(answers.into_iter().next().unwrap())
}

fn result_text(source: &str, input: &str) -> String {
    match evaluate(source, input) {
        Ok(evaluate) => evaluate
            .json
            .map_or_else(|| "undefined".to_owned(), |json| json.as_str().to_owned()),
        Err(reason) => format!("error: {reason}"),
    }
}

#[test]
fn common_expressions_work() {
    let input = r#"{"a":"x","list":[1,2,3],"o":{"k":"v"},"id":"0/1/2","no":null}"#;
    for (source, expected) in [
        (r#""id-" & input.a"#, r#""id-x""#),
        (r#"input.a != "y" and input.list[0] = 1 or false"#, "true"),
        (r#"input.a = "x" ? "yes" : "no""#, r#""yes""#),
        ("($x := input.list[1]; $x + 1)", "3"),
        ("input.list[-1]", "3"),
        ("$not($exists(input.missing))", "true"),
        ("$string(input.list)", r#""[1,2,3]""#),
        ("input.list.$string()", r#"["1","2","3"]"#),
        ("$map(input.list, $string)", r#"["1","2","3"]"#),
        ("input.list ~> $string()", r#""[1,2,3]""#),
        (r#"$replace(input.id, "/", ".")"#, r#""0.1.2""#),
        (r#"$replace(input.id, /[0-9]/, "<$0>")"#, r#""<0>/<1>/<2>""#),
        (
            r#"$replace(input.id, /[0-9]/, function($m){ $m.match & "!" })"#,
            r#""0!/1!/2!""#,
        ),
        ("$append([1], [2,3])", "[1,2,3]"),
        ("$append([1], input.missing)", "[1]"),
        (r#"$merge([input.o, {"n": 1}])"#, r#"{"k":"v","n":1}"#),
        (r#"$join(["a","b"], "-")"#, r#""a-b""#),
        (r#"$pad("7", -3, "0")"#, r#""007""#),
        (r#"$number("42") + 1"#, "43"),
        ("input.missing", "undefined"),
        ("$now()", r#""2026-01-01T00:00:00.000000Z""#),
        ("$millis()", "1767225600000"),
        (
            r#"[input.a, "b"].{"address": $}"#,
            r#"[{"address":"x"},{"address":"b"}]"#,
        ),
        ("function($x){$x}", "undefined"),
        ("1/4", "0.25"),
        ("input.no", "null"),
    ] {
        assert_eq!(result_text(source, input), expected, "{source}");
    }
}

#[test]
fn no_amount_loses_a_digit_silently() {
    let input = r#"{"n":123456789012345678901234567890,"s":"123456789012345678901234567890"}"#;
    for (source, expected) in [
        ("input.n", r#""123456789012345678901234567890""#),
        ("$string(input.n)", r#""123456789012345678901234567890""#),
        (
            "$amountAdd(input.n, 1)",
            r#""123456789012345678901234567891""#,
        ),
        ("$amountCompare(input.s, input.n)", "0"),
        (
            "$amountSum([\"1\", \"2\", input.n])",
            r#""123456789012345678901234567893""#,
        ),
        ("$amountMax(\"9\", \"10\")", r#""10""#),
    ] {
        assert_eq!(result_text(source, input), expected, "{source}");
    }
    for source in [
        "123456789012345678901234567890",
        "$number(input.s)",
        "9007199254740992 * 10",
        r#""" & (9007199254740992 * 10)"#,
        "$string(9007199254740992 * 10)",
        "$map([9007199254740992], function($x){ $x * 10 })",
        "$amountAdd(\"1.5\", \"1\")",
        "$amountDiv(\"1\", \"0\")",
    ] {
        assert!(
            result_text(source, input).starts_with("error: "),
            "{source}: {}",
            result_text(source, input)
        );
    }
}

#[test]
fn nondeterministic_functions_and_redefinitions_are_rejected_at_upload() {
    for source in [
        "$random()",
        "$shuffle([1])",
        "$eval(\"1\")",
        "($f := $eval; 1)",
        "$florin_string(1)",
    ] {
        assert!(Expression::compile(source).is_err(), "{source}");
    }
    for source in [
        "($string := 1; $string)",
        "function($join){ 1 }",
        "input@$number.a",
        "input#$string",
        "($amountAdd := 1)",
        "/(/",
    ] {
        assert!(Expression::compile(source).is_err(), "{source}");
    }
}

#[test]
fn the_number_of_regular_expressions_is_limited() {
    let many = |count: usize| format!("[{}]", vec!["$match(input.a, /x+/)"; count].join(","));
    assert!(Expression::compile(&many(20)).is_ok_and(|expression| expression.regexes == 20));
    assert!(
        Expression::compile(&many(21))
            .unwrap_err()
            .contains("regular expressions")
    );
}

#[test]
fn unbounded_growth_is_stopped() {
    let bombs = [
        "($f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $f(\"aaaaaaaaaa\", 60))",
        "($f := function($s, $n){ $n = 0 ? $s : $f($join([$s, $s, $s]), $n - 1) }; $f(\"aaaaaaaaaa\", 60))",
        "($f := function($s, $n){ $n = 0 ? $s : $f([$s, $s], $n - 1) }; $f([1], 60))",
        "($f := function($s, $n){ $n = 0 ? $s : $f([$s, $s], $n - 1) }; $string($f([1], 60)))",
        "($f := function($s, $n){ $n = 0 ? $s : $f($replace($s, \"a\", \"aaaa\"), $n - 1) }; $f(\"a\", 60))",
        "($f := function($s, $n){ $n = 0 ? $s : $f($replace($s, /a/, \"$0$0$0\"), $n - 1) }; $f(\"a\", 60))",
        "$pad(\"a\", 1000000000)",
        "[1..10000000]",
        "($f := function(){ $f() }; $f())",
        "($f := function($n){ 1 + $f($n) }; $f(1))",
    ];
    for source in bombs {
        let started = std::time::Instant::now();
        assert!(result_text(source, "{}").starts_with("error: "), "{source}");
        assert!(started.elapsed().as_secs() < 20, "{source}");
    }
}

#[test]
fn deep_nesting_is_rejected_before_parsing() {
    for open in ["(", "[", "{\"a\":", "function(){", "-(", "a[", "$f(", "a.("] {
        assert!(Expression::compile(&open.repeat(5_000)).is_err(), "{open}");
    }
    for source in [
        "-".repeat(20_000),
        "a.".repeat(20_000) + "a",
        "1+".repeat(20_000) + "1",
        "a?".repeat(20_000),
    ] {
        let _ = Expression::compile(&source);
    }
}

fn fragments() -> impl Strategy<Value = String> {
    let tokens = prop::sample::select(vec![
        "input",
        ".",
        "a",
        "$",
        "$x",
        ":=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        "&",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "?",
        ":",
        "??",
        "?:",
        "~>",
        "|",
        "^",
        "<",
        ">",
        "=",
        "!=",
        "in",
        "and",
        "or",
        "\"t\"",
        "'u'",
        "1",
        "0.5",
        "1e3",
        "/x/i",
        "function",
        "$string",
        "$join",
        "$replace",
        "$number",
        "$map",
        "$append",
        "$merge",
        "$exists",
        "$not",
        "$amountAdd",
        "null",
        "true",
        "@",
        "#",
        "$$",
        "..",
        "`b c`",
        "λ",
        "/*",
        "*/",
        " ",
    ]);
    prop::collection::vec(tokens, 0..25).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_expression_panics(source in fragments()) {
        let _ = evaluate(&source, r#"{"a":[{"b":"1"},2,null,{"b":[true]}],"b":"x"}"#);
    }

    #[test]
    fn no_input_panics_the_parser(source: String) {
        let _ = Expression::compile(&source);
    }
}

#[test]
fn the_reference_has_every_function() {
    let page = include_str!("../../../../docs/tasks.md");
    for (name, _) in super::amount::FUNCTIONS {
        assert!(page.contains(&format!("`${name}(")), "{name}");
    }
}
