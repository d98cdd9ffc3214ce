//! Metrics of runs: the number in each state, the number due, and the outcomes of steps.

use crate::run::{Run, StepRow};
use crate::state::StepState;
use crate::table::metrics as table;
use crate::{Result, Workflow};
use store::UnscopedTx;

/// Counts of runs over all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Runs that are not closed, by state.
    pub states: Vec<(String, i64)>,
    /// Runs that are due and not started.
    pub due: i64,
}

/// Counts runs. The cost grows with the number of open runs.
pub async fn metrics(workflow: &Workflow) -> Result<Metrics> {
    let now = workflow.db().clock().now();
    let read = move |tx: &mut UnscopedTx<'_, '_>| {
        Ok(Metrics {
            states: table::count_live(tx)?,
            due: table::count_due(tx, now)?,
        })
    };
    workflow.db().read_unscoped(read).await
}

/// Counts the end of a step or run, once the change is committed.
pub(crate) fn count(run: &Run, step: Option<&StepRow>) {
    use StepState::{Done, Failed, Parked, Skipped};
    if let Some(step) = step.filter(|step| matches!(step.state, Done | Skipped | Failed | Parked)) {
        let labels = [
            ("type", step.kind.clone()),
            ("outcome", step.state.as_str().to_owned()),
        ];
        metrics::counter!("florin_steps_total", &labels).increment(1);
    }
    if run.ended.is_some() && !run.position.state.is_live() {
        metrics::counter!("florin_runs_ended_total", "state" => run.position.state.as_str())
            .increment(1);
    }
}
