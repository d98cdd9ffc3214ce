//! Evaluation of a document, on a pool thread and within limits. Every unexpected result is a
//! denial.

use crate::document::{Compiled, Entry, compile};
use crate::outcome::{Caps, Opinion, Reason, ReasonCode};
use crate::rego::{Budget, Evaluation, Stop, Value};
use crate::{Limits, Lookup};
use serde_json::Value as Json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use types::Namespace;

/// The budget of one rule for new values, in bytes.
const MAX_ALLOCATED_BYTES: usize = 32 * 1024 * 1024;
/// The largest value of a rule, in bytes; shared parts count each time.
const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// A lookup that a document requests, and the key of its answer in `input.lookups`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LookupRequest {
    pub(crate) key: String,
    pub(crate) lookup: Lookup,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupSpec {
    from: String,
    #[serde(default)]
    args: Json,
}

/// Parse an input.
pub(crate) fn input(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Add the answers of a document's lookups to an input.
pub(crate) fn with_lookups(input: Value, answers: &Json) -> Result<Value, String> {
    let answers: Value =
        serde_json::from_value(answers.clone()).map_err(|error| error.to_string())?;
    input
        .with_field("lookups", answers)
        .ok_or_else(|| "the input is not an object".to_owned())
}

/// The lookups that a document's rule `lookups` requests.
pub(crate) fn lookup_requests(
    document: &Compiled,
    input: &Value,
    limits: &Limits,
    namespace: &Namespace,
) -> Result<Vec<LookupRequest>, String> {
    let requested = match Machine::new(document, input, limits).value(Entry::Lookups)? {
        None => return Ok(Vec::new()),
        Some(Json::Object(requested)) => requested,
        Some(other) => {
            return Err(format!(
                "`lookups` is {}, not an object with names as keys",
                kind(&other)
            ));
        }
    };
    if requested.len() > limits.lookups_per_policy {
        return Err(format!(
            "`lookups` requests {} lookups, more than {}",
            requested.len(),
            limits.lookups_per_policy
        ));
    }
    requested
        .into_iter()
        .map(|(key, requested)| lookup_request(key, requested, namespace))
        .collect()
}

fn lookup_request(
    key: String,
    requested: Json,
    namespace: &Namespace,
) -> Result<LookupRequest, String> {
    let LookupSpec { from, args } = serde_json::from_value(requested)
        .map_err(|error| format!("`lookups[{key:?}]` is not {{from, args}}: {error}"))?;
    Ok(LookupRequest {
        key,
        lookup: Lookup {
            namespace: *namespace,
            name: from,
            args,
        },
    })
}

/// A compiled document on its own, as decisions evaluate it.
#[derive(Debug)]
pub struct Evaluator {
    document: Compiled,
    limits: Limits,
}

impl Evaluator {
    /// Compile a document. Error: `policy.invalid_document`.
    pub fn new(document: &str) -> crate::Result<Self> {
        let document = compile(document).map_err(crate::Error::InvalidDocument)?;
        let limits = Limits::default();
        Ok(Self { document, limits })
    }

    /// Whether the document permits an input as JSON text, which has the answers of lookups. What
    /// fails does not.
    pub fn permits(&self, text: &str) -> bool {
        input(text).is_ok_and(|input| {
            let opinion = opinion(&self.document, &input, &self.limits, "document");
            opinion.reasons.is_empty() && opinion.needs.is_empty()
        })
    }
}

/// Evaluate a document, as the policy with this name.
pub(crate) fn opinion(document: &Compiled, input: &Value, limits: &Limits, name: &str) -> Opinion {
    read_opinion(&mut Machine::new(document, input, limits), name).unwrap_or_else(|why| Opinion {
        reasons: vec![Reason::new(ReasonCode::NoAnswer, Some(name), why)],
        ..Opinion::default()
    })
}

fn read_opinion(machine: &mut Machine<'_>, name: &str) -> Result<Opinion, String> {
    let mut reasons = denials(machine.value(Entry::Deny)?, name)?;
    if machine.value_or_undefined(Entry::Allow)? != Some(Json::Bool(true)) && reasons.is_empty() {
        reasons.push(Reason::new(
            ReasonCode::NotAllowed,
            Some(name),
            "its rule `allow` is not true",
        ));
    }
    let caps = match machine.value(Entry::Envelope)? {
        None => Caps::default(),
        Some(caps) => serde_json::from_value(caps)
            .map_err(|error| format!("`envelope` has an unknown form: {error}"))?,
    };
    Ok(Opinion {
        reasons,
        caps,
        ..Opinion::default()
    })
}

/// `deny` must be a set of messages.
fn denials(deny: Option<Json>, name: &str) -> Result<Vec<Reason>, String> {
    match deny {
        None => Ok(Vec::new()),
        Some(Json::Array(messages)) => Ok(messages
            .into_iter()
            .map(|message| Reason::new(ReasonCode::Denied, Some(name), message_text(message)))
            .collect()),
        Some(other) => Err(format!("`deny` is {}, not a set of messages", kind(&other))),
    }
}

/// A message is a string, or an object with a string under `msg`.
fn message_text(message: Json) -> String {
    match message {
        Json::String(text) => text,
        Json::Object(fields) if fields.get("msg").is_some_and(Json::is_string) => {
            fields["msg"].as_str().unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// The evaluator of one document on one input.
struct Machine<'d> {
    document: &'d Compiled,
    evaluation: Evaluation<'d>,
    limits: &'d Limits,
}

impl<'d> Machine<'d> {
    fn new(document: &'d Compiled, input: &Value, limits: &'d Limits) -> Self {
        let budget = Budget {
            steps: limits.instructions,
            bytes: MAX_ALLOCATED_BYTES,
            time: Duration::from_millis(limits.evaluation_ms),
        };
        Self {
            document,
            evaluation: Evaluation::new(&document.program, input.clone(), budget),
            limits,
        }
    }

    /// The value of a rule; `None` only if the document has no such rule. A rule that exists and
    /// has no value is an error.
    fn value(&mut self, entry: Entry) -> Result<Option<Json>, String> {
        let value = self.value_or_undefined(entry)?;
        match (&value, self.document.rule(entry)) {
            (None, Some(_)) => Err(format!("{} has no value", self.name(entry))),
            _ => Ok(value),
        }
    }

    /// The value of a rule; `None` if the document has no such rule, or it is undefined.
    fn value_or_undefined(&mut self, entry: Entry) -> Result<Option<Json>, String> {
        let Some(rule) = self.document.rule(entry) else {
            return Ok(None);
        };
        // A panic must not end the evaluation of other documents.
        let value = catch_unwind(AssertUnwindSafe(|| self.evaluation.value(rule)))
            .map_err(|_| "the evaluation panicked".to_owned())?
            .map_err(|stop| self.stopped(stop))?;
        match value {
            Some(value) if value.bytes() > MAX_VALUE_BYTES => Err(format!(
                "{} has more than {MAX_VALUE_BYTES} bytes",
                self.name(entry)
            )),
            Some(value) => value.to_json().map(Some),
            None => Ok(None),
        }
    }

    fn name(&self, entry: Entry) -> String {
        format!("data.{}.{}", self.document.package, entry.name())
    }

    /// A message that does not depend on timing, so that a replay gives the same text.
    fn stopped(&self, stop: Stop) -> String {
        match stop {
            Stop::Failed(why) => why,
            Stop::Steps => format!("a rule took more than {} steps", self.limits.instructions),
            Stop::Bytes => format!("a rule made more than {MAX_ALLOCATED_BYTES} bytes"),
            Stop::Time => format!("a rule took longer than {} ms", self.limits.evaluation_ms),
            Stop::Depth => "a rule is nested too deep".to_owned(),
        }
    }
}
