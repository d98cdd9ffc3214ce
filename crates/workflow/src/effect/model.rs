//! Steps on the data model: a query outside, an update inside the step's own transaction.

use super::{Fault, Options, bounded, written};
use crate::work::load::Loaded;
use serde_json::Value;
use types::Json;

/// Ask the data model.
pub(super) async fn query(run: &Loaded, options: &Options) -> Result<Option<Json>, Fault> {
    let body = written(&given(options))?;
    let who = &run.run.initiator;
    let answer = data::bulk_query(&run.workflow.parts().data, who, body.as_str()).await;
    let answer = answer.map_err(|error| Fault::of(&error))?;
    bounded(run, written(&answer)?).map(Some)
}

/// Prepare a change of the data model.
pub(super) fn update(run: &Loaded, options: &Options) -> Result<data::Prepared, Fault> {
    // JSONata gives a list of one as that one.
    let listed = |(name, value): (&String, &Value)| match value {
        Value::Object(_) => (name.clone(), Value::Array(vec![value.clone()])),
        other => (name.clone(), other.clone()),
    };
    let body: Options = given(options).iter().map(listed).collect();
    let body = written(&body)?;
    data::prepare_update(
        &run.workflow.parts().data,
        &run.run.initiator,
        body.as_str(),
    )
    .map_err(|error| Fault::of(&error))
}

fn given(options: &Options) -> Options {
    options
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
