//! The check of types: OPA refuses a document in which a value cannot have the type that its use
//! needs, whether or not the rule matters.

use super::Refusal;
use super::builtins::Builtin;
use super::program::{Clause, Form, Group, GroupId, Node, Pair, Pattern, Program, Statement};
use super::types::{ANY, Type, closed, display, either, fit, keys, or};
use super::value::Value;
use std::collections::BTreeMap;

/// The parts of the largest type.
const MAX_TYPE: usize = 20_000;
/// The parts of all types that a check goes through.
const MAX_WORK: usize = 5_000_000;

/// The type of a rule, or of a function with its arguments.
#[derive(Debug, Clone)]
struct Signature {
    args: Vec<Type>,
    value: Type,
}

/// The signatures of all rules, each found when it is needed.
struct Signatures<'p> {
    program: &'p Program,
    known: Vec<Option<Signature>>,
    work: usize,
}

/// The check of one clause.
struct Checker<'s, 'p> {
    signatures: &'s mut Signatures<'p>,
    slots: Vec<Type>,
}

type Checked<T> = Result<T, String>;

/// Refuse a program in which types do not fit.
pub(super) fn check(program: &Program) -> Result<(), Refusal> {
    let mut signatures = Signatures {
        program,
        known: vec![None; program.groups.len()],
        work: 0,
    };
    (0..program.groups.len()).try_for_each(|group| signatures.of(group).map(|_| ()))
}

impl<'p> Signatures<'p> {
    /// The signature of a rule. The calls are no circle, and not deep: `recursion` checked it.
    fn of(&mut self, id: GroupId) -> Result<Signature, Refusal> {
        if let Some(known) = &self.known[id] {
            return Ok(known.clone());
        }
        let program = self.program;
        let group = &program.groups[id];
        let arity = match group.form {
            Form::Function(arity) => arity,
            _ => 0,
        };
        let mut result: Option<Signature> = group.default.as_ref().map(|default| Signature {
            args: vec![ANY; arity],
            value: Type::of(default),
        });
        if let Form::Parts(parts) = &group.form {
            let mut fields = BTreeMap::new();
            for (name, part) in parts {
                fields.insert(Value::Text(name.clone()), self.of(*part)?.value);
            }
            let rest = Type::object_of(Type::Text, ANY);
            let Type::Object(_, rest) = rest else {
                return Err(Refusal::at(0, "an object has no type"));
            };
            result = Some(Signature {
                args: Vec::new(),
                value: Type::Object(fields, rest),
            });
        }
        for clause in &group.clauses {
            let next = self.clause(group, clause)?;
            result = Some(match result {
                None => next,
                Some(have) => have.merged(next),
            });
        }
        let signature = result.unwrap_or(Signature {
            args: vec![ANY; arity],
            value: ANY,
        });
        self.known[id] = Some(signature.clone());
        Ok(signature)
    }

    fn clause(&mut self, group: &'p Group, clause: &'p Clause) -> Result<Signature, Refusal> {
        let name = group.name.trim_start_matches("data.").to_owned();
        let mut checker = Checker {
            signatures: self,
            slots: vec![Type::Open; clause.slots],
        };
        let checked = checker.signature(group, clause);
        checked.map_err(|why| match why.starts_with("in the rule ") {
            true => Refusal::at(clause.line, why), // it is of a rule that this one uses
            false => Refusal::at(clause.line, format!("in the rule {name}: {why}")),
        })
    }
}

impl Signature {
    fn merged(self, other: Self) -> Self {
        let args = self.args.into_iter().zip(other.args);
        Self {
            args: args.map(|(a, b)| either(a, b)).collect(),
            value: self.value.merged(other.value),
        }
    }
}

impl<'p> Checker<'_, 'p> {
    fn signature(&mut self, group: &'p Group, clause: &'p Clause) -> Checked<Signature> {
        let mut value = None;
        let mut args: Option<Vec<Type>> = None;
        for branch in &clause.branches {
            self.body(&branch.body)?;
            let key = match &branch.key {
                Some(key) => Some(self.of(key)?),
                None => None,
            };
            let head = self.of(&branch.value)?;
            let head = match head {
                Type::Open => ANY,
                head => head,
            };
            let head = match (&group.form, key) {
                (Form::Set, _) => Type::Set(Some(Box::new(head))),
                (_, Some(key)) => Type::object_of(closed(key), head),
                _ => head,
            };
            value = Some(match value {
                None => head,
                Some(have) => Type::merged(have, head),
            });
            let mut these = Vec::with_capacity(clause.params.len());
            for param in &clause.params {
                these.push(self.param(param)?);
            }
            args = Some(match args {
                None => these,
                Some(have) => have
                    .into_iter()
                    .zip(these)
                    .map(|(a, b)| either(a, b))
                    .collect(),
            });
            // Each branch is a rule of its own: what one needs of an argument does not bind the
            // next.
            self.slots.fill(Type::Open);
        }
        Ok(Signature {
            args: args.unwrap_or_default(),
            value: value.unwrap_or(ANY),
        })
    }

    /// The type of an argument; what no line uses can be anything.
    fn param(&mut self, param: &'p Pattern) -> Checked<Type> {
        Ok(match param {
            Pattern::Any => ANY,
            Pattern::Bind(slot) => closed(self.slots[*slot].clone()),
            Pattern::Equal(node) => closed(self.of(node)?),
            Pattern::Array(items) => {
                let items = items.iter().map(|item| self.param(item));
                Type::Array(items.collect::<Checked<_>>()?, None)
            }
            Pattern::Object(fields) => {
                let mut types = BTreeMap::new();
                for (key, field) in fields {
                    types.insert(key.clone(), self.param(field)?);
                }
                Type::Object(types, None)
            }
        })
    }

    fn body(&mut self, body: &'p [Statement]) -> Checked<()> {
        body.iter()
            .try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'p Statement) -> Checked<()> {
        match statement {
            Statement::Holds(node) | Statement::Not(node) => match node {
                Node::Call(builtin, args) if builtin.name == "equal" => {
                    let (a, b) = (self.of(&args[0])?, self.of(&args[1])?);
                    self.equal(&args[0], a, &args[1], b)
                }
                node => self.of(node).map(|_| ()),
            },
            Statement::Match(pattern, node) => {
                let found = self.of(node)?;
                self.matched(pattern, Some(node), found)
            }
            Statement::Walk { base, key, value } => {
                let base = self.of(base)?;
                let keys = keys(&base)?;
                let values = base.values().unwrap_or(ANY);
                self.matched(key, None, keys)?;
                self.matched(value, None, values)
            }
            Statement::Every { domain, body, .. } => {
                let domain = self.of(domain)?;
                if !domain.is_empty() {
                    keys(&domain)?;
                }
                self.body(body)
            }
        }
    }

    /// Both sides of an equality can be equal.
    fn equal(&mut self, a: &'p Node, type_a: Type, b: &'p Node, type_b: Type) -> Checked<()> {
        let fits = match (type_a.is_open(), type_b.is_open()) {
            (false, false) => type_a.unifies(&type_b),
            (true, false) => self.narrow(a, &type_b, false)?,
            (false, true) => self.narrow(b, &type_a, false)?,
            (true, true) => {
                self.narrow(a, &ANY, false)?;
                self.narrow(b, &ANY, false)?
            }
        };
        fit(fits, &type_a, &type_b)
    }

    /// A pattern can match a type; its new names get their types.
    fn matched(
        &mut self,
        pattern: &'p Pattern,
        node: Option<&'p Node>,
        found: Type,
    ) -> Checked<()> {
        match pattern {
            Pattern::Any => Ok(()),
            Pattern::Bind(slot) => {
                if found == Type::Open
                    && let Some(node) = node
                {
                    self.narrow(node, &ANY, false)?;
                }
                self.slots[*slot] = closed(found);
                Ok(())
            }
            Pattern::Equal(other) => {
                let wanted = self.of(other)?;
                match node {
                    Some(node) => self.equal(other, wanted, node, found),
                    None => {
                        let fits = match wanted.is_open() {
                            true => self.narrow(other, &found, false)?,
                            false => wanted.unifies(&found),
                        };
                        fit(fits, &wanted, &found)
                    }
                }
            }
            Pattern::Array(_) | Pattern::Object(_) => {
                if let (Some(node), true) = (node, found.is_open()) {
                    return self.apart(pattern, node);
                }
                let found = closed(found);
                let fits = self.open(pattern, &found, false)?;
                fit(fits, &self.param(pattern)?, &found)
            }
        }
    }

    /// A pattern and a node of which parts are not known.
    fn apart(&mut self, pattern: &'p Pattern, node: &'p Node) -> Checked<()> {
        if let (Pattern::Array(patterns), Node::Array(nodes)) = (pattern, node)
            && patterns.len() == nodes.len()
        {
            for (pattern, node) in patterns.iter().zip(nodes) {
                let found = self.of(node)?;
                self.matched(pattern, Some(node), found)?;
            }
            return Ok(());
        }
        self.narrow(node, &ANY, false)?;
        self.open(pattern, &ANY, false).map(|_| ())
    }

    /// Whether a pattern can match a type, which its new names take on.
    fn open(&mut self, pattern: &'p Pattern, found: &Type, union: bool) -> Checked<bool> {
        Ok(match (pattern, found) {
            (Pattern::Any, _) => true,
            (Pattern::Bind(slot), _) => {
                self.slots[*slot] = match union {
                    true => either(self.slots[*slot].clone(), found.clone()),
                    false => found.clone(),
                };
                true
            }
            (Pattern::Equal(node), _) => self.narrow(node, found, union)?,
            (_, Type::Union(types)) if types.is_empty() => {
                match pattern {
                    Pattern::Array(items) => {
                        for item in items {
                            self.open(item, &ANY, true)?;
                        }
                    }
                    Pattern::Object(fields) => {
                        for (_, field) in fields {
                            self.open(field, &ANY, true)?;
                        }
                    }
                    _ => {}
                }
                true
            }
            (_, Type::Union(types)) => {
                let mut fits = false;
                for each in types {
                    fits |= self.open(pattern, each, true)?;
                }
                fits
            }
            (Pattern::Array(items), Type::Array(known, rest)) => {
                if items.len() != known.len() && rest.is_none() {
                    return Ok(false);
                }
                for (place, item) in items.iter().enumerate() {
                    let Some(found) = known.get(place).or(rest.as_deref()) else {
                        return Ok(false);
                    };
                    if !self.open(item, &found.clone(), union)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Pattern::Object(fields), Type::Object(known, rest)) => {
                if fields.len() != known.len() && rest.is_none() {
                    return Ok(false);
                }
                for (key, field) in fields {
                    match found.select(key) {
                        Some(found) if self.open(field, &found, union)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// Whether a node can have a type; names without a type take it on.
    fn narrow(&mut self, node: &'p Node, wanted: &Type, union: bool) -> Checked<bool> {
        match node {
            Node::Slot(slot) => {
                let have = &self.slots[*slot];
                if union {
                    self.slots[*slot] = either(have.clone(), wanted.clone());
                    return Ok(true);
                }
                if *have == Type::Open {
                    self.slots[*slot] = wanted.clone();
                    return Ok(true);
                }
                Ok(have.unifies(wanted))
            }
            Node::Array(_) | Node::Object(_) | Node::Set(_) => {
                self.narrow_parts(node, wanted, union)
            }
            _ => Ok(self.of(node)?.unifies(wanted)),
        }
    }

    fn narrow_parts(&mut self, node: &'p Node, wanted: &Type, union: bool) -> Checked<bool> {
        match (node, wanted) {
            (_, Type::Union(types)) if types.is_empty() => {
                let parts: Vec<&'p Node> = match node {
                    Node::Array(items) | Node::Set(items) => items.iter().collect(),
                    Node::Object(pairs) => pairs
                        .iter()
                        .flat_map(|pair| [&pair.key, &pair.value])
                        .collect(),
                    _ => Vec::new(),
                };
                for part in parts {
                    self.narrow(part, &ANY, true)?;
                }
                Ok(true)
            }
            (_, Type::Union(types)) => {
                let mut fits = false;
                for each in types {
                    fits |= self.narrow(node, each, true)?;
                }
                Ok(fits)
            }
            (Node::Array(items), Type::Array(known, rest)) => {
                if items.len() != known.len() && rest.is_none() {
                    return Ok(false);
                }
                for (place, item) in items.iter().enumerate() {
                    let Some(wanted) = known.get(place).or(rest.as_deref()) else {
                        return Ok(false);
                    };
                    if !self.narrow(item, &wanted.clone(), union)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Node::Set(items), Type::Set(wanted)) => {
                let Some(wanted) = wanted.as_deref() else {
                    return Ok(items.is_empty());
                };
                for item in items {
                    if !self.narrow(item, wanted, union)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Node::Object(pairs), Type::Object(known, rest)) => {
                if pairs.len() != known.len() && rest.is_none() {
                    return Ok(false);
                }
                for pair in pairs {
                    let child = match pair.key.constant() {
                        Some(key) => wanted.select(key),
                        None => Some(ANY),
                    };
                    match child {
                        Some(child) if self.narrow(&pair.value, &child, union)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The type of a node, with what it needs checked. The work is bounded: a type is as large as
    /// the value if nothing were shared.
    fn of(&mut self, node: &'p Node) -> Checked<Type> {
        let found = self.found(node)?;
        let size = found.size(MAX_TYPE);
        self.signatures.work += size;
        match size >= MAX_TYPE || self.signatures.work > MAX_WORK {
            true => Err("a value has too many parts to be checked".to_owned()),
            false => Ok(found),
        }
    }

    fn found(&mut self, node: &'p Node) -> Checked<Type> {
        Ok(match node {
            Node::Constant(value) => Type::of(value),
            Node::Slot(slot) => self.slots[*slot].clone(),
            Node::Input => ANY,
            Node::Group(group) => self.group(*group)?.value,
            Node::Index(base, keys) => return self.index(base, keys),
            Node::Array(items) => {
                let items = items.iter().map(|item| self.of(item));
                Type::Array(items.collect::<Checked<_>>()?, None)
            }
            Node::Set(items) => {
                let mut all = None;
                for item in items {
                    all = or(all, self.of(item)?);
                }
                Type::Set(all.map(Box::new))
            }
            Node::Object(pairs) => return self.object(pairs),
            Node::Call(builtin, args) => return self.call(builtin, args),
            Node::Function(group, args) => {
                let signature = self.group(*group)?;
                let name = self.signatures.program.groups[*group].name.clone();
                self.args(&name, args, &signature.args)?;
                signature.value
            }
            Node::ArrayOf(head, body) => {
                self.body(body)?;
                Type::array_of(self.of(head)?)
            }
            Node::SetOf(head, body) => {
                self.body(body)?;
                Type::Set(Some(Box::new(self.of(head)?)))
            }
            Node::ObjectOf(pair, body) => {
                self.body(body)?;
                let (key, value) = (self.of(&pair.key)?, self.of(&pair.value)?);
                Type::object_of(key, value)
            }
        })
    }

    fn group(&mut self, group: GroupId) -> Checked<Signature> {
        self.signatures.of(group).map_err(|refusal| refusal.why)
    }

    fn object(&mut self, pairs: &'p [Pair]) -> Checked<Type> {
        let (mut fields, mut rest) = (BTreeMap::new(), None);
        for pair in pairs {
            let value = self.of(&pair.value)?;
            match pair.key.constant() {
                Some(key) => drop(fields.insert(key.clone(), value)),
                None => {
                    let key = self.of(&pair.key)?;
                    if let Type::Object(_, last) = Type::object_of(key, value) {
                        rest = last;
                    }
                }
            }
        }
        Ok(Type::Object(fields, rest))
    }

    fn call(&mut self, builtin: &'static Builtin, args: &'p [Node]) -> Checked<Type> {
        match builtin.name {
            "internal.member_2" => self.member(None, &args[0], &args[1])?,
            "internal.member_3" => self.member(Some(&args[0]), &args[1], &args[2])?,
            _ => {}
        }
        // A native function has the types of its text, as OPA finds them.
        let groups = &self.signatures.program.groups;
        if let Some(group) = groups.iter().position(|group| group.name == builtin.name) {
            let signature = self.group(group)?;
            self.args(builtin.name, args, &signature.args)?;
            return Ok(signature.value);
        }
        let wanted: Vec<Type> = builtin.args.iter().map(|kind| (*kind).into()).collect();
        self.args(builtin.name, args, &wanted)?;
        Ok(builtin.result.into())
    }

    fn member(&mut self, key: Option<&'p Node>, value: &'p Node, all: &'p Node) -> Checked<()> {
        let all = self.of(all)?;
        let Some(values) = all.values().filter(|values| !values.is_open()) else {
            return Ok(());
        };
        if let (Some(key), Some(keys)) = (key, all.keys().filter(|keys| !keys.is_open())) {
            self.operand(key, &keys)?;
        }
        self.operand(value, &values)
    }

    fn operand(&mut self, node: &'p Node, wanted: &Type) -> Checked<()> {
        let have = self.of(node)?;
        fit(self.fits(node, &have, wanted)?, &have, wanted)
    }

    /// Whether a node with a type can have another. (The type of a call is not found again.)
    fn fits(&mut self, node: &'p Node, have: &Type, wanted: &Type) -> Checked<bool> {
        use Node::{Array, Object, Set, Slot};
        let has_names = matches!(node, Slot(_) | Array(_) | Object(_) | Set(_));
        let fits = have.is_open() || have.unifies(wanted);
        Ok(fits && (!has_names || self.narrow(node, wanted, false)?))
    }

    fn args(&mut self, name: &str, args: &'p [Node], wanted: &[Type]) -> Checked<()> {
        for (arg, wanted) in args.iter().zip(wanted) {
            let have = self.of(arg)?;
            if !self.fits(arg, &have, wanted)? {
                let name = name.trim_start_matches("data.");
                return Err(format!("{name} cannot take {}", display(&have)));
            }
        }
        Ok(())
    }

    fn index(&mut self, base: &'p Node, path: &'p [Node]) -> Checked<Type> {
        let mut at = self.of(base)?;
        if at == Type::Open {
            self.narrow(base, &ANY, false)?;
            at = ANY;
        }
        for key in path {
            let all = keys(&at)?;
            at = match key {
                Node::Constant(key)
                    if !matches!(key, Value::Array(_) | Value::Object(_) | Value::Set(_)) =>
                {
                    let found = at.select(key);
                    found.ok_or_else(|| format!("there is no {key} in {}", display(&at)))?
                }
                key => {
                    let have = self.of(key)?;
                    let fits = match have.is_open() {
                        true => self.narrow(key, &all, false)?,
                        false => have.unifies(&all),
                    };
                    fit(fits, &have, &all)?;
                    at.values().unwrap_or(ANY)
                }
            };
        }
        Ok(at)
    }
}
