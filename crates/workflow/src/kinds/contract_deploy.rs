//! `contract_deploy`: deploys a contract.

use super::contract::{
    ABI, ASSETS, BINDING, CHAIN, LABELS, PARAMS, SIGNER, UNITS, UNTIL, VALUE, resolve_target,
};
use super::{EffectKind, StepKind, StepOption};
use crate::effect::{
    ChainCall, Fault, Options, Plan, SubmissionRequest, params, required_text, units,
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
    let code = required_text(options, BYTECODE.name)?;
    let code =
        decode_hex(&code).ok_or_else(|| Fault::option("bytecode", "expected hexadecimal"))?;
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

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .trim()
        .strip_prefix("0x")
        .unwrap_or(text.trim())
        .as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    digits
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}
