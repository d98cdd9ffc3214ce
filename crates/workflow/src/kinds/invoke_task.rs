//! `invoke_task`: starts a run of another task in the step's own transaction, without waiting for
//! it.

use super::{EffectKind, StepKind};
use crate::Error;
use crate::effect::{Fault, Options, Plan, StepOption, get_option, required_text, text, to_json};
use crate::run::request::{INVOKE_SCOPE, RunRequest};
use crate::run::start::validate;
use crate::run::{NewRun, Origin};
use crate::worker::context::RunContext;
use futures::FutureExt;
use serde_json::Value;
use types::{Digest, Json, RunId};

const TASK_NAME: StepOption = StepOption::new("taskName", "name or id of the task");
const TASK_VERSION: StepOption = StepOption::new(
    "taskVersion",
    "label of a version; by default the current one",
);
const INPUT: StepOption = StepOption::new(
    "input",
    "what its steps see as `input`; by default an empty object",
);
const ACTIVITY: StepOption = StepOption::new("activity", "the activity that the run belongs to");
const IDEMPOTENCY_KEY: StepOption = StepOption::new(
    "idempotencyKey",
    "a second run of the same task with this key is not started: the data is the first one",
);

pub(super) static KIND: StepKind = StepKind {
    name: "invoke_task",
    doc: "Starts a run of another task in one transaction with the step, and does not wait for it. The data is the id of the run.",
    options: &[TASK_NAME, TASK_VERSION, INPUT, ACTIVITY, IDEMPOTENCY_KEY],
    required: &[&["taskName"]],
    lenient: true,
    template: None,
    effect: EffectKind::Internal,
    plan: |run, options, _| {
        async move { Ok(Plan::StartRun(Box::new(build_request(run, options)?))) }.boxed()
    },
};

/// Longest chain of runs that start each other. Ends the recursion of a task that starts itself.
const MAX_DEPTH: u32 = 64;

/// Builds the request for the new run.
fn build_request(run: &RunContext, options: &Options) -> Result<RunRequest, Fault> {
    let task = required_text(options, TASK_NAME)?;
    let input = get_option(options, INPUT).map_or_else(|| Ok(empty()), to_json)?;
    let key = text(options, IDEMPOTENCY_KEY)?.filter(|key| !key.is_empty());
    let new = NewRun {
        task: task.clone(),
        version: text(options, TASK_VERSION)?,
        input,
        idempotency_key: key.clone(),
        activity: text(options, ACTIVITY)?,
    };
    // Displayed values contain no secrets; the key is stored as its hash.
    let masked = |text: String| run.secrets.mask_text(&text);
    let new = validate(&run.workflow, new)?;
    let (id, depth) = (
        RunId::new(run.now(), run.workflow.db().entropy()),
        child_depth(&run.run.origin)?,
    );
    let input = run.child_input(id, &new.input)?;
    Ok(RunRequest {
        id,
        new: NewRun {
            input: input.shown,
            idempotency_key: new.idempotency_key.map(masked),
            activity: new.activity.map(masked),
            ..new
        },
        encrypted_input: input.encrypted,
        principal: run.run.initiator.clone(),
        origin: Origin::Run {
            run: run.run.id,
            step: run.step().name.clone(),
            depth,
        },
        queue: None,
        released: true,
        key: key.map(|key| {
            (
                INVOKE_SCOPE,
                Digest::of(format!("{task}/{key}").as_bytes()).to_string(),
            )
        }),
        command: None,
    })
}

/// The depth of a run started by a run with this origin.
fn child_depth(origin: &Origin) -> Result<u32, Fault> {
    match origin {
        Origin::Run { depth, .. } if *depth >= MAX_DEPTH => {
            let (field, limit) = ("runs that start each other", MAX_DEPTH as usize);
            Err(Error::limit(field, "in a chain", limit).into())
        }
        Origin::Run { depth, .. } => Ok(depth + 1),
        Origin::Request | Origin::Listener { .. } => Ok(1),
    }
}

fn empty() -> Json {
    Json::of(&Value::Object(Options::new())).expect("an empty object always serializes")
}
