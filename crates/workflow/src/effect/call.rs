//! `contract_query`: reads a contract.

use super::chain::place;
use super::options::{needed, params, units};
use super::{Fault, Options, bounded, written};
use crate::work::load::Loaded;
use ::chain::CallRequest;
use types::Json;

/// What the contract answers, by the names of its outputs; integers as texts.
pub(super) async fn query(run: &Loaded, options: &Options) -> Result<Option<Json>, Fault> {
    let (place, units) = (place(run, options).await?, units(options)?);
    let (method, params) = (needed(options, "method")?, params(options, &units)?);
    let contract = place
        .contract
        .ok_or_else(|| Fault::option("contract", "is missing, and the binding has none"))?;
    let interface = place
        .interface
        .ok_or_else(|| Fault::option("abi", "is missing, and the binding has none"))?;
    let data = intent::encode_call(&place.chain, &interface, &method, &params)
        .map_err(|error| Fault::of(&error))?;
    let connector = run
        .workflow
        .parts()
        .submit
        .chain(&place.chain)
        .map_err(|error| Fault::of(&error))?;
    let request = CallRequest {
        from: place.signer.as_deref(),
        to: &contract,
        data,
        at: None,
    };
    let answer = connector
        .call(&request, Some(&interface))
        .await
        .map_err(|error| Fault::of(&error))?;
    let output = intent::decode_output(&place.chain, &interface, &method, &answer)
        .map_err(|error| Fault::of(&error))?;
    bounded(run, written(&output)?).map(Some)
}
