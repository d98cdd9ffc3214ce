//! What the steps on contracts share: their options, and the chain, contract and accounts that the
//! options select.

use super::StepOption;
use crate::binding::{self, Binding};
use crate::effect::{Fault, Options, get_option, params, required_text, text, to_json, units};
use crate::worker::context::RunContext;
use intent::Interface;
use serde_json::Value;
use store::Tx;
use types::ChainId;

pub(super) const BINDING: StepOption = StepOption::new(
    "binding",
    "name or id of a binding, which gives chain, contract, signer and interface unless other options override them",
);
pub(super) const CHAIN: StepOption = StepOption::new(
    "chain",
    "the chain; by default that of the binding, else that of the namespace",
);
pub(super) const CONTRACT: StepOption = StepOption::new("contract", "address of the contract");
pub(super) const ADDRESS: StepOption = StepOption::new("address", "the same as `contract`");
pub(super) const SIGNER: StepOption = StepOption::new(
    "signer",
    "the account that signs; for a read, the account that asks",
);
pub(super) const ABI: StepOption = StepOption::new(
    "abi",
    "the interface: a JSON ABI, an artifact that contains it, or one of them as a string",
);
pub(super) const METHOD: StepOption = StepOption::new("method", "name or signature of the method");
pub(super) const PARAMS: StepOption = StepOption::new(
    "params",
    "the arguments, as a list or by name; `{value, unit}` stands for an amount",
);
pub(super) const UNITS: StepOption = StepOption::new(
    "units",
    "the units in which amounts are written: a list of `{name, decimals}`",
);
pub(super) const VALUE: StepOption = StepOption::new(
    "value",
    "the amount of the chain's coin to send, in base units or as `{value, unit}`",
);
pub(super) const UNTIL: StepOption = StepOption::new(
    "until",
    "the state of the submission that completes the step: `accepted`, `mined` or `final` (default)",
);
pub(super) const LABELS: StepOption = StepOption::new("labels", "texts by name that policies see");
pub(super) const ASSETS: StepOption =
    StepOption::new("assets", "the assets concerned, which policies see");

/// The chain, contract and accounts a contract step uses.
pub(super) struct ContractTarget {
    pub(super) chain: ChainId,
    contract: Option<String>,
    pub(super) signer: Option<String>,
    pub(super) interface: Option<Interface>,
}

/// A call of a method.
pub(super) struct MethodCall {
    pub(super) chain: ChainId,
    pub(super) contract: String,
    pub(super) signer: Option<String>,
    pub(super) interface: Interface,
    pub(super) method: String,
    pub(super) params: Value,
    /// The encoded call.
    pub(super) data: Vec<u8>,
}

/// Reads the call that the options describe.
pub(super) async fn method_call(run: &RunContext, options: &Options) -> Result<MethodCall, Fault> {
    let (target, units) = (resolve_target(run, options).await?, units(options)?);
    let (method, params) = (
        required_text(options, METHOD.name)?,
        params(options, &units)?,
    );
    let contract = target
        .contract
        .ok_or_else(|| Fault::option("contract", "is missing, and the binding has none"))?;
    let interface = target
        .interface
        .ok_or_else(|| Fault::option("abi", "is missing, and the binding has none"))?;
    let data = intent::encode_call(&target.chain, &interface, &method, &params)?;
    Ok(MethodCall {
        chain: target.chain,
        contract,
        signer: target.signer,
        interface,
        method,
        params,
        data,
    })
}

/// Resolves the binding of the step and applies the options that override it.
pub(super) async fn resolve_target(
    run: &RunContext,
    options: &Options,
) -> Result<ContractTarget, Fault> {
    let binding = match text(options, "binding")? {
        None => None,
        Some(name) => Some(resolve(run, name).await?),
    };
    let binding = binding.as_ref();
    let chain = match text(options, "chain")? {
        Some(chain) => chain
            .parse()
            .map_err(|error| Fault::option("chain", error))?,
        None => binding.map_or_else(
            || run.workflow.default_chain(&run.namespace),
            |binding| binding.chain,
        ),
    };
    if let Some(other) = binding.filter(|binding| binding.chain != chain) {
        return Err(Fault::option(
            "chain",
            format!("the binding {} is on {}", other.name, other.chain),
        ));
    }
    let contract = account(options, &chain, &["contract", "address"])?;
    let signer = account(options, &chain, &["signer"])?;
    let abi = match get_option(options, "abi") {
        Some(abi) => Some(to_json(abi)?),
        None => binding.and_then(|binding| binding.abi.clone()),
    };
    Ok(ContractTarget {
        contract: contract.or_else(|| binding.and_then(|binding| binding.contract.clone())),
        signer: signer.or_else(|| binding.and_then(|binding| binding.signer.clone())),
        interface: abi.as_ref().map(contracts::decode_interface),
        chain,
    })
}

async fn resolve(run: &RunContext, name: String) -> Result<Binding, Fault> {
    let read = |tx: &mut Tx, name: &String| binding::require(tx, name);
    let db = run.workflow.db();
    let binding: crate::Result<Binding> = db.read_with(&run.namespace, name, read).await;
    Ok(binding?)
}

fn account(options: &Options, chain: &ChainId, names: &[&str]) -> Result<Option<String>, Fault> {
    for name in names {
        if let Some(account) = text(options, name)? {
            let recipient = intent::parse_recipient(chain, &account)
                .map_err(|error| Fault::option(name, error))?;
            return Ok(Some(recipient.account));
        }
    }
    Ok(None)
}
