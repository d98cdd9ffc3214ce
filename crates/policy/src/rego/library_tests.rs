//! The library's own tests, in both of its forms: native, and as the text that stock OPA runs.

use super::{Budget, Evaluation, Library, Module, Value, link, parse};
use proptest::prelude::*;
use std::time::Duration;

const TEXTS: [&str; 4] = [
    include_str!("../../../../policies/lib/amount.rego"),
    include_str!("../../../../policies/lib/units.rego"),
    include_str!("../../../../policies/lib/amount_test.rego"),
    include_str!("../../../../policies/lib/units_test.rego"),
];

fn budget() -> Budget {
    Budget {
        steps: 10_000_000,
        bytes: 64 * 1024 * 1024,
        time: Duration::from_secs(60),
    }
}

#[test]
fn the_library_passes_its_tests_natively_and_as_text() {
    let modules: Vec<Module> = TEXTS.iter().map(|text| parse(text).unwrap()).collect();
    let modules: Vec<&Module> = modules.iter().collect();
    for library in [Library::Native, Library::Text] {
        let program = link(&modules, library).unwrap();
        let input = Value::object(Vec::new()).unwrap();
        let mut evaluation = Evaluation::new(&program, input, budget());
        let mut passed = 0;
        for (index, group) in program.groups.iter().enumerate() {
            if group.name.contains("_test.test_") {
                let value = evaluation.value(index);
                assert_eq!(
                    value,
                    Ok(Some(Value::Bool(true))),
                    "{} {library:?}",
                    group.name
                );
                passed += 1;
            }
        }
        assert!(passed >= 8, "{passed}");
    }
}

/// All functions of the library on two values.
const CALLS: &str = "package florin.calls
import data.florin.amount
import data.florin.units
a := input.a
b := input.b
valid := amount.valid(a)
compare := amount.compare(a, b)
below := amount.below(a, b)
at_most := amount.at_most(a, b)
above := amount.above(a, b)
at_least := amount.at_least(a, b)
add := amount.add(a, b)
total := amount.total([a, b, a])
total_of := amount.total(a)
to_base := units.to_base(a, b)
to_base_of := units.to_base(a, 18)
to_base_long := units.to_base(a, 90)
";

fn amounts() -> impl Strategy<Value = serde_json::Value> {
    let number = |text: String| serde_json::from_str(&text).unwrap();
    prop_oneof![
        4 => "[0-9]{1,12}".prop_map(serde_json::Value::from),
        4 => "[1-9][0-9]{0,80}".prop_map(serde_json::Value::from),
        2 => "1157920892373161954235709850086879078532699846656405640394575840079131296399[0-9]{2}"
            .prop_map(serde_json::Value::from),
        3 => "[0-9]{0,3}[.][0-9]{0,20}".prop_map(serde_json::Value::from),
        1 => "[-+ 0-9.eé\\u{0661}]{0,6}".prop_map(serde_json::Value::from),
        2 => "[1-9][0-9]{0,2}".prop_map(number),
        1 => "-[1-9][0-9]{0,2}".prop_map(number),
        1 => Just(serde_json::json!(null)),
        1 => Just(serde_json::json!(true)),
        1 => prop::collection::vec("[0-9]{1,3}", 0..4).prop_map(|all| serde_json::json!(all)),
        1 => "[0-9]{1,2}".prop_map(|text| serde_json::json!({ "x": text })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_native_functions_agree_with_the_text(a in amounts(), b in amounts()) {
        let mut modules: Vec<Module> =
            TEXTS[..2].iter().map(|text| parse(text).unwrap()).collect();
        modules.push(parse(CALLS).unwrap());
        let modules: Vec<&Module> = modules.iter().collect();
        let text = serde_json::json!({ "a": a, "b": b }).to_string();
        let input: Value = serde_json::from_str(&text).unwrap();
        let native = link(&modules, Library::Native).unwrap();
        let pure = link(&modules, Library::Text).unwrap();
        for (index, group) in native.groups.iter().enumerate() {
            if group.name.starts_with("data.florin.calls.") {
                let have = Evaluation::new(&native, input.clone(), budget()).value(index);
                let want = Evaluation::new(&pure, input.clone(), budget()).value(index);
                prop_assert_eq!(have, want, "{} of {}", group.name, text);
            }
        }
    }
}
