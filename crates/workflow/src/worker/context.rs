//! A run while a worker executes it: what its current step may use, with the secrets of the run
//! encrypted where they are stored and masked where they are shown.

use crate::definition::{Definition, Step};
use crate::error::to_stored;
use crate::expression::EvaluationContext;
use crate::run::{Failure, Run, StepRow};
use crate::secrets::{MASK, Secrets};
use crate::variables::Variables;
use crate::{Error, Result, Workflow};
use secrets::EncryptionContext;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Lease, Tx};
use types::{Json, Namespace, RunId, Time};

/// A run while a worker executes it.
pub(crate) struct RunContext {
    pub(crate) workflow: Workflow,
    pub(crate) lease: Lease,
    pub(crate) namespace: Namespace,
    pub(crate) run: Run,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) definition: Arc<Definition>,
    /// The variables, or why they cannot be loaded.
    pub(crate) variables: std::result::Result<Variables, Failure>,
    /// The unmasked input.
    pub(crate) input: Json,
    pub(crate) secrets: Secrets,
}

/// The plaintext of a run's encrypted input: the input and the secrets it contains from other runs.
#[derive(Serialize, Deserialize)]
struct EncryptedInput {
    input: Json,
    secrets: Vec<String>,
}

impl RunContext {
    /// The current step.
    pub(crate) fn step(&self) -> &Step {
        &self.definition.steps[self.step_index()]
    }

    fn step_index(&self) -> usize {
        usize::try_from(self.run.position.step).unwrap_or(usize::MAX)
    }

    /// The stored row of the current step, if it began.
    pub(crate) fn row(&self) -> Option<&StepRow> {
        self.steps
            .iter()
            .find(|row| row.seq == self.run.position.step)
    }

    pub(crate) fn now(&self) -> Time {
        self.workflow.now()
    }

    /// Writes in the run's namespace on the worker's partition.
    pub(crate) async fn write<T, F>(&self, write: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx) -> Result<T> + Send + 'static,
    {
        let db = self.workflow.db().on(&self.lease);
        db.write(&self.namespace, write).await
    }

    /// The values visible to the step's expressions; `data` is the step's own result, once it
    /// exists.
    pub(crate) fn evaluation_context(
        &self,
        data: Option<&Json>,
        began: Time,
    ) -> std::result::Result<EvaluationContext, Failure> {
        let variables = self.variables.clone().map(|variables| variables.values);
        let variables = variables.map_err(|failure| self.step_failure(failure))?;
        let steps = self
            .steps_member(data)
            .map_err(|error| self.step_failure(error))?;
        let members = vec![
            ("input", self.input.clone()),
            ("steps", steps),
            ("variables", variables),
            ("run", self.run_member()),
        ];
        let size: usize = members.iter().map(|(_, json)| json.as_str().len()).sum();
        let limit = self.workflow.settings().context_bytes;
        Error::check_bytes("context of the step", size, limit)
            .map_err(|error| self.step_failure(error))?;
        Ok(EvaluationContext {
            members,
            now: began,
            evaluators: self.workflow.evaluators(),
        })
    }

    fn steps_member(&self, data: Option<&Json>) -> Result<Json> {
        let member = |name: &str, data: &Json| {
            let name = serde_json::Value::from(name);
            format!("{name}:{{\"data\":{}}}", data.as_str())
        };
        let earlier = |row: &&StepRow| row.seq < self.run.position.step;
        let mut members = Vec::new();
        for row in self.steps.iter().filter(earlier) {
            let data = self.output_of(row)?;
            members.extend(data.map(|data| member(&row.name, &data)));
        }
        members.extend(data.map(|data| member(&self.step().name, data)));
        let text = format!("{{{}}}", members.join(","));
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

    /// The unmasked output of a step.
    pub(crate) fn output_of(&self, row: &StepRow) -> Result<Option<Json>> {
        match &row.encrypted_output {
            None => Ok(row.output.clone()),
            Some(ciphertext) => self
                .decrypt(row.seq, "encrypted_output", ciphertext)
                .map(Some),
        }
    }

    /// Protects the current step's output.
    pub(crate) fn output_protector(&self) -> OutputProtector {
        OutputProtector {
            workflow: self.workflow.clone(),
            secrets: self.secrets.clone(),
            row: step_row_key(&self.namespace, self.run.id, self.run.position.step),
        }
    }

    /// Masks the secrets in a value.
    pub(crate) fn masked(&self, value: &Json) -> Json {
        self.secrets.mask(value).unwrap_or_else(|| value.clone())
    }

    pub(crate) fn encrypt(&self, seq: u32, column: &str, value: &Json) -> Result<Vec<u8>> {
        let row = step_row_key(&self.namespace, self.run.id, seq);
        encrypt(&self.workflow, ("run_step", &row, column), value)
    }

    pub(crate) fn decrypt(&self, seq: u32, column: &str, ciphertext: &[u8]) -> Result<Json> {
        let row = step_row_key(&self.namespace, self.run.id, seq);
        let context = context(("run_step", &row, column));
        let bytes = (self.workflow.parts().keyring).decrypt(&context, ciphertext)?;
        let json = std::str::from_utf8(&bytes).ok().and_then(Json::parse);
        json.ok_or_else(|| Error::corrupt("step", "the decrypted value is not JSON"))
    }

    /// The input for a run that this one starts.
    pub(crate) fn child_input(&self, child: RunId, input: &Json) -> Result<Protected> {
        let Some(shown) = self.secrets.mask(input) else {
            return Ok(Protected::public(input));
        };
        let plaintext = EncryptedInput {
            input: input.clone(),
            secrets: self.secrets.contained_in(input.as_str()),
        };
        let row = run_row_key(&self.namespace, child);
        let plaintext = to_stored("run", &plaintext)?;
        Ok(Protected {
            shown,
            encrypted: Some(encrypt(&self.workflow, input_column(&row), &plaintext)?),
        })
    }

    /// Adds the step's name to a failure, masks its secrets, and limits its length.
    pub(crate) fn step_failure(&self, failure: impl Into<Failure>) -> Failure {
        const MAX_MESSAGE_CHARS: usize = 2_000;
        let failure = failure.into();
        let message = types::sanitize_text(self.secrets.mask_text(&failure.message).as_bytes());
        Failure {
            code: failure.code,
            message: types::clip(&message, MAX_MESSAGE_CHARS),
            step: Some(self.step().name.clone()),
        }
    }
}

/// Protects the output of one step: masked for display, encrypted if it contains secrets.
pub(crate) struct OutputProtector {
    workflow: Workflow,
    secrets: Secrets,
    row: String,
}

impl OutputProtector {
    pub(crate) fn protect(&self, value: &Json) -> Result<Protected> {
        let Some(shown) = self.secrets.mask(value) else {
            return Ok(Protected::public(value));
        };
        let column = ("run_step", self.row.as_str(), "encrypted_output");
        Ok(Protected {
            shown,
            encrypted: Some(encrypt(&self.workflow, column, value)?),
        })
    }
}

/// A value masked for display, and encrypted if it contains secrets.
pub(crate) struct Protected {
    pub(crate) shown: Json,
    pub(crate) encrypted: Option<Vec<u8>>,
}

impl Protected {
    fn public(value: &Json) -> Self {
        Self {
            shown: value.clone(),
            encrypted: None,
        }
    }
}

/// The input of a run and the secrets that it contains from other runs.
pub(super) fn decrypt_input(
    workflow: &Workflow,
    run: &Run,
    namespace: &Namespace,
) -> Result<(Json, Vec<String>)> {
    let Some(ciphertext) = &run.encrypted_input else {
        return Ok((run.input.clone(), Vec::new()));
    };
    let row = run_row_key(namespace, run.id);
    let bytes = (workflow.parts().keyring).decrypt(&context(input_column(&row)), ciphertext)?;
    let plaintext: EncryptedInput = serde_json::from_slice(&bytes).map_err(|_| {
        let reason = format!("the encrypted input behind {MASK} cannot be parsed");
        Error::corrupt("run", reason)
    })?;
    Ok((plaintext.input, plaintext.secrets))
}

/// A table, the key of a row and a column.
type Cell<'p> = (&'p str, &'p str, &'p str);

fn input_column(row: &str) -> Cell<'_> {
    ("run", row, "encrypted_input")
}

fn context((table, row, column): Cell<'_>) -> EncryptionContext<'_> {
    EncryptionContext { table, row, column }
}

fn encrypt(workflow: &Workflow, cell: Cell<'_>, value: &Json) -> Result<Vec<u8>> {
    let (keyring, entropy) = (&workflow.parts().keyring, workflow.db().entropy());
    Ok(keyring.encrypt(&context(cell), value.as_str().as_bytes(), entropy)?)
}

fn step_row_key(namespace: &Namespace, run: RunId, seq: u32) -> String {
    format!("{namespace}/{run}/{seq}")
}

fn run_row_key(namespace: &Namespace, run: RunId) -> String {
    format!("{namespace}/{run}")
}
