//! Asking a document: on a blocking thread, within limits, every surprise a denial.

use crate::document::{Compiled, Entry, guard};
use crate::outcome::{Caps, Obligation, Opinion, Reason, Why};
use crate::second::Second;
use crate::{Limits, Lookup};
use regorus::Value;
use regorus::rvm::{RegoVM, vm::VmError};
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value as Json;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use types::Namespace;

/// How many instructions pass between two looks at the clock. One may multiply numbers of a million
/// digits, so each is looked at.
const CHECK_EVERY: NonZeroU32 = NonZeroU32::new(1).expect("1 is not 0");

/// A lookup that a document wants, and the name under which it wants the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub(crate) key: String,
    pub(crate) lookup: Lookup,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: String,
    #[serde(default)]
    args: Json,
}

/// An input as the virtual machine takes it.
pub(crate) fn input(text: &str) -> Result<Value, String> {
    Value::from_json_str(text).map_err(|error| error.to_string())
}

/// The same input with the answers of a document's lookups.
pub(crate) fn with_lookups(mut input: Value, answers: &Json) -> Result<Value, String> {
    let answers = Value::from_json_str(&answers.to_string()).map_err(|error| error.to_string())?;
    let fields = input.as_object_mut().map_err(|error| error.to_string())?;
    fields.insert("lookups".into(), answers);
    Ok(input)
}

/// What a document's rule `lookups` asks for.
pub(crate) fn asks(
    document: &Compiled,
    input: &Value,
    limits: &Limits,
    namespace: &Namespace,
) -> Result<Vec<Ask>, String> {
    let wanted = match Machine::new(document, input, limits).value(Entry::Lookups)? {
        None => return Ok(Vec::new()),
        Some(Json::Object(wanted)) => wanted,
        Some(other) => {
            return Err(format!(
                "`lookups` is {}, not an object by names",
                kind(&other)
            ));
        }
    };
    if wanted.len() > limits.lookups {
        return Err(format!(
            "`lookups` asks for {}, more than {}",
            wanted.len(),
            limits.lookups
        ));
    }
    wanted
        .into_iter()
        .map(|(key, wanted)| ask(key, wanted, namespace))
        .collect()
}

fn ask(key: String, wanted: Json, namespace: &Namespace) -> Result<Ask, String> {
    let Wanted { from, args } = serde_json::from_value(wanted)
        .map_err(|error| format!("`lookups[{key:?}]` is not {{from, args}}: {error}"))?;
    Ok(Ask {
        key,
        lookup: Lookup {
            namespace: namespace.clone(),
            name: from,
            args,
        },
    })
}

/// Whether regorus' two evaluators give every rule the same value; the difference in words if not.
pub(crate) fn compare(
    document: &Compiled,
    text: &str,
    input: &Value,
    limits: &Limits,
) -> Result<(), String> {
    let mut second = Second::new(document, text, limits)?;
    let mut first = Machine::new(document, input, limits);
    for entry in Entry::ALL {
        let (compiled, interpreted) = (first.raw(entry)?, second.ask(entry, input)?);
        if compiled != interpreted {
            return Err(format!(
                "`{}` is {} compiled and {} interpreted",
                entry.name(),
                shown(compiled),
                shown(interpreted)
            ));
        }
    }
    Ok(())
}

fn shown(value: Option<Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

/// What a document says, as the policy of this name.
pub(crate) fn opinion(document: &Compiled, input: &Value, limits: &Limits, name: &str) -> Opinion {
    told(&mut Machine::new(document, input, limits), name).unwrap_or_else(|why| Opinion {
        reasons: vec![Reason::new(Why::NoAnswer, Some(name), why)],
        ..Opinion::default()
    })
}

fn told(machine: &mut Machine<'_>, name: &str) -> Result<Opinion, String> {
    let mut reasons = denials(machine.value(Entry::Deny)?, name)?;
    if machine.ask(Entry::Allow)? != Some(Json::Bool(true)) && reasons.is_empty() {
        reasons.push(Reason::new(
            Why::NotAllowed,
            Some(name),
            "its rule `allow` does not hold",
        ));
    }
    let needs = needs(machine.value(Entry::Needs)?)?;
    let caps = match machine.value(Entry::Envelope)? {
        None => Caps::default(),
        Some(caps) => serde_json::from_value(caps)
            .map_err(|error| format!("`envelope` has no known shape: {error}"))?,
    };
    Ok(Opinion {
        reasons,
        needs,
        caps,
    })
}

/// `deny` is a set of messages.
fn denials(deny: Option<Json>, name: &str) -> Result<Vec<Reason>, String> {
    match deny {
        None => Ok(Vec::new()),
        Some(Json::Array(messages)) => Ok(messages
            .into_iter()
            .map(|message| Reason::new(Why::Denied, Some(name), words(message)))
            .collect()),
        Some(other) => Err(format!("`deny` is {}, not a set of messages", kind(&other))),
    }
}

/// A message is a text, or an object with one under `msg`.
fn words(message: Json) -> String {
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
    match needs.iter().find(|need| !need.is_sound()) {
        Some(need) => Err(format!("`needs` asks for what cannot be given: {need:?}")),
        None => Ok(needs),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// One document with one input.
struct Machine<'d> {
    document: &'d Compiled,
    vm: RegoVM,
}

impl<'d> Machine<'d> {
    fn new(document: &'d Compiled, input: &Value, limits: &Limits) -> Self {
        let mut vm = RegoVM::new();
        vm.load_program(document.program.clone());
        vm.set_max_instructions(limits.instructions);
        // As in OPA: a function that fails is undefined, so `not` of it holds.
        vm.set_strict_builtin_errors(false);
        vm.set_execution_timer_config(Some(ExecutionTimerConfig {
            limit: Duration::from_millis(limits.evaluation_ms),
            check_interval: CHECK_EVERY,
        }));
        vm.set_input(input.clone());
        Self { document, vm }
    }

    /// The value of a rule; none only if the document has no such rule. A rule that is there and
    /// has no value is a surprise: two values, for one, count as none.
    fn value(&mut self, entry: Entry) -> Result<Option<Json>, String> {
        let value = self.ask(entry)?;
        match (&value, self.document.entry_point(entry)) {
            (None, Some(point)) => Err(format!("{point} has no value, or more than one")),
            _ => Ok(value),
        }
    }

    /// The value of a rule; none if the document has no such rule, or it is undefined.
    fn ask(&mut self, entry: Entry) -> Result<Option<Json>, String> {
        match self.raw(entry)? {
            None | Some(Value::Undefined) => Ok(None),
            Some(value) => serde_json::to_value(&value)
                .map(Some)
                .map_err(|error| error.to_string()),
        }
    }

    /// The same as Rego has it; none only if the document has no such rule.
    fn raw(&mut self, entry: Entry) -> Result<Option<Value>, String> {
        let Some(point) = self.document.entry_point(entry) else {
            return Ok(None);
        };
        guard::begin();
        // Regorus may have a mistake; one document's must not end the others'.
        let value = catch_unwind(AssertUnwindSafe(|| {
            self.vm.execute_entry_point_by_name(&point)
        }))
        .map_err(|_| "the evaluation broke off".to_owned())?
        .map_err(|error| self.told(&error))?;
        let most = guard::MOST_VALUE;
        if guard::weight(&value, most) > most {
            Err(format!("{point} has more than {most} bytes"))
        } else {
            Ok(Some(value))
        }
    }

    /// The same words for the same mistake, however long it took, so that a replay shows no
    /// difference.
    fn told(&self, error: &VmError) -> String {
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
