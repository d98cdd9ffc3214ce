//! Recording: a run, its step, an attempt and the fact, in one transaction that counts only if
//! nobody else changed the run.

use crate::run::{Attempt, Failure, Run, StepRow};
use crate::state::{Position, State, StepState};
use crate::table::{run as table, step as steps};
use crate::{Error, Result, Workflow};
use store::{Lease, Tx};
use types::{Namespace, Principal, RunId};

/// A change of a run, ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The run as it is then.
    pub(crate) run: Run,
    /// The step as it is then.
    pub(crate) step: Option<StepRow>,
    /// An attempt that came to nothing.
    pub(crate) attempt: Option<Attempt>,
}

impl Change {
    pub(crate) fn of(run: Run, step: Option<StepRow>) -> Self {
        Self {
            run,
            step,
            attempt: None,
        }
    }
}

/// Write a change. [`Error::Stale`] undoes whatever else the closure wrote.
pub(crate) fn write(tx: &mut Tx<'_, '_>, change: &Change, who: &Principal) -> Result<()> {
    let Change { run, step, attempt } = change;
    if !table::update(tx, run)? {
        return Err(Error::Stale);
    }
    if let Some(step) = step {
        steps::put(tx, step)?;
    }
    if let Some(attempt) = attempt {
        steps::put_attempt(tx, run.id, attempt)?;
    }
    if let Some(lane) = run.lane.as_ref().filter(|_| run.settled) {
        table::release_lane(tx, lane.listener, run.updated)?;
    }
    tx.append(run.fact(run.fact_kind()).by(who));
    Ok(())
}

/// Write a change on the worker's partition, with what else belongs into its transaction.
pub(crate) async fn commit<T, F>(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    change: Change,
    mut also: F,
) -> Result<(Change, T)>
where
    F: FnMut(&mut Tx<'_, '_>, &mut Change) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let who = worker(namespace);
    let write = move |tx: &mut Tx<'_, '_>| {
        let mut change = change.clone();
        let more = also(tx, &mut change)?;
        write(tx, &change, &who)?;
        Ok::<_, Error>((change, more))
    };
    let (change, more) = workflow.db().on(lease).write(namespace, write).await?;
    crate::figures::count(&change.run, change.step.as_ref());
    Ok((change, more))
}

/// A run that cannot be moved on fails where it stands.
pub(crate) async fn set_aside(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    id: RunId,
    failure: Failure,
) -> Result<()> {
    let who = worker(namespace);
    let set = move |tx: &mut Tx<'_, '_>| {
        let Some(run) = table::get(tx, id)?.filter(|run| run.position.state.is_live()) else {
            return Ok(());
        };
        let now = tx.now();
        let holds = run.lane.as_ref().is_some_and(|lane| lane.holds);
        let position = Position {
            state: State::Failed,
            step_state: StepState::Failed,
            ..run.position
        };
        let (error, ended, version) = (Some(failure.clone()), Some(now), run.version + 1);
        let run = Run {
            position,
            error,
            ended,
            settled: !holds,
            next_at: None,
            updated: now,
            version,
            ..run
        };
        write(tx, &Change::of(run, None), &who)
    };
    workflow.db().on(lease).write(namespace, set).await
}

/// Who writes when nobody asks.
pub(crate) fn worker(namespace: &Namespace) -> Principal {
    Principal::system("workflow", namespace.clone())
}
