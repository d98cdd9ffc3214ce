//! Bindings: names that a namespace resolves to a chain, a contract and a signer, so that the same
//! definition runs on another chain.

use crate::named::{self, FactKinds, Meta, Resource};
use crate::table::named::named;
use crate::{Error, Result, Workflow, names};
use serde::Serialize;
use store::{Fact, Tx};
use types::{BindingId, ChainId, Entropy, Json, Page, Principal, Time};

/// Maximum size of an interface, in bytes.
const MAX_INTERFACE: usize = 1 << 20;

/// A named chain, contract and signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "binding")]
pub struct Binding {
    #[record(key)]
    pub id: BindingId,
    /// Unique in the namespace.
    #[record(update)]
    pub name: String,
    #[record(update)]
    pub description: String,
    #[record(update)]
    pub chain: ChainId,
    /// In the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub contract: Option<String>,
    /// The signing account, in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub signer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update, column = "interface")]
    pub abi: Option<Json>,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    /// Incremented by each change.
    #[serde(skip)]
    #[record(next_version)]
    pub version: u64,
}

named!(Binding, BindingId, within(), "binding");

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
    named::put(workflow, principal, name_or_id, new).await
}

/// Reads a binding. Errors: `workflow.unknown_resource`.
pub async fn binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<Binding> {
    named::get(workflow, principal, (), name_or_id).await
}

/// Lists bindings by name.
pub async fn bindings(
    workflow: &Workflow,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<Binding>> {
    named::list(workflow, principal, (), page).await
}

/// Deletes a binding. Steps that name it fail afterwards. Errors: `workflow.unknown_resource`.
pub async fn delete_binding(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    named::delete::<Binding>(workflow, principal, (), name_or_id).await
}

impl Resource for Binding {
    type New = NewBinding;
    const FACTS: FactKinds = FactKinds {
        created: "binding.created",
        updated: "binding.updated",
        deleted: "binding.deleted",
    };
    const FIELD: &'static str = "bindings";
    const UNIT: &'static str = "bindings in a namespace";

    fn new_id(now: Time, entropy: &dyn Entropy) -> BindingId {
        BindingId::new(now, entropy)
    }

    fn choose_name<'n>(new: &'n NewBinding, current: &'n str, is_new: bool) -> Result<&'n str> {
        let renamed = new.name.as_deref().filter(|_| !is_new);
        Ok(renamed.unwrap_or(current))
    }

    fn build(
        _: &mut Tx<'_, '_>,
        meta: Meta<BindingId>,
        new: &NewBinding,
        _: Option<&Self>,
    ) -> Result<Self> {
        let new = new.clone();
        Ok(Self {
            id: meta.id,
            name: meta.name,
            description: new.description.unwrap_or_default(),
            chain: new
                .chain
                .ok_or_else(|| Error::invalid("chain", "is missing"))?,
            contract: new.contract,
            signer: new.signer,
            abi: new.abi,
            created: meta.created,
            updated: meta.updated,
            version: meta.version,
        })
    }

    fn fact(&self, kind: &'static str) -> Fact {
        let payload = serde_json::json!({
            "name": self.name, "chain": self.chain, "contract": self.contract, "signer": self.signer,
        });
        Fact::new(kind, 1)
            .subject(&self.id, self.version)
            .payload(&payload)
    }
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
