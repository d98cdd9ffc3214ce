//! The events of a listener that names none: those of the interfaces that are registered for its
//! contracts.

use super::ListenerSpec;
use crate::{Error, Result, Workflow};
use serde_json::Value;
use types::{ChainId, Json, Principal};

const FIELD: &str = "config.blockchainEvents.abiEvents";

/// The configuration with its events. They are taken once: what is registered later does not change what a
/// listener receives.
pub(super) async fn with_events(
    workflow: &Workflow,
    principal: &Principal,
    mut spec: ListenerSpec,
) -> Result<ListenerSpec> {
    if let ListenerSpec::Chain { config } = &mut spec {
        let mut value = config.to_value();
        if let Some(events) = missing_events(workflow, principal, &value).await? {
            value["blockchainEvents"]["abiEvents"] = events;
            *config = Json::of(&value).map_err(|error| Error::invalid("config", error))?;
        }
    }
    Ok(spec)
}

/// The entries of the registered interfaces; none if the configuration has events, or no contract
/// to take them from.
async fn missing_events(
    workflow: &Workflow,
    principal: &Principal,
    config: &Value,
) -> Result<Option<Value>> {
    let events = &config["blockchainEvents"];
    let locations = events["locations"].as_array().map(Vec::as_slice);
    let addresses = locations.unwrap_or_default().iter();
    let addresses: Vec<&str> = addresses
        .filter_map(|location| location["address"].as_str())
        .collect();
    if !events["abiEvents"].is_null() || addresses.is_empty() {
        return Ok(None);
    }
    let chain = match config["chain"].as_str() {
        Some(chain) => chain
            .parse()
            .map_err(|error| Error::invalid("config.chain", error))?,
        None => workflow.default_chain(&principal.namespace),
    };
    let mut all: Vec<Value> = Vec::new();
    for address in addresses {
        let entries = registered_entries(workflow, principal, &chain, address).await?;
        all.extend(entries.into_iter().filter(|entry| entry["type"] == "event"));
    }
    Ok(Some(Value::Array(all)))
}

async fn registered_entries(
    workflow: &Workflow,
    principal: &Principal,
    chain: &ChainId,
    address: &str,
) -> Result<Vec<Value>> {
    let contracts = &workflow.parts().contracts;
    let registered =
        contracts::registered_interface(contracts, &principal.namespace, chain, address);
    let registered = registered.await?.ok_or_else(|| {
        let reason = format!("is required: no interface is registered for {address}");
        Error::invalid(FIELD, reason)
    })?;
    let interface = contracts::decode_interface(&registered);
    let interface: Value = serde_json::from_str(&interface.json)
        .map_err(|error| Error::corrupt("interface", error.to_string()))?;
    Ok(match interface {
        Value::Array(entries) => entries,
        Value::Object(mut artifact) => match artifact.remove("abi") {
            Some(Value::Array(entries)) => entries,
            _ => vec![Value::Object(artifact)],
        },
        _ => Vec::new(),
    })
}
