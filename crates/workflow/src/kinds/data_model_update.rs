//! `data_model_update`: writes objects of the data model in the step's own transaction.

use super::data_model::WRITES;
use super::{EffectKind, StepKind};
use crate::effect::{Fault, Options, Plan, to_json};
use crate::worker::context::RunContext;
use futures::FutureExt;
use serde_json::Value;

pub(super) static KIND: StepKind = StepKind {
    name: "data_model_update",
    doc: "Writes objects of the data model, as `PUT /bulk/datamodel` does, in one transaction with the step. The data is its answer.",
    options: &WRITES,
    required: &[],
    lenient: false,
    template: None,
    effect: EffectKind::Internal,
    plan: |run, options, _| async move { Ok(Plan::Update(update(run, options)?)) }.boxed(),
};

fn update(run: &RunContext, options: &Options) -> Result<data::PreparedUpdate, Fault> {
    // JSONata returns a one-element list as the element itself.
    let as_list = |(name, value): (&String, &Value)| match value {
        Value::Object(_) => (name.clone(), Value::Array(vec![value.clone()])),
        _ => (name.clone(), value.clone()),
    };
    let body: Options = options.iter().map(as_list).collect();
    let body = to_json(&body)?;
    let (data, principal) = (&run.workflow.parts().data, &run.run.initiator);
    Ok(data::prepare_update(data, principal, body.as_str())?)
}
