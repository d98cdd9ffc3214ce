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

/// Something that was accepted but is probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The path of the field.
    pub field: String,
    pub message: String,
}

/// Reads and validates a version.
pub(crate) fn parse(
    text: &str,
    format: Format,
) -> Result<(Definition, Vec<Warning>), DefinitionError> {
    let root = document::read(text, format)?;
    let mut reader = Reader::default();
    let definition = reader.definition(&root)?;
    Ok((definition, reader.warnings))
}

#[derive(Default)]
struct Reader {
    warnings: Vec<Warning>,
}

type Members = Map<String, Value>;

impl Reader {
    fn definition(&mut self, root: &Members) -> Result<Definition, DefinitionError> {
        for name in unknown_members(root, &["description", "steps", "policies"]) {
            self.warn(name, "is not a field of a version and has no effect");
        }
        let steps = list(root, "steps")?.ok_or_else(|| {
            DefinitionError::field("steps", "is required: a version has at least one step")
        })?;
        if steps.is_empty() || steps.len() > MAX_STEPS {
            return Err(DefinitionError::field(
                "steps",
                format!("must be a list of 1 to {MAX_STEPS} steps"),
            ));
        }
        let mut parsed: Vec<Step> = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            let step = self.step(step, &format!("steps[{index}]"))?;
            if parsed.iter().any(|before| before.name == step.name) {
                return Err(DefinitionError::field(
                    format!("steps[{index}].name"),
                    format!("{:?} is the name of another step", step.name),
                ));
            }
            parsed.push(step);
            if parsed
                .iter()
                .flat_map(Step::expressions)
                .map(|expression| expression.regexes)
                .sum::<usize>()
                > MAX_REGEXES
            {
                return Err(DefinitionError::field(
                    "steps",
                    format!("must have at most {MAX_REGEXES} regular expressions"),
                ));
            }
        }
        let description = text(root, "", "description", MAX_TEXT)?;
        Ok(Definition {
            description,
            steps: parsed,
            policies: policies(root)?,
        })
    }

    fn step(&mut self, step: &Value, at: &str) -> Result<Step, DefinitionError> {
        let step = step
            .as_object()
            .ok_or_else(|| DefinitionError::field(at, "expected an object"))?;
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
        for name in unknown_members(step, &KNOWN) {
            self.warn(
                &format!("{at}.{name}"),
                "is not a field of a step and has no effect",
            );
        }
        let name = required_text(step, at, "name")?;
        check_name(&name, &format!("{at}.name"))?;
        let kind = required_text(step, at, "type")?;
        let kind = StepKind::find(&kind).ok_or_else(|| unknown_type(at, &kind))?;
        let options = object(step, at, "options")?.cloned().unwrap_or_default();
        let dynamic = dynamic_options(step, at)?;
        self.check_options(kind, &options, &dynamic, at)?;
        let (options, dynamic) = with_template(kind, options, dynamic, at)?;
        Ok(Step {
            name,
            kind,
            options,
            dynamic,
            skip: expression(step, at, "skip")?,
            clauses: clauses(step, at)?,
            retry: retry(step, at)?,
            timeout_ms: self.timeout(step, kind, at)?,
            ambiguity: ambiguity(step, at, kind)?,
        })
    }

    fn timeout(
        &mut self,
        step: &Members,
        kind: &StepKind,
        at: &str,
    ) -> Result<Option<u64>, DefinitionError> {
        let Some(timeout) = millis(step, at, "timeout")? else {
            return Ok(None);
        };
        let field = format!("{at}.timeout");
        match kind.timeout() {
            Timeout::Ignored => self.warn(&field, "has no effect on this step"),
            Timeout::OfCall if timeout > MAX_CALL_MS => {
                let reason = format!(
                    "a {} may take at most {MAX_CALL_MS} milliseconds",
                    kind.name
                );
                return Err(DefinitionError::field(field, reason));
            }
            Timeout::OfCall | Timeout::OfRow => {}
        }
        Ok(Some(timeout))
    }

    fn check_options(
        &mut self,
        kind: &StepKind,
        literal: &Members,
        dynamic: &[(String, Expression)],
        at: &str,
    ) -> Result<(), DefinitionError> {
        let given = literal
            .keys()
            .map(|name| ("options", name))
            .chain(dynamic.iter().map(|(name, _)| ("dynamicOptions", name)));
        for (map, name) in given.clone().filter(|(_, name)| !kind.has_option(name)) {
            let field = format!("{at}.{map}.{name}");
            if !kind.lenient {
                return Err(DefinitionError::field(
                    field,
                    format!(
                        "{} has no such option; its options are {}",
                        kind.name,
                        kind.option_names().join(", ")
                    ),
                ));
            }
            self.warn(&field, "is not an option of this step and has no effect");
        }
        for group in kind.required {
            if !given
                .clone()
                .any(|(_, name)| group.contains(&name.as_str()))
            {
                return Err(DefinitionError::field(
                    format!("{at}.options.{}", group[0]),
                    format!("{} requires {}", kind.name, group.join(" or ")),
                ));
            }
        }
        self.check_chains(literal, &format!("{at}.options"));
        Ok(())
    }

    /// A literal chain ties the definition to that chain; a binding does not.
    fn check_chains(&mut self, options: &Members, at: &str) {
        for (name, value) in options {
            let chain = value
                .as_str()
                .and_then(|text| text.parse::<ChainId>().ok())
                .filter(|chain| chain.family().is_some());
            if let Some(chain) = chain {
                self.warn(
                    &format!("{at}.{name}"),
                    &format!(
                        "{chain} ties the task to one chain: use a binding to run it on another"
                    ),
                );
            }
        }
    }

    fn warn(&mut self, field: &str, message: &str) {
        self.warnings.push(Warning {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }
}

fn unknown_type(at: &str, kind: &str) -> DefinitionError {
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let reason = format!(
        "{:?} is not a step type; the types are {}",
        clip(kind, 80),
        known.join(", ")
    );
    DefinitionError {
        kind: DefinitionErrorKind::StepType,
        field: format!("{at}.type"),
        reason,
    }
}

fn check_name(name: &str, field: &str) -> Result<(), DefinitionError> {
    if NAME.accepts(name) {
        return Ok(());
    }
    Err(DefinitionError::field(field, format!("a name has {NAME}")))
}

/// Moves an option that is itself an expression to the dynamic ones.
fn with_template(
    kind: &StepKind,
    mut options: Members,
    mut dynamic: Vec<(String, Expression)>,
    at: &str,
) -> Result<(Members, Vec<(String, Expression)>), DefinitionError> {
    let is_dynamic = |template: &&str| dynamic.iter().any(|(name, _)| name == template);
    if let Some(template) = kind.template.filter(|template| !is_dynamic(template)) {
        let field = format!("{at}.options.{template}");
        let source = options
            .remove(template)
            .ok_or_else(|| DefinitionError::field(&field, "is missing"))?;
        dynamic.push((template.to_owned(), compile(&source, &field)?));
    }
    Ok((options, dynamic))
}

fn dynamic_options(step: &Members, at: &str) -> Result<Vec<(String, Expression)>, DefinitionError> {
    let Some(sources) = object(step, at, "dynamicOptions")? else {
        return Ok(Vec::new());
    };
    if sources.len() > MAX_DYNAMIC {
        return Err(DefinitionError::field(
            format!("{at}.dynamicOptions"),
            format!("at most {MAX_DYNAMIC}"),
        ));
    }
    let compiled = |(name, source): (&String, &Value)| {
        compile(source, &format!("{at}.dynamicOptions.{name}"))
            .map(|expression| (name.clone(), expression))
    };
    sources.iter().map(compiled).collect()
}

fn clauses(step: &Members, at: &str) -> Result<Vec<Clause>, DefinitionError> {
    let mut clauses = Vec::new();
    if let Some(fail) = object(step, at, "fail")? {
        clauses.push(Clause::Fail(fail_clause(fail, &format!("{at}.fail"))?));
    }
    if let Some(clause) = object(step, at, "return")? {
        let at = format!("{at}.return");
        check_known_members(clause, &at, &["when", "result"])?;
        clauses.push(Clause::Return(Return {
            when: expression(clause, &at, "when")?,
            result: expression(clause, &at, "result")?,
        }));
    }
    clauses.extend(expression(step, at, "stopCondition")?.map(Clause::Stop));
    Ok(clauses)
}

fn fail_clause(fail: &Members, at: &str) -> Result<Fail, DefinitionError> {
    check_known_members(fail, at, &["when", "code", "message", "dynamicMessage"])?;
    let when = expression(fail, at, "when")?
        .ok_or_else(|| DefinitionError::field(format!("{at}.when"), "is missing"))?;
    let code = text(fail, at, "code", MAX_NAME)?.unwrap_or_else(|| "failed".to_owned());
    check_name(&code, &format!("{at}.code"))?;
    let message = text(fail, at, "message", MAX_TEXT)?.unwrap_or_default();
    Ok(Fail {
        when,
        code,
        message,
        dynamic: expression(fail, at, "dynamicMessage")?,
    })
}

fn retry(step: &Members, at: &str) -> Result<Retry, DefinitionError> {
    let Some(retry) = object(step, at, "retry")? else {
        return Ok(Retry::NONE);
    };
    let at = format!("{at}.retry");
    check_known_members(retry, &at, &["attempts", "initial_ms", "factor", "max_ms"])?;
    let attempts = integer(retry, &at, "attempts", MAX_ATTEMPTS)?.unwrap_or(5);
    if attempts == 0 {
        return Err(DefinitionError::field(
            format!("{at}.attempts"),
            "includes the first attempt, so it must be at least 1",
        ));
    }
    Ok(Retry {
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        initial_ms: millis(retry, &at, "initial_ms")?.unwrap_or(Retry::NONE.initial_ms),
        factor_percent: factor(retry, &at)?,
        max_ms: millis(retry, &at, "max_ms")?.unwrap_or(Retry::NONE.max_ms),
        declared: true,
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 100, in percent
fn factor(retry: &Members, at: &str) -> Result<u64, DefinitionError> {
    match retry.get("factor") {
        None | Some(Value::Null) => Ok(Retry::NONE.factor_percent),
        Some(value) => match value
            .as_f64()
            .filter(|factor| (1.0..=100.0).contains(factor))
        {
            Some(factor) => Ok((factor * 100.0).round() as u64),
            None => Err(DefinitionError::field(
                format!("{at}.factor"),
                "must be a number from 1 to 100",
            )),
        },
    }
}

fn ambiguity(
    step: &Members,
    at: &str,
    kind: &StepKind,
) -> Result<Option<Ambiguity>, DefinitionError> {
    let field = format!("{at}.ambiguity");
    let Some(ambiguity) = text(step, at, "ambiguity", MAX_NAME)? else {
        return Ok(None);
    };
    if kind.external().is_none() {
        return Err(DefinitionError::field(
            field,
            format!(
                "only applies to steps with an external effect: {}",
                external_kinds().join(", ")
            ),
        ));
    }
    match ambiguity.as_str() {
        "retry" => Ok(Some(Ambiguity::Retry)),
        "query" => Ok(Some(Ambiguity::Query)),
        "park" => Ok(Some(Ambiguity::Park)),
        _ => Err(DefinitionError::field(
            field,
            "expected retry, query or park",
        )),
    }
}

fn external_kinds() -> Vec<&'static str> {
    let external = KINDS.iter().filter(|kind| kind.external().is_some());
    external.map(|kind| kind.name).collect()
}

fn policies(root: &Members) -> Result<Vec<String>, DefinitionError> {
    let Some(names) = list(root, "policies")? else {
        return Ok(Vec::new());
    };
    if names.len() > MAX_STEPS {
        return Err(DefinitionError::field(
            "policies",
            format!("at most {MAX_STEPS}"),
        ));
    }
    let name = |(index, name): (usize, &Value)| {
        let field = format!("policies[{index}]");
        let name = name
            .as_str()
            .filter(|name| !name.is_empty() && name.len() <= MAX_NAME);
        name.map(str::to_owned)
            .ok_or_else(|| DefinitionError::field(field, "expected the name of a policy"))
    };
    names.iter().enumerate().map(name).collect()
}

/// Returns a member unless it is missing or `null`.
fn get_member<'m>(members: &'m Members, name: &str) -> Option<&'m Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn unknown_members<'m>(members: &'m Members, known: &[&str]) -> Vec<&'m String> {
    members
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

fn check_known_members(members: &Members, at: &str, known: &[&str]) -> Result<(), DefinitionError> {
    match unknown_members(members, known).first() {
        Some(name) => Err(DefinitionError::field(
            format!("{at}.{name}"),
            format!("expected {}", known.join(", ")),
        )),
        None => Ok(()),
    }
}

fn list<'m>(members: &'m Members, name: &str) -> Result<Option<&'m Vec<Value>>, DefinitionError> {
    get_member(members, name)
        .map(|value| {
            value
                .as_array()
                .ok_or_else(|| DefinitionError::field(name, "expected a list"))
        })
        .transpose()
}

fn object<'m>(
    members: &'m Members,
    at: &str,
    name: &str,
) -> Result<Option<&'m Members>, DefinitionError> {
    let error = || DefinitionError::field(format!("{at}.{name}"), "expected an object");
    get_member(members, name)
        .map(|value| value.as_object().ok_or_else(error))
        .transpose()
}

fn text(
    members: &Members,
    at: &str,
    name: &str,
    max: usize,
) -> Result<Option<String>, DefinitionError> {
    let field = if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    };
    let Some(value) = get_member(members, name) else {
        return Ok(None);
    };
    let text = value.as_str().filter(|text| text.len() <= max);
    text.map(|text| Some(text.to_owned())).ok_or_else(|| {
        DefinitionError::field(field, format!("expected a string of at most {max} bytes"))
    })
}

fn required_text(members: &Members, at: &str, name: &str) -> Result<String, DefinitionError> {
    text(members, at, name, MAX_NAME)?
        .ok_or_else(|| DefinitionError::field(format!("{at}.{name}"), "is missing"))
}

fn integer(
    members: &Members,
    at: &str,
    name: &str,
    max: u64,
) -> Result<Option<u64>, DefinitionError> {
    let Some(value) = get_member(members, name) else {
        return Ok(None);
    };
    let number = value.as_u64().filter(|number| *number <= max);
    number.map(Some).ok_or_else(|| {
        DefinitionError::field(
            format!("{at}.{name}"),
            format!("expected an integer from 0 to {max}"),
        )
    })
}

fn millis(members: &Members, at: &str, name: &str) -> Result<Option<u64>, DefinitionError> {
    integer(members, at, name, MAX_MS)
}

fn expression(
    members: &Members,
    at: &str,
    name: &str,
) -> Result<Option<Expression>, DefinitionError> {
    get_member(members, name)
        .map(|source| compile(source, &format!("{at}.{name}")))
        .transpose()
}

/// Expressions are strings, but YAML reads a plain `true` or `5` as another type.
fn compile(source: &Value, field: &str) -> Result<Expression, DefinitionError> {
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
