//! Converts a document to a definition: validates every field and parses every expression.

use super::document::{self, Format};
use super::{
    Ambiguity, Clause, Definition, DefinitionError, DefinitionErrorKind, Fail, Retry, Return, Step,
};
use crate::expression::Expression;
use crate::kinds::{KINDS, StepKind, Timeout};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use types::{ChainId, Characters, NameRule, clip};
use utoipa::ToSchema;

/// Steps of one version.
const MAX_STEPS: usize = 200;
/// Attempts of one step.
const MAX_ATTEMPTS: u64 = 1_000;
/// The longest pause and the longest timeout: 30 days.
const MAX_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// The longest timeout of an outbound call or a read: ten minutes. A call in progress occupies one
/// of the worker's slots.
const MAX_CALL_MS: u64 = 600_000;
/// Dynamic options of one step.
const MAX_DYNAMIC: usize = 100;
/// Regular expressions of one version: each takes time to compile.
const MAX_REGEXES: usize = 200;
const MAX_NAME: usize = 128;
const NAME: NameRule = NameRule::new(MAX_NAME, Characters::Identifier);
/// Descriptions and messages, in bytes.
const MAX_TEXT: usize = 4_096;

/// A part of the document that looks like a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// The field as a path, such as `steps[2].options`.
    pub field: String,
    pub message: String,
}

type Members = Map<String, Value>;
type Result<T> = std::result::Result<T, DefinitionError>;
/// Options given as expressions, by name.
type Dynamic = Vec<(String, Expression)>;

/// Reads and validates a version.
pub(crate) fn parse(text: &str, format: Format) -> Result<(Definition, Vec<Warning>)> {
    let members = &document::read(text, format)?;
    let root = Fields {
        members,
        at: String::new(),
    };
    let mut reader = Reader::default();
    let definition = reader.definition(&root)?;
    Ok((definition, reader.warnings))
}

#[derive(Default)]
struct Reader {
    warnings: Vec<Warning>,
}

impl Reader {
    fn definition(&mut self, root: &Fields<'_>) -> Result<Definition> {
        for field in root.unknown(&["description", "steps", "policies"]) {
            self.warn(field, "is not a field of a version and has no effect");
        }
        let steps = root.list("steps")?.ok_or_else(|| {
            DefinitionError::field("steps", "is required: a version has at least one step")
        })?;
        if steps.is_empty() || steps.len() > MAX_STEPS {
            let reason = format!("must be a list of 1 to {MAX_STEPS} steps");
            return Err(DefinitionError::field("steps", reason));
        }
        let mut parsed: Vec<Step> = Vec::with_capacity(steps.len());
        let mut regexes = 0;
        for (index, step) in steps.iter().enumerate() {
            let at = format!("steps[{index}]");
            let Some(members) = step.as_object() else {
                return Err(DefinitionError::field(at, "expected an object"));
            };
            let fields = Fields { members, at };
            let step = self.step(&fields)?;
            if parsed.iter().any(|before| before.name == step.name) {
                let reason = format!("{:?} is the name of another step", step.name);
                return Err(fields.error("name", reason));
            }
            regexes += step.expressions().map(|e| e.regexes).sum::<usize>();
            if regexes > MAX_REGEXES {
                let reason = format!("must have at most {MAX_REGEXES} regular expressions");
                return Err(DefinitionError::field("steps", reason));
            }
            parsed.push(step);
        }
        Ok(Definition {
            description: root.text("description", MAX_TEXT)?,
            steps: parsed,
            policies: policies(root)?,
        })
    }

    fn step(&mut self, step: &Fields<'_>) -> Result<Step> {
        const KNOWN: [&str; 11] = [
            "name",
            "type",
            "options",
            "dynamicOptions",
            "skip",
            "stopCondition",
            "return",
            "fail",
            "retry",
            "timeout",
            "ambiguity",
        ];
        for field in step.unknown(&KNOWN) {
            self.warn(field, "is not a field of a step and has no effect");
        }
        let name = step.required_text("name")?;
        step.check_name("name", &name)?;
        let kind = step.required_text("type")?;
        let kind = StepKind::find(&kind).ok_or_else(|| unknown_type(step, &kind))?;
        let options = step
            .object("options")?
            .map(|options| options.members.clone());
        let (options, dynamic) = (options.unwrap_or_default(), dynamic_options(step)?);
        self.check_options(kind, &options, &dynamic, step)?;
        let (options, dynamic) = with_template(kind, options, dynamic, step)?;
        Ok(Step {
            name,
            kind: kind.name,
            options,
            dynamic,
            skip: step.expression("skip")?,
            clauses: clauses(step)?,
            retry: retry(step)?,
            timeout_ms: self.timeout(step, kind)?,
            ambiguity: ambiguity(step, kind)?,
        })
    }

    fn timeout(&mut self, step: &Fields<'_>, kind: &StepKind) -> Result<Option<u64>> {
        let timeout = step.millis("timeout")?;
        match (timeout, kind.timeout()) {
            (Some(_), Timeout::Ignored) => {
                self.warn(step.path("timeout"), "has no effect on this step");
            }
            (Some(timeout), Timeout::OfCall) if timeout > MAX_CALL_MS => {
                let kind = kind.name;
                let reason = format!("a {kind} may take at most {MAX_CALL_MS} milliseconds");
                return Err(step.error("timeout", reason));
            }
            (None, _) | (_, Timeout::OfCall | Timeout::OfRow) => {}
        }
        Ok(timeout)
    }

    fn check_options(
        &mut self,
        kind: &StepKind,
        literal: &Members,
        dynamic: &Dynamic,
        step: &Fields<'_>,
    ) -> Result<()> {
        let literals = literal.keys().map(|name| ("options", name));
        let dynamics = dynamic.iter().map(|(name, _)| ("dynamicOptions", name));
        let given: Vec<(&str, &String)> = literals.chain(dynamics).collect();
        for (map, name) in given.iter().filter(|(_, name)| !kind.has_option(name)) {
            let member = format!("{map}.{name}");
            if !kind.lenient {
                let (kind, names) = (kind.name, kind.option_names().join(", "));
                let reason = format!("{kind} has no such option; its options are {names}");
                return Err(step.error(&member, reason));
            }
            let message = "is not an option of this step and has no effect";
            self.warn(step.path(&member), message);
        }
        for group in kind.required {
            if !given.iter().any(|(_, name)| group.contains(&name.as_str())) {
                let reason = format!("{} requires {}", kind.name, group.join(" or "));
                return Err(step.error(&format!("options.{}", group[0]), reason));
            }
        }
        self.check_chains(literal, step);
        Ok(())
    }

    /// A literal chain ties the definition to that chain; a binding does not.
    fn check_chains(&mut self, options: &Members, step: &Fields<'_>) {
        for (name, value) in options {
            let chain = value.as_str().and_then(|text| text.parse::<ChainId>().ok());
            if let Some(chain) = chain.filter(|chain| chain.family().is_some()) {
                let message = format!(
                    "{chain} ties the task to one chain: use a binding to run it on another"
                );
                self.warn(step.path(&format!("options.{name}")), &message);
            }
        }
    }

    fn warn(&mut self, field: String, message: &str) {
        let message = message.to_owned();
        self.warnings.push(Warning { field, message });
    }
}

fn unknown_type(step: &Fields<'_>, kind: &str) -> DefinitionError {
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let (kind, known) = (clip(kind, 80), known.join(", "));
    DefinitionError {
        kind: DefinitionErrorKind::StepType,
        field: step.path("type"),
        reason: format!("{kind:?} is not a step type; the types are {known}"),
    }
}

/// Moves an option that is itself an expression to the dynamic ones.
fn with_template(
    kind: &StepKind,
    mut options: Members,
    mut dynamic: Dynamic,
    step: &Fields<'_>,
) -> Result<(Members, Dynamic)> {
    let is_dynamic = |template: &&str| dynamic.iter().any(|(name, _)| name == template);
    if let Some(template) = kind.template.filter(|template| !is_dynamic(template)) {
        let member = format!("options.{template}");
        let source = options.remove(template);
        let source = source.ok_or_else(|| step.error(&member, "is missing"))?;
        dynamic.push((template.to_owned(), compile(&source, &step.path(&member))?));
    }
    Ok((options, dynamic))
}

fn dynamic_options(step: &Fields<'_>) -> Result<Dynamic> {
    let Some(sources) = step.object("dynamicOptions")? else {
        return Ok(Vec::new());
    };
    if sources.members.len() > MAX_DYNAMIC {
        return Err(step.error("dynamicOptions", format!("at most {MAX_DYNAMIC}")));
    }
    let compiled = |(name, source): (&String, &Value)| {
        let expression = compile(source, &sources.path(name))?;
        Ok((name.clone(), expression))
    };
    sources.members.iter().map(compiled).collect()
}

fn clauses(step: &Fields<'_>) -> Result<Vec<Clause>> {
    let mut clauses = Vec::new();
    if let Some(fail) = step.object("fail")? {
        clauses.push(Clause::Fail(fail_clause(&fail)?));
    }
    if let Some(clause) = step.object("return")? {
        clause.check_known(&["when", "result"])?;
        clauses.push(Clause::Return(Return {
            when: clause.expression("when")?,
            result: clause.expression("result")?,
        }));
    }
    clauses.extend(step.expression("stopCondition")?.map(Clause::Stop));
    Ok(clauses)
}

fn fail_clause(fail: &Fields<'_>) -> Result<Fail> {
    fail.check_known(&["when", "code", "message", "dynamicMessage"])?;
    let when = fail.expression("when")?;
    let when = when.ok_or_else(|| fail.error("when", "is missing"))?;
    let code = fail.text("code", MAX_NAME)?;
    let code = code.unwrap_or_else(|| "failed".to_owned());
    fail.check_name("code", &code)?;
    Ok(Fail {
        when,
        code,
        message: fail.text("message", MAX_TEXT)?.unwrap_or_default(),
        dynamic: fail.expression("dynamicMessage")?,
    })
}

fn retry(step: &Fields<'_>) -> Result<Retry> {
    let Some(retry) = step.object("retry")? else {
        return Ok(Retry::NONE);
    };
    retry.check_known(&["attempts", "initial_ms", "factor", "max_ms"])?;
    let attempts = retry.integer("attempts", MAX_ATTEMPTS)?.unwrap_or(5);
    if attempts == 0 {
        let reason = "includes the first attempt, so it must be at least 1";
        return Err(retry.error("attempts", reason));
    }
    let millis = |name, default| Ok(retry.millis(name)?.unwrap_or(default));
    Ok(Retry {
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        initial_ms: millis("initial_ms", Retry::NONE.initial_ms)?,
        factor_percent: factor(&retry)?.unwrap_or(Retry::NONE.factor_percent),
        max_ms: millis("max_ms", Retry::NONE.max_ms)?,
        declared: true,
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 100, in percent
fn factor(retry: &Fields<'_>) -> Result<Option<u64>> {
    let factor = retry.read("factor", "a number from 1 to 100", |value| {
        let factor = value.as_f64();
        factor.filter(|factor| (1.0..=100.0).contains(factor))
    })?;
    Ok(factor.map(|factor| (factor * 100.0).round() as u64))
}

fn ambiguity(step: &Fields<'_>, kind: &StepKind) -> Result<Option<Ambiguity>> {
    let Some(ambiguity) = step.text("ambiguity", MAX_NAME)? else {
        return Ok(None);
    };
    if kind.external().is_none() {
        let external = KINDS.iter().filter(|kind| kind.external().is_some());
        let names: Vec<&str> = external.map(|kind| kind.name).collect();
        let names = names.join(", ");
        let reason = format!("only applies to steps with an external effect: {names}");
        return Err(step.error("ambiguity", reason));
    }
    let ambiguity = ambiguity.parse().map(Some);
    ambiguity.map_err(|_| step.error("ambiguity", "expected retry, query or park"))
}

fn policies(root: &Fields<'_>) -> Result<Vec<String>> {
    let names = root.list("policies")?.map_or(&[][..], Vec::as_slice);
    if names.len() > MAX_STEPS {
        return Err(root.error("policies", format!("at most {MAX_STEPS}")));
    }
    let name = |(index, name): (usize, &Value)| match name.as_str() {
        Some(name) if (1..=MAX_NAME).contains(&name.len()) => Ok(name.to_owned()),
        _ => {
            let reason = "expected the name of a policy";
            Err(root.error(&format!("policies[{index}]"), reason))
        }
    };
    names.iter().enumerate().map(name).collect()
}

/// The members of an object in the document, and its path; empty for the document itself.
struct Fields<'m> {
    members: &'m Members,
    at: String,
}

impl<'m> Fields<'m> {
    fn path(&self, name: &str) -> String {
        match self.at.as_str() {
            "" => name.to_owned(),
            at => format!("{at}.{name}"),
        }
    }

    fn error(&self, name: &str, reason: impl Into<String>) -> DefinitionError {
        DefinitionError::field(self.path(name), reason)
    }

    /// Returns a member unless it is missing or `null`.
    fn get(&self, name: &str) -> Option<&'m Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Reads a member; an error if `read` does not accept it.
    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'m Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let read = read(value).map(Some);
        read.ok_or_else(|| self.error(name, format!("expected {expected}")))
    }

    fn list(&self, name: &str) -> Result<Option<&'m Vec<Value>>> {
        self.read(name, "a list", Value::as_array)
    }

    fn object(&self, name: &str) -> Result<Option<Fields<'m>>> {
        let members = self.read(name, "an object", Value::as_object)?;
        let at = self.path(name);
        Ok(members.map(|members| Fields { members, at }))
    }

    fn text(&self, name: &str, max: usize) -> Result<Option<String>> {
        let expected = format!("a string of at most {max} bytes");
        let text = self.read(name, &expected, |value| {
            value.as_str().filter(|text| text.len() <= max)
        })?;
        Ok(text.map(str::to_owned))
    }

    fn required_text(&self, name: &str) -> Result<String> {
        let text = self.text(name, MAX_NAME)?;
        text.ok_or_else(|| self.error(name, "is missing"))
    }

    fn integer(&self, name: &str, max: u64) -> Result<Option<u64>> {
        let expected = format!("an integer from 0 to {max}");
        self.read(name, &expected, |value| {
            value.as_u64().filter(|number| *number <= max)
        })
    }

    fn millis(&self, name: &str) -> Result<Option<u64>> {
        self.integer(name, MAX_MS)
    }

    fn expression(&self, name: &str) -> Result<Option<Expression>> {
        let source = self.get(name);
        let compiled = source.map(|source| compile(source, &self.path(name)));
        compiled.transpose()
    }

    fn check_name(&self, field: &str, name: &str) -> Result<()> {
        if NAME.accepts(name) {
            return Ok(());
        }
        Err(self.error(field, format!("a name has {NAME}")))
    }

    /// The paths of members that are not known.
    fn unknown(&self, known: &[&str]) -> Vec<String> {
        let names = self.members.keys();
        let unknown = names.filter(|name| !known.contains(&name.as_str()));
        unknown.map(|name| self.path(name)).collect()
    }

    fn check_known(&self, known: &[&str]) -> Result<()> {
        match self.unknown(known).pop() {
            Some(field) => {
                let reason = format!("expected {}", known.join(", "));
                Err(DefinitionError::field(field, reason))
            }
            None => Ok(()),
        }
    }
}

/// Expressions are strings, but YAML reads a plain `true` or `5` as another type.
fn compile(source: &Value, field: &str) -> Result<Expression> {
    let error = |reason: String| DefinitionError {
        kind: DefinitionErrorKind::Expression,
        field: field.to_owned(),
        reason,
    };
    let source = match source {
        Value::String(source) => source.clone(),
        Value::Bool(_) | Value::Number(_) => source.to_string(),
        _ => return Err(error("expected an expression as a string".to_owned())),
    };
    Expression::compile(&source).map_err(error)
}
