//! Bindings: names that a namespace resolves to a chain, a contract and a signer, so that the same
//! definition runs on another chain. A row names its contract and its interface, which are in the
//! registry ([`contracts`]).

use crate::{Error, Result, Workflow, names};
use contracts::Interface;
use store::named::{self, Described, Meta, Named as _, Resource};
use store::{Fact, Tx};
use types::{BindingId, ChainId, ContractId, Digest, Json, Page, Principal, Time};

/// A named chain, contract and signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub id: BindingId,
    /// Unique in the namespace.
    pub name: String,
    pub description: String,
    pub chain: ChainId,
    /// In the chain's canonical form.
    pub contract: Option<String>,
    /// The signing account, in the chain's canonical form.
    pub signer: Option<String>,
    pub abi: Option<Json>,
    pub created: Time,
    pub updated: Time,
}

#[derive(Debug, store::Record)]
#[record(table = "binding")]
struct BindingRow {
    #[record(key)]
    id: BindingId,
    #[record(update)]
    name: String,
    #[record(update)]
    description: String,
    #[record(update)]
    chain: ChainId,
    #[record(update)]
    contract: Option<ContractId>,
    #[record(update)]
    signer: Option<String>,
    #[record(update)]
    interface: Option<Digest>,
    #[record(column = "created_at")]
    created: Time,
    #[record(update, column = "updated_at")]
    updated: Time,
    /// Incremented by each change.
    #[record(next_version)]
    version: u64,
}

store::named!(BindingRow, BindingId, Error, "binding");

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

/// A request whose fields are checked: accounts are in canonical form.
struct ValidBinding {
    name: Option<String>,
    description: String,
    chain: ChainId,
    contract: Option<String>,
    signer: Option<String>,
    interface: Option<Interface>,
    /// The limits of the registry, and who enters the contract and the interface in it.
    limits: contracts::Settings,
    author: Principal,
}

/// Creates a binding with this name or replaces the existing one; with an id, only replaces.
/// Errors: `workflow.invalid_field`, `workflow.unknown_resource`, `workflow.name_taken`,
/// `workflow.limit_exceeded`, `contracts.limit_exceeded`.
pub async fn put_binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewBinding,
) -> Result<Binding> {
    let new = validate(workflow, principal, new)?;
    let limit = workflow.settings().named_objects_per_namespace;
    let put = move |tx: &mut Tx, principal: &Principal, args: &(String, ValidBinding)| {
        let (path, new) = args;
        let row = named::put_in::<BindingRow>(tx, principal, (), path, new, limit)?;
        resolve(tx, row)
    };
    let args = (name_or_id.to_owned(), new);
    workflow.on().write_as(principal, args, put).await
}

/// Reads a binding. Errors: `workflow.unknown_resource`.
pub async fn binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<Binding> {
    let read = |tx: &mut Tx, name_or_id: &String| require(tx, name_or_id);
    workflow
        .db()
        .read_with(&principal.namespace, name_or_id.to_owned(), read)
        .await
}

/// Lists bindings by name.
pub async fn bindings(
    workflow: &Workflow,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<Binding>> {
    let read = |tx: &mut Tx, page: &Page| {
        let rows = BindingRow::list(tx, (), page)?;
        resolve_all(tx, rows)
    };
    workflow
        .db()
        .read_with(&principal.namespace, page.clone(), read)
        .await
}

/// Deletes a binding. Steps that name it fail afterwards. Errors: `workflow.unknown_resource`.
pub async fn delete_binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    named::delete::<BindingRow>(workflow.on(), principal, (), name_or_id).await
}

/// A binding by name or id. Errors: `workflow.unknown_resource`.
pub(crate) fn require(tx: &mut Tx, name_or_id: &str) -> Result<Binding> {
    let row = BindingRow::require(tx, (), name_or_id)?;
    resolve(tx, row)
}

fn resolve(tx: &mut Tx, row: BindingRow) -> Result<Binding> {
    let binding = resolve_all(tx, vec![row])?.pop();
    Ok(binding.expect("one row resolves to one binding"))
}

/// Reads the contracts and interfaces that rows name.
fn resolve_all(tx: &mut Tx, rows: Vec<BindingRow>) -> Result<Vec<Binding>> {
    let contracts: Vec<ContractId> = rows.iter().filter_map(|row| row.contract).collect();
    let interfaces: Vec<Digest> = rows.iter().filter_map(|row| row.interface).collect();
    let addresses = contracts::addresses(tx, &contracts)?;
    let interfaces = contracts::interfaces(tx, &interfaces)?;
    let resolve = |row: BindingRow| Binding {
        contract: row.contract.and_then(|id| addresses.get(&id).cloned()),
        abi: row
            .interface
            .and_then(|hash| interfaces.get(&hash).cloned()),
        id: row.id,
        name: row.name,
        description: row.description,
        chain: row.chain,
        signer: row.signer,
        created: row.created,
        updated: row.updated,
    };
    Ok(rows.into_iter().map(resolve).collect())
}

impl Resource for BindingRow {
    type New = ValidBinding;
    const CREATED: &'static str = "binding.created";
    const UPDATED: &'static str = "binding.updated";
    const DELETED: &'static str = "binding.deleted";

    fn new_name(new: &ValidBinding) -> Option<&str> {
        new.name.as_deref()
    }

    fn build(
        tx: &mut Tx,
        meta: Meta<BindingId>,
        new: &ValidBinding,
        _: Option<&Self>,
    ) -> Result<Self> {
        let (limits, author, chain) = (&new.limits, &new.author, &new.chain);
        let contract = (new.contract.as_ref())
            .map(|address| contracts::ensure(limits, tx, author, chain, address))
            .transpose()?;
        let interface = (new.interface.as_ref())
            .map(|interface| contracts::add_interface(limits, tx, author, interface))
            .transpose()?;
        Ok(Self {
            id: meta.id,
            name: meta.name,
            description: new.description.clone(),
            chain: new.chain,
            contract: contract.map(|contract| contract.id),
            signer: new.signer.clone(),
            interface,
            created: meta.created,
            updated: meta.updated,
            version: meta.version,
        })
    }

    fn too_many(limit: usize) -> Error {
        Error::limit("bindings", "bindings in a namespace", limit)
    }
}

impl Described for BindingRow {
    fn describe(&self, tx: &mut Tx, fact: Fact) -> Result<Fact> {
        let addresses = contracts::addresses(tx, self.contract.as_slice())?;
        let payload = serde_json::json!({
            "name": self.name,
            "chain": self.chain,
            "contract": addresses.values().next(),
            "signer": self.signer,
        });
        Ok(fact.payload(&payload))
    }
}

/// Converts accounts to canonical form and checks that the interface parses.
fn validate(workflow: &Workflow, principal: &Principal, new: NewBinding) -> Result<ValidBinding> {
    let chain = new
        .chain
        .unwrap_or_else(|| workflow.default_chain(&principal.namespace));
    let limits = *workflow.parts().contracts.settings();
    let account = |field: &str, text: Option<String>| {
        let canonical = text.map(|text| contracts::canonical_address(&chain, &text));
        canonical
            .transpose()
            .map_err(|error| Error::invalid(field, error.to_string()))
    };
    let interface = |abi| {
        Interface::parse(&limits, &chain, abi).map_err(|error| match error {
            contracts::Error::LimitExceeded { field, unit, limit } => Error::LimitExceeded {
                field: field.to_owned(),
                unit,
                limit,
            },
            other => Error::invalid("abi", other.to_string()),
        })
    };
    Ok(ValidBinding {
        contract: account("contract", new.contract)?,
        signer: account("signer", new.signer)?,
        interface: new.abi.map(interface).transpose()?,
        name: new.name,
        description: new
            .description
            .map(|text| names::validate_description(&text))
            .transpose()?
            .unwrap_or_default(),
        chain,
        limits,
        author: principal.clone(),
    })
}
