//! From a document to a definition: every field checked, every expression parsed.

use super::document::{self, Format};
use super::{
    Ambiguity, Clause, Definition, Fail, Kind, Refused, Retry, Return, Step, What, options,
};
use crate::expression::Expression;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use types::ChainId;

/// Steps of one version.
const MAX_STEPS: usize = 200;
/// Attempts of one step.
const MAX_ATTEMPTS: u64 = 1_000;
/// The longest pause and the longest time-out: 30 days.
const MAX_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// The longest time of a call to the outside, and of a read: ten minutes. Whatever is under way
/// takes the place of another.
const MAX_CALL_MS: u64 = 600_000;
/// Evaluated options of a step.
const MAX_DYNAMIC: usize = 100;
/// Regular expressions of a version, each of which takes its time to build.
const MAX_REGEXES: usize = 200;
/// The longest name.
const MAX_NAME: usize = 128;
/// The longest description and message.
const MAX_TEXT: usize = 4_096;

/// Something that was kept although it looks like a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The path of the field.
    pub field: String,
    /// What is odd about it.
    pub message: String,
}

/// Read and check a version.
pub(crate) fn parse(text: &str, format: Format) -> Result<(Definition, Vec<Warning>), Refused> {
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
    fn definition(&mut self, root: &Members) -> Result<Definition, Refused> {
        for name in unknown(root, &["description", "steps", "policies"]) {
            self.warn(
                name,
                "is not a field of a version, and is kept without effect",
            );
        }
        let steps = list(root, "steps")?
            .ok_or_else(|| Refused::field("steps", "a version has at least one step"))?;
        if steps.is_empty() || steps.len() > MAX_STEPS {
            return Err(Refused::field(
                "steps",
                format!("a version has 1 to {MAX_STEPS} steps"),
            ));
        }
        let mut read: Vec<Step> = Vec::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            let step = self.step(step, &format!("steps[{place}]"))?;
            if read.iter().any(|before| before.name == step.name) {
                return Err(Refused::field(
                    format!("steps[{place}].name"),
                    format!("{:?} is the name of another step", step.name),
                ));
            }
            read.push(step);
            if read
                .iter()
                .flat_map(Step::expressions)
                .map(|expression| expression.regexes)
                .sum::<usize>()
                > MAX_REGEXES
            {
                return Err(Refused::field(
                    "steps",
                    format!("have more than {MAX_REGEXES} regular expressions"),
                ));
            }
        }
        let description = text(root, "", "description", MAX_TEXT)?;
        Ok(Definition {
            description,
            steps: read,
            policies: policies(root)?,
        })
    }

    fn step(&mut self, step: &Value, at: &str) -> Result<Step, Refused> {
        let step = step
            .as_object()
            .ok_or_else(|| Refused::field(at, "expected an object"))?;
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
        for name in unknown(step, &KNOWN) {
            self.warn(
                &format!("{at}.{name}"),
                "is not a field of a step, and is kept without effect",
            );
        }
        let name = required(step, at, "name")?;
        check_name(&name, &format!("{at}.name"))?;
        let kind = required(step, at, "type")?;
        let kind = Kind::parse(&kind).ok_or_else(|| unknown_type(at, &kind))?;
        let literal = object(step, at, "options")?.cloned().unwrap_or_default();
        let dynamic = dynamic_options(step, at)?;
        self.check_options(kind, &literal, &dynamic, at)?;
        let (options, dynamic) = with_template(kind, literal, dynamic, at)?;
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

    /// A wait is a row and may last; a call is under way, and a step that only reckons or writes
    /// knows no time.
    fn timeout(&mut self, step: &Members, kind: Kind, at: &str) -> Result<Option<u64>, Refused> {
        let given = millis(step, at, "timeout")?;
        let field = format!("{at}.timeout");
        match kind {
            Kind::ContractDeploy | Kind::ContractInvoke => {}
            Kind::HttpRequest | Kind::ContractQuery | Kind::DataModelQuery | Kind::Policy => {
                if given.is_some_and(|given| given > MAX_CALL_MS) {
                    let why = format!(
                        "a {} takes at most {MAX_CALL_MS} milliseconds",
                        kind.as_str()
                    );
                    return Err(Refused::field(field, why));
                }
            }
            Kind::JsonataTemplate | Kind::DataModelUpdate | Kind::InvokeTask if given.is_some() => {
                self.warn(&field, "has no effect on this step");
            }
            Kind::JsonataTemplate | Kind::DataModelUpdate | Kind::InvokeTask => {}
        }
        Ok(given)
    }

    fn check_options(
        &mut self,
        kind: Kind,
        literal: &Members,
        dynamic: &[(String, Expression)],
        at: &str,
    ) -> Result<(), Refused> {
        let options = options::of(kind);
        let given = literal
            .keys()
            .map(|name| ("options", name))
            .chain(dynamic.iter().map(|(name, _)| ("dynamicOptions", name)));
        for (map, name) in given
            .clone()
            .filter(|(_, name)| !options.known.contains(&name.as_str()))
        {
            let field = format!("{at}.{map}.{name}");
            if !options.lenient {
                return Err(Refused::field(
                    field,
                    format!(
                        "{} has no such option; it has {}",
                        kind.as_str(),
                        options.known.join(", ")
                    ),
                ));
            }
            self.warn(
                &field,
                "is not an option of this step, and is kept without effect",
            );
        }
        for group in options.needed {
            if !given
                .clone()
                .any(|(_, name)| group.contains(&name.as_str()))
            {
                return Err(Refused::field(
                    format!("{at}.options.{}", group[0]),
                    format!("{} needs {}", kind.as_str(), group.join(" or ")),
                ));
            }
        }
        self.check_chains(literal, &format!("{at}.options"));
        Ok(())
    }

    /// A literal chain ties a definition to it; a binding would not.
    fn check_chains(&mut self, literal: &Members, at: &str) {
        for (name, value) in literal {
            let chain = value
                .as_str()
                .and_then(|text| text.parse::<ChainId>().ok())
                .filter(|chain| chain.family().is_some());
            if let Some(chain) = chain {
                self.warn(
                    &format!("{at}.{name}"),
                    &format!(
                        "{chain} ties the task to one chain: a binding lets it run on another"
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

fn unknown_type(at: &str, kind: &str) -> Refused {
    let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let why = format!(
        "{:?} is not a type of step; there are {}",
        kind.chars().take(80).collect::<String>(),
        known.join(", ")
    );
    Refused {
        what: What::StepType,
        field: format!("{at}.type"),
        why,
    }
}

fn check_name(name: &str, field: &str) -> Result<(), Refused> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(legal) {
        return Err(Refused::field(
            field,
            format!("a name has 1 to {MAX_NAME} of the characters a-z, A-Z, 0-9, _, - and ."),
        ));
    }
    Ok(())
}

/// The template is itself an expression: it moves to the evaluated options.
fn with_template(
    kind: Kind,
    mut literal: Members,
    mut dynamic: Vec<(String, Expression)>,
    at: &str,
) -> Result<(Members, Vec<(String, Expression)>), Refused> {
    if kind == Kind::JsonataTemplate && !dynamic.iter().any(|(name, _)| name == "template") {
        let field = format!("{at}.options.template");
        let source = literal
            .remove("template")
            .ok_or_else(|| Refused::field(&field, "is missing"))?;
        dynamic.push(("template".to_owned(), compile(&source, &field)?));
    }
    Ok((literal, dynamic))
}

fn dynamic_options(step: &Members, at: &str) -> Result<Vec<(String, Expression)>, Refused> {
    let Some(given) = object(step, at, "dynamicOptions")? else {
        return Ok(Vec::new());
    };
    if given.len() > MAX_DYNAMIC {
        return Err(Refused::field(
            format!("{at}.dynamicOptions"),
            format!("at most {MAX_DYNAMIC}"),
        ));
    }
    let compiled = |(name, source): (&String, &Value)| {
        compile(source, &format!("{at}.dynamicOptions.{name}"))
            .map(|expression| (name.clone(), expression))
    };
    given.iter().map(compiled).collect()
}

fn clauses(step: &Members, at: &str) -> Result<Vec<Clause>, Refused> {
    let mut clauses = Vec::new();
    if let Some(fail) = object(step, at, "fail")? {
        clauses.push(Clause::Fail(fail_clause(fail, &format!("{at}.fail"))?));
    }
    if let Some(given) = object(step, at, "return")? {
        let at = format!("{at}.return");
        only(given, &at, &["when", "result"])?;
        clauses.push(Clause::Return(Return {
            when: expression(given, &at, "when")?,
            result: expression(given, &at, "result")?,
        }));
    }
    clauses.extend(expression(step, at, "stopCondition")?.map(Clause::Stop));
    Ok(clauses)
}

fn fail_clause(fail: &Members, at: &str) -> Result<Fail, Refused> {
    only(fail, at, &["when", "code", "message", "dynamicMessage"])?;
    let when = expression(fail, at, "when")?
        .ok_or_else(|| Refused::field(format!("{at}.when"), "is missing"))?;
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

fn retry(step: &Members, at: &str) -> Result<Retry, Refused> {
    let Some(given) = object(step, at, "retry")? else {
        return Ok(Retry::NONE);
    };
    let at = format!("{at}.retry");
    only(given, &at, &["attempts", "initial_ms", "factor", "max_ms"])?;
    let attempts = whole(given, &at, "attempts", MAX_ATTEMPTS)?.unwrap_or(5);
    if attempts == 0 {
        return Err(Refused::field(
            format!("{at}.attempts"),
            "counts the first attempt too, so it is at least 1",
        ));
    }
    Ok(Retry {
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        initial_ms: millis(given, &at, "initial_ms")?.unwrap_or(Retry::NONE.initial_ms),
        factor_percent: factor(given, &at)?,
        max_ms: millis(given, &at, "max_ms")?.unwrap_or(Retry::NONE.max_ms),
        declared: true,
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 100, in hundredths
fn factor(given: &Members, at: &str) -> Result<u64, Refused> {
    match given.get("factor") {
        None | Some(Value::Null) => Ok(Retry::NONE.factor_percent),
        Some(value) => match value
            .as_f64()
            .filter(|factor| (1.0..=100.0).contains(factor))
        {
            Some(factor) => Ok((factor * 100.0).round() as u64),
            None => Err(Refused::field(
                format!("{at}.factor"),
                "is a number from 1 to 100",
            )),
        },
    }
}

fn ambiguity(step: &Members, at: &str, kind: Kind) -> Result<Option<Ambiguity>, Refused> {
    let field = format!("{at}.ambiguity");
    let Some(word) = text(step, at, "ambiguity", MAX_NAME)? else {
        return Ok(None);
    };
    if kind != Kind::HttpRequest {
        return Err(Refused::field(
            field,
            "is for steps with an effect outside: http_request",
        ));
    }
    match word.as_str() {
        "retry" => Ok(Some(Ambiguity::Retry)),
        "query" => Ok(Some(Ambiguity::Query)),
        "park" => Ok(Some(Ambiguity::Park)),
        _ => Err(Refused::field(field, "expected retry, query or park")),
    }
}

fn policies(root: &Members) -> Result<Vec<String>, Refused> {
    let Some(names) = list(root, "policies")? else {
        return Ok(Vec::new());
    };
    if names.len() > MAX_STEPS {
        return Err(Refused::field("policies", format!("at most {MAX_STEPS}")));
    }
    let name = |(place, name): (usize, &Value)| {
        let field = format!("policies[{place}]");
        let name = name
            .as_str()
            .filter(|name| !name.is_empty() && name.len() <= MAX_NAME);
        name.map(str::to_owned)
            .ok_or_else(|| Refused::field(field, "expected the name of a policy"))
    };
    names.iter().enumerate().map(name).collect()
}

/// A member that is given; `null` counts as not given.
fn given<'m>(members: &'m Members, name: &str) -> Option<&'m Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn unknown<'m>(members: &'m Members, known: &[&str]) -> Vec<&'m String> {
    members
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

fn only(members: &Members, at: &str, known: &[&str]) -> Result<(), Refused> {
    match unknown(members, known).first() {
        Some(name) => Err(Refused::field(
            format!("{at}.{name}"),
            format!("expected {}", known.join(", ")),
        )),
        None => Ok(()),
    }
}

fn list<'m>(members: &'m Members, name: &str) -> Result<Option<&'m Vec<Value>>, Refused> {
    given(members, name)
        .map(|value| {
            value
                .as_array()
                .ok_or_else(|| Refused::field(name, "expected a list"))
        })
        .transpose()
}

fn object<'m>(members: &'m Members, at: &str, name: &str) -> Result<Option<&'m Members>, Refused> {
    let refused = || Refused::field(format!("{at}.{name}"), "expected an object");
    given(members, name)
        .map(|value| value.as_object().ok_or_else(refused))
        .transpose()
}

fn text(members: &Members, at: &str, name: &str, max: usize) -> Result<Option<String>, Refused> {
    let field = if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    };
    let Some(value) = given(members, name) else {
        return Ok(None);
    };
    let text = value.as_str().filter(|text| text.len() <= max);
    text.map(|text| Some(text.to_owned()))
        .ok_or_else(|| Refused::field(field, format!("expected a text of at most {max} bytes")))
}

fn required(members: &Members, at: &str, name: &str) -> Result<String, Refused> {
    text(members, at, name, MAX_NAME)?
        .ok_or_else(|| Refused::field(format!("{at}.{name}"), "is missing"))
}

fn whole(members: &Members, at: &str, name: &str, max: u64) -> Result<Option<u64>, Refused> {
    let Some(value) = given(members, name) else {
        return Ok(None);
    };
    let number = value.as_u64().filter(|number| *number <= max);
    number.map(Some).ok_or_else(|| {
        Refused::field(
            format!("{at}.{name}"),
            format!("expected a whole number from 0 to {max}"),
        )
    })
}

fn millis(members: &Members, at: &str, name: &str) -> Result<Option<u64>, Refused> {
    whole(members, at, name, MAX_MS)
}

fn expression(members: &Members, at: &str, name: &str) -> Result<Option<Expression>, Refused> {
    given(members, name)
        .map(|source| compile(source, &format!("{at}.{name}")))
        .transpose()
}

/// An expression is a text; YAML may have read a plain `true` or `5` as something else.
fn compile(source: &Value, field: &str) -> Result<Expression, Refused> {
    let refused = |why: String| Refused {
        what: What::Expression,
        field: field.to_owned(),
        why,
    };
    let source = match source {
        Value::String(source) => source.clone(),
        Value::Bool(_) | Value::Number(_) => source.to_string(),
        _ => return Err(refused("expected an expression as a text".to_owned())),
    };
    Expression::compile(&source).map_err(refused)
}
