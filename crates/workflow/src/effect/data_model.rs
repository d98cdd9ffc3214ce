//! Steps on the data model: a query outside a transaction, an update inside the step's own
//! transaction.

use super::{Fault, Options, bounded, to_json};
use crate::work::load::RunContext;
use serde_json::Value;
use types::Json;

/// Runs a query.
pub(super) async fn query(run: &RunContext, options: &Options) -> Result<Option<Json>, Fault> {
    let body = to_json(&without_nulls(options))?;
    let principal = &run.run.initiator;
    let answer = data::bulk_query(&run.workflow.parts().data, principal, body.as_str()).await;
    let answer = answer.map_err(|error| Fault::from_error(&error))?;
    bounded(run, to_json(&answer)?).map(Some)
}

/// Prepares an update.
pub(super) fn update(run: &RunContext, options: &Options) -> Result<data::PreparedUpdate, Fault> {
    // JSONata returns a one-element list as the element itself.
    let as_list = |(name, value): (&String, &Value)| match value {
        Value::Object(_) => (name.clone(), Value::Array(vec![value.clone()])),
        value => (name.clone(), value.clone()),
    };
    let body: Options = without_nulls(options).iter().map(as_list).collect();
    let body = to_json(&body)?;
    data::prepare_update(
        &run.workflow.parts().data,
        &run.run.initiator,
        body.as_str(),
    )
    .map_err(|error| Fault::from_error(&error))
}

fn without_nulls(options: &Options) -> Options {
    options
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
