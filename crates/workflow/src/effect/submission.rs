//! Steps that need a signature. They enqueue a submission under an idempotency key derived from the
//! step, so that a repeat finds it, and wait for it as a stored row.

use super::options::{amount, parse_option, units};
use super::{Fault, Options, StepError, StepOption, to_json};
use crate::worker::context::RunContext;
use intent::{Intent, Interface};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use submit::{Context, Enqueue, Outcome, State, Submission};
use types::{ChainId, ExecutionStatus, Json};

pub(crate) const SIGNER: StepOption = StepOption::new(
    "signer",
    "the account that signs; for a read, the account that asks",
);
pub(crate) const VALUE: StepOption = StepOption::new(
    "value",
    "the amount of the chain's coin to send, in base units or as `{value, unit}`",
);
pub(crate) const UNTIL: StepOption = StepOption::new(
    "until",
    "the state of the submission that completes the step: `accepted`, `mined` or `final` (default)",
);
pub(crate) const LABELS: StepOption = StepOption::new("labels", "texts by name that policies see");
pub(crate) const ASSETS: StepOption =
    StepOption::new("assets", "the assets concerned, which policies see");

/// The submission state that completes the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Until {
    Accepted,
    Mined,
    Final,
}

/// A submission request, stored before it is enqueued.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SubmissionRequest {
    pub(crate) key: String,
    intent: Intent,
    interface: Option<String>,
    policies: Vec<String>,
    context: Context,
    pub(crate) until: Until,
    shown: Value,
}

/// What a step asks the chain to do.
pub(crate) struct ChainCall {
    pub(crate) chain: ChainId,
    pub(crate) signer: Option<String>,
    /// Missing for a deployment.
    pub(crate) to: Option<String>,
    pub(crate) data: Vec<u8>,
    pub(crate) interface: Option<Interface>,
    /// Members of the request as shown in the run.
    pub(crate) shown: Value,
}

impl ChainCall {
    /// Builds the request: adds what all steps that need a signature have in common.
    pub(crate) fn into_request(
        self,
        run: &RunContext,
        options: &Options,
    ) -> Result<SubmissionRequest, Fault> {
        let (chain, mut shown) = (self.chain, self.shown);
        let signer = self
            .signer
            .ok_or_else(|| Fault::option(SIGNER, "is missing, and the binding has none"))?;
        let value = amount(options, VALUE, &units(options)?)?;
        let until = parse_option(options, UNTIL)?.unwrap_or(Until::Final);
        for (name, shown_value) in [
            ("chain", json!(chain)),
            ("signer", json!(signer)),
            ("value", json!(value)),
            ("until", json!(until)),
        ] {
            shown[name] = shown_value;
        }
        let (row, step) = (&run.run, run.step());
        let round = if row.position.round > 0 {
            format!("/{}", row.position.round)
        } else {
            String::new()
        };
        let task = policy::TaskRef {
            name: row.task_name.clone(),
            version: row.version_label.clone(),
            run: row.id,
            step: step.name.clone(),
        };
        Ok(SubmissionRequest {
            key: format!("run/{}/{}{round}", row.id, step.name),
            intent: Intent::call(chain, signer, self.to, value, self.data),
            interface: self.interface.map(|interface| interface.json),
            policies: run.definition.policies.clone(),
            context: Context {
                task: Some(task),
                labels: parse_option(options, LABELS)?.unwrap_or_default(),
                assets: parse_option(options, ASSETS)?.unwrap_or_default(),
            },
            until,
            shown,
        })
    }
}

impl SubmissionRequest {
    /// The request as shown in the run.
    pub(crate) fn shown(&self) -> Result<Json, Fault> {
        to_json(&self.shown)
    }

    /// Enqueues the submission, or finds the one its key already created.
    pub(crate) async fn enqueue(&self, run: &RunContext) -> Result<Submission, Fault> {
        let new = Enqueue {
            idempotency_key: Some(self.key.clone()),
            intent: self.intent.clone(),
            interface: self.interface.clone(),
            policies: self.policies.clone(),
            context: self.context.clone(),
        };
        let (Outcome::Created(submission) | Outcome::Replayed(submission)) =
            submit::enqueue(&run.workflow.parts().submit, &run.run.initiator, new).await?;
        Ok(submission)
    }
}

/// Maps a submission's state to the step: completed with data, failed, or `None` while it is
/// undecided.
pub(crate) fn outcome(submission: &Submission, until: Until) -> Option<Result<Json, Fault>> {
    use State as S;
    let reason = submission.reason.as_deref().unwrap_or("no reason given");
    let message = |what: &str| format!("submission {} {what}: {reason}", submission.id);
    let failed = |what: &str| Some(Err(StepError::SubmissionFailed(message(what)).into()));
    let on_chain = |enough: bool| match submission.outcome {
        Some(ExecutionStatus::Reverted) if enough => {
            let message = message("was reverted by the chain");
            Some(Err(StepError::ExecutionReverted(message).into()))
        }
        _ if enough => Some(data(submission)),
        _ => None,
    };
    match submission.state {
        S::Denied => Some(Err(StepError::PolicyDenied(message("was denied")).into())),
        S::Expired => failed("expired"),
        S::Failed => failed("failed"),
        S::Replaced => failed("was replaced by another transaction"),
        S::Cancelled => failed("was cancelled"),
        S::Final => on_chain(true),
        S::Mined => on_chain(until <= Until::Mined),
        S::Accepted if until == Until::Accepted => Some(data(submission)),
        _ => None,
    }
}

fn data(submission: &Submission) -> Result<Json, Fault> {
    to_json(&json!({
        "submission": submission.id, "state": submission.state, "transactionHash": submission.transaction,
        "blockHash": submission.block_hash, "blockNumber": submission.block_height, "fee": submission.fee,
        "contractAddress": submission.created_contract,
    }))
}
