//! Loading: a run with everything that its step needs, in one snapshot.

use crate::definition::{Definition, Step};
use crate::effect::Fault;
use crate::expression::Scene;
use crate::run::{Failure, Run, StepRow};
use crate::secrets::{MASK, Secrets};
use crate::table::{run as table, step as steps, task as tasks};
use crate::variables::{self, Variables};
use crate::{Error, Result, Workflow, task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::secret::Place;
use store::{Lease, Tx};
use types::{Json, Namespace, RunId, Time};

/// A run in the hands of the worker.
pub(crate) struct Loaded {
    pub(crate) workflow: Workflow,
    pub(crate) lease: Lease,
    pub(crate) namespace: Namespace,
    pub(crate) run: Run,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) definition: Arc<Definition>,
    /// The variables, or why they cannot be had.
    pub(crate) variables: std::result::Result<Variables, Failure>,
    /// The input itself.
    pub(crate) input: Json,
    pub(crate) secrets: Secrets,
}

/// What of a run's input is sealed: the input itself, and the secrets in it that others brought.
#[derive(Serialize, Deserialize)]
struct SealedInput {
    input: Json,
    secrets: Vec<String>,
}

/// Load a run; none if there is nothing to do any more.
pub(crate) async fn load(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    id: RunId,
) -> Result<Option<Loaded>> {
    let this = workflow.clone();
    let read = move |tx: &mut Tx<'_, '_>| {
        let Some(run) = table::get(tx, id)?.filter(|run| run.position.state.is_live()) else {
            return Ok(None);
        };
        let variables = variables_of(&this, tx, &run)?;
        let steps = steps::of_run(tx, id)?;
        Ok::<_, Error>(Some((run, steps, variables)))
    };
    let Some((run, steps, variables)) = workflow.db().read(namespace, read).await? else {
        return Ok(None);
    };
    let who = super::record::worker(namespace);
    let definition = task::definition(workflow, &who, run.version_id).await?;
    if definition.steps.len() != usize::try_from(run.steps).unwrap_or(usize::MAX) {
        return Err(Error::corrupt(
            "run",
            "its version has another number of steps",
        ));
    }
    let (input, brought) = unseal_input(workflow, &run, namespace)?;
    let own = variables
        .as_ref()
        .map(|variables| variables.secrets.clone())
        .unwrap_or_default();
    let secrets = own.and(&brought);
    let (workflow, lease, namespace) = (workflow.clone(), lease.clone(), namespace.clone());
    Ok(Some(Loaded {
        workflow,
        lease,
        namespace,
        run,
        steps,
        definition,
        variables,
        input,
        secrets,
    }))
}

fn variables_of(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    run: &Run,
) -> Result<std::result::Result<Variables, Failure>> {
    let empty = || Variables {
        values: Json::parse("{}").expect("an empty object is JSON"),
        secrets: Secrets::default(),
    };
    let Some(set) = tasks::find(tx, &run.task.to_string())?.and_then(|task| task.variable_set)
    else {
        return Ok(Ok(empty()));
    };
    match variables::open(tx, &workflow.parts().keyring, &set) {
        Ok(variables) => Ok(Ok(variables)),
        Err(Error::Unknown { .. }) => {
            let message = format!("the task's variable set {set:?} does not exist");
            Ok(Err(Failure {
                message,
                ..Fault::of(&Error::unknown("variable set", set)).failure
            }))
        }
        Err(error) => Err(error),
    }
}

impl Loaded {
    /// The step that the run is at.
    pub(crate) fn step(&self) -> &Step {
        &self.definition.steps[self.place()]
    }

    fn place(&self) -> usize {
        usize::try_from(self.run.position.step).unwrap_or(usize::MAX)
    }

    /// The row of the step that the run is at, if it began.
    pub(crate) fn row(&self) -> Option<&StepRow> {
        self.steps
            .iter()
            .find(|row| row.seq == self.run.position.step)
    }

    pub(crate) fn now(&self) -> Time {
        self.workflow.db().clock().now()
    }

    /// What the expressions of the step see; `data` is the step's own, once it has some.
    pub(crate) fn scene(
        &self,
        data: Option<&Json>,
        began: Time,
    ) -> std::result::Result<Scene, Failure> {
        let variables = self.variables.clone().map(|variables| variables.values);
        let variables = variables.map_err(|failure| self.named(failure))?;
        let steps = self
            .steps_member(data)
            .map_err(|error| self.named(Fault::of(&error).failure))?;
        let members = vec![
            ("input", self.input.clone()),
            ("steps", steps),
            ("variables", variables),
            ("run", self.run_member()),
        ];
        let size: usize = members.iter().map(|(_, json)| json.as_str().len()).sum();
        let most = self.workflow.settings().context_bytes;
        if size > most {
            let field = "what the step sees".to_owned();
            return Err(self.named(
                Fault::of(&Error::TooMuch {
                    field,
                    of: "bytes",
                    limit: most,
                })
                .failure,
            ));
        }
        Ok(Scene {
            members,
            now: began,
            by: self.workflow.evaluators(),
        })
    }

    fn steps_member(&self, data: Option<&Json>) -> Result<Json> {
        let mut members = Vec::new();
        for row in self
            .steps
            .iter()
            .filter(|row| row.seq < self.run.position.step)
        {
            if let Some(data) = self.output_of(row)? {
                members.push((row.name.as_str(), data));
            }
        }
        members.extend(data.map(|data| (self.step().name.as_str(), data.clone())));
        let each = |(name, data): &(&str, Json)| {
            format!(
                "{}:{{\"data\":{}}}",
                serde_json::Value::String((*name).to_owned()),
                data.as_str()
            )
        };
        let text = format!(
            "{{{}}}",
            members.iter().map(each).collect::<Vec<_>>().join(",")
        );
        Json::parse(&text).ok_or_else(|| Error::corrupt("step", "its data is not JSON"))
    }

    fn run_member(&self) -> Json {
        let run = &self.run;
        let member = serde_json::json!({
            "id": run.id, "task": run.task_name, "taskVersion": run.version_label, "created": run.created, "activity": run.activity,
            "idempotencyKey": run.idempotency_key, "origin": run.origin, "initiator": run.initiator.id, "step": self.step().name,
        });
        Json::of(&member).expect("plain data always serializes")
    }

    /// The output of a step: unsealed where secrets are masked in what is shown.
    pub(crate) fn output_of(&self, row: &StepRow) -> Result<Option<Json>> {
        match &row.sealed {
            None => Ok(row.output.clone()),
            Some(sealed) => self.unseal(row.seq, "sealed", sealed).map(Some),
        }
    }

    /// What keeps the step's data.
    pub(crate) fn keeper(&self) -> Keeper {
        Keeper {
            workflow: self.workflow.clone(),
            secrets: self.secrets.clone(),
            row: row_of(&self.namespace, self.run.id, self.run.position.step),
        }
    }

    /// A value with its secrets masked.
    pub(crate) fn masked(&self, value: &Json) -> Json {
        self.secrets.mask(value).unwrap_or_else(|| value.clone())
    }

    pub(crate) fn seal(&self, seq: u32, column: &str, value: &Json) -> Result<Vec<u8>> {
        let row = row_of(&self.namespace, self.run.id, seq);
        let place = Place {
            table: "run_step",
            row: &row,
            column,
        };
        Ok(self.workflow.parts().keyring.seal(
            &place,
            value.as_str().as_bytes(),
            self.workflow.db().entropy(),
        )?)
    }

    pub(crate) fn unseal(&self, seq: u32, column: &str, sealed: &[u8]) -> Result<Json> {
        let row = row_of(&self.namespace, self.run.id, seq);
        let bytes = self.workflow.parts().keyring.open(
            &Place {
                table: "run_step",
                row: &row,
                column,
            },
            sealed,
        )?;
        let json = std::str::from_utf8(&bytes).ok().and_then(Json::parse);
        json.ok_or_else(|| Error::corrupt("step", "what is sealed is not JSON"))
    }

    /// The input of another run that this one begins: what of it is secret stays so there.
    pub(crate) fn hand_on(&self, child: RunId, input: &Json) -> Result<(Json, Option<Vec<u8>>)> {
        let Some(masked) = self.secrets.mask(input) else {
            return Ok((input.clone(), None));
        };
        let inner = SealedInput {
            input: input.clone(),
            secrets: self.secrets.within(input.as_str()),
        };
        let inner = Json::of(&inner).map_err(|error| Error::corrupt("run", error.to_string()))?;
        let row = row_of_run(&self.namespace, child);
        let place = Place {
            table: "run",
            row: &row,
            column: "sealed",
        };
        let sealed = self.workflow.parts().keyring.seal(
            &place,
            inner.as_str().as_bytes(),
            self.workflow.db().entropy(),
        )?;
        Ok((masked, Some(sealed)))
    }

    /// A failure as this step's: within bounds, and without secrets.
    pub(crate) fn named(&self, failure: Failure) -> Failure {
        const LONGEST: usize = 2_000;
        let message = types::hostile_text(self.secrets.mask_text(&failure.message).as_bytes());
        let short: String = message.chars().take(LONGEST).collect();
        let message = if short.len() < message.len() {
            format!("{short}…")
        } else {
            short
        };
        Failure {
            code: failure.code,
            message,
            step: Some(self.step().name.clone()),
        }
    }
}

/// Keeps the data of one step: shown with its secrets masked, and sealed if it holds any.
pub(crate) struct Keeper {
    workflow: Workflow,
    secrets: Secrets,
    row: String,
}

impl Keeper {
    pub(crate) fn keep(&self, value: &Json) -> Result<(Json, Option<Vec<u8>>)> {
        let Some(masked) = self.secrets.mask(value) else {
            return Ok((value.clone(), None));
        };
        let place = Place {
            table: "run_step",
            row: &self.row,
            column: "sealed",
        };
        let (keyring, entropy) = (&self.workflow.parts().keyring, self.workflow.db().entropy());
        Ok((
            masked,
            Some(keyring.seal(&place, value.as_str().as_bytes(), entropy)?),
        ))
    }
}

fn unseal_input(
    workflow: &Workflow,
    run: &Run,
    namespace: &Namespace,
) -> Result<(Json, Vec<String>)> {
    let Some(sealed) = &run.sealed else {
        return Ok((run.input.clone(), Vec::new()));
    };
    let row = row_of_run(namespace, run.id);
    let bytes = workflow.parts().keyring.open(
        &Place {
            table: "run",
            row: &row,
            column: "sealed",
        },
        sealed,
    )?;
    let inner: SealedInput = serde_json::from_slice(&bytes).map_err(|_| {
        Error::corrupt(
            "run",
            format!("what is sealed behind {MASK} is not an input"),
        )
    })?;
    Ok((inner.input, inner.secrets))
}

fn row_of(namespace: &Namespace, run: RunId, seq: u32) -> String {
    format!("{namespace}/{run}/{seq}")
}

fn row_of_run(namespace: &Namespace, run: RunId) -> String {
    format!("{namespace}/{run}")
}
