//! Bindings: names that resolve to a chain, a contract and a signer, so that one task definition
//! runs on any chain.

use super::named::named_routes;
use crate::resent::Input;
use crate::routes::prelude::*;
use types::{BindingId, ChainId, Time};

permissions! {
    /// Read bindings.
    BindingRead = "binding:read";
    /// Create, replace and delete bindings.
    BindingWrite = "binding:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    named::routes()
}

/// A name that resolves to a chain, a contract and a signer.
#[derive(Serialize, ToSchema)]
struct Binding {
    id: BindingId,
    name: String,
    description: String,
    chain: ChainId,
    /// The contract's address in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<String>,
    /// The signing account in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    /// The contract's interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    abi: Option<types::Json>,
    created: Time,
    updated: Time,
}

impl From<workflow::Binding> for Binding {
    fn from(binding: workflow::Binding) -> Self {
        Self {
            id: binding.id,
            name: binding.name,
            description: binding.description,
            chain: binding.chain,
            contract: binding.contract,
            signer: binding.signer,
            abi: binding.abi,
            created: binding.created,
            updated: binding.updated,
        }
    }
}

/// A binding to create, or to replace an existing one with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BindingInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    chain: Option<ChainId>,
    #[serde(default)]
    contract: Option<String>,
    /// The signing account.
    #[serde(default)]
    signer: Option<String>,
    /// The contract's interface: a JSON ABI, or a compiler artifact that contains one.
    #[serde(default)]
    abi: Option<types::Json>,
}

impl Input for BindingInput {}

impl From<BindingInput> for workflow::NewBinding {
    fn from(input: BindingInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            chain: input.chain,
            contract: input.contract,
            signer: input.signer,
            abi: input.abi,
        }
    }
}

named_routes! {
    mod named at "/bindings/{binding}" by "binding", tag "tasks";
    engine workflow, permissions BindingRead, BindingWrite;
    /// Retrieve a binding by name or id.
    get(Binding) = workflow::binding;
    /// Create or replace a binding.
    ///
    /// With a name in the path, the binding is created if it does not exist. With an id, it must
    /// exist, and `name` renames it.
    put(BindingInput, BindingId) = workflow::put_binding;
    /// Delete a binding.
    ///
    /// Task steps that use the binding fail from then on.
    delete = workflow::delete_binding;
    /// List bindings.
    ///
    /// Ordered by name.
    list(Binding) at "/bindings" = workflow::bindings;
}
