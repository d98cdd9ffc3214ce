//! `contract_query`: reads a contract.

use super::contract::{ABI, ADDRESS, BINDING, CHAIN, CONTRACT, METHOD, method_call};
use super::{EffectKind, StepKind};
use crate::effect::{Fault, Options, PARAMS, Plan, SIGNER, UNITS, bounded, to_json};
use crate::worker::context::RunContext;
use chain::CallRequest;
use futures::FutureExt;
use types::Json;

pub(super) static KIND: StepKind = StepKind {
    name: "contract_query",
    doc: "Calls a method of a contract without a transaction. The data has the outputs by name, with integers as strings.",
    options: &[
        BINDING, CHAIN, CONTRACT, ADDRESS, SIGNER, ABI, METHOD, PARAMS, UNITS,
    ],
    required: &[&["method"], &["binding", "contract", "address"]],
    lenient: false,
    template: None,
    effect: EffectKind::Read,
    plan: |run, options, _| {
        async move { Ok(Plan::Value(Some(query(run, options).await?))) }.boxed()
    },
};

async fn query(run: &RunContext, options: &Options) -> Result<Json, Fault> {
    let call = method_call(run, options).await?;
    let connector = run.workflow.parts().submit.chain(&call.chain)?;
    let request = CallRequest {
        from: call.signer.as_deref(),
        to: &call.contract,
        data: call.data,
        block_hash: None,
    };
    let answer = connector.call(&request, Some(&call.interface)).await?;
    let output = intent::decode_output(&call.chain, &call.interface, &call.method, &answer)?;
    bounded(&run.workflow, to_json(&output)?)
}
