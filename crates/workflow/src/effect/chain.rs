//! Steps that need a signature. They enqueue a submission under an idempotency key derived from the
//! step, so that a repeat finds it, and wait for it as a stored row.

use super::options::{
    amount, get_option, interface, params, parse_option, required_text, text, units,
};
use super::{Fault, Options, StepError, to_json};
use crate::binding::Binding;
use crate::table::binding as table;
use crate::work::load::RunContext;
use intent::{Intent, Interface};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use submit::{Context, Enqueue, State, Submission};
use types::{ChainId, ExecutionStatus, Json};

/// The submission state that completes the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// The chain, contract and accounts a contract step uses.
pub(super) struct ContractTarget {
    pub(super) chain: ChainId,
    pub(super) contract: Option<String>,
    pub(super) signer: Option<String>,
    pub(super) interface: Option<Interface>,
}

/// Builds the submission of a deployment.
pub(super) async fn deploy(
    run: &RunContext,
    options: &Options,
) -> Result<SubmissionRequest, Fault> {
    let (target, units) = (resolve_target(run, options).await?, units(options)?);
    let code = required_text(options, "bytecode")?;
    let code =
        decode_hex(&code).ok_or_else(|| Fault::option("bytecode", "expected hexadecimal"))?;
    let params = params(options, &units)?;
    let empty = Interface::new("[]".to_owned());
    let data = intent::encode_deploy(
        &target.chain,
        target.interface.as_ref().unwrap_or(&empty),
        &code,
        &params,
    );
    let data = data.map_err(|error| Fault::from_error(&error))?;
    let shown = json!({"params": params});
    build_request(run, options, target, None, data, shown)
}

/// Builds the submission of a call.
pub(super) async fn invoke(
    run: &RunContext,
    options: &Options,
) -> Result<SubmissionRequest, Fault> {
    let (target, units) = (resolve_target(run, options).await?, units(options)?);
    let (method, params) = (required_text(options, "method")?, params(options, &units)?);
    let contract = target
        .contract
        .clone()
        .ok_or_else(|| Fault::option("contract", "is missing, and the binding has none"))?;
    let interface = target
        .interface
        .as_ref()
        .ok_or_else(|| Fault::option("abi", "is missing, and the binding has none"))?;
    let data = intent::encode_call(&target.chain, interface, &method, &params)
        .map_err(|error| Fault::from_error(&error))?;
    let shown = json!({"contract": contract, "method": method, "params": params});
    build_request(run, options, target, Some(contract), data, shown)
}

fn build_request(
    run: &RunContext,
    options: &Options,
    target: ContractTarget,
    to: Option<String>,
    data: Vec<u8>,
    mut shown: Value,
) -> Result<SubmissionRequest, Fault> {
    let signer = target
        .signer
        .ok_or_else(|| Fault::option("signer", "is missing, and the binding has none"))?;
    let value = amount(options, "value", &units(options)?)?;
    let until = parse_option(options, "until")?.unwrap_or(Until::Final);
    for (name, shown_value) in [
        ("chain", json!(target.chain)),
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
        intent: Intent::call(target.chain, signer, to, value, data),
        interface: target.interface.map(|interface| interface.json),
        policies: run.definition.policies.clone(),
        context: Context {
            task: Some(task),
            labels: parse_option(options, "labels")?.unwrap_or_default(),
            assets: parse_option(options, "assets")?.unwrap_or_default(),
        },
        until,
        shown,
    })
}

/// Resolves the binding of the step and applies the options that override it.
pub(super) async fn resolve_target(
    run: &RunContext,
    options: &Options,
) -> Result<ContractTarget, Fault> {
    let binding = match text(options, "binding")? {
        None => None,
        Some(name) => Some(resolve(run, name).await?),
    };
    let binding = binding.as_ref();
    let chain = match text(options, "chain")? {
        Some(chain) => chain
            .parse()
            .map_err(|error| Fault::option("chain", error))?,
        None => binding.map_or_else(
            || run.workflow.default_chain(&run.namespace),
            |binding| binding.chain,
        ),
    };
    if let Some(other) = binding.filter(|binding| binding.chain != chain) {
        return Err(Fault::option(
            "chain",
            format!("the binding {} is on {}", other.name, other.chain),
        ));
    }
    let contract = account(options, &chain, &["contract", "address"])?;
    let signer = account(options, &chain, &["signer"])?;
    let abi = match get_option(options, "abi") {
        Some(abi) => Some(to_json(abi)?),
        None => binding.and_then(|binding| binding.abi.clone()),
    };
    Ok(ContractTarget {
        contract: contract.or_else(|| binding.and_then(|binding| binding.contract.clone())),
        signer: signer.or_else(|| binding.and_then(|binding| binding.signer.clone())),
        interface: abi.map(|abi| interface(abi.as_str())),
        chain,
    })
}

async fn resolve(run: &RunContext, name: String) -> Result<Binding, Fault> {
    let binding_name = name.clone();
    let binding = run
        .workflow
        .db()
        .read(&run.namespace, move |tx| table::find(tx, &binding_name))
        .await;
    let binding = binding.map_err(|error: crate::Error| Fault::from_error(&error))?;
    binding.ok_or_else(|| Fault::from_error(&crate::Error::unknown("binding", name)))
}

fn account(options: &Options, chain: &ChainId, names: &[&str]) -> Result<Option<String>, Fault> {
    for name in names {
        if let Some(account) = text(options, name)? {
            let recipient = intent::parse_recipient(chain, &account)
                .map_err(|error| Fault::option(name, error))?;
            return Ok(Some(recipient.account));
        }
    }
    Ok(None)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .trim()
        .strip_prefix("0x")
        .unwrap_or(text.trim())
        .as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    digits
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
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
        let outcome = submit::enqueue(&run.workflow.parts().submit, &run.run.initiator, new).await;
        outcome
            .map(|outcome| outcome.submission().clone())
            .map_err(|error| Fault::from_error(&error))
    }
}

/// Maps a submission's state to the step: completed with data, failed, or `None` while it is
/// undecided.
pub(crate) fn outcome(submission: &Submission, until: Until) -> Option<Result<Json, Fault>> {
    use State as S;
    let reason = submission.reason.as_deref().unwrap_or("no reason given");
    let message = |what: &str| format!("submission {} {what}: {reason}", submission.id);
    let failed = |what: &str| {
        Some(Err(Fault::from_error(&StepError::SubmissionFailed(
            message(what),
        ))))
    };
    let on_chain = |enough: bool| match submission.outcome {
        Some(ExecutionStatus::Reverted) if enough => Some(Err(Fault::from_error(
            &StepError::ExecutionReverted(message("was reverted by the chain")),
        ))),
        _ if enough => Some(data(submission)),
        _ => None,
    };
    match submission.state {
        S::Denied => Some(Err(Fault::from_error(&StepError::PolicyDenied(message(
            "was denied",
        ))))),
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

impl PartialOrd for Until {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some((*self as u8).cmp(&(*other as u8)))
    }
}

fn data(submission: &Submission) -> Result<Json, Fault> {
    to_json(&json!({
        "submission": submission.id, "state": submission.state, "transactionHash": submission.transaction,
        "blockHash": submission.block_hash, "blockNumber": submission.block_height, "fee": submission.fee,
        "contractAddress": submission.created_contract,
    }))
}
