//! Bindings: names that a namespace resolves to a chain, a contract and a signer, so that the same
//! definition runs on another chain.

use crate::table::binding as table;
use crate::{Error, Result, Workflow, names};
use serde::Serialize;
use store::{Fact, Tx};
use types::{BindingId, ChainId, Json, Page, Principal, Time};

/// Maximum size of an interface, in bytes.
const MAX_INTERFACE: usize = 1 << 20;

/// A named chain, contract and signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    pub id: BindingId,
    /// Unique in the namespace.
    pub name: String,
    pub description: String,
    pub chain: ChainId,
    /// In the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The signing account, in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abi: Option<Json>,
    pub created: Time,
    pub updated: Time,
    /// Incremented by each change.
    #[serde(skip)]
    pub version: u64,
}

/// The request to create or replace a binding.
#[derive(Debug, Clone, Default)]
pub struct NewBinding {
    /// A new name for an existing binding; a new binding takes its name from the path.
    pub name: Option<String>,
    pub description: Option<String>,
    /// Defaults to the namespace's default chain.
    pub chain: Option<ChainId>,
    pub contract: Option<String>,
    pub signer: Option<String>,
    /// The JSON ABI, or an artifact that contains it.
    pub abi: Option<Json>,
}

/// Creates a binding with this name or replaces the existing one; with an id, only replaces.
/// Returns whether it is new. Errors: `workflow.invalid`, `workflow.unknown_resource`,
/// `workflow.name_taken`, `workflow.limit_exceeded`, `intent.invalid_address`, `intent.abi_mismatch`.
pub async fn put_binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewBinding,
) -> Result<(Binding, bool)> {
    let new = validate(workflow, principal, new)?;
    let (path, principal, limit) = (
        name_or_id.to_owned(),
        principal.clone(),
        workflow.settings().named_objects_per_namespace,
    );
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let existing = table::find(tx, &path)?;
        let binding = next(tx, &path, existing.as_ref(), &new, limit)?;
        if !table::put(tx, &binding)? {
            return Err(store::Error::Contended { attempts: 1 }.into());
        }
        let kind = if existing.is_some() {
            "binding.updated"
        } else {
            "binding.created"
        };
        tx.append(fact(kind, &principal, &binding));
        Ok((binding, existing.is_none()))
    };
    workflow.on().write(&namespace, write).await
}

/// Reads a binding. Errors: `workflow.unknown_resource`.
pub async fn binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<Binding> {
    let path = name_or_id.to_owned();
    workflow
        .db()
        .read(&principal.namespace, move |tx| require(tx, &path))
        .await
}

/// Lists bindings by name.
pub async fn bindings(
    workflow: &Workflow,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<Binding>> {
    let page = page.clone();
    workflow
        .db()
        .read(&principal.namespace, move |tx| table::list(tx, &page))
        .await
}

/// Deletes a binding. Steps that name it fail afterwards. Errors: `workflow.unknown_resource`.
pub async fn delete_binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    let (path, principal) = (name_or_id.to_owned(), principal.clone());
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let binding = require(tx, &path)?;
        table::delete(tx, binding.id)?;
        tx.append(fact("binding.deleted", &principal, &binding));
        Ok::<_, Error>(())
    };
    workflow.on().write(&namespace, write).await
}

fn require(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Binding> {
    table::find(tx, name_or_id)?.ok_or_else(|| Error::unknown("binding", name_or_id))
}

/// Converts accounts to canonical form and checks that the interface parses.
fn validate(workflow: &Workflow, principal: &Principal, new: NewBinding) -> Result<NewBinding> {
    let chain = new
        .chain
        .unwrap_or_else(|| workflow.default_chain(&principal.namespace));
    let account = |field: &str, text: &String| {
        let recipient = intent::parse_recipient(&chain, text)
            .map_err(|error| Error::invalid(field, error.to_string()))?;
        Ok::<_, Error>(recipient.account)
    };
    let contract = new
        .contract
        .as_ref()
        .map(|text| account("contract", text))
        .transpose()?;
    let signer = new
        .signer
        .as_ref()
        .map(|text| account("signer", text))
        .transpose()?;
    if new
        .abi
        .as_ref()
        .is_some_and(|abi| abi.as_str().len() > MAX_INTERFACE)
    {
        return Err(Error::LimitExceeded {
            field: "abi".to_owned(),
            unit: "bytes",
            limit: MAX_INTERFACE,
        });
    }
    if let Some(abi) = &new.abi {
        let interface = crate::effect::interface(abi.as_str());
        intent::event_topics(&chain, &interface)
            .map_err(|error| Error::invalid("abi", error.to_string()))?;
    }
    let name = new
        .name
        .map(|name| names::validate_name("name", &name))
        .transpose()?;
    let description = new
        .description
        .map(|text| names::validate_description(&text))
        .transpose()?;
    Ok(NewBinding {
        name,
        description,
        chain: Some(chain),
        contract,
        signer,
        abi: new.abi,
    })
}

fn next(
    tx: &mut Tx<'_, '_>,
    path: &str,
    existing: Option<&Binding>,
    new: &NewBinding,
    limit: usize,
) -> Result<Binding> {
    let now = tx.now();
    let (id, name, created, version) = match existing {
        Some(binding) => {
            let name = new.name.clone().unwrap_or_else(|| binding.name.clone());
            (binding.id, name, binding.created, binding.version + 1)
        }
        None if path.parse::<BindingId>().is_ok() => return Err(Error::unknown("binding", path)),
        None => (BindingId::new(now, tx.entropy()), path.to_owned(), now, 1),
    };
    let name = names::validate_name("name", &name)?;
    if existing.is_none() && table::count(tx)? >= i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded {
            field: "bindings".to_owned(),
            unit: "bindings in a namespace",
            limit,
        });
    }
    if table::find(tx, &name)?.is_some_and(|other| other.id != id) {
        return Err(Error::NameTaken {
            noun: "binding",
            name,
        });
    }
    Ok(Binding {
        id,
        name,
        description: new.description.clone().unwrap_or_default(),
        chain: new
            .chain
            .ok_or_else(|| Error::invalid("chain", "is missing"))?,
        contract: new.contract.clone(),
        signer: new.signer.clone(),
        abi: new.abi.clone(),
        created,
        updated: now,
        version,
    })
}

fn fact(kind: &'static str, principal: &Principal, binding: &Binding) -> Fact {
    let payload = serde_json::json!({
        "name": binding.name, "chain": binding.chain, "contract": binding.contract, "signer": binding.signer,
    });
    Fact::new(kind, 1)
        .subject(&binding.id, binding.version)
        .actor(principal)
        .payload(&payload)
}
