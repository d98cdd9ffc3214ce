//! The request body of a new submission, and its conversion to a command.

use crate::{Error, Result};
use intent::{Intent, Interface};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use submit::{Context, Enqueue};
use types::{Amount, AmountInput, ChainId, Family, Json, Unit};
use utoipa::ToSchema;

/// A transaction to sign and send. At most one of `data`, `method` and `deploy` is given; a plain
/// payment has none of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSubmission {
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    pub(super) chain: Option<ChainId>,
    /// The signing account. It must belong to a key of the namespace.
    signer: String,
    /// The recipient or the contract to call. Absent for a deployment.
    #[serde(default)]
    to: Option<String>,
    /// The amount of the chain's native currency: a decimal string in base units, or
    /// `{"value": "0.5", "unit": "ether"}`. Defaults to 0.
    #[serde(default)]
    value: Option<Value>,
    /// The call data, in hexadecimal with 0x.
    #[serde(default)]
    data: Option<String>,
    /// The contract's interface: a JSON ABI. Defaults to the interface that is registered for `to`. It
    /// changes nothing that policies see of the call.
    #[serde(default)]
    abi: Option<Json>,
    /// The function to call: a name, or a signature if the name is overloaded.
    #[serde(default)]
    method: Option<String>,
    /// The arguments of the function: a list, or an object by name.
    #[serde(default)]
    params: Option<Value>,
    /// The contract to deploy.
    #[serde(default)]
    deploy: Option<Deploy>,
    /// Labels of the caller.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The names of the assets that the transaction affects, for policies.
    #[serde(default)]
    assets: Vec<String>,
    /// Policies to evaluate in addition to the attached ones.
    #[serde(default)]
    policies: Vec<String>,
}

/// A contract to deploy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Deploy {
    /// The contract's interface, to encode the constructor's arguments.
    #[serde(default)]
    abi: Option<Json>,
    /// The bytecode, in hexadecimal.
    bytecode: String,
    /// The constructor's arguments.
    #[serde(default)]
    params: Option<Value>,
}

impl NewSubmission {
    /// The contract whose registered interface encodes the call.
    pub(super) fn unencoded(&self) -> Option<&str> {
        let needs_interface = self.method.is_some() && self.abi.is_none();
        self.to.as_deref().filter(|_| needs_interface)
    }

    /// Converts the request to a command. `registered` is the interface of the contract that
    /// [`unencoded`](Self::unencoded) names. An error names the invalid field.
    pub(super) fn into_command(
        self,
        chain: ChainId,
        registered: Option<&Json>,
        key: Option<String>,
    ) -> Result<Enqueue> {
        self.check_combination()?;
        let signer = account(&chain, "signer", &self.signer)?;
        let to = self
            .to
            .as_deref()
            .map(|to| account(&chain, "to", to))
            .transpose()?;
        let value = self.value.as_ref().map_or(Ok(Amount::ZERO), |value| {
            amount("value", value, native_units(&chain))
        })?;
        let data = self.data(&chain, registered)?;
        let interface = self
            .abi
            .as_ref()
            .or(self.deploy.as_ref().and_then(|deploy| deploy.abi.as_ref()));
        Ok(Enqueue {
            idempotency_key: key,
            interface: interface.map(|abi| abi.as_str().to_owned()),
            intent: Intent::call(chain, signer, to, value, data),
            policies: self.policies,
            context: Context {
                task: None,
                labels: self.labels,
                assets: self.assets,
            },
        })
    }

    /// Checks which fields can be combined.
    fn check_combination(&self) -> Result<()> {
        let choices = [
            ("data", self.data.is_some()),
            ("method", self.method.is_some()),
            ("deploy", self.deploy.is_some()),
        ];
        let mut present = choices
            .iter()
            .filter(|(_, present)| *present)
            .map(|(name, _)| *name);
        if let (Some(first), Some(second)) = (present.next(), present.next()) {
            return Err(Error::field(
                second,
                format!("{first} and {second} cannot be combined"),
            ));
        }
        match (&self.to, &self.deploy) {
            (Some(_), Some(_)) => {
                return Err(Error::field("to", "must be absent for a deployment"));
            }
            (None, None) => {
                return Err(Error::field("to", "required, unless deploy is given"));
            }
            _ => {}
        }
        if self.method.is_none() && self.params.is_some() {
            return Err(Error::field("params", "params requires method"));
        }
        Ok(())
    }

    fn data(&self, chain: &ChainId, registered: Option<&Json>) -> Result<Vec<u8>> {
        if let Some(data) = &self.data {
            return bytes("data", data);
        }
        if let Some(method) = &self.method {
            let abi = self.abi.as_ref().or(registered).ok_or_else(no_interface)?;
            let params = self.params.as_ref().unwrap_or(&Value::Null);
            return Ok(intent::encode_call(chain, &interface(abi), method, params)?);
        }
        self.deploy
            .as_ref()
            .map_or(Ok(Vec::new()), |deploy| deploy.data(chain))
    }
}

impl Deploy {
    fn data(&self, chain: &ChainId) -> Result<Vec<u8>> {
        let code = bytes("deploy.bytecode", &self.bytecode)?;
        if code.is_empty() {
            return Err(Error::field("deploy.bytecode", "must not be empty"));
        }
        let empty = Interface::new("[]".to_owned());
        let interface = self.abi.as_ref().map_or(empty, interface);
        let params = self.params.as_ref().unwrap_or(&Value::Null);
        intent::encode_deploy(chain, &interface, &code, params)
            .map_err(|error| Error::within("deploy", error))
    }
}

/// The error for a method that no interface describes.
pub(in crate::routes) fn no_interface() -> Error {
    let reason =
        "required to encode the call of a method: the contract is not registered with an interface";
    Error::field("abi", reason)
}

/// A contract interface from its JSON ABI.
pub(in crate::routes) fn interface(abi: &Json) -> Interface {
    contracts::decode_interface(abi)
}

/// Parses an account; returns its canonical form on the chain.
pub(in crate::routes) fn account(chain: &ChainId, field: &str, text: &str) -> Result<String> {
    let recipient =
        intent::parse_recipient(chain, text).map_err(|error| Error::at(field, error))?;
    match recipient.memo {
        Some(_) => Err(Error::field(field, "a memo is not supported here")),
        None => Ok(recipient.account),
    }
}

/// Parses bytes in hexadecimal.
pub(in crate::routes) fn bytes(field: &str, text: &str) -> Result<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| Error::field(field, error))
}

/// Parses an amount in base units or in a named unit.
fn amount(field: &str, present: &Value, units: &[(&str, u8)]) -> Result<Amount> {
    let invalid = |why: &dyn std::fmt::Display| Error::field(field, why);
    match present {
        Value::String(text) => text
            .parse()
            .map_err(|error: types::AmountError| invalid(&error)),
        Value::Object(_) => {
            let units: Vec<Unit> = units
                .iter()
                .map(|(name, decimals)| unit(name, *decimals))
                .collect();
            let malformed = || invalid(&"expected {\"value\": \"0.5\", \"unit\": \"…\"}");
            let AmountInput::InUnit { value, unit } =
                AmountInput::deserialize(present).map_err(|_| malformed())?
            else {
                return Err(malformed());
            };
            AmountInput::InUnit { value, unit }
                .to_base(&units)
                .map_err(|error| invalid(&error))
        }
        other => Amount::deserialize(other).map_err(|error| invalid(&error)),
    }
}

fn unit(name: &str, decimals: u8) -> Unit {
    Unit {
        name: name.to_owned(),
        decimals,
        default: false,
    }
}

/// The units of a chain's native currency, by its family.
fn native_units(chain: &ChainId) -> &'static [(&'static str, u8)] {
    match chain.family() {
        Some(Family::Evm) => &[("wei", 0), ("gwei", 9), ("ether", 18), ("ETH", 18)],
        Some(Family::Utxo) => &[("sat", 0), ("BTC", 8)],
        None => &[],
    }
}
