//! All modules together as one program.

use super::ast::{Branch, Head, Module, Rule, Term, TermKind};
use super::lower::{Lower, Lowered, Miss};
use super::names::{Names, View, full_path};
use super::program::{Clause, Form, Group, GroupId, Program, Way};
use super::scope::{Scope, pattern_names};
use super::value::Value;
use super::{Refusal, builtins, check, recursion};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether the library's functions run natively, or as the text that OPA runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Native,
    #[cfg(test)]
    Text,
}

struct Linker<'m> {
    names: &'m Names,
    library: Library,
    groups: Vec<Group>,
    calls: Vec<BTreeSet<GroupId>>,
}

/// Link modules; names are resolved over all of them.
pub(crate) fn link(modules: &[&Module], library: Library) -> Result<Program, Refusal> {
    let names = Names::of(modules)?;
    let groups = names.forms.iter().map(|named| Group {
        name: named.path.join("."),
        form: named.form.clone(),
        clauses: Vec::new(),
        default: None,
        constant: None,
    });
    let calls = names.forms.iter().map(|named| match &named.form {
        Form::Parts(parts) => parts.iter().map(|(_, part)| *part).collect(),
        _ => BTreeSet::new(),
    });
    let mut linker = Linker {
        names: &names,
        library,
        groups: groups.collect(),
        calls: calls.collect(),
    };
    for module in modules {
        linker.module(module)?;
    }
    recursion::check(&linker.groups, &linker.calls)?;
    let mut groups = linker.groups;
    for group in &mut groups {
        group.constant = constant(group);
    }
    let program = Program { groups };
    check::check(&program)?;
    Ok(program)
}

impl Linker<'_> {
    fn module(&mut self, module: &Module) -> Result<(), Refusal> {
        let view = View::of(self.names, module)?;
        check_imports(&view, module)?;
        for rule in &module.rules {
            let path = full_path(module, &rule.path).join(".");
            let Some(group) = self.names.group(&path) else {
                continue;
            };
            match &rule.head {
                Head::Default | Head::DefaultFunction(_) => self.default(group, rule)?,
                _ => self.rule(&view, group, rule)?,
            }
        }
        Ok(())
    }

    fn default(&mut self, group: GroupId, rule: &Rule) -> Result<(), Refusal> {
        let refused = |why: &str| Refusal::at(rule.line, why);
        let value = rule.branches.first().map(|branch| &branch.value);
        let value = value.and_then(constant_value);
        let value = value.ok_or_else(|| refused("the value of a default must be constant"))?;
        match self.groups[group].default.replace(value) {
            None => Ok(()),
            Some(_) => Err(refused("a rule has two defaults")),
        }
    }

    fn rule(&mut self, view: &View<'_>, group: GroupId, rule: &Rule) -> Result<(), Refusal> {
        let (names, library) = (self.names, self.library);
        let forms = |group: GroupId| names.forms[group].form.clone();
        let native = |group: GroupId| match library {
            Library::Native => builtins::native(&names.forms[group].path.join(".")),
            #[cfg(test)]
            Library::Text => None,
        };
        let mut lower = Lower::new(view, &forms, &native);
        let clause = clause(&mut lower, rule).map_err(Miss::refusal)?;
        self.calls[group].extend(lower.called);
        self.groups[group].clauses.push(clause);
        Ok(())
    }
}

fn clause(lower: &mut Lower<'_>, rule: &Rule) -> Lowered<Clause> {
    lower.scopes.push(Scope::default());
    let params = match &rule.head {
        Head::Function(args) => {
            args.iter().try_for_each(check_argument)?;
            let args: Vec<&Term> = args.iter().collect();
            let mut names: Vec<Arc<str>> = pattern_names(&args);
            names.sort();
            names.dedup();
            lower.declare(names);
            let params = args.iter().map(|arg| lower.pattern(arg));
            params.collect::<Lowered<_>>()?
        }
        _ => Vec::new(),
    };
    let key = match &rule.head {
        Head::Object(key) => Some(key),
        _ => None,
    };
    let branches = rule.branches.iter().map(|branch| way(lower, branch, key));
    let branches = branches.collect::<Lowered<_>>()?;
    Ok(Clause {
        line: rule.line,
        slots: lower.slots,
        params,
        branches,
    })
}

fn way(lower: &mut Lower<'_>, branch: &Branch, key: Option<&Term>) -> Lowered<Way> {
    let heads: Vec<&Term> = key.into_iter().chain([&branch.value]).collect();
    let (body, (key, value)) = lower.body(&branch.body, &heads, &[], |lower| {
        let key = key.map(|key| lower.term(key)).transpose()?;
        Ok((key, lower.term(&branch.value)?))
    })?;
    Ok(Way { body, key, value })
}

/// Arguments of a function's head are names, constants, and arrays and objects of them.
fn check_argument(arg: &Term) -> Result<(), Refusal> {
    match &arg.kind {
        TermKind::Var(_) => Ok(()),
        _ if arg.is_constant() => Ok(()),
        TermKind::Array(items) => items.iter().try_for_each(check_argument),
        TermKind::Object(fields) => fields.iter().try_for_each(|field| {
            check_argument(&field.key)?;
            check_argument(&field.value)
        }),
        _ => Err(Refusal::at(
            arg.line,
            "an argument of a function's head must be a name or a constant",
        )),
    }
}

/// An import must name something.
fn check_imports(view: &View<'_>, module: &Module) -> Result<(), Refusal> {
    for import in &module.imports {
        let path = view.full(&import.name, &[]).unwrap_or_default();
        let is_package = view.is_package(&path);
        if view.base(&path).is_none() && !is_package {
            let why = format!("there is no package or rule {}", import.path.join("."));
            return Err(Refusal::at(import.line, why));
        }
    }
    Ok(())
}

fn constant_value(term: &Term) -> Option<Value> {
    Some(match &term.kind {
        TermKind::Null => Value::Null,
        TermKind::Bool(value) => Value::Bool(*value),
        TermKind::Number(number) => Value::Number(*number),
        TermKind::Text(text) => Value::Text(text.clone()),
        TermKind::Array(items) => {
            Value::array(items.iter().map(constant_value).collect::<Option<_>>()?)
        }
        TermKind::Set(items) => {
            Value::set(items.iter().map(constant_value).collect::<Option<_>>()?)
        }
        TermKind::Object(fields) => {
            let fields = fields
                .iter()
                .map(|field| Some((constant_value(&field.key)?, constant_value(&field.value)?)));
            Value::object(fields.collect::<Option<_>>()?).ok()?
        }
        _ => return None,
    })
}

/// The value of all clauses of a rule with a single value, if it is one constant.
fn constant(group: &Group) -> Option<Value> {
    if !matches!(group.form, Form::Complete | Form::Function(_)) {
        return None;
    }
    let mut values = group
        .clauses
        .iter()
        .flat_map(|clause| &clause.branches)
        .map(|way| way.value.constant());
    let first = values.next()??.clone();
    values.all(|value| value == Some(&first)).then_some(first)
}
