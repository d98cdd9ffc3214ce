//! `contract_invoke`: calls a method of a contract in a transaction.

use super::contract::{ABI, ADDRESS, BINDING, CHAIN, CONTRACT, METHOD, method_call};
use super::{EffectKind, StepKind};
use crate::effect::{
    ASSETS, ChainCall, Fault, LABELS, Options, PARAMS, Plan, SIGNER, SubmissionRequest, UNITS,
    UNTIL, VALUE,
};
use crate::worker::context::RunContext;
use futures::FutureExt;
use serde_json::json;

pub(super) static KIND: StepKind = StepKind {
    name: "contract_invoke",
    doc: "Calls a method of a contract by a submission, and waits for it. The data is the submission.",
    options: &[
        BINDING, CHAIN, CONTRACT, ADDRESS, SIGNER, ABI, METHOD, PARAMS, VALUE, UNITS, UNTIL,
        LABELS, ASSETS,
    ],
    required: &[
        &["method"],
        &["binding", "contract", "address"],
        &["binding", "signer"],
    ],
    lenient: false,
    template: None,
    effect: EffectKind::Chain,
    plan: |run, options, _| {
        async move { Ok(Plan::Submit(Box::new(invoke(run, options).await?))) }.boxed()
    },
};

async fn invoke(run: &RunContext, options: &Options) -> Result<SubmissionRequest, Fault> {
    let call = method_call(run, options).await?;
    let shown = json!({"contract": call.contract, "method": call.method, "params": call.params});
    let call = ChainCall {
        chain: call.chain,
        signer: call.signer,
        to: Some(call.contract),
        data: call.data,
        interface: Some(call.interface),
        shown,
    };
    call.into_request(run, options)
}
