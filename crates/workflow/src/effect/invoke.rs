//! `invoke_task`: begins a run of another task, in the step's own transaction, and does not wait
//! for it.

use super::options::{given, needed, text};
use super::{Fault, Options, written};
use crate::Error;
use crate::run::start::{INVOKED, Order, checked};
use crate::run::{NewRun, Origin};
use crate::work::load::Loaded;
use serde_json::Value;
use types::{Digest, Json, RunId};

/// Runs that begin each other, one behind the other: a task that begins itself comes to an end.
const MAX_DEPTH: u32 = 64;

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
    // What is only there to be shown shows no secret; the key itself is known by its hash.
    let masked = |text: String| run.secrets.mask_text(&text);
    let new = checked(&run.workflow, new).map_err(|error| Fault::of(&error))?;
    let (id, depth) = (
        RunId::new(run.now(), run.workflow.db().entropy()),
        depth_behind(&run.run.origin)?,
    );
    let (input, sealed) = run
        .hand_on(id, &new.input)
        .map_err(|error| Fault::of(&error))?;
    Ok(Order {
        id,
        new: NewRun {
            input,
            idempotency_key: new.idempotency_key.map(masked),
            activity: new.activity.map(masked),
            ..new
        },
        sealed,
        who: run.run.initiator.clone(),
        origin: Origin::Run {
            run: run.run.id,
            step: run.step().name.clone(),
            depth,
        },
        lane: None,
        released: true,
        key: key.map(|key| {
            (
                INVOKED,
                Digest::of(format!("{task}/{key}").as_bytes()).to_string(),
            )
        }),
        command: None,
    })
}

/// How deep a run stands that one of this origin begins.
fn depth_behind(origin: &Origin) -> Result<u32, Fault> {
    let depth = if let Origin::Run { depth, .. } = origin {
        depth + 1
    } else {
        1
    };
    if depth > MAX_DEPTH {
        let (field, limit) = ("runs that begin each other".to_owned(), MAX_DEPTH as usize);
        return Err(Fault::of(&Error::TooMuch {
            field,
            of: "in a chain",
            limit,
        }));
    }
    Ok(depth)
}

fn empty() -> Json {
    Json::of(&Value::Object(Options::new())).expect("an empty object always serializes")
}
