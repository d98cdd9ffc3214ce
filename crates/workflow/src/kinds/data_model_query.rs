//! `data_model_query`: reads objects of the data model, outside of a transaction.

use super::data_model::QUERIES;
use super::{EffectKind, StepKind};
use crate::effect::{Fault, Options, Plan, bounded, to_json};
use crate::worker::context::RunContext;
use futures::FutureExt;
use types::Json;

pub(super) static KIND: StepKind = StepKind {
    name: "data_model_query",
    doc: "Reads objects of the data model in one snapshot, as `POST /bulk/query` does. The data is its answer.",
    options: &QUERIES,
    required: &[],
    lenient: false,
    template: None,
    effect: EffectKind::Read,
    plan: |run, options, _| {
        async move { Ok(Plan::Value(Some(query(run, options).await?))) }.boxed()
    },
};

async fn query(run: &RunContext, options: &Options) -> Result<Json, Fault> {
    let body = to_json(options)?;
    let principal = &run.run.initiator;
    let answer = data::bulk_query(&run.workflow.parts().data, principal, body.as_str()).await;
    let answer = answer?;
    bounded(&run.workflow, to_json(&answer)?)
}
