//! `contract_deploy`: deploys a contract.

use super::contract::{ABI, BINDING, CHAIN, resolve_target};
use super::{EffectKind, StepKind};
use crate::effect::{
    ASSETS, ChainCall, Fault, LABELS, Options, PARAMS, Plan, SIGNER, StepOption, SubmissionRequest,
    UNITS, UNTIL, VALUE, params, required_text, units,
};
use crate::worker::context::RunContext;
use futures::FutureExt;
use intent::Interface;
use serde_json::json;

const BYTECODE: StepOption = StepOption::new("bytecode", "the creation code, in hexadecimal");

pub(super) static KIND: StepKind = StepKind {
    name: "contract_deploy",
    doc: "Deploys a contract by a submission, and waits for it. The data is the submission, with `contractAddress`.",
    options: &[
        BINDING, CHAIN, SIGNER, ABI, BYTECODE, PARAMS, VALUE, UNITS, UNTIL, LABELS, ASSETS,
    ],
    required: &[&["bytecode"], &["binding", "signer"]],
    lenient: false,
    template: None,
    effect: EffectKind::Chain,
    plan: |run, options, _| {
        async move { Ok(Plan::Submit(Box::new(deploy(run, options).await?))) }.boxed()
    },
};

async fn deploy(run: &RunContext, options: &Options) -> Result<SubmissionRequest, Fault> {
    let (target, units) = (resolve_target(run, options).await?, units(options)?);
    let code = required_text(options, BYTECODE)?;
    let digits = code.trim();
    let code = hex::decode(digits.strip_prefix("0x").unwrap_or(digits))
        .ok()
        .filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| Fault::option(BYTECODE, "expected hexadecimal"))?;
    let params = params(options, &units)?;
    let empty = Interface::new("[]".to_owned());
    let interface = target.interface.as_ref().unwrap_or(&empty);
    let data = intent::encode_deploy(&target.chain, interface, &code, &params)?;
    let call = ChainCall {
        chain: target.chain,
        signer: target.signer,
        to: None,
        data,
        interface: target.interface,
        shown: json!({"params": params}),
    };
    call.into_request(run, options)
}
