//! Compilation of Rego text to a program for regorus' virtual machine.

use super::{DocumentError, LIBRARY, bounded_builtins, calls, is_reserved, lint};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::Program;
use regorus::rvm::program::RuleType;
use regorus::{CompiledPolicy, Engine};
use std::sync::Arc;
use strum::IntoEnumIterator as _;

/// The file name of the document in regorus' messages.
const NAME: &str = "policy.rego";

/// The functions that policies may use: pure, deterministic, and with a result not much larger than
/// their arguments. Functions that read a clock, randomness, the network or the process are not
/// included, nor those that produce large results from small arguments (`numbers.range`,
/// `bits.lsh`).
const FUNCTIONS: &[&str] = &[
    "__builtin_sets.intersection",
    "__builtin_sets.union",
    "abs",
    "array.concat",
    "array.reverse",
    "array.slice",
    "bits.and",
    "bits.or",
    "bits.xor",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "lower",
    "max",
    "min",
    "object.filter",
    "object.get",
    "object.keys",
    "object.remove",
    "object.subset",
    "object.union",
    "product",
    "regex.is_valid",
    "regex.match",
    "replace",
    "round",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.reverse",
    "substring",
    "sum",
    "to_number", // only for the library: `lint` rejects it in documents
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "upper",
];

/// The rules that Florin evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Entry {
    Allow,
    Deny,
    Needs,
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
    /// The program, with one entry point for each rule of [`Entry`] that the document has.
    pub(crate) program: Arc<Program>,
    package: String,
    entries: Vec<Entry>,
}

impl Compiled {
    /// The entry point of a rule, if the document has the rule.
    pub(crate) fn entry_point(&self, entry: Entry) -> Option<String> {
        self.entries
            .contains(&entry)
            .then(|| format!("data.{}.{}", self.package, entry.name()))
    }
}

/// Check and compile a document.
pub(crate) fn compile(document: &str) -> Result<Compiled, DocumentError> {
    lint::check(document)?;
    let mut engine = Engine::new();
    for (name, text) in LIBRARY {
        engine
            .add_policy(format!("{name}.rego"), text.to_owned())
            .map_err(rego_error)?;
    }
    let package = engine
        .add_policy(NAME.to_owned(), document.to_owned())
        .map_err(rego_error)?;
    let package = plain_package(&package)?;
    let entries = entries(&engine)?;
    if !entries.contains(&Entry::Allow) {
        return Err(DocumentError::NoAllow { package });
    }
    let entry_points: Vec<String> = entries
        .iter()
        .map(|entry| format!("data.{package}.{}", entry.name()))
        .collect();
    let policy = engine
        .compile_with_entrypoint(&entry_points[0].as_str().into())
        .map_err(rego_error)?;
    check_rule_names(&policy, &package)?;
    let program = program(&policy, &entry_points)?;
    check_functions(&program)?;
    check_rule_forms(&program, &package)?;
    calls::check(&program)?;
    let mut program = Arc::unwrap_or_clone(program);
    bounded_builtins::install(&mut program);
    Ok(Compiled {
        program: Arc::new(program),
        package,
        entries,
    })
}

fn plain_package(path: &str) -> Result<String, DocumentError> {
    let package = path.strip_prefix("data.").unwrap_or(path);
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if package.split('.').all(is_word) && !is_reserved(package) {
        Ok(package.to_owned())
    } else {
        Err(DocumentError::Package {
            package: package.to_owned(),
        })
    }
}

fn entries(engine: &Engine) -> Result<Vec<Entry>, DocumentError> {
    let mut declared = Vec::new();
    for entry in Entry::iter() {
        if engine
            .has_declared_rule_rooted_at(NAME, entry.name())
            .map_err(rego_error)?
        {
            declared.push(entry);
        }
    }
    Ok(declared)
}

fn program(
    policy: &CompiledPolicy,
    entry_points: &[String],
) -> Result<Arc<Program>, DocumentError> {
    let entry_points: Vec<&str> = entry_points.iter().map(String::as_str).collect();
    Compiler::compile_from_policy(policy, &entry_points).map_err(rego_error)
}

/// `a.b := 1` makes `b` a part of `a`. Regorus' virtual machine evaluates such parts separately and
/// would take one of them for the whole.
fn check_rule_names(policy: &CompiledPolicy, package: &str) -> Result<(), DocumentError> {
    let prefix = format!("data.{package}.");
    let names = policy
        .get_rules()
        .keys()
        .filter_map(|path| path.strip_prefix(&prefix));
    match names.into_iter().find(|name| name.contains(['.', '['])) {
        Some(name) => Err(DocumentError::CompoundName {
            rule: name.to_owned(),
        }),
        None => Ok(()),
    }
}

/// If a rule with a single value gets two, regorus' virtual machine makes it undefined, and a
/// denial or a need would be lost. Sets cannot conflict.
fn check_rule_forms(program: &Program, package: &str) -> Result<(), DocumentError> {
    for (entry, form) in [
        (Entry::Deny, "`deny contains … if …`"),
        (Entry::Needs, "`needs contains … if …`"),
    ] {
        let path = format!("data.{package}.{}", entry.name());
        let info = program.rule_infos.iter().find(|info| info.name == path);
        if info.is_some_and(|info| info.rule_type != RuleType::PartialSet) {
            return Err(DocumentError::RuleForm {
                rule: entry.name(),
                form,
            });
        }
    }
    Ok(())
}

fn check_functions(program: &Program) -> Result<(), DocumentError> {
    let forbidden = program
        .builtin_info_table
        .iter()
        .find(|function| !FUNCTIONS.contains(&function.name.as_str()));
    match forbidden {
        Some(function) => Err(DocumentError::ForbiddenFunction {
            name: function.name.clone(),
            hint: "",
        }),
        None => Ok(()),
    }
}

/// Reduce regorus' multi-line message, with its source excerpt, to one line with position and text.
fn rego_error(error: impl std::fmt::Display) -> DocumentError {
    let text = error.to_string();
    let why = text
        .split_once("error: ")
        .map_or(text.as_str(), |(_, why)| why)
        .trim()
        .to_owned();
    DocumentError::Rego {
        position: position(&text).unwrap_or_default(),
        why,
    }
}

fn position(text: &str) -> Option<String> {
    let location = text.split_once(&format!("--> {NAME}:"))?.1.lines().next()?;
    let (line, column) = location.split_once(':')?;
    Some(format!("line {line}, column {column}: "))
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
        assert_eq!(compiled.entries, [Entry::Allow, Entry::Deny]);
        assert_eq!(
            compiled.entry_point(Entry::Deny).as_deref(),
            Some("data.florin.mine.deny")
        );
        assert_eq!(compiled.entry_point(Entry::Needs), None);
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
    fn deny_and_needs_must_be_sets() {
        for rules in [
            "deny := true",
            "deny if input.a",
            "needs := [1]",
            "default deny := {\"x\"}",
            "needs[x] := 1 if some x in [1]",
        ] {
            let message = rejection(&format!("package florin.p\nallow := true\n{rules}"));
            assert!(message.contains("must be written as"), "{rules}: {message}");
        }
    }

    #[test]
    fn a_rule_name_must_be_one_word() {
        for rules in [
            "allow := true\ndeny.big := \"no\" if input.a\ndeny.small := \"no\" if input.b",
            "allow := true\nlookups.x := {}",
            "allow := true\nlookups[\"x\"] := {}",
            "allow if limits[input.a] == 1\nlimits.a := 1\nlimits.b := 2",
            "allow := true\nx.y contains 1",
        ] {
            let message = rejection(&format!("package florin.p\n{rules}"));
            assert!(
                message.contains("a rule name must be one word"),
                "{rules}: {message}"
            );
        }
        assert_eq!(
            rejection("package florin.p\nallow := true\nlookups[x] := 1 if some x in [\"a\"]"),
            ""
        );
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
        let message = rejection("package florin.p\nallow if data.florin.approval[input.x]");
        assert!(message.contains("named in full"), "{message}");
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
