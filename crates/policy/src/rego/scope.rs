//! Which names a body declares, and in which order it uses them.

use super::Refusal;
use super::ast::{Field, Literal, LiteralKind, Term, TermKind};
use super::names::View;
use super::program::Slot;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The names of one body.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) vars: HashMap<Arc<str>, Var>,
}

#[derive(Clone, Copy)]
pub(super) struct Var {
    pub(super) slot: Slot,
    pub(super) bound: bool,
}

/// The names that a body declares or uses for the first time.
pub(super) struct Declared {
    pub(super) names: Vec<Arc<str>>,
}

/// Check a body's declarations, and list the names that it introduces. `outer` tells whether a name
/// exists outside; `is_argument` whether it is one of the function's.
pub(super) fn declarations(
    body: &[Literal],
    heads: &[&Term],
    view: &View<'_>,
    outer: &dyn Fn(&str) -> bool,
    is_argument: &dyn Fn(&str) -> bool,
) -> Result<Declared, Refusal> {
    let mut declared: HashMap<Arc<str>, usize> = HashMap::new();
    for (index, literal) in body.iter().enumerate() {
        for name in declared_by(literal) {
            let is_new = declared.insert(name.clone(), index).is_none();
            let reserved = ["input", "data"].contains(&&*name);
            if !is_new || reserved || is_argument(&name) {
                let why = format!("the name {name} is declared twice");
                return Err(Refusal::at(literal.line, why));
            }
        }
    }
    check_order(body, &declared)?;
    check_used(body, heads, &declared)?;
    let mut uses = Uses::shallow();
    body.iter().for_each(|literal| uses.literal(literal));
    heads.iter().for_each(|head| uses.term(head));
    let mut names: Vec<Arc<str>> = declared.keys().cloned().collect();
    let implicit = uses
        .names
        .into_iter()
        .filter(|name| !declared.contains_key(name) && !outer(name) && !view.is_known(name));
    names.extend(implicit);
    Ok(Declared { names })
}

/// A name must not be used before the line that declares it, nor in what it is assigned.
fn check_order(body: &[Literal], declared: &HashMap<Arc<str>, usize>) -> Result<(), Refusal> {
    for (index, literal) in body.iter().enumerate() {
        let mut uses = Uses::deep();
        match &literal.kind {
            LiteralKind::Assign(_, value) => uses.term(value),
            LiteralKind::SomeIn { collection, .. } => uses.term(collection),
            LiteralKind::Some(_) => {}
            _ => uses.literal(literal),
        }
        let late = |name: &&Arc<str>| declared.get(*name).is_some_and(|at| *at >= index);
        if let Some(name) = uses.names.iter().find(late) {
            let why = format!("the name {name} is used before it is declared");
            return Err(Refusal::at(literal.line, why));
        }
    }
    Ok(())
}

/// As in OPA, `some x` without a use of `x` is an error.
fn check_used(
    body: &[Literal],
    heads: &[&Term],
    declared: &HashMap<Arc<str>, usize>,
) -> Result<(), Refusal> {
    for (index, literal) in body.iter().enumerate() {
        if let LiteralKind::Every {
            key, value, body, ..
        } = &literal.kind
        {
            check_every(literal.line, key.iter().chain([value]), body)?;
        }
        let LiteralKind::Some(names) = &literal.kind else {
            continue;
        };
        let mut uses = Uses::deep();
        body[index + 1..].iter().for_each(|next| uses.literal(next));
        heads.iter().for_each(|head| uses.term(head));
        let unused = names.iter().find(|name| !uses.names.contains(*name));
        if let Some(name) = unused.filter(|name| declared.contains_key(*name)) {
            let why = format!("the name {name} is declared and not used");
            return Err(Refusal::at(literal.line, why));
        }
    }
    Ok(())
}

fn check_every<'n>(
    line: u32,
    names: impl Iterator<Item = &'n Arc<str>>,
    body: &[Literal],
) -> Result<(), Refusal> {
    let mut uses = Uses::deep();
    body.iter().for_each(|literal| uses.literal(literal));
    let is_unused = |name: &&Arc<str>| &***name != "_" && !uses.names.contains(*name);
    match { names }.find(is_unused) {
        Some(name) => {
            let why = format!("the name {name} is declared and not used");
            Err(Refusal::at(line, why))
        }
        None => Ok(()),
    }
}

/// The names that a literal declares.
fn declared_by(literal: &Literal) -> Vec<Arc<str>> {
    match &literal.kind {
        LiteralKind::Assign(target, _) => pattern_names(&[target]),
        LiteralKind::Some(names) => names.clone(),
        LiteralKind::SomeIn { key, value, .. } => {
            let terms: Vec<&Term> = key.iter().chain([value]).collect();
            pattern_names(&terms)
        }
        _ => Vec::new(),
    }
}

/// The names of patterns, each once.
pub(super) fn pattern_names(patterns: &[&Term]) -> Vec<Arc<str>> {
    let mut names = Vec::new();
    patterns
        .iter()
        .for_each(|pattern| add_names(pattern, &mut names));
    names
}

fn add_names(pattern: &Term, names: &mut Vec<Arc<str>>) {
    match &pattern.kind {
        TermKind::Var(name) if &**name != "_" => names.push(name.clone()),
        TermKind::Array(items) => items.iter().for_each(|item| add_names(item, names)),
        TermKind::Object(fields) => {
            fields
                .iter()
                .for_each(|field| add_names(&field.value, names));
        }
        _ => {}
    }
}

/// The names that terms use: with those of bodies within them, or without.
struct Uses {
    names: HashSet<Arc<str>>,
    with_bodies: bool,
}

impl Uses {
    fn shallow() -> Self {
        Self {
            names: HashSet::new(),
            with_bodies: false,
        }
    }

    fn deep() -> Self {
        Self {
            names: HashSet::new(),
            with_bodies: true,
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Term(term) => self.term(term),
            LiteralKind::Assign(a, b) | LiteralKind::Unify(a, b) => {
                self.term(a);
                self.term(b);
            }
            LiteralKind::Not(inner) => self.literal(inner),
            LiteralKind::Some(_) => {}
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                key.iter().for_each(|key| self.term(key));
                self.term(value);
                self.term(collection);
            }
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                self.term(domain);
                let own: Vec<Arc<str>> = key.iter().chain([value]).cloned().collect();
                self.body(body, &[], &own);
            }
        }
    }

    /// The names that a body uses from outside.
    fn body(&mut self, body: &[Literal], heads: &[&Term], own: &[Arc<str>]) {
        if !self.with_bodies {
            return;
        }
        let mut uses = Self::deep();
        body.iter().for_each(|literal| uses.literal(literal));
        heads.iter().for_each(|head| uses.term(head));
        let mut declared: HashSet<Arc<str>> = body.iter().flat_map(declared_by).collect();
        declared.extend(own.iter().cloned());
        let used = uses.names.into_iter();
        self.names
            .extend(used.filter(|name| !declared.contains(name)));
    }

    fn field(&mut self, field: &Field) {
        self.term(&field.key);
        self.term(&field.value);
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(name) if &**name != "_" => drop(self.names.insert(name.clone())),
            TermKind::Ref(head, path) => {
                self.term(head);
                path.iter().for_each(|part| self.term(part));
            }
            TermKind::Call(_, items) | TermKind::Array(items) | TermKind::Set(items) => {
                items.iter().for_each(|item| self.term(item));
            }
            TermKind::Object(fields) => fields.iter().for_each(|field| self.field(field)),
            TermKind::ArrayOf(head, body) | TermKind::SetOf(head, body) => {
                self.body(body, &[head], &[]);
            }
            TermKind::ObjectOf(field, body) => {
                self.body(body, &[&field.key, &field.value], &[]);
            }
            _ => {}
        }
    }
}
