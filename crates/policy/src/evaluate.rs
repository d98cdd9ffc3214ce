//! Evaluation of a document, on a pool thread and within limits. Every unexpected result is a
//! denial.

use crate::crosscheck::Interpreter;
use crate::document::{Compiled, Entry, bounded_builtins};
use crate::outcome::{Caps, Obligation, Opinion, Reason, ReasonCode};
use crate::{Limits, Lookup};
use regorus::Value;
use regorus::rvm::{RegoVM, vm::VmError};
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value as Json;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use strum::IntoEnumIterator as _;
use types::Namespace;

/// The number of instructions between two checks of the clock. A single instruction may multiply
/// numbers of a million digits, so the clock is checked at each.
const CHECK_EVERY: NonZeroU32 = NonZeroU32::new(1).expect("1 is not 0");

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

/// Parse an input for the virtual machine.
pub(crate) fn input(text: &str) -> Result<Value, String> {
    Value::from_json_str(text).map_err(|error| error.to_string())
}

/// Add the answers of a document's lookups to an input.
pub(crate) fn with_lookups(mut input: Value, answers: &Json) -> Result<Value, String> {
    let answers = Value::from_json_str(&answers.to_string()).map_err(|error| error.to_string())?;
    let fields = input.as_object_mut().map_err(|error| error.to_string())?;
    fields.insert("lookups".into(), answers);
    Ok(input)
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

/// Check that regorus' two evaluators give every rule the same value; the error describes the
/// difference.
pub(crate) fn crosscheck(
    document: &Compiled,
    text: &str,
    input: &Value,
    limits: &Limits,
) -> Result<(), String> {
    let mut interpreter = Interpreter::new(document, text, limits)?;
    let mut machine = Machine::new(document, input, limits);
    for entry in Entry::iter() {
        let (compiled, interpreted) = (machine.eval(entry)?, interpreter.eval(entry, input)?);
        if compiled != interpreted {
            return Err(format!(
                "`{}` is {} compiled and {} interpreted",
                entry.name(),
                display(compiled),
                display(interpreted)
            ));
        }
    }
    Ok(())
}

fn display(value: Option<Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
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
    if machine.eval_json(Entry::Allow)? != Some(Json::Bool(true)) && reasons.is_empty() {
        reasons.push(Reason::new(
            ReasonCode::NotAllowed,
            Some(name),
            "its rule `allow` is not true",
        ));
    }
    let needs = needs(machine.value(Entry::Needs)?)?;
    let caps = match machine.value(Entry::Envelope)? {
        None => Caps::default(),
        Some(caps) => serde_json::from_value(caps)
            .map_err(|error| format!("`envelope` has an unknown form: {error}"))?,
    };
    Ok(Opinion {
        reasons,
        needs,
        caps,
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

fn needs(needs: Option<Json>) -> Result<Vec<Obligation>, String> {
    let Some(needs) = needs else {
        return Ok(Vec::new());
    };
    let needs: Vec<Obligation> = serde_json::from_value(needs)
        .map_err(|error| format!("`needs` is not a set of known obligations: {error}"))?;
    match needs.iter().find(|need| !need.is_fulfillable()) {
        Some(need) => Err(format!(
            "`needs` requests what cannot be fulfilled: {need:?}"
        )),
        None => Ok(needs),
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
    vm: RegoVM,
}

impl<'d> Machine<'d> {
    fn new(document: &'d Compiled, input: &Value, limits: &Limits) -> Self {
        let mut vm = RegoVM::new();
        vm.load_program(document.program.clone());
        vm.set_max_instructions(limits.instructions);
        // As in OPA, a failing function is undefined, so its negation is true.
        vm.set_strict_builtin_errors(false);
        vm.set_execution_timer_config(Some(ExecutionTimerConfig {
            limit: Duration::from_millis(limits.evaluation_ms),
            check_interval: CHECK_EVERY,
        }));
        vm.set_input(input.clone());
        Self { document, vm }
    }

    /// The value of a rule; `None` only if the document has no such rule. A rule that exists and
    /// has no value is an error, because regorus also returns no value for a conflict of two.
    fn value(&mut self, entry: Entry) -> Result<Option<Json>, String> {
        let value = self.eval_json(entry)?;
        match (&value, self.document.entry_point(entry)) {
            (None, Some(entry_point)) => {
                Err(format!("{entry_point} has no value, or more than one"))
            }
            _ => Ok(value),
        }
    }

    /// The value of a rule; `None` if the document has no such rule, or it is undefined.
    fn eval_json(&mut self, entry: Entry) -> Result<Option<Json>, String> {
        match self.eval(entry)? {
            None | Some(Value::Undefined) => Ok(None),
            Some(value) => serde_json::to_value(&value)
                .map(Some)
                .map_err(|error| error.to_string()),
        }
    }

    /// The value of a rule as a Rego value; `None` only if the document has no such rule.
    fn eval(&mut self, entry: Entry) -> Result<Option<Value>, String> {
        let Some(entry_point) = self.document.entry_point(entry) else {
            return Ok(None);
        };
        bounded_builtins::reset();
        // A panic in regorus must not end the evaluation of other documents.
        let value = catch_unwind(AssertUnwindSafe(|| {
            self.vm.execute_entry_point_by_name(&entry_point)
        }))
        .map_err(|_| "the evaluation panicked".to_owned())?
        .map_err(|error| self.error_text(&error))?;
        let limit = bounded_builtins::MAX_VALUE_BYTES;
        if bounded_builtins::value_size(&value, limit) > limit {
            Err(format!("{entry_point} has more than {limit} bytes"))
        } else {
            Ok(Some(value))
        }
    }

    /// An error message that does not depend on timing, so that a replay gives the same text.
    fn error_text(&self, error: &VmError) -> String {
        match error {
            VmError::TimeLimitExceeded { limit, .. } => {
                format!("a rule took longer than {} ms", limit.as_millis())
            }
            VmError::InstructionLimitExceeded { limit, .. } => {
                format!("a rule took more than {limit} instructions")
            }
            VmError::MemoryLimitExceeded { limit, .. } => {
                format!("a rule made more than {limit} bytes")
            }
            other => other.to_string(),
        }
    }
}
