//! Interfaces of contracts: parsed once, stored once in a namespace.

use crate::table::interface::{self as table, NewRow};
use crate::{Error, Result, Settings};
use std::collections::{BTreeMap, BTreeSet};
use store::{Fact, Tx};
use types::{ChainId, Digest, Json, Principal};

/// An interface that has been parsed: a JSON ABI, an artifact that contains it, or one of them as a
/// JSON string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    text: Json,
    /// The signatures of its functions.
    pub(crate) functions: BTreeSet<String>,
}

impl Interface {
    /// Errors: `contracts.limit_exceeded`, `contracts.invalid_field`.
    pub fn parse(settings: &Settings, chain: &ChainId, text: Json) -> Result<Self> {
        let limit = settings.interface_bytes;
        if text.as_str().len() > limit {
            return Err(Error::LimitExceeded {
                field: "abi",
                unit: "bytes",
                limit,
            });
        }
        let functions = intent::function_signatures(chain, &decode_interface(&text))
            .map_err(|error| Error::invalid("abi", error.to_string()))?;
        Ok(Self { text, functions })
    }

    /// The hash of the exact text, by which it is stored.
    pub fn hash(&self) -> Digest {
        Digest::of(self.text.as_str().as_bytes())
    }
}

/// An interface from its JSON, which may also be a JSON string that contains it. It is parsed on
/// use.
pub fn decode_interface(json: &Json) -> intent::Interface {
    let text = serde_json::from_str::<String>(json.as_str());
    intent::Interface::new(text.unwrap_or_else(|_| json.as_str().to_owned()))
}

/// Stores an interface, unless the namespace has it already, and returns its hash. Error:
/// `contracts.limit_exceeded`.
pub fn add_interface(
    settings: &Settings,
    tx: &mut Tx,
    principal: &Principal,
    interface: &Interface,
) -> Result<Digest> {
    let hash = interface.hash();
    if table::exists(tx, &hash)? {
        return Ok(hash);
    }
    let limit = settings.interfaces_per_namespace;
    if table::count(tx)? >= limit as u64 {
        return Err(Error::LimitExceeded {
            field: "interfaces",
            unit: "interfaces in a namespace",
            limit,
        });
    }
    let text = interface.text.as_str();
    if !table::insert(tx, &NewRow { hash, text })? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    let fact = Fact::new("contract.interface_added", 1)
        .subject(&format!("interface:{hash}"), 1)
        .actor(principal)
        .payload(&serde_json::json!({ "hash": hash }));
    tx.append(fact);
    Ok(hash)
}

/// The texts of interfaces; those that the namespace does not have are left out.
pub fn interfaces(tx: &mut Tx, hashes: &[Digest]) -> store::Result<BTreeMap<Digest, Json>> {
    if hashes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = table::get(tx, hashes)?.into_iter();
    Ok(rows.map(|row| (row.hash, row.text)).collect())
}
