//! Metrics of runs: the number in each state, the number due, and the outcomes of steps.

use crate::run::{Run, StepRow};
use crate::state::{State, StepState};
use crate::table::metrics as table;
use crate::{Result, Workflow};
use store::UnscopedTx;
use strum::VariantArray as _;
use telemetry::{RUNS_ENDED, STEPS};

/// Counts of runs over all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Runs that are not closed, for every state that is not terminal, zeros included.
    pub states: Vec<(State, i64)>,
    /// Runs that are due and not started.
    pub due: i64,
}

/// Counts runs. The cost grows with the number of open runs.
pub async fn metrics(workflow: &Workflow) -> Result<Metrics> {
    let now = workflow.db().clock().now();
    let read = move |tx: &mut UnscopedTx| {
        let counts = table::count_open(tx)?;
        let count = |state: State| {
            let mut counts = counts.iter();
            let entry = counts.find(|(name, _)| name == state.as_str());
            (state, entry.map_or(0, |(_, count)| *count))
        };
        let states = State::VARIANTS.iter().copied();
        let open = states.filter(|state| !state.is_terminal());
        Ok(Metrics {
            states: open.map(count).collect(),
            due: table::count_due(tx, now)?,
        })
    };
    workflow.db().read_unscoped(read).await
}

/// Counts the end of a step or run, once the change is committed.
pub(crate) fn count(run: &Run, step: Option<&StepRow>) {
    use StepState::{Done, Failed, Parked, Skipped};
    if let Some(step) = step.filter(|step| matches!(step.state, Done | Skipped | Failed | Parked)) {
        STEPS.increment([step.kind.clone().into(), step.state.as_str().into()]);
    }
    if run.ended.is_some() && !run.position.state.is_live() {
        RUNS_ENDED.increment([run.position.state.as_str().into()]);
    }
}
