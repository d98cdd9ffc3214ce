//! What people send to have signed, and the command that it becomes.

use crate::{Error, Result};
use intent::{Intent, Interface};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use submit::{Context, Enqueue};
use types::{Amount, ChainId, Family, Json, Unit, UnitedAmount};
use utoipa::ToSchema;

/// A transaction that is to be signed and sent. `data`, `method` or `deploy`, or none of them for a
/// plain payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSubmission {
    /// The namespace's default chain if it is left out.
    #[serde(default)]
    pub(super) chain: Option<ChainId>,
    /// An account of one of the namespace's keys.
    signer: String,
    /// Who is paid or called; absent for a deployment.
    #[serde(default)]
    to: Option<String>,
    /// The chain's own coin: a decimal string in base units, or `{"value": "0.5", "unit":
    /// "ether"}`.
    #[serde(default)]
    value: Option<Value>,
    /// The call as bytes, in hexadecimal with 0x.
    #[serde(default)]
    data: Option<String>,
    /// The contract's interface: a JSON ABI.
    #[serde(default)]
    abi: Option<Json>,
    /// A function of it: a name, or a signature where the name is overloaded.
    #[serde(default)]
    method: Option<String>,
    /// Its arguments: a list, or an object by name.
    #[serde(default)]
    params: Option<Value>,
    /// A contract that is to be made.
    #[serde(default)]
    deploy: Option<Deploy>,
    /// What the caller wants to find it by.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Names of the assets it touches, for policy.
    #[serde(default)]
    assets: Vec<String>,
    /// Policies to be asked besides those attached.
    #[serde(default)]
    policies: Vec<String>,
}

/// A contract that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Deploy {
    /// Its interface, for the constructor's arguments.
    #[serde(default)]
    abi: Option<Json>,
    /// Its code, in hexadecimal.
    bytecode: String,
    /// The constructor's arguments.
    #[serde(default)]
    params: Option<Value>,
}

impl NewSubmission {
    /// The command; an error names the field.
    pub(super) fn into_command(self, chain: ChainId, key: Option<String>) -> Result<Enqueue> {
        self.check_members()?;
        let signer = account(&chain, "signer", &self.signer)?;
        let to = self
            .to
            .as_deref()
            .map(|to| account(&chain, "to", to))
            .transpose()?;
        let value = self.value.as_ref().map_or(Ok(Amount::ZERO), |value| {
            amount("value", value, coin(&chain))
        })?;
        let data = self.data(&chain)?;
        let interface = self
            .abi
            .as_ref()
            .or(self.deploy.as_ref().and_then(|deploy| deploy.abi.as_ref()));
        Ok(Enqueue {
            key,
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

    /// Which members go together.
    fn check_members(&self) -> Result<()> {
        let ways = [
            ("data", self.data.is_some()),
            ("method", self.method.is_some()),
            ("deploy", self.deploy.is_some()),
        ];
        let mut given = ways
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            return Err(Error::field(
                second,
                format!("give {first} or {second}, not both"),
            ));
        }
        match (&self.to, &self.deploy) {
            (Some(_), Some(_)) => return Err(Error::field("to", "a deployment goes to nobody")),
            (None, None) => {
                return Err(Error::field(
                    "to",
                    "say who is paid or called, or what to deploy",
                ));
            }
            _ => {}
        }
        if self.method.is_none() && self.params.is_some() {
            return Err(Error::field("params", "params go with a method"));
        }
        Ok(())
    }

    fn data(&self, chain: &ChainId) -> Result<Vec<u8>> {
        if let Some(data) = &self.data {
            return bytes("data", data);
        }
        if let Some(method) = &self.method {
            let abi = self
                .abi
                .as_ref()
                .ok_or_else(|| Error::field("abi", "a method is called by an interface"))?;
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
            return Err(Error::field("deploy.bytecode", "there is no code"));
        }
        let none = Interface::new("[]".to_owned());
        let interface = self.abi.as_ref().map_or(none, interface);
        let params = self.params.as_ref().unwrap_or(&Value::Null);
        intent::encode_deploy(chain, &interface, &code, params)
            .map_err(|error| Error::within("deploy", error))
    }
}

/// An interface from its text.
pub(in crate::routes) fn interface(abi: &Json) -> Interface {
    Interface::new(abi.as_str().to_owned())
}

/// An account of a chain in canonical form.
pub(in crate::routes) fn account(chain: &ChainId, field: &str, text: &str) -> Result<String> {
    let recipient =
        intent::parse_recipient(chain, text).map_err(|error| Error::at(field, error))?;
    match recipient.memo {
        Some(_) => Err(Error::field(field, "this chain carries no memo here")),
        None => Ok(recipient.account),
    }
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| Error::field(field, error))
}

/// An amount in base units or in a named unit.
fn amount(field: &str, given: &Value, units: &[(&str, u8)]) -> Result<Amount> {
    let wrong = |why: &dyn std::fmt::Display| Error::field(field, why);
    match given {
        Value::String(text) => text
            .parse()
            .map_err(|error: types::AmountError| wrong(&error)),
        Value::Object(_) => {
            let units: Vec<Unit> = units
                .iter()
                .map(|(name, decimals)| unit(name, *decimals))
                .collect();
            let shape = || wrong(&"expected {\"value\": \"0.5\", \"unit\": \"…\"}");
            let UnitedAmount::InUnit { value, unit } =
                UnitedAmount::deserialize(given).map_err(|_| shape())?
            else {
                return Err(shape());
            };
            UnitedAmount::InUnit { value, unit }
                .to_base(&units)
                .map_err(|error| wrong(&error))
        }
        other => Amount::deserialize(other).map_err(|error| wrong(&error)),
    }
}

fn unit(name: &str, decimals: u8) -> Unit {
    Unit {
        name: name.to_owned(),
        decimals,
        default: false,
    }
}

/// The units of a chain's own coin, by its family's words.
fn coin(chain: &ChainId) -> &'static [(&'static str, u8)] {
    match chain.family() {
        Some(Family::Evm) => &[("wei", 0), ("gwei", 9), ("ether", 18), ("ETH", 18)],
        Some(Family::Utxo) => &[("sat", 0), ("BTC", 8)],
        None => &[],
    }
}
