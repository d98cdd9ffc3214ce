//! From the parsed form to a program: names to slots, statements in an order that gives each name a
//! value before it is used, and what OPA evaluates before a `not` before it.

use super::Refusal;
use super::ast::{Literal, LiteralKind, Term, TermKind};
use super::builtins;
use super::names::{Base, View};
use super::nodes::{check_target, constant_array, constant_object, constant_set, indexed};
use super::program::{Form, GroupId, Node, Pair, Pattern, Slot, Statement};
use super::scope::{Scope, Var, declarations};
use super::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The statements of one body.
const MAX_STATEMENTS: usize = 1_000;
/// Loops within one rule, which nest.
const MAX_LOOPS: usize = 64;

/// Why something is not lowered: it never can be, or a name has no value yet.
pub(super) enum Miss {
    Refused(Refusal),
    Unbound(Refusal),
}

pub(super) type Lowered<T> = Result<T, Miss>;

impl From<Refusal> for Miss {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Miss {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) | Self::Unbound(refusal) => refusal,
        }
    }
}

/// The lowering of one rule.
pub(super) struct Lower<'m> {
    pub(super) view: &'m View<'m>,
    pub(super) forms: &'m dyn Fn(GroupId) -> Form,
    /// The native form of a rule's function.
    pub(super) native: &'m dyn Fn(GroupId) -> Option<&'static builtins::Builtin>,
    pub(super) scopes: Vec<Scope>,
    pub(super) out: Vec<Statement>,
    pub(super) slots: Slot,
    pub(super) called: BTreeSet<GroupId>,
    loops: usize,
    negated: bool,
    bound: Vec<(usize, Arc<str>)>,
}

impl<'m> Lower<'m> {
    pub(super) fn new(
        view: &'m View<'m>,
        forms: &'m dyn Fn(GroupId) -> Form,
        native: &'m dyn Fn(GroupId) -> Option<&'static builtins::Builtin>,
    ) -> Self {
        Self {
            view,
            forms,
            native,
            scopes: Vec::new(),
            out: Vec::new(),
            slots: 0,
            called: BTreeSet::new(),
            loops: 0,
            negated: false,
            bound: Vec::new(),
        }
    }

    pub(super) fn new_slot(&mut self) -> Slot {
        self.slots += 1;
        self.slots - 1
    }

    /// Add names without values to the innermost scope.
    pub(super) fn declare(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        for name in names {
            let slot = self.new_slot();
            if let Some(scope) = self.scopes.last_mut() {
                scope.vars.insert(name, Var { slot, bound: false });
            }
        }
    }

    fn find(&self, name: &str) -> Option<(usize, Var)> {
        let scopes = self.scopes.iter().enumerate().rev();
        scopes
            .filter_map(|(level, scope)| Some((level, *scope.vars.get(name)?)))
            .next()
    }

    fn bind(&mut self, level: usize, name: &Arc<str>) {
        if let Some(var) = self.scopes[level].vars.get_mut(name) {
            var.bound = true;
            self.bound.push((level, name.clone()));
        }
    }

    /// Lower a body, and what is evaluated at its end, in a scope of its own.
    pub(super) fn body<T>(
        &mut self,
        body: &[Literal],
        heads: &[&Term],
        own: &[Arc<str>],
        end: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> Lowered<(Vec<Statement>, T)> {
        if body.len() > MAX_STATEMENTS {
            let why = format!("a body has more than {MAX_STATEMENTS} lines");
            return Err(Refusal::at(body[0].line, why).into());
        }
        self.scopes.push(Scope::default());
        self.declare(own.iter().cloned());
        for name in own {
            self.bind(self.scopes.len() - 1, name);
        }
        let outer = std::mem::take(&mut self.out);
        let negated = std::mem::replace(&mut self.negated, false);
        let result = self.statements(body, heads).and_then(|()| end(self));
        let statements = std::mem::replace(&mut self.out, outer);
        self.negated = negated;
        self.scopes.pop();
        let level = self.scopes.len();
        self.bound.retain(|(at, _)| *at < level);
        result.map(|value| (statements, value))
    }

    fn statements(&mut self, body: &[Literal], heads: &[&Term]) -> Lowered<()> {
        let outer = |name: &str| self.find(name).is_some();
        let in_head = self.scopes.len() == 2;
        let is_argument = |name: &str| in_head && self.scopes[0].vars.contains_key(name);
        let declared = declarations(body, heads, self.view, &outer, &is_argument)?;
        let own: Vec<Arc<str>> = declared.names.into_iter().collect();
        self.declare(own);
        let mut open: Vec<&Literal> = body.iter().collect();
        while !open.is_empty() {
            let mut missing = None;
            let mut done = None;
            for (index, literal) in open.iter().enumerate() {
                match self.attempt(literal) {
                    Ok(()) => {
                        done = Some(index);
                        break;
                    }
                    Err(Miss::Unbound(why)) => missing = missing.or(Some(why)),
                    Err(refused) => return Err(refused),
                }
            }
            match (done, missing) {
                (Some(index), _) => drop(open.remove(index)),
                (None, Some(why)) => return Err(Miss::Unbound(why)),
                (None, None) => break,
            }
        }
        Ok(())
    }

    /// Lower a literal, or leave no trace of it.
    fn attempt(&mut self, literal: &Literal) -> Lowered<()> {
        self.or_undone(|lower| lower.literal(literal))
    }

    fn or_undone<T>(&mut self, step: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        let (statements, bound, loops) = (self.out.len(), self.bound.len(), self.loops);
        let result = step(self);
        if result.is_err() {
            self.out.truncate(statements);
            self.loops = loops;
            for (level, name) in self.bound.split_off(bound) {
                if let Some(var) = self.scopes[level].vars.get_mut(&name) {
                    var.bound = false;
                }
            }
        }
        result
    }

    fn literal(&mut self, literal: &Literal) -> Lowered<()> {
        match &literal.kind {
            LiteralKind::Term(term) => {
                let node = self.term(term)?;
                self.out.push(Statement::Holds(node));
            }
            LiteralKind::Assign(target, value) => {
                check_target(target)?;
                let node = self.term(value)?;
                let pattern = self.pattern(target)?;
                self.out.push(Statement::Match(pattern, node));
            }
            LiteralKind::Unify(a, b) => self.unify(a, b)?,
            LiteralKind::Not(inner) => self.not(inner)?,
            LiteralKind::Some(_) => {}
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                let base = self.term(collection)?;
                let key = match key {
                    Some(key) => self.pattern(key)?,
                    None => Pattern::Any,
                };
                let value = self.pattern(value)?;
                self.walk(literal.line, base, key, value)?;
            }
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
            } => self.every(key.as_ref(), value, domain, body)?,
        }
        Ok(())
    }

    fn walk(&mut self, line: u32, base: Node, key: Pattern, value: Pattern) -> Lowered<()> {
        self.loops += 1;
        if self.negated {
            let why = "`not` cannot go through elements; write `some … in …` before it";
            return Err(Refusal::at(line, why).into());
        }
        if self.loops > MAX_LOOPS {
            let why = format!("a rule has more than {MAX_LOOPS} loops");
            return Err(Refusal::at(line, why).into());
        }
        self.out.push(Statement::Walk { base, key, value });
        Ok(())
    }

    fn unify(&mut self, a: &Term, b: &Term) -> Lowered<()> {
        let sides = |lower: &mut Self, target: &Term, value: &Term| {
            let node = lower.term(value)?;
            let pattern = lower.pattern(target)?;
            lower.out.push(Statement::Match(pattern, node));
            Ok(())
        };
        match self.or_undone(|lower| sides(lower, a, b)) {
            Err(Miss::Unbound(_)) => self.or_undone(|lower| sides(lower, b, a)),
            done => done,
        }
    }

    fn every(
        &mut self,
        key: Option<&Arc<str>>,
        value: &Arc<str>,
        domain: &Term,
        body: &[Literal],
    ) -> Lowered<()> {
        let domain = self.term(domain)?;
        let own: Vec<Arc<str>> = key.into_iter().chain([value]).cloned().collect();
        let own: Vec<Arc<str>> = own.into_iter().filter(|name| &**name != "_").collect();
        let (body, (key, value)) = self.body(body, &[], &own, |lower| {
            let found = |name: &Arc<str>| lower.find(name).map(|(_, var)| var.slot);
            let key = key.and_then(found);
            Ok((key, found(value)))
        })?;
        let value = match value {
            Some(slot) => slot,
            None => self.new_slot(),
        };
        self.out.push(Statement::Every {
            domain,
            key,
            value,
            body,
        });
        Ok(())
    }

    /// OPA evaluates the arguments of what is negated before the `not`: if one of them is
    /// undefined, so is the whole. Only a reference on its own, or beside `==`, is within the
    /// `not`.
    fn not(&mut self, inner: &Literal) -> Lowered<()> {
        self.negated = true;
        let node = self.negation(inner);
        self.negated = false;
        let node = node?;
        self.out.push(Statement::Not(node));
        Ok(())
    }

    fn negation(&mut self, inner: &Literal) -> Lowered<Node> {
        match &inner.kind {
            LiteralKind::Unify(a, b) => self.negated_equality(a, b),
            LiteralKind::Term(term) => match &term.kind {
                TermKind::Call(name, args) if name == "equal" => {
                    self.negated_equality(&args[0], &args[1])
                }
                TermKind::Call(name, args) => {
                    let args = args.iter().map(|arg| self.before(arg));
                    let args = args.collect::<Lowered<_>>()?;
                    self.call(term.line, name, args)
                }
                _ => self.within(term),
            },
            _ => Err(Refusal::at(inner.line, "only an expression can be negated").into()),
        }
    }

    fn negated_equality(&mut self, a: &Term, b: &Term) -> Lowered<Node> {
        let args = vec![self.within(a)?, self.within(b)?];
        self.call(a.line, "equal", args)
    }

    /// A term that is evaluated within a `not`.
    fn within(&mut self, term: &Term) -> Lowered<Node> {
        match &term.kind {
            TermKind::Ref(head, path) => match &head.kind {
                TermKind::Var(_) => self.reference(term, head, path, true),
                _ => self.before_reference(term, head, path),
            },
            TermKind::Var(_)
            | TermKind::ArrayOf(..)
            | TermKind::SetOf(..)
            | TermKind::ObjectOf(..) => self.term(term),
            _ => self.before(term),
        }
    }

    /// `f(x).y`: the call comes before the `not`, its part within.
    fn before_reference(&mut self, term: &Term, head: &Term, path: &[Term]) -> Lowered<Node> {
        let base = self.before(head)?;
        self.parts(term.line, base, path.iter(), true)
    }

    /// A term whose value is taken before the `not`.
    fn before(&mut self, term: &Term) -> Lowered<Node> {
        if term.is_constant() {
            return self.term(term);
        }
        let node = self.term(term)?;
        Ok(self.taken(node))
    }

    /// Take the value of a node now.
    fn taken(&mut self, node: Node) -> Node {
        if matches!(node, Node::Slot(_) | Node::Constant(_)) {
            return node;
        }
        let slot = self.new_slot();
        self.out.push(Statement::Match(Pattern::Bind(slot), node));
        Node::Slot(slot)
    }

    /// A pattern: names without a value get one, all else is compared.
    pub(super) fn pattern(&mut self, term: &Term) -> Lowered<Pattern> {
        Ok(match &term.kind {
            TermKind::Var(name) if &**name == "_" => Pattern::Any,
            TermKind::Var(name) => match self.find(name) {
                Some((level, var)) if !var.bound => {
                    self.bind(level, name);
                    Pattern::Bind(var.slot)
                }
                _ => Pattern::Equal(self.term(term)?),
            },
            TermKind::Array(items) if !term.is_constant() => {
                let items = items.iter().map(|item| self.pattern(item));
                Pattern::Array(items.collect::<Lowered<_>>()?)
            }
            TermKind::Object(fields) if !term.is_constant() => {
                let mut patterns: Vec<(Value, Pattern)> = Vec::new();
                for field in fields {
                    let Node::Constant(key) = self.term(&field.key)? else {
                        let why = "the keys of an object on the left must be constant";
                        return Err(Refusal::at(term.line, why).into());
                    };
                    if patterns.iter().any(|(have, _)| *have == key) {
                        return Err(Refusal::at(term.line, "an object has one key twice").into());
                    }
                    patterns.push((key, self.pattern(&field.value)?));
                }
                Pattern::Object(patterns)
            }
            _ => Pattern::Equal(self.term(term)?),
        })
    }

    /// Lower a term. What goes through elements becomes a statement before it.
    pub(super) fn term(&mut self, term: &Term) -> Lowered<Node> {
        Ok(match &term.kind {
            TermKind::Null => Node::Constant(Value::Null),
            TermKind::Bool(value) => Node::Constant(Value::Bool(*value)),
            TermKind::Number(number) => Node::Constant(Value::Number(*number)),
            TermKind::Text(text) => Node::Constant(Value::Text(text.clone())),
            TermKind::Var(name) => return self.name(term, name),
            TermKind::Ref(head, path) => return self.reference(term, head, path, false),
            TermKind::Call(name, args) => {
                let args = self.terms(args)?;
                return self.call(term.line, name, args);
            }
            TermKind::Array(items) => constant_array(self.terms(items)?),
            TermKind::Set(items) => constant_set(self.terms(items)?),
            TermKind::Object(fields) => {
                let mut pairs = Vec::with_capacity(fields.len());
                for field in fields {
                    let key = self.term(&field.key)?;
                    let value = self.term(&field.value)?;
                    pairs.push(Pair { key, value });
                }
                constant_object(term.line, pairs)?
            }
            TermKind::ArrayOf(head, body) => {
                let (body, head) = self.body(body, &[head], &[], |lower| lower.term(head))?;
                Node::ArrayOf(Box::new(head), body)
            }
            TermKind::SetOf(head, body) => {
                let (body, head) = self.body(body, &[head], &[], |lower| lower.term(head))?;
                Node::SetOf(Box::new(head), body)
            }
            TermKind::ObjectOf(field, body) => {
                let heads = [&field.key, &field.value];
                let (body, pair) = self.body(body, &heads, &[], |lower| {
                    let key = lower.term(&field.key)?;
                    let value = lower.term(&field.value)?;
                    Ok(Pair { key, value })
                })?;
                Node::ObjectOf(Box::new(pair), body)
            }
        })
    }

    fn terms(&mut self, terms: &[Term]) -> Lowered<Vec<Node>> {
        terms.iter().map(|term| self.term(term)).collect()
    }

    fn name(&mut self, term: &Term, name: &Arc<str>) -> Lowered<Node> {
        let unbound = |why: String| Miss::Unbound(Refusal::at(term.line, why));
        match self.find(name) {
            Some((_, var)) if var.bound => Ok(Node::Slot(var.slot)),
            Some(_) => Err(unbound(format!("the name {name} has no value here"))),
            None if &**name == "_" => Err(unbound("`_` has no value".to_owned())),
            None => self.global(term.line, name, &mut Vec::new().into_iter()),
        }
    }

    /// A rule or the input by its name and the constant parts that follow; takes those that belong
    /// to the name of a rule.
    fn global(
        &mut self,
        line: u32,
        name: &Arc<str>,
        parts: &mut std::vec::IntoIter<Arc<str>>,
    ) -> Lowered<Node> {
        let unknown = || Refusal::at(line, format!("there is no rule or name {name:?}"));
        let given: Vec<Arc<str>> = parts.as_slice().to_vec();
        let path = self.view.full(name, &given).ok_or_else(unknown)?;
        let imported = path.len() - given.len();
        match self.view.base(&path) {
            Some(Base::Input) => {
                let keys = path[1..imported].iter();
                let keys = keys.map(|part| Node::Constant(Value::Text(part.clone())));
                Ok(indexed(Node::Input, keys.collect()))
            }
            Some(Base::Group(group, length)) => {
                if let Form::Function(_) = (self.forms)(group) {
                    let why = format!("the function {} is not called", path.join("."));
                    return Err(Refusal::at(line, why).into());
                }
                self.called.insert(group);
                let keys = path.get(length..imported).unwrap_or_default().iter();
                let keys = keys.map(|part| Node::Constant(Value::Text(part.clone())));
                let node = indexed(Node::Group(group), keys.collect());
                for _ in imported..length {
                    parts.next();
                }
                Ok(node)
            }
            None => {
                let why = format!(
                    "there is no rule {}; `data` has only rules of the document and the library",
                    path.join(".")
                );
                Err(Refusal::at(line, why).into())
            }
        }
    }

    /// A reference. `within` a `not`, its keys are taken before.
    fn reference(
        &mut self,
        term: &Term,
        head: &Term,
        path: &[Term],
        within: bool,
    ) -> Lowered<Node> {
        let TermKind::Var(name) = &head.kind else {
            let base = self.term(head)?;
            return self.parts(term.line, base, path.iter(), within);
        };
        if self.find(name).is_some() || &**name == "_" {
            let base = self.name(head, name)?;
            return self.parts(term.line, base, path.iter(), within);
        }
        let constant = |part: &Term| match &part.kind {
            TermKind::Text(text) => Some(text.clone()),
            _ => None,
        };
        let leading: Vec<Arc<str>> = path.iter().map_while(constant).collect();
        let count = leading.len();
        let mut leading = leading.into_iter();
        let base = self.global(term.line, name, &mut leading)?;
        let taken = count - leading.len();
        self.parts(term.line, base, path[taken..].iter(), within)
    }

    fn parts<'t>(
        &mut self,
        line: u32,
        base: Node,
        path: impl Iterator<Item = &'t Term>,
        within: bool,
    ) -> Lowered<Node> {
        let (mut base, mut keys) = (base, Vec::new());
        for part in path {
            if !self.is_open(part) {
                let key = match within {
                    true => self.before(part)?,
                    false => self.term(part)?,
                };
                keys.push(key);
                continue;
            }
            let key = self.pattern(part)?;
            let slot = self.new_slot();
            let from = indexed(base, std::mem::take(&mut keys));
            self.walk(line, from, key, Pattern::Bind(slot))?;
            base = Node::Slot(slot);
        }
        Ok(indexed(base, keys))
    }

    /// Whether a key has a name without a value, so that it stands for all keys.
    fn is_open(&self, key: &Term) -> bool {
        match &key.kind {
            TermKind::Var(name) => {
                &**name == "_" || self.find(name).is_some_and(|(_, var)| !var.bound)
            }
            TermKind::Array(items) => items.iter().any(|item| self.is_open(item)),
            TermKind::Object(fields) => fields.iter().any(|field| self.is_open(&field.value)),
            _ => false,
        }
    }

    fn call(&mut self, line: u32, name: &str, args: Vec<Node>) -> Lowered<Node> {
        let mut parts = name.split('.').map(Arc::<str>::from);
        let first = parts.next().unwrap_or_default();
        let parts: Vec<Arc<str>> = parts.collect();
        if self.find(&first).is_some() {
            return Err(Refusal::at(line, format!("{name} is not a function")).into());
        }
        if let Some(path) = self.view.full(&first, &parts) {
            return self.call_rule(line, &path, args);
        }
        let builtin = builtins::find(name).map_err(|why| Refusal::at(line, why))?;
        builtins::check_arity(builtin, args.len()).map_err(|why| Refusal::at(line, why))?;
        Ok(Node::Call(builtin, args))
    }

    fn call_rule(&mut self, line: u32, path: &[Arc<str>], args: Vec<Node>) -> Lowered<Node> {
        let name = path.join(".");
        let Some(Base::Group(group, length)) = self.view.base(path) else {
            return Err(Refusal::at(line, format!("there is no function {name}")).into());
        };
        let arity = match (self.forms)(group) {
            Form::Function(arity) if length == path.len() => arity,
            _ => return Err(Refusal::at(line, format!("{name} is not a function")).into()),
        };
        if arity != args.len() {
            let why = format!("{name} takes {arity} arguments, not {}", args.len());
            return Err(Refusal::at(line, why).into());
        }
        if let Some(native) = (self.native)(group) {
            return Ok(Node::Call(native, args));
        }
        self.called.insert(group);
        Ok(Node::Function(group, args))
    }
}
