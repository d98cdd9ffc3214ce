//! What the steps on contracts share: their options, and the chain, contract and accounts that the
//! options select.

use crate::binding::{self, Binding};
use crate::effect::{
    Fault, Options, SIGNER, StepOption, get_option, params, required_text, text, to_json, units,
};
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
pub(super) const ABI: StepOption = StepOption::new(
    "abi",
    "the interface: a JSON ABI, an artifact that contains it, or one of them as a string; by default that of the binding, else the one that is registered for the contract",
);
pub(super) const METHOD: StepOption = StepOption::new("method", "name or signature of the method");

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
    let (method, params) = (required_text(options, METHOD)?, params(options, &units)?);
    let contract = target
        .contract
        .ok_or_else(|| Fault::option(CONTRACT, "is missing, and the binding has none"))?;
    let interface = match target.interface {
        Some(interface) => interface,
        None => registered_interface(run, &target.chain, &contract).await?,
    };
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
    let binding = match text(options, BINDING)? {
        None => None,
        Some(name) => Some(resolve(run, name).await?),
    };
    let binding = binding.as_ref();
    let chain = match text(options, CHAIN)? {
        Some(chain) => chain.parse().map_err(|error| Fault::option(CHAIN, error))?,
        None => binding.map_or_else(
            || run.workflow.default_chain(&run.namespace),
            |binding| binding.chain,
        ),
    };
    if let Some(other) = binding.filter(|binding| binding.chain != chain) {
        return Err(Fault::option(
            CHAIN,
            format!("the binding {} is on {}", other.name, other.chain),
        ));
    }
    let contract = account(options, &chain, &[CONTRACT, ADDRESS])?;
    let signer = account(options, &chain, &[SIGNER])?;
    let abi = match get_option(options, ABI) {
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

/// The interface that the registry has of a contract.
async fn registered_interface(
    run: &RunContext,
    chain: &ChainId,
    contract: &str,
) -> Result<Interface, Fault> {
    let contracts = &run.workflow.parts().contracts;
    let registered =
        contracts::registered_interface(contracts, &run.namespace, chain, contract).await;
    let registered = registered.map_err(crate::Error::from)?;
    let missing = "is missing, the binding has none, and none is registered for the contract";
    let registered = registered.ok_or_else(|| Fault::option(ABI, missing))?;
    Ok(contracts::decode_interface(&registered))
}

async fn resolve(run: &RunContext, name: String) -> Result<Binding, Fault> {
    let read = |tx: &mut Tx, name: &String| binding::require(tx, name);
    let db = run.workflow.db();
    let binding: crate::Result<Binding> = db.read_with(&run.namespace, name, read).await;
    Ok(binding?)
}

fn account(
    options: &Options,
    chain: &ChainId,
    accepted: &[StepOption],
) -> Result<Option<String>, Fault> {
    for option in accepted {
        if let Some(account) = text(options, *option)? {
            let recipient = intent::parse_recipient(chain, &account)
                .map_err(|error| Fault::option(*option, error))?;
            return Ok(Some(recipient.account));
        }
    }
    Ok(None)
}
