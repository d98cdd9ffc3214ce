//! Bindings: names that resolve to a chain, a contract and a signer, so that one task definition
//! runs on any chain.

use crate::access::Authorized;
use crate::extract::{Body, Path, Query, SkipPaging};
use crate::shapes::Items;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use types::{BindingId, ChainId, Time};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// Read bindings.
    BindingRead = "binding:read";
    /// Create, replace and delete bindings.
    BindingWrite = "binding:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
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
    // Read-only fields are accepted and ignored, so that a client can send back what it read.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: IgnoredAny,
    #[serde(default, rename = "created")]
    #[schema(ignore)]
    _created: IgnoredAny,
    #[serde(default, rename = "updated")]
    #[schema(ignore)]
    _updated: IgnoredAny,
}

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

/// List bindings.
///
/// Ordered by name.
#[utoipa::path(get, path = "/bindings", tag = "tasks", params(SkipPaging), responses((status = 200, body = Items<Binding>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<BindingRead>,
    Query(page): Query<SkipPaging>,
) -> Result<Json<Items<Binding>>> {
    Ok(Items::page(
        workflow::bindings(&app.workflow, &principal, &page.page()?).await?,
    ))
}

/// Retrieve a binding by name or id.
#[utoipa::path(get, path = "/bindings/{binding}", tag = "tasks", params(("binding" = String, Path)), responses((status = 200, body = Binding), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<BindingRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Binding>> {
    Ok(Json(
        workflow::binding(&app.workflow, &principal, &name_or_id)
            .await?
            .into(),
    ))
}

/// Create or replace a binding.
///
/// With a name in the path, the binding is created if it does not exist. With an id, it must exist,
/// and `name` renames it.
#[utoipa::path(put, path = "/bindings/{binding}", tag = "tasks", params(("binding" = String, Path)), request_body = BindingInput,
    responses((status = 200, body = Binding), Problem))]
async fn put(
    State(app): State<App>,
    principal: Authorized<BindingWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<BindingInput>,
) -> Result<Json<Binding>> {
    super::named::check_name::<BindingId>(&name_or_id, input.name.as_deref())?;
    let (binding, _) =
        workflow::put_binding(&app.workflow, &principal, &name_or_id, input.into()).await?;
    Ok(Json(binding.into()))
}

/// Delete a binding.
///
/// Task steps that use the binding fail from then on.
#[utoipa::path(delete, path = "/bindings/{binding}", tag = "tasks", params(("binding" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    principal: Authorized<BindingWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    workflow::delete_binding(&app.workflow, &principal, &name_or_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
