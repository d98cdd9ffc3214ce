//! From Rego text to a program for regorus' virtual machine.

use super::{LIBRARY, Refusal, calls, guard, is_reserved, scan};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::Program;
use regorus::rvm::program::RuleType;
use regorus::{CompiledPolicy, Engine};
use std::sync::Arc;

/// How regorus calls the document in its messages.
const NAME: &str = "policy.rego";

/// Every function that policies may use: pure, the same on every run, and of a result no larger
/// than what it is given, or nearly. Not among them is whatever reads a clock, chance, the network
/// or the process, and what makes much of little (`numbers.range`, `bits.lsh`).
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
    "to_number", // of the library alone: `scan` refuses it in documents
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

/// The rules that Florin asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Allow,
    Deny,
    Needs,
    Envelope,
    Lookups,
}

impl Entry {
    pub(crate) const ALL: [Entry; 5] = [
        Entry::Allow,
        Entry::Deny,
        Entry::Needs,
        Entry::Envelope,
        Entry::Lookups,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Entry::Allow => "allow",
            Entry::Deny => "deny",
            Entry::Needs => "needs",
            Entry::Envelope => "envelope",
            Entry::Lookups => "lookups",
        }
    }
}

/// A document, ready to be asked.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The program, with one entry point for each rule of [`Entry`] that the document has.
    pub(crate) program: Arc<Program>,
    package: String,
    entries: Vec<Entry>,
}

impl Compiled {
    /// The entry point of a rule, if the document has it.
    pub(crate) fn entry_point(&self, entry: Entry) -> Option<String> {
        self.entries
            .contains(&entry)
            .then(|| format!("data.{}.{}", self.package, entry.name()))
    }
}

/// Check and compile a document.
pub(crate) fn compile(document: &str) -> Result<Compiled, Refusal> {
    scan::scan(document)?;
    let mut engine = Engine::new();
    for (name, text) in LIBRARY {
        engine
            .add_policy(format!("{name}.rego"), text.to_owned())
            .map_err(rego)?;
    }
    let package = engine
        .add_policy(NAME.to_owned(), document.to_owned())
        .map_err(rego)?;
    let package = plain_package(&package)?;
    let entries = entries(&engine)?;
    if !entries.contains(&Entry::Allow) {
        return Err(Refusal::NoAllow { package });
    }
    let points: Vec<String> = entries
        .iter()
        .map(|entry| format!("data.{package}.{}", entry.name()))
        .collect();
    let policy = engine
        .compile_with_entrypoint(&points[0].as_str().into())
        .map_err(rego)?;
    check_names(&policy, &package)?;
    let program = program(&policy, &points)?;
    check_functions(&program)?;
    check_kinds(&program, &package)?;
    calls::check(&program)?;
    let mut program = Arc::unwrap_or_clone(program);
    guard::put(&mut program);
    Ok(Compiled {
        program: Arc::new(program),
        package,
        entries,
    })
}

fn plain_package(told: &str) -> Result<String, Refusal> {
    let package = told.strip_prefix("data.").unwrap_or(told);
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if package.split('.').all(word) && !is_reserved(package) {
        Ok(package.to_owned())
    } else {
        Err(Refusal::Package {
            package: package.to_owned(),
        })
    }
}

fn entries(engine: &Engine) -> Result<Vec<Entry>, Refusal> {
    let mut found = Vec::new();
    for entry in Entry::ALL {
        if engine
            .has_declared_rule_rooted_at(NAME, entry.name())
            .map_err(rego)?
        {
            found.push(entry);
        }
    }
    Ok(found)
}

fn program(policy: &CompiledPolicy, points: &[String]) -> Result<Arc<Program>, Refusal> {
    let points: Vec<&str> = points.iter().map(String::as_str).collect();
    Compiler::compile_from_policy(policy, &points).map_err(rego)
}

/// `a.b := 1` makes `b` a part of `a`; regorus' virtual machine knows the part, and takes one of
/// the parts for the whole.
fn check_names(policy: &CompiledPolicy, package: &str) -> Result<(), Refusal> {
    let own = format!("data.{package}.");
    let names = policy
        .get_rules()
        .keys()
        .filter_map(|path| path.strip_prefix(&own));
    match names.into_iter().find(|name| name.contains(['.', '['])) {
        Some(name) => Err(Refusal::Parts {
            rule: name.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Where a rule with one value has two, regorus' virtual machine gives it none, and a denial or a
/// need would be lost. Sets cannot conflict.
fn check_kinds(program: &Program, package: &str) -> Result<(), Refusal> {
    for (entry, form) in [
        (Entry::Deny, "`deny contains … if …`"),
        (Entry::Needs, "`needs contains … if …`"),
    ] {
        let path = format!("data.{package}.{}", entry.name());
        let info = program.rule_infos.iter().find(|info| info.name == path);
        if info.is_some_and(|info| info.rule_type != RuleType::PartialSet) {
            return Err(Refusal::Kind {
                rule: entry.name(),
                form,
            });
        }
    }
    Ok(())
}

fn check_functions(program: &Program) -> Result<(), Refusal> {
    let foreign = program
        .builtin_info_table
        .iter()
        .find(|function| !FUNCTIONS.contains(&function.name.as_str()));
    match foreign {
        Some(function) => Err(Refusal::Function {
            name: function.name.clone(),
            hint: "",
        }),
        None => Ok(()),
    }
}

/// Regorus draws the line with a caret under it; here one line is wanted: the place and the words.
fn rego(error: impl std::fmt::Display) -> Refusal {
    let text = error.to_string();
    let why = text
        .split_once("error: ")
        .map_or(text.as_str(), |(_, why)| why)
        .trim()
        .to_owned();
    Refusal::Rego {
        place: place(&text).unwrap_or_default(),
        why,
    }
}

fn place(text: &str) -> Option<String> {
    let at = text.split_once(&format!("--> {NAME}:"))?.1.lines().next()?;
    let (line, column) = at.split_once(':')?;
    Some(format!("line {line}, column {column}: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(document: &str) -> String {
        compile(document)
            .err()
            .map(|refusal| refusal.to_string())
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
            refusal("package florin.mine\nx := 1"),
            "package florin.mine has no rule `allow`"
        );
    }

    #[test]
    fn what_is_no_rego_says_where() {
        assert!(
            refusal("package p\n\nallow if {").starts_with("line 3"),
            "{}",
            refusal("package p\n\nallow if {")
        );
        assert!(!refusal("plain words").is_empty());
        assert!(!refusal("").is_empty());
        assert!(!refusal("package p\nallow if missing(1)").is_empty());
    }

    #[test]
    fn denials_and_needs_are_sets() {
        for rules in [
            "deny := true",
            "deny if input.a",
            "needs := [1]",
            "default deny := {\"x\"}",
            "needs[x] := 1 if some x in [1]",
        ] {
            let said = refusal(&format!("package florin.p\nallow := true\n{rules}"));
            assert!(said.contains("has to be written as"), "{rules}: {said}");
        }
    }

    #[test]
    fn a_rules_name_is_one_word() {
        for rules in [
            "allow := true\ndeny.big := \"no\" if input.a\ndeny.small := \"no\" if input.b",
            "allow := true\nlookups.x := {}",
            "allow := true\nlookups[\"x\"] := {}",
            "allow if limits[input.a] == 1\nlimits.a := 1\nlimits.b := 2",
            "allow := true\nx.y contains 1",
        ] {
            let said = refusal(&format!("package florin.p\n{rules}"));
            assert!(
                said.contains("a rule's name is one word"),
                "{rules}: {said}"
            );
        }
        assert_eq!(
            refusal("package florin.p\nallow := true\nlookups[x] := 1 if some x in [\"a\"]"),
            ""
        );
    }

    #[test]
    fn rules_that_call_themselves_or_too_deep_are_refused() {
        for rules in [
            "allow if q\nq if allow",
            "allow if allow",
            "default allow := false\nallow if q\nq if r\nr if q",
            "allow if f(1)\nf(x) if g(x)\ng(x) if f(x)",
            "allow if f(1)\nf(x) := y if { y := f(x + 1) }",
            "allow := true\ndeny contains \"x\" if count(deny) > 0",
            "allow if every x in [1] { f(x) }\nf(x) if count([y | some y in [x]; f(y)]) > 0",
        ] {
            let said = refusal(&format!("package florin.p\n{rules}"));
            assert!(said.contains("calls itself"), "{rules}: {said}");
        }
        let chain = |n: usize| -> String {
            let rules: Vec<String> = (0..n).map(|k| format!("r{k} if r{}", k + 1)).collect();
            format!(
                "package florin.p\nallow if r0\n{}\nr{n} := true",
                rules.join("\n")
            )
        };
        assert_eq!(refusal(&chain(62)), "");
        assert!(
            refusal(&chain(63)).contains("more than 64 rules"),
            "{}",
            refusal(&chain(63))
        );
        for rules in [
            "allow if data.florin.p[input.x]",
            "allow if count(data.florin.p) > 0",
        ] {
            assert!(
                !refusal(&format!("package florin.p\n{rules}")).is_empty(),
                "{rules}"
            );
        }
        let said = refusal("package florin.p\nallow if data.florin.approval[input.x]");
        assert!(said.contains("named in full"), "{said}");
    }

    #[test]
    fn the_library_cannot_be_added_to() {
        for package in [
            "florin",
            "florin.amount",
            "florin.units.mine",
            "florin[\"amount\"]",
        ] {
            let said = refusal(&format!("package {package}\nallow := true"));
            assert!(said.contains("cannot be used"), "{package}: {said}");
        }
        assert!(!refusal("package a[\"b.c\"]\nallow := true").is_empty());
    }

    #[test]
    fn nothing_reads_a_clock_chance_or_the_world() {
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
                !refusal(&format!("package p\nallow if {call}")).is_empty(),
                "{call}"
            );
        }
    }
}
