//! Starts runs: on request, from another run, or from a listener.

use super::request::{NewRun, REQUEST_SCOPE, RunRequest};
use super::{Origin, Run};
use crate::expression::long_numerals_as_texts;
use crate::state::Position;
use crate::table::run as table;
use crate::task::select_version;
use crate::{Error, Result, Task, Workflow};
use store::Tx;
use store::idempotency::{self, Claim, ClaimOutcome, MAX_KEY_BYTES};
use store::named::Named as _;
use types::{Canon, Json, Principal, RunId, Time, Via};

/// Maximum length of an activity's name, in bytes.
const MAX_ACTIVITY: usize = 256;

/// The outcome of a start request.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// A new run.
    Created(super::RunView),
    /// The run that the same key started earlier, in its current state.
    Replayed(super::RunView),
}

impl Started {
    /// The run, new or existing.
    pub fn run(&self) -> &super::RunView {
        match self {
            Started::Created(run) | Started::Replayed(run) => run,
        }
    }
}

/// Starts a run. It is queued, or answered with the run that its idempotency key created earlier.
///
/// The worker of the run's shard executes it. Errors: `workflow.unknown_resource`,
/// `workflow.no_version`, `workflow.invalid_field`, `workflow.limit_exceeded`,
/// `workflow.idempotency_key_reused`.
pub async fn start(workflow: &Workflow, principal: &Principal, new: NewRun) -> Result<Started> {
    let request = prepare(workflow, principal, new)?;
    let engine = workflow.clone();
    let write = move |tx: &mut Tx| start_one(&engine, tx, &request);
    let started = workflow.on().write(&principal.namespace, write).await?;
    fail::point("workflow.started")
        .await
        .map_err(store::Error::from)?;
    Ok(started)
}

fn prepare(workflow: &Workflow, principal: &Principal, new: NewRun) -> Result<RunRequest> {
    let new = validate(workflow, new)?;
    let command = Canon::new("workflow-start", 1)
        .text(&new.task)
        .option(new.version.as_ref(), |canon, label| canon.text(label))
        .text(&types::canonical_json(&new.input.to_value()))
        .hash();
    let id = RunId::new(workflow.now(), workflow.db().entropy());
    let key = new.idempotency_key.clone().map(|key| (REQUEST_SCOPE, key));
    let (principal, origin) = (principal.clone(), Origin::Request);
    Ok(RunRequest {
        id,
        new,
        encrypted_input: None,
        principal,
        origin,
        queue: None,
        released: true,
        key,
        command: Some(command),
    })
}

/// Checks limits, and converts long numerals to strings.
pub(crate) fn validate(workflow: &Workflow, new: NewRun) -> Result<NewRun> {
    let limit = workflow.settings().value_bytes;
    Error::check_bytes("input", new.input.as_str().len(), limit)?;
    for (field, text, max) in [
        ("idempotencyKey", &new.idempotency_key, MAX_KEY_BYTES),
        ("activity", &new.activity, MAX_ACTIVITY),
    ] {
        let is_valid = |text: &String| (1..=max).contains(&text.len()) && !text.contains('\0');
        if !text.as_ref().is_none_or(is_valid) {
            let reason = format!("must have 1 to {max} bytes, without NUL");
            return Err(Error::invalid(field, reason));
        }
    }
    let input = Json::parse(&long_numerals_as_texts(new.input.as_str()));
    let input = input.ok_or_else(|| Error::invalid("input", "is not JSON"))?;
    // Stored as text, but parsed once: input that nests too deep could never be shown.
    serde_json::from_str::<serde_json::Value>(input.as_str())
        .map_err(|error| Error::invalid("input", error))?;
    Ok(NewRun { input, ..new })
}

fn start_one(workflow: &Workflow, tx: &mut Tx, request: &RunRequest) -> Result<Started> {
    Ok(match start_in_tx(workflow, tx, request)? {
        StartOutcome::Created(run) => Started::Created((*run).into()),
        StartOutcome::Existing(id) => {
            let run = table::get(tx, id)?.ok_or_else(|| Error::corrupt("run", id.to_string()))?;
            Started::Replayed(run.into())
        }
    })
}

/// The outcome of a start request in the transaction.
pub(crate) enum StartOutcome {
    Created(Box<Run>),
    /// The run that the same key started earlier.
    Existing(RunId),
}

/// Starts a run in the caller's transaction. A rejected request does not consume its key.
pub(crate) fn start_in_tx(
    workflow: &Workflow,
    tx: &mut Tx,
    request: &RunRequest,
) -> Result<StartOutcome> {
    let Some((scope, key)) = &request.key else {
        return create(workflow, tx, request);
    };
    let claim = Claim {
        key,
        command_hash: request.command,
        resource: request.id.to_string(),
    };
    match idempotency::claim(tx, scope, &[claim])?.remove(0) {
        ClaimOutcome::Conflict { resource } => Err(Error::IdempotencyKeyReused { resource }),
        ClaimOutcome::Replayed { resource } => {
            let id = resource
                .parse()
                .map_err(|_| Error::corrupt("run", resource.clone()))?;
            Ok(StartOutcome::Existing(id))
        }
        ClaimOutcome::Fresh => {
            let outcome = create(workflow, tx, request);
            if outcome.is_err() {
                idempotency::release(tx, scope, key)?;
            }
            outcome
        }
    }
}

fn create(workflow: &Workflow, tx: &mut Tx, request: &RunRequest) -> Result<StartOutcome> {
    let task = Task::require(tx, (), &request.new.task)?;
    let version = select_version(tx, &task, request.new.version.as_deref())?.version;
    let limit = workflow.settings().open_runs_per_namespace;
    if request.queue.is_none() && table::count_open(tx)? >= limit as u64 {
        return Err(Error::limit(
            "runs",
            "runs of a namespace that have not ended",
            limit,
        ));
    }
    let run = new_run(workflow, request, &task, &version, tx.now());
    table::insert(tx, &run)?;
    tx.append(run.fact("run.queued").actor(&request.principal));
    Ok(StartOutcome::Created(Box::new(run)))
}

fn new_run(
    workflow: &Workflow,
    request: &RunRequest,
    task: &crate::Task,
    version: &crate::Version,
    now: Time,
) -> Run {
    Run {
        id: request.id,
        shard: workflow.shard_of_run(&request.id),
        task: task.id,
        task_name: task.name.clone(),
        version_id: version.id,
        version_label: version.version.clone(),
        position: Position::START,
        steps: version.steps,
        input: request.new.input.clone(),
        encrypted_input: request.encrypted_input.clone(),
        result: None,
        error: None,
        reason: None,
        waits_for: None,
        initiator: (request.principal.clone()).because_of(version.author(), Via::Task),
        origin: request.origin.clone(),
        activity: request.new.activity.clone(),
        idempotency_key: request.new.idempotency_key.clone(),
        queue: request.queue,
        closed: false,
        next_at: request.released.then_some(now),
        created: now,
        started: None,
        ended: None,
        updated: now,
        version: 1,
    }
}
