//! `invoke_task`: begins a run of another task, in the step's own transaction, and does not wait for it.

use super::options::{given, needed, text};
use super::{Fault, Options, written};
use crate::run::start::{INVOKED, Order, checked};
use crate::run::{NewRun, Origin};
use crate::work::load::Loaded;
use serde_json::Value;
use types::{Digest, Json, RunId};

/// What the step begins.
pub(super) fn plan(run: &Loaded, options: &Options) -> Result<Order, Fault> {
    let task = needed(options, "taskName")?;
    let input = given(options, "input").map_or_else(|| Ok(empty()), written)?;
    let key = text(options, "idempotencyKey")?.filter(|key| !key.is_empty());
    let new = NewRun {
        task: task.clone(),
        version: text(options, "taskVersion")?,
        input,
        idempotency_key: key.clone(),
        activity: text(options, "activity")?,
    };
    let new = checked(&run.workflow, new).map_err(|error| Fault::of(&error))?;
    let id = RunId::new(run.now(), run.workflow.db().entropy());
    let (input, sealed) = run.hand_on(id, &new.input).map_err(|error| Fault::of(&error))?;
    Ok(Order {
        id,
        new: NewRun { input, ..new },
        sealed,
        who: run.run.initiator.clone(),
        origin: Origin::Run { run: run.run.id, step: run.step().name.clone() },
        lane: None,
        released: true,
        key: key.map(|key| (INVOKED, Digest::of(format!("{task}/{key}").as_bytes()).to_string())),
        command: None,
    })
}

fn empty() -> Json {
    Json::of(&Value::Object(Options::new())).expect("an empty object always serializes")
}
