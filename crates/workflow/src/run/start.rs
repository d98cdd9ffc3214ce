//! Beginning runs: asked for, by another run, or by a listener.

use super::{Lane, Origin, Run};
use crate::expression::long_numerals_as_texts;
use crate::state::Position;
use crate::table::{run as table, task as tasks};
use crate::task::chosen;
use crate::{Error, Result, Workflow};
use store::Tx;
use store::idempotency::{self, Claim, Claimed};
use types::{Canon, Digest, Json, Principal, RunId, Time};

/// Where the answer of an idempotent command lives: of one that was asked for, of a step, of a
/// listener.
pub(crate) const ASKED: &str = "run";
pub(crate) const INVOKED: &str = "run.invoked";
pub(crate) const HEARD: &str = "run.heard";
/// The longest name of an activity.
const MAX_ACTIVITY: usize = 256;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The task, by name or id.
    pub task: String,
    /// The label of a version; the current one if it is not given.
    pub version: Option<String>,
    /// What its steps see as `input`.
    pub input: Json,
    /// The caller's key: a repeat begins nothing.
    pub idempotency_key: Option<String>,
    /// The history it belongs to.
    pub activity: Option<String>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// It began this run.
    Created(super::RunView),
    /// Its key had begun this one before: as it stands now.
    Replayed(super::RunView),
}

impl Started {
    /// The run.
    pub fn run(&self) -> &super::RunView {
        match self {
            Started::Created(run) | Started::Replayed(run) => run,
        }
    }
}

/// Everything that a new run is made of.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: RunId,
    pub(crate) new: NewRun,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) who: Principal,
    pub(crate) origin: Origin,
    pub(crate) lane: Option<Lane>,
    /// Whether it may begin now; another of its lane releases it otherwise.
    pub(crate) released: bool,
    /// The key that makes a repeat find this run, and whose keys it is among.
    pub(crate) key: Option<(&'static str, String)>,
    /// What two commands of one key must share: none where the key says it all.
    pub(crate) command: Option<Digest>,
}

/// Begin one run. See [`start_all`].
pub async fn start(workflow: &Workflow, who: &Principal, new: NewRun) -> Result<Started> {
    start_all(workflow, who, vec![new]).await?.remove(0)
}

/// Begin runs. Each is queued, or answered by the run that its idempotency key began before; one
/// that cannot begin stops no other.
///
/// Nothing is done here: the worker of the run's shard takes it up. Errors of one:
/// `workflow.unknown`, `workflow.no_version`, `workflow.invalid`, `workflow.too_much`,
/// `workflow.key_reused`.
pub async fn start_all(
    workflow: &Workflow,
    who: &Principal,
    new: Vec<NewRun>,
) -> Result<Vec<Result<Started>>> {
    let orders: Vec<Result<Order>> = new
        .into_iter()
        .map(|new| order(workflow, who, new))
        .collect();
    let (this, namespace) = (workflow.clone(), who.namespace.clone());
    let write = move |tx: &mut Tx<'_, '_>| {
        let told = |order: &Result<Order>| match order {
            Err(error) => Ok(Err(error.clone())),
            Ok(order) => refusal_apart(accept(&this, tx, order)),
        };
        orders.iter().map(told).collect::<Result<Vec<_>>>()
    };
    let started = workflow.on().write(&namespace, write).await?;
    fail::point("workflow.started")
        .await
        .map_err(store::Error::from)?;
    Ok(started)
}

/// What the database says ends the whole; what is wrong with one order is told to that one.
fn refusal_apart<T>(outcome: Result<T>) -> Result<Result<T>> {
    match outcome {
        Err(Error::Store(error)) => Err(Error::Store(error)),
        other => Ok(other),
    }
}

fn order(workflow: &Workflow, who: &Principal, new: NewRun) -> Result<Order> {
    let new = checked(workflow, new)?;
    let command = Canon::new("workflow-start", 1)
        .text(&new.task)
        .option(new.version.as_ref(), |canon, label| canon.text(label))
        .text(&types::canonical_json(&new.input.to_value()))
        .hash();
    let id = RunId::new(workflow.db().clock().now(), workflow.db().entropy());
    let key = new.idempotency_key.clone().map(|key| (ASKED, key));
    let (who, origin) = (who.clone(), Origin::Request);
    Ok(Order {
        id,
        new,
        sealed: None,
        who,
        origin,
        lane: None,
        released: true,
        key,
        command: Some(command),
    })
}

/// Within bounds, and every number exact.
pub(crate) fn checked(workflow: &Workflow, new: NewRun) -> Result<NewRun> {
    let most = workflow.settings().value_bytes;
    if new.input.as_str().len() > most {
        return Err(Error::TooMuch {
            field: "input".to_owned(),
            of: "bytes",
            limit: most,
        });
    }
    if new
        .idempotency_key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > idempotency::MAX_KEY || key.contains('\0'))
    {
        return Err(Error::invalid(
            "idempotencyKey",
            format!("has 1 to {} bytes, none of them NUL", idempotency::MAX_KEY),
        ));
    }
    if new
        .activity
        .as_ref()
        .is_some_and(|name| name.is_empty() || name.len() > MAX_ACTIVITY || name.contains('\0'))
    {
        return Err(Error::invalid(
            "activity",
            format!("has 1 to {MAX_ACTIVITY} bytes, none of them NUL"),
        ));
    }
    let input = Json::parse(&long_numerals_as_texts(new.input.as_str()));
    let input = input.ok_or_else(|| Error::invalid("input", "is not JSON"))?;
    // Kept as text, but read once: what nests too deep could never be shown.
    serde_json::from_str::<serde_json::Value>(input.as_str())
        .map_err(|error| Error::invalid("input", error.to_string()))?;
    Ok(NewRun { input, ..new })
}

fn accept(workflow: &Workflow, tx: &mut Tx<'_, '_>, order: &Order) -> Result<Started> {
    Ok(match begin(workflow, tx, order)? {
        Begun::Fresh(run) => Started::Created(super::RunView::of(&run)),
        Begun::Before(id) => {
            let run = table::get(tx, id)?.ok_or_else(|| Error::corrupt("run", id.to_string()))?;
            Started::Replayed(super::RunView::of(&run))
        }
    })
}

/// What became of an order in the transaction.
pub(crate) enum Begun {
    /// It is a run now.
    Fresh(Box<Run>),
    /// Its key had begun this one before.
    Before(RunId),
}

/// Begin a run in the caller's transaction. A refusal burns no key.
pub(crate) fn begin(workflow: &Workflow, tx: &mut Tx<'_, '_>, order: &Order) -> Result<Begun> {
    let Some((verb, key)) = &order.key else {
        return create(workflow, tx, order);
    };
    let claim = Claim {
        key,
        command: order.command,
        resource: order.id.to_string(),
    };
    match idempotency::claim(tx, verb, &[claim])?.remove(0) {
        Claimed::Conflict { resource } => Err(Error::KeyReused { resource }),
        Claimed::Replayed { resource } => {
            let id = resource
                .parse()
                .map_err(|_| Error::corrupt("run", resource.clone()))?;
            Ok(Begun::Before(id))
        }
        Claimed::Fresh => {
            let begun = create(workflow, tx, order);
            if begun.is_err() {
                idempotency::free(tx, verb, key)?;
            }
            begun
        }
    }
}

fn create(workflow: &Workflow, tx: &mut Tx<'_, '_>, order: &Order) -> Result<Begun> {
    let task = tasks::require(tx, &order.new.task)?;
    let version = chosen(tx, &task, order.new.version.as_deref())?.version;
    let limit = workflow.settings().open_runs;
    if order.lane.is_none() && table::count_open(tx)? >= i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::TooMuch {
            field: "runs".to_owned(),
            of: "runs of a namespace that have not ended",
            limit,
        });
    }
    let run = fresh(workflow, order, &task, &version, tx.now());
    table::insert(tx, &run)?;
    tx.append(run.fact("run.queued").by(&order.who));
    Ok(Begun::Fresh(Box::new(run)))
}

fn fresh(
    workflow: &Workflow,
    order: &Order,
    task: &crate::Task,
    version: &crate::Version,
    now: Time,
) -> Run {
    Run {
        id: order.id,
        shard: workflow.shard_of_run(&order.id),
        task: task.id,
        task_name: task.name.clone(),
        version_id: version.id,
        version_label: version.version.clone(),
        position: Position::START,
        steps: version.steps,
        input: order.new.input.clone(),
        sealed: order.sealed.clone(),
        result: None,
        error: None,
        reason: None,
        waits_for: None,
        initiator: order.who.clone(),
        origin: order.origin.clone(),
        activity: order.new.activity.clone(),
        idempotency_key: order.new.idempotency_key.clone(),
        lane: order.lane.clone(),
        settled: false,
        next_at: order.released.then_some(now),
        created: now,
        started: None,
        ended: None,
        updated: now,
        version: 1,
    }
}
