//! Bindings: names that stand for a chain, a contract and a signer, so that one definition runs on
//! any chain.

use crate::access::May;
use crate::extract::{Body, BySkip, Path, Query};
use crate::wire::Items;
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
    /// See bindings.
    BindingRead = "binding:read";
    /// Write bindings.
    BindingWrite = "binding:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

/// A binding.
#[derive(Serialize, ToSchema)]
struct Binding {
    id: BindingId,
    name: String,
    description: String,
    chain: ChainId,
    /// The contract, in the chain's canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<String>,
    /// Who signs, in the chain's canonical form.
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
        let workflow::Binding {
            id,
            name,
            description,
            chain,
            contract,
            signer,
            abi,
            created,
            updated,
            ..
        } = binding;
        Self {
            id,
            name,
            description,
            chain,
            contract,
            signer,
            abi,
            created,
            updated,
        }
    }
}

/// What is said of a binding.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BindingInput {
    /// Its name; that of the path if it is left out.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The namespace's default chain if it is left out.
    #[serde(default)]
    chain: Option<ChainId>,
    #[serde(default)]
    contract: Option<String>,
    /// Who signs.
    #[serde(default)]
    signer: Option<String>,
    /// The contract's interface: the JSON ABI, or an artifact that holds it.
    #[serde(default)]
    abi: Option<types::Json>,
    // What Florin sets itself may be sent back.
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
        let BindingInput {
            name,
            description,
            chain,
            contract,
            signer,
            abi,
            ..
        } = input;
        Self {
            name,
            description,
            chain,
            contract,
            signer,
            abi,
        }
    }
}

/// Bindings by name.
#[utoipa::path(get, path = "/bindings", tag = "tasks", params(BySkip), responses((status = 200, body = Items<Binding>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<BindingRead>,
    Query(page): Query<BySkip>,
) -> Result<Json<Items<Binding>>> {
    Ok(Items::of(
        workflow::bindings(&app.workflow, &who, &page.page()?).await?,
    ))
}

/// A binding by its name or id.
#[utoipa::path(get, path = "/bindings/{binding}", tag = "tasks", params(("binding" = String, Path)), responses((status = 200, body = Binding), Problem))]
async fn get(
    State(app): State<App>,
    who: May<BindingRead>,
    Path(named): Path<String>,
) -> Result<Json<Binding>> {
    Ok(Json(
        workflow::binding(&app.workflow, &who, &named).await?.into(),
    ))
}

/// By name: make a binding, or replace it. By id: replace it, its name too.
#[utoipa::path(put, path = "/bindings/{binding}", tag = "tasks", params(("binding" = String, Path)), request_body = BindingInput,
    responses((status = 200, body = Binding), Problem))]
async fn put(
    State(app): State<App>,
    who: May<BindingWrite>,
    Path(named): Path<String>,
    Body(input): Body<BindingInput>,
) -> Result<Json<Binding>> {
    if named.parse::<BindingId>().is_err() {
        super::same_name(&named, input.name.as_deref())?;
    }
    let (binding, _) = workflow::put_binding(&app.workflow, &who, &named, input.into()).await?;
    Ok(Json(binding.into()))
}

/// Delete a binding. A step that names it fails from then on.
#[utoipa::path(delete, path = "/bindings/{binding}", tag = "tasks", params(("binding" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    who: May<BindingWrite>,
    Path(named): Path<String>,
) -> Result<StatusCode> {
    workflow::delete_binding(&app.workflow, &who, &named).await?;
    Ok(StatusCode::NO_CONTENT)
}
