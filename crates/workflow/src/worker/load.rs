//! Loads a run with everything its current step needs, in one snapshot.

use super::context::{RunContext, decrypt_input};
use crate::run::{Failure, Run};
use crate::secrets::Secrets;
use crate::table::{run as table, step as steps};
use crate::variables::{self, Variables};
use crate::{Error, Result, Task, Workflow, task};
use store::named::Named as _;
use store::{Lease, Tx};
use types::{Json, Namespace, RunId};

/// Loads a run; `None` if there is nothing to do.
pub(crate) async fn load(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    id: RunId,
) -> Result<Option<RunContext>> {
    let engine = workflow.clone();
    let read = move |tx: &mut Tx| {
        let Some(run) = table::get(tx, id)?.filter(|run| run.position.state.is_live()) else {
            return Ok(None);
        };
        let variables = load_variables(&engine, tx, &run)?;
        let steps = steps::of_run(tx, id)?;
        Ok::<_, Error>(Some((run, steps, variables)))
    };
    let Some((run, steps, variables)) = workflow.db().read(namespace, read).await? else {
        return Ok(None);
    };
    let principal = super::record::worker(namespace);
    let definition = task::definition(workflow, &principal, run.version_id).await?;
    if definition.steps.len() != usize::try_from(run.steps).unwrap_or(usize::MAX) {
        return Err(Error::corrupt(
            "run",
            "its version has a different number of steps",
        ));
    }
    let (input, inherited) = decrypt_input(workflow, &run, namespace)?;
    let own = variables.as_ref().ok();
    let own = own.map_or_else(Secrets::default, |variables| variables.secrets.clone());
    Ok(Some(RunContext {
        workflow: workflow.clone(),
        lease: lease.clone(),
        namespace: *namespace,
        run,
        steps,
        definition,
        variables,
        input,
        secrets: own.extended(&inherited),
    }))
}

fn load_variables(
    workflow: &Workflow,
    tx: &mut Tx,
    run: &Run,
) -> Result<std::result::Result<Variables, Failure>> {
    let empty = || Variables {
        values: Json::parse("{}").expect("an empty object is JSON"),
        secrets: Secrets::default(),
    };
    let Some(set) = Task::find(tx, (), &run.task.to_string())?.and_then(|task| task.variable_set)
    else {
        return Ok(Ok(empty()));
    };
    match variables::decrypt(tx, &workflow.parts().keyring, &set) {
        Ok(variables) => Ok(Ok(variables)),
        Err(Error::UnknownResource { .. }) => {
            let message = format!("the task's variable set {set:?} does not exist");
            Ok(Err(Failure {
                message,
                ..Error::unknown("variable set", set).into()
            }))
        }
        Err(error) => Err(error),
    }
}
