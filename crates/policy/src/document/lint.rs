//! Checks of documents that compile and would not mean what they say: texts in text order, amounts
//! beside numbers, approvals.

use super::DocumentError;
use crate::rego::{Field, Head, Literal, LiteralKind, Module, Rule, Term, TermKind};

/// Members of the input that are texts of digits.
const AMOUNTS: &[&str] = &[
    "amount",
    "balance",
    "fee_per_gas",
    "gas",
    "nonce",
    "tip",
    "total_fee",
    "value",
];

/// The comparisons, with the function of the library that is meant.
const COMPARISONS: &[(&str, &str)] = &[
    ("lt", "amount.below"),
    ("lte", "amount.at_most"),
    ("gt", "amount.above"),
    ("gte", "amount.at_least"),
    ("equal", "amount.compare"),
    ("neq", "amount.compare"),
];

type Checked = Result<(), DocumentError>;

/// Reject documents that compile but are not allowed.
pub(crate) fn check(module: &Module) -> Checked {
    module.rules.iter().try_for_each(rule)
}

fn rule(rule: &Rule) -> Checked {
    if &*rule.path[0] == "needs" {
        return Err(DocumentError::Needs { line: rule.line });
    }
    if let Head::Object(key) = &rule.head {
        term(key)?;
    }
    rule.branches.iter().try_for_each(|branch| {
        term(&branch.value)?;
        body(&branch.body)
    })
}

fn body(body: &[Literal]) -> Checked {
    body.iter().try_for_each(literal)
}

fn literal(line: &Literal) -> Checked {
    match &line.kind {
        LiteralKind::Term(inner) => term(inner),
        LiteralKind::Assign(a, b) => {
            term(a)?;
            term(b)
        }
        LiteralKind::Unify(a, b) => {
            comparison("equal", a, b)?;
            comparison("equal", b, a)?;
            term(a)?;
            term(b)
        }
        LiteralKind::Not(inner) => literal(inner),
        LiteralKind::Some(_) => Ok(()),
        LiteralKind::SomeIn {
            key,
            value,
            collection,
        } => {
            key.iter().try_for_each(term)?;
            term(value)?;
            term(collection)
        }
        LiteralKind::Every {
            domain,
            body: inner,
            ..
        } => {
            term(domain)?;
            body(inner)
        }
    }
}

fn term(part: &Term) -> Checked {
    match &part.kind {
        // `input.effects.opaque` is never defined, so `not` of it would be true.
        TermKind::Text(name) | TermKind::Var(name) if &**name == "opaque" => {
            Err(DocumentError::RemovedMember {
                line: part.line,
                name: "opaque",
                hint: "use effects.complete",
            })
        }
        TermKind::Ref(head, path) => {
            term(head)?;
            path.iter().try_for_each(term)
        }
        TermKind::Call(name, args) => {
            if let [a, b] = args.as_slice() {
                comparison(name, a, b)?;
                comparison(name, b, a)?;
            }
            if name == "to_number" {
                let why = "the function to_number is not available to policies: amounts would not \
                           stay exact; use florin.amount";
                return Err(DocumentError::Rego {
                    position: format!("line {}: ", part.line),
                    why: why.to_owned(),
                });
            }
            args.iter().try_for_each(term)
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().try_for_each(term),
        TermKind::Object(fields) => fields.iter().try_for_each(field),
        TermKind::ArrayOf(head, inner) | TermKind::SetOf(head, inner) => {
            term(head)?;
            body(inner)
        }
        TermKind::ObjectOf(pair, inner) => {
            field(pair)?;
            body(inner)
        }
        _ => Ok(()),
    }
}

fn field(pair: &Field) -> Checked {
    term(&pair.key)?;
    term(&pair.value)
}

/// A comparison of a constant with anything: digits in quotes have no order, and an amount is no
/// number.
fn comparison(operator: &str, constant: &Term, other: &Term) -> Checked {
    let Some((_, function)) = COMPARISONS.iter().find(|(name, _)| *name == operator) else {
        return Ok(());
    };
    let line = constant.line;
    match &constant.kind {
        TermKind::Text(text) if is_digits(text) && !["equal", "neq"].contains(&operator) => {
            Err(DocumentError::StringComparison {
                line,
                literal: format!("{text:?}"),
            })
        }
        TermKind::Number(_) => match amount_member(other) {
            Some(member) => Err(DocumentError::NumberComparison {
                line,
                member: member.to_owned(),
                function,
            }),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The last name of a reference to an amount.
fn amount_member(term: &Term) -> Option<&str> {
    let TermKind::Ref(_, path) = &term.kind else {
        return None;
    };
    match &path.last()?.kind {
        TermKind::Text(name) => AMOUNTS.iter().find(|known| ***known == **name).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::document::compile;

    fn rejection(lines: &str) -> Option<String> {
        let document = format!("package florin.p\nallow if {{\n{lines}\n}}");
        compile(&document).err().map(|error| error.to_string())
    }

    #[test]
    fn numbers_above_2_to_the_53_are_rejected() {
        for good in ["9007199254740992", "0.5", "[1, 2]", "123456789012.75", "-1"] {
            assert_eq!(rejection(&format!("x := {good}")), None, "{good}");
        }
        for bad in [
            "9007199254740993",
            "1000000000000000000000000",
            "1e18",
            "1E+24",
            "1e3",
            "007",
            "9007199254740993.5",
            "1e99999999999999999999",
        ] {
            let message = rejection(&format!("input.a <= {bad}")).unwrap_or_default();
            assert!(message.starts_with("line 3: "), "{bad}: {message}");
        }
    }

    #[test]
    fn digit_strings_are_not_compared_in_text_order() {
        for bad in [
            "input.a <= \"100\"",
            "\"100\" > input.a",
            "input.a < `5`",
            "x := [input.a > \"5\"]",
            "count([1 | input.a > \"5\"]) > 0",
        ] {
            assert!(
                rejection(bad).is_some_and(|message| message.contains("compared as text")),
                "{bad}"
            );
        }
        assert_eq!(
            rejection("input.a == \"100\"; input.b < \"2026-01-01\""),
            None
        );
    }

    #[test]
    fn an_amount_is_not_compared_with_a_number() {
        for (bad, function) in [
            (
                "some m in input.effects.moves; m.amount < 100",
                "amount.below",
            ),
            ("input.effects.moves[0].amount >= 100", "amount.at_least"),
            ("100 < input.intent.value", "amount."),
            ("input.fee.quote.gas == 21000", "amount.compare"),
            ("not input.fee.quote.total_fee > 5", "amount.above"),
            ("input.intent.nonce = 7", "amount.compare"),
        ] {
            let message = rejection(bad).unwrap_or_default();
            assert!(
                message.contains("is a text") && message.contains(function),
                "{bad}: {message}"
            );
        }
        assert_eq!(
            rejection("input.time.hour < 18; input.effects.moves[0].amount == \"0\""),
            None
        );
    }

    #[test]
    fn opaque_is_rejected_with_a_suggestion() {
        for bad in [
            "not input.effects.opaque",
            "x := input.effects[\"opaque\"]",
            "y := object.get(input.effects, `opaque`, false)",
            "some e in [input.effects]; e.opaque == false",
        ] {
            assert!(
                rejection(bad).is_some_and(|message| message.contains("use effects.complete")),
                "{bad}"
            );
        }
        assert_eq!(
            rejection("# opaque\nx := \"an opaque call\"; input.effects.complete"),
            None
        );
    }

    #[test]
    fn to_number_is_rejected_with_a_suggestion() {
        let message = rejection("to_number(input.a) < 5").unwrap_or_default();
        assert!(message.contains("florin.amount"), "{message}");
    }
}
