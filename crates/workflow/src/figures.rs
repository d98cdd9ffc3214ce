//! Figures of runs, for whoever watches: what lives in which state, what is due; and what steps
//! came to.

use crate::run::{Run, StepRow};
use crate::state::StepState;
use crate::table::figures as table;
use crate::{Result, Workflow};
use store::Unbound;

/// Runs of all namespaces as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Runs that are not settled, by state.
    pub states: Vec<(String, i64)>,
    /// Runs that are due and were not taken up yet.
    pub due: i64,
}

/// How runs stand now. Costs as much as there are live runs.
pub async fn figures(workflow: &Workflow) -> Result<Figures> {
    let now = workflow.db().clock().now();
    let read = move |tx: &mut Unbound<'_, '_>| {
        Ok(Figures {
            states: table::count_live(tx)?,
            due: table::count_due(tx, now)?,
        })
    };
    workflow.db().read_unbound(read).await
}

/// Count what a change came to, once it is committed: an end of a step, an end of a run.
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
