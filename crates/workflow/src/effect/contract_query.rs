//! `contract_query`: reads a contract.

use super::chain::resolve_target;
use super::options::{params, required_text, units};
use super::{Fault, Options, bounded, to_json};
use crate::work::load::RunContext;
use ::chain::CallRequest;
use types::Json;

/// Returns the outputs by name, with integers as strings.
pub(super) async fn query(run: &RunContext, options: &Options) -> Result<Option<Json>, Fault> {
    let (target, units) = (resolve_target(run, options).await?, units(options)?);
    let (method, params) = (required_text(options, "method")?, params(options, &units)?);
    let contract = target
        .contract
        .ok_or_else(|| Fault::option("contract", "is missing, and the binding has none"))?;
    let interface = target
        .interface
        .ok_or_else(|| Fault::option("abi", "is missing, and the binding has none"))?;
    let data = intent::encode_call(&target.chain, &interface, &method, &params)
        .map_err(|error| Fault::from_error(&error))?;
    let connector = run
        .workflow
        .parts()
        .submit
        .chain(&target.chain)
        .map_err(|error| Fault::from_error(&error))?;
    let request = CallRequest {
        from: target.signer.as_deref(),
        to: &contract,
        data,
        block_hash: None,
    };
    let answer = connector
        .call(&request, Some(&interface))
        .await
        .map_err(|error| Fault::from_error(&error))?;
    let output = intent::decode_output(&target.chain, &interface, &method, &answer)
        .map_err(|error| Fault::from_error(&error))?;
    bounded(run, to_json(&output)?).map(Some)
}
