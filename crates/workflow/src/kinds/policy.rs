//! `policy`: evaluates one policy on an input built by the task. The result permits nothing:
//! signatures have their own decisions.

use super::{EffectKind, StepKind};
use crate::effect::{
    Fault, Options, Plan, StepError, StepOption, get_option, required_text, text, to_json,
};
use crate::worker::context::RunContext;
use futures::FutureExt;
use policy::{DryRunTarget, Outcome, TaskRef};
use serde_json::{Map, Value};
use types::{Json, Time};

const POLICY: StepOption = StepOption::new("policy", "name or id of the policy");
const INPUT: StepOption = StepOption::new(
    "input",
    "members of the policy's input that replace the standard ones; `namespace`, `initiator`, `task` and `time` are set by Florin",
);
const ON_DENY: StepOption = StepOption::new(
    "onDeny",
    "`fail` (default): a denial fails the step; `continue`: it is a result",
);

pub(super) static KIND: StepKind = StepKind {
    name: "policy",
    doc: "Evaluates a policy on an input of the task; this permits nothing, signatures have their own decisions. The data has `allowed`, `policy`, `version`, and what the policy answered.",
    options: &[POLICY, INPUT, ON_DENY],
    required: &[&["policy"]],
    lenient: false,
    template: None,
    effect: EffectKind::Read,
    plan: |run, options, began| {
        async move { Ok(Plan::Value(Some(evaluate(run, options, began).await?))) }.boxed()
    },
};

/// Evaluates the policy and returns `{allowed, policy, version}` with the outcome: `result`, and
/// `envelope` and `validity_ms`, or `reasons`, or `obligations`.
async fn evaluate(run: &RunContext, options: &Options, began: Time) -> Result<Json, Fault> {
    let policy_name = required_text(options, POLICY)?;
    let fails = match text(options, ON_DENY)?.as_deref() {
        None | Some("fail") => true,
        Some("continue") => false,
        Some(_) => return Err(Fault::option(ON_DENY, "expected fail or continue")),
    };
    let (engine, principal) = (&run.workflow.parts().policy, &run.run.initiator);
    let version = policy::version(engine, principal, &policy_name, None).await?;
    let input = to_json(&input(run, options, began)?)?;
    let decision = policy::dry_run(
        engine,
        principal,
        DryRunTarget::Version(version.id),
        input.as_str(),
    )
    .await?;
    if let (Outcome::Denied { reasons }, true) = (&decision.outcome, fails) {
        let reasons: Vec<String> = reasons.iter().map(|reason| reason.text.clone()).collect();
        let reason = format!("policy {policy_name:?} denied it: {}", reasons.join("; "));
        return Err(StepError::PolicyDenied(reason).into());
    }
    let mut answer = to_json(&decision.outcome)?.to_value();
    answer["allowed"] = Value::Bool(matches!(decision.outcome, Outcome::Permit { .. }));
    answer["policy"] = Value::String(policy_name);
    answer["version"] = Value::String(version.label);
    to_json(&answer)
}

/// The standard policy input without anything to sign, overlaid with the task's `input`.
fn input(run: &RunContext, options: &Options, began: Time) -> Result<Value, Fault> {
    let none = Map::new();
    let overrides = match get_option(options, INPUT) {
        None => &none,
        Some(Value::Object(overrides)) => overrides,
        Some(_) => return Err(Fault::option(INPUT, "expected an object")),
    };
    let row = &run.run;
    let chain = run.workflow.default_chain(&run.namespace);
    let task = TaskRef {
        name: row.task_name.clone(),
        version: row.version_label.clone(),
        run: row.id,
        step: run.step().name.clone(),
    };
    policy::task_input(&row.initiator, &chain, &task, began, overrides)
        .map_err(|reserved| Fault::member(&format!("input.{}", reserved.name), "is set by Florin"))
}
