//! From the text of a document to its program.

use super::{DocumentError, LIBRARY, is_reserved, lint};
use crate::rego::{Form, Library, Module, Program, Refusal, link, parse};
use std::sync::LazyLock;
use strum::{EnumCount, IntoEnumIterator as _};

/// The rules that Florin evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Entry {
    Allow,
    Deny,
    Envelope,
    Lookups,
}

impl Entry {
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// A compiled document.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) program: Program,
    pub(crate) package: String,
    entries: [Option<usize>; Entry::COUNT],
}

impl Compiled {
    /// The index of a rule in the program, if the document has the rule.
    pub(crate) fn rule(&self, entry: Entry) -> Option<usize> {
        self.entries[entry as usize]
    }
}

static PARSED_LIBRARY: LazyLock<Vec<Module>> = LazyLock::new(|| {
    let parsed = LIBRARY.iter().map(|(_, text)| parse(text));
    parsed
        .collect::<Result<_, _>>()
        .expect("a test parses the library")
});

/// Check and compile a document.
pub(crate) fn compile(document: &str) -> Result<Compiled, DocumentError> {
    compile_with(document, Library::Native)
}

/// Compile a document with the native functions of the library, or with its text.
pub(crate) fn compile_with(document: &str, library: Library) -> Result<Compiled, DocumentError> {
    let module = parse(document).map_err(refused)?;
    let package = plain_package(&module)?;
    lint::check(&module)?;
    let modules: Vec<&Module> = PARSED_LIBRARY.iter().chain([&module]).collect();
    let program = link(&modules, library).map_err(refused)?;
    let mut entries = [None; Entry::COUNT];
    for entry in Entry::iter() {
        let name = format!("data.{package}.{}", entry.name());
        let rule = { program.groups.iter() }.position(|group| group.name == name);
        if let Some(rule) = rule {
            check_form(entry, &program.groups[rule].form)?;
        }
        entries[entry as usize] = rule;
    }
    if entries[Entry::Allow as usize].is_none() {
        return Err(DocumentError::NoAllow { package });
    }
    Ok(Compiled {
        program,
        package,
        entries,
    })
}

fn plain_package(module: &Module) -> Result<String, DocumentError> {
    let package = module.package.join(".");
    let is_word = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let is_plain = module.package.iter().all(|part| is_word(part));
    match is_plain && !is_reserved(&package) {
        true => Ok(package),
        false => Err(DocumentError::Package { package }),
    }
}

fn check_form(entry: Entry, form: &Form) -> Result<(), DocumentError> {
    let (fits, required) = match entry {
        Entry::Deny => (*form == Form::Set, "`deny contains … if …`"),
        Entry::Allow => (*form == Form::Complete, "`allow if …`"),
        Entry::Envelope | Entry::Lookups => (
            matches!(form, Form::Complete | Form::Object | Form::Parts(_)),
            "an object",
        ),
    };
    match fits {
        true => Ok(()),
        false => Err(DocumentError::RuleForm {
            rule: entry.name(),
            form: required,
        }),
    }
}

fn refused(refusal: Refusal) -> DocumentError {
    let position = match refusal.line {
        0 => String::new(),
        line => format!("line {line}: "),
    };
    DocumentError::Rego {
        position,
        why: refusal.why,
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(document: &str) -> String {
        compile(document)
            .err()
            .map(|rejection| rejection.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_document_has_a_package_and_allow() {
        let compiled =
            compile("package florin.mine\nallow if input.a == 1\ndeny contains \"no\" if input.b")
                .expect("compiles");
        let has = |entry| compiled.rule(entry).is_some();
        assert!(has(Entry::Allow) && has(Entry::Deny));
        assert!(!has(Entry::Envelope) && !has(Entry::Lookups));
        assert_eq!(
            rejection("package florin.mine\nx := 1"),
            "package florin.mine has no rule `allow`"
        );
    }

    #[test]
    fn syntax_errors_name_their_position() {
        assert!(
            rejection("package p\n\nallow if {").starts_with("line 3"),
            "{}",
            rejection("package p\n\nallow if {")
        );
        assert!(!rejection("plain words").is_empty());
        assert!(!rejection("").is_empty());
        assert!(!rejection("package p\nallow if missing(1)").is_empty());
    }

    #[test]
    fn the_entry_rules_have_their_forms() {
        for rules in [
            "deny := true",
            "deny if input.a",
            "deny.a := 1",
            "default deny := {\"x\"}",
            "deny[x] := 1 if some x in [1]",
            "envelope contains 1",
            "lookups(x) := 1",
        ] {
            let message = rejection(&format!("package florin.p\nallow := true\n{rules}"));
            assert!(message.contains("must be written as"), "{rules}: {message}");
        }
    }

    #[test]
    fn approvals_are_rejected_until_they_can_be_given() {
        for rules in [
            "needs contains {\"type\": \"approval\", \"count\": 2}",
            "needs := []",
            "needs.x := 1",
            "default needs := []",
        ] {
            let message = rejection(&format!("package florin.p\nallow := true\n{rules}"));
            assert!(
                message.contains("approvals cannot be given yet"),
                "{message}"
            );
        }
    }

    #[test]
    fn recursion_and_deep_nesting_are_rejected() {
        for rules in [
            "allow if q\nq if allow",
            "allow if allow",
            "default allow := false\nallow if q\nq if r\nr if q",
            "allow if f(1)\nf(x) if g(x)\ng(x) if f(x)",
            "allow if f(1)\nf(x) := y if { y := f(x + 1) }",
            "allow := true\ndeny contains \"x\" if count(deny) > 0",
            "allow if every x in [1] { f(x) }\nf(x) if count([y | some y in [x]; f(y)]) > 0",
        ] {
            let message = rejection(&format!("package florin.p\n{rules}"));
            assert!(message.contains("calls itself"), "{rules}: {message}");
        }
        let chain = |n: usize| -> String {
            let rules: Vec<String> = (0..n).map(|k| format!("r{k} if r{}", k + 1)).collect();
            format!(
                "package florin.p\nallow if r0\n{}\nr{n} := true",
                rules.join("\n")
            )
        };
        assert_eq!(rejection(&chain(62)), "");
        assert!(
            rejection(&chain(63)).contains("more than 64 rule calls"),
            "{}",
            rejection(&chain(63))
        );
        for rules in [
            "allow if data.florin.p[input.x]",
            "allow if count(data.florin.p) > 0",
        ] {
            assert!(
                !rejection(&format!("package florin.p\n{rules}")).is_empty(),
                "{rules}"
            );
        }
        let message = rejection("package florin.p\nallow if data.florin.amount[input.x]");
        assert!(message.contains("no rule"), "{message}");
    }

    #[test]
    fn the_library_cannot_be_extended() {
        for package in [
            "florin",
            "florin.amount",
            "florin.units.mine",
            "florin[\"amount\"]",
        ] {
            let message = rejection(&format!("package {package}\nallow := true"));
            assert!(message.contains("cannot be used"), "{package}: {message}");
        }
        assert!(!rejection("package a[\"b.c\"]\nallow := true").is_empty());
    }

    #[test]
    fn documents_cannot_read_a_clock_randomness_or_the_environment() {
        for call in [
            "time.now_ns() > 0",
            "rand.intn(\"a\", 5) > 0",
            "http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"})",
            "opa.runtime()",
            "uuid.rfc4122(\"\")",
            "count(numbers.range(1, 1000000000000)) > 0",
            "bits.lsh(1, 1000000000000) > 0",
            "json.unmarshal(\"1\") == 1",
            "print(1)",
        ] {
            assert!(
                !rejection(&format!("package p\nallow if {call}")).is_empty(),
                "{call}"
            );
        }
    }
}
