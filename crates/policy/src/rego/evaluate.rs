//! The evaluation of a program on an input, within a budget.

use super::Stop;
use super::builtins::Outcome;
use super::program::{Clause, Form, Group, GroupId, Node, Pair, Pattern, Program, Statement};
use super::value::{KeyConflict, Value};
use std::time::{Duration, Instant};

/// The steps between two looks at the clock.
const CLOCK_EVERY: usize = 256;
/// The bytes that count as a step, where values are compared or copied.
const BYTES_PER_STEP: usize = 4_096;
/// The largest nesting of evaluations. The stack of the evaluation's thread is chosen for it.
const MAX_DEPTH: usize = 4_000;

/// What an evaluation may use.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    pub(crate) steps: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// What is left of a budget.
struct Meter {
    budget: Budget,
    steps: usize,
    bytes: usize,
    depth: usize,
    next_look: usize,
    started: Instant,
}

/// One input with the values of the rules evaluated so far.
pub(crate) struct Evaluation<'p> {
    program: &'p Program,
    input: Value,
    known: Vec<Option<Option<Value>>>,
    meter: Meter,
}

/// Whether further solutions are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    More,
    Enough,
}

type Found<'f, 'p> = &'f mut dyn FnMut(&mut Evaluation<'p>, &mut [Value]) -> Result<Flow, Stop>;

/// Takes the key, if the rule has keys, and the value of a solution.
type FoundValue<'f, 'p> =
    &'f mut dyn FnMut(&mut Evaluation<'p>, Option<Value>, Value) -> Result<Flow, Stop>;

impl<'p> Evaluation<'p> {
    pub(crate) fn new(program: &'p Program, input: Value, budget: Budget) -> Self {
        Self {
            program,
            input,
            known: vec![None; program.groups.len()],
            meter: Meter::new(budget),
        }
    }

    /// The value of a rule, with a new budget; none if it is undefined.
    pub(crate) fn value(&mut self, group: GroupId) -> Result<Option<Value>, Stop> {
        self.meter = Meter::new(self.meter.budget.clone());
        self.group(group)
    }

    fn group(&mut self, id: GroupId) -> Result<Option<Value>, Stop> {
        if let Some(known) = &self.known[id] {
            return Ok(known.clone());
        }
        self.meter.enter()?;
        let group = &self.program.groups[id];
        let value = match &group.form {
            Form::Complete => self.single(group, &[])?,
            Form::Set => Some(self.set(group)?),
            Form::Object => Some(self.object(group)?),
            Form::Parts(parts) => Some(self.parts(parts)?),
            Form::Function(_) => None,
        };
        self.meter.leave();
        self.known[id] = Some(value.clone());
        Ok(value)
    }

    /// The value of a complete rule or a function. Two different values are an error.
    fn single(&mut self, group: &'p Group, args: &[Value]) -> Result<Option<Value>, Stop> {
        let mut result: Option<Value> = None;
        let flow = match group.constant {
            Some(_) => Flow::Enough,
            None => Flow::More,
        };
        for clause in &group.clauses {
            self.clause(clause, args, &mut |evaluation, _, value| {
                evaluation.meter.compare(&value)?;
                match &result {
                    Some(have) if *have != value => {
                        return Err(Stop::Failed(format!("{} has two values", group.name)));
                    }
                    _ => result = Some(value),
                }
                Ok(flow)
            })?;
            if result.is_some() && flow == Flow::Enough {
                break;
            }
        }
        Ok(result.or_else(|| group.default.clone()))
    }

    fn set(&mut self, group: &'p Group) -> Result<Value, Stop> {
        let mut items = Vec::new();
        for clause in &group.clauses {
            self.clause(clause, &[], &mut |_, _, value| {
                items.push(value);
                Ok(Flow::More)
            })?;
        }
        self.meter.made(Value::set(items))
    }

    fn object(&mut self, group: &'p Group) -> Result<Value, Stop> {
        let mut fields = Vec::new();
        for clause in &group.clauses {
            self.clause(clause, &[], &mut |_, key, value| {
                fields.extend(key.map(|key| (key, value)));
                Ok(Flow::More)
            })?;
        }
        self.made_object(&group.name, fields)
    }

    fn made_object(&mut self, name: &str, fields: Vec<(Value, Value)>) -> Result<Value, Stop> {
        let conflict = |KeyConflict| Stop::Failed(format!("{name} has two values for one key"));
        self.meter.made(Value::object(fields).map_err(conflict)?)
    }

    fn parts(&mut self, parts: &'p [(std::sync::Arc<str>, GroupId)]) -> Result<Value, Stop> {
        let mut fields = Vec::new();
        for (name, part) in parts {
            if let Some(value) = self.group(*part)? {
                fields.push((Value::Text(name.clone()), value));
            }
        }
        self.made_object("an object", fields)
    }

    /// Every value of a clause: of the first of its branches that has one.
    fn clause(
        &mut self,
        clause: &'p Clause,
        args: &[Value],
        found: FoundValue<'_, 'p>,
    ) -> Result<(), Stop> {
        self.meter.step(1)?;
        let mut frame = vec![Value::Null; clause.slots];
        for (param, arg) in clause.params.iter().zip(args) {
            if !self.matches(param, arg, &mut frame)? {
                return Ok(());
            }
        }
        for branch in &clause.branches {
            let mut has_value = false;
            self.solve(&branch.body, &mut frame, &mut |evaluation, frame| {
                let key = match &branch.key {
                    None => None,
                    Some(key) => match evaluation.node(key, frame)? {
                        None => return Ok(Flow::More),
                        key => key,
                    },
                };
                let Some(value) = evaluation.node(&branch.value, frame)? else {
                    return Ok(Flow::More);
                };
                has_value = true;
                found(evaluation, key, value)
            })?;
            if has_value {
                break;
            }
        }
        Ok(())
    }

    /// Go through the solutions of a body.
    fn solve(
        &mut self,
        body: &'p [Statement],
        frame: &mut [Value],
        found: Found<'_, 'p>,
    ) -> Result<Flow, Stop> {
        for (index, statement) in body.iter().enumerate() {
            let holds = match statement {
                Statement::Holds(node) => self.holds(node, frame)?,
                Statement::Not(node) => !self.holds(node, frame)?,
                Statement::Match(pattern, node) => match self.node(node, frame)? {
                    Some(value) => self.matches(pattern, &value, frame)?,
                    None => false,
                },
                Statement::Every {
                    domain,
                    key,
                    value,
                    body,
                } => match self.node(domain, frame)? {
                    Some(domain) => self.every(&domain, (*key, *value), body, frame)?,
                    None => false,
                },
                Statement::Walk { base, key, value } => {
                    let Some(base) = self.node(base, frame)? else {
                        return Ok(Flow::More);
                    };
                    let rest = &body[index + 1..];
                    return self.walk(&base, (key, value), rest, frame, found);
                }
            };
            if !holds {
                return Ok(Flow::More);
            }
        }
        found(self, frame)
    }

    fn walk(
        &mut self,
        base: &Value,
        (key, value): (&'p Pattern, &'p Pattern),
        rest: &'p [Statement],
        frame: &mut [Value],
        found: Found<'_, 'p>,
    ) -> Result<Flow, Stop> {
        self.meter.enter()?;
        for (index, item) in elements(base) {
            self.meter.step(1)?;
            if self.matches(key, &index, frame)?
                && self.matches(value, item, frame)?
                && self.solve(rest, frame, found)? == Flow::Enough
            {
                self.meter.leave();
                return Ok(Flow::Enough);
            }
        }
        self.meter.leave();
        Ok(Flow::More)
    }

    fn every(
        &mut self,
        domain: &Value,
        (key, value): (Option<usize>, usize),
        body: &'p [Statement],
        frame: &mut [Value],
    ) -> Result<bool, Stop> {
        if !matches!(domain, Value::Array(_) | Value::Object(_) | Value::Set(_)) {
            return Ok(false);
        }
        self.meter.enter()?;
        let mut all = true;
        for (index, item) in elements(domain) {
            self.meter.step(1)?;
            if let Some(key) = key {
                frame[key] = index;
            }
            frame[value] = item.clone();
            if self.solve(body, frame, &mut |_, _| Ok(Flow::Enough))? == Flow::More {
                all = false;
                break;
            }
        }
        self.meter.leave();
        Ok(all)
    }

    fn holds(&mut self, node: &'p Node, frame: &mut [Value]) -> Result<bool, Stop> {
        let value = self.node(node, frame)?;
        Ok(!matches!(value, None | Some(Value::Bool(false))))
    }

    fn matches(
        &mut self,
        pattern: &'p Pattern,
        value: &Value,
        frame: &mut [Value],
    ) -> Result<bool, Stop> {
        Ok(match (pattern, value) {
            (Pattern::Any, _) => true,
            (Pattern::Bind(slot), _) => {
                frame[*slot] = value.clone();
                true
            }
            (Pattern::Equal(node), _) => {
                let wanted = self.node(node, frame)?;
                self.meter.compare(value)?;
                wanted.is_some_and(|wanted| wanted == *value)
            }
            (Pattern::Array(patterns), Value::Array(items)) => {
                if patterns.len() != items.len() {
                    return Ok(false);
                }
                for (pattern, item) in patterns.iter().zip(items.iter()) {
                    if !self.matches(pattern, item, frame)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Pattern::Object(patterns), Value::Object(fields)) => {
                if patterns.len() != fields.len() {
                    return Ok(false);
                }
                for (key, pattern) in patterns {
                    match fields.get(key) {
                        Some(item) if self.matches(pattern, item, frame)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => false,
        })
    }

    fn node(&mut self, node: &'p Node, frame: &mut [Value]) -> Result<Option<Value>, Stop> {
        self.meter.step(1)?;
        match node {
            Node::Constant(value) => Ok(Some(value.clone())),
            Node::Slot(slot) => Ok(Some(frame[*slot].clone())),
            Node::Input => Ok(Some(self.input.clone())),
            Node::Group(group) => self.group(*group),
            Node::Index(base, keys) => self.index(base, keys, frame),
            _ => {
                self.meter.enter()?;
                let value = self.compound(node, frame);
                self.meter.leave();
                value
            }
        }
    }

    fn compound(&mut self, node: &'p Node, frame: &mut [Value]) -> Result<Option<Value>, Stop> {
        let value = match node {
            Node::Array(items) => match self.nodes(items, frame)? {
                Some(items) => Value::array(items),
                None => return Ok(None),
            },
            Node::Set(items) => match self.nodes(items, frame)? {
                Some(items) => Value::set(items),
                None => return Ok(None),
            },
            Node::Object(pairs) => return self.literal_object(pairs, frame),
            Node::Call(builtin, args) => {
                let Some(args) = self.nodes(args, frame)? else {
                    return Ok(None);
                };
                for arg in &args {
                    self.meter.compare(arg)?;
                }
                match (builtin.call)(&args)? {
                    Outcome::Value(value) => value,
                    Outcome::Undefined => return Ok(None),
                }
            }
            Node::Function(group, args) => {
                let Some(args) = self.nodes(args, frame)? else {
                    return Ok(None);
                };
                return self.single(&self.program.groups[*group], &args);
            }
            Node::ArrayOf(head, body) => Value::array(self.all(head, body, frame)?),
            Node::SetOf(head, body) => Value::set(self.all(head, body, frame)?),
            Node::ObjectOf(pair, body) => return self.object_of(pair, body, frame).map(Some),
            _ => return Ok(None), // `node` has them
        };
        self.meter.made(value).map(Some)
    }

    fn literal_object(
        &mut self,
        pairs: &'p [Pair],
        frame: &mut [Value],
    ) -> Result<Option<Value>, Stop> {
        let mut fields = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some(key) = self.node(&pair.key, frame)? else {
                return Ok(None);
            };
            let Some(value) = self.node(&pair.value, frame)? else {
                return Ok(None);
            };
            fields.push((key, value));
        }
        self.made_object("an object", fields).map(Some)
    }

    fn object_of(
        &mut self,
        pair: &'p Pair,
        body: &'p [Statement],
        frame: &mut [Value],
    ) -> Result<Value, Stop> {
        let mut fields = Vec::new();
        self.solve(body, frame, &mut |evaluation, frame| {
            if let Some(key) = evaluation.node(&pair.key, frame)?
                && let Some(value) = evaluation.node(&pair.value, frame)?
            {
                fields.push((key, value));
            }
            Ok(Flow::More)
        })?;
        self.made_object("an object", fields)
    }

    /// The value of a term for every solution of a body.
    fn all(
        &mut self,
        head: &'p Node,
        body: &'p [Statement],
        frame: &mut [Value],
    ) -> Result<Vec<Value>, Stop> {
        let mut items = Vec::new();
        self.solve(body, frame, &mut |evaluation, frame| {
            items.extend(evaluation.node(head, frame)?);
            Ok(Flow::More)
        })?;
        Ok(items)
    }

    fn nodes(
        &mut self,
        nodes: &'p [Node],
        frame: &mut [Value],
    ) -> Result<Option<Vec<Value>>, Stop> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            match self.node(node, frame)? {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(values))
    }

    fn index(
        &mut self,
        base: &'p Node,
        keys: &'p [Node],
        frame: &mut [Value],
    ) -> Result<Option<Value>, Stop> {
        let constant = keys.iter().take_while(|key| key.constant().is_some());
        let (first, rest) = keys.split_at(constant.count());
        let fixed = |base: &Value| {
            let keys = first.iter().filter_map(Node::constant);
            let mut at = Some(base);
            for key in keys {
                at = at.and_then(|value| value.get(key));
            }
            at.cloned()
        };
        let found = match base {
            Node::Slot(slot) => fixed(&frame[*slot]),
            Node::Input => fixed(&self.input),
            base => self.node(base, frame)?.and_then(|base| fixed(&base)),
        };
        let Some(mut value) = found else {
            return Ok(None);
        };
        for key in rest {
            let Some(key) = self.node(key, frame)? else {
                return Ok(None);
            };
            self.meter.compare(&key)?;
            match value.get(&key).cloned() {
                Some(inner) => value = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }
}

/// The elements of a collection with their keys: of a set, each element is its own key.
fn elements(base: &Value) -> Box<dyn Iterator<Item = (Value, &Value)> + '_> {
    match base {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            Box::new(items.map(|(index, item)| (Value::count(index), item)))
        }
        Value::Set(items) => Box::new(items.iter().map(|item| (item.clone(), item))),
        Value::Object(fields) => Box::new(fields.iter().map(|(key, item)| (key.clone(), item))),
        _ => Box::new(std::iter::empty()),
    }
}

impl Meter {
    #[expect(
        clippy::disallowed_methods,
        reason = "the limit of real time, which no value depends on"
    )]
    fn new(budget: Budget) -> Self {
        Self {
            budget,
            steps: 0,
            bytes: 0,
            depth: 0,
            next_look: CLOCK_EVERY,
            started: Instant::now(),
        }
    }

    fn step(&mut self, steps: usize) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps < self.next_look {
            return Ok(());
        }
        self.next_look = self.steps.saturating_add(CLOCK_EVERY);
        if self.steps > self.budget.steps {
            return Err(Stop::Steps);
        }
        match self.started.elapsed() > self.budget.time {
            true => Err(Stop::Time),
            false => Ok(()),
        }
    }

    /// Charge a comparison with a value.
    fn compare(&mut self, value: &Value) -> Result<(), Stop> {
        self.step(value.bytes() / BYTES_PER_STEP)
    }

    /// Charge a new value.
    fn made(&mut self, value: Value) -> Result<Value, Stop> {
        let bytes = value.bytes();
        self.bytes = self.bytes.saturating_add(bytes);
        self.step(bytes / BYTES_PER_STEP)?;
        match self.bytes > self.budget.bytes {
            true => Err(Stop::Bytes),
            false => Ok(value),
        }
    }

    fn enter(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => Err(Stop::Depth),
            false => Ok(()),
        }
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
