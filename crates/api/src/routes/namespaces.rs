//! The namespace of the API key.

use crate::access::{self, Authorized, NamespaceRow};
use crate::extract::Body;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use types::{ChainId, Time};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// Read the namespace.
    NamespaceRead = "namespace:read";
    /// Update the namespace.
    NamespaceWrite = "namespace:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(current, change))
}

/// A namespace: one tenant of the installation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Namespace)]
struct NamespaceView {
    name: String,
    /// The chain that requests use when they name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_chain: Option<ChainId>,
    created: Time,
}

impl From<NamespaceRow> for NamespaceView {
    fn from(row: NamespaceRow) -> Self {
        Self {
            name: row.name.to_string(),
            default_chain: row.default_chain,
            created: row.created,
        }
    }
}

/// An update of the namespace.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamespaceChange {
    /// The chain that requests use when they name none.
    default_chain: ChainId,
}

/// Retrieve the current namespace.
///
/// Returns the namespace that the API key belongs to.
#[utoipa::path(get, path = "/namespaces/current", tag = "access", responses((status = 200, body = NamespaceView), Problem))]
async fn current(
    State(app): State<App>,
    principal: Authorized<NamespaceRead>,
) -> Result<Json<NamespaceView>> {
    Ok(Json(access::namespace(app.db(), &principal).await?.into()))
}

/// Update the current namespace.
///
/// Sets the default chain, which requests use when they name none.
#[utoipa::path(put, path = "/namespaces/current", tag = "access", request_body = NamespaceChange, responses((status = 200, body = NamespaceView), Problem))]
async fn change(
    State(app): State<App>,
    principal: Authorized<NamespaceWrite>,
    Body(change): Body<NamespaceChange>,
) -> Result<Json<NamespaceView>> {
    app.submit
        .chain(&change.default_chain)
        .map_err(|error| crate::Error::at("defaultChain", error))?;
    access::set_default_chain(app.db(), &app.lease, &principal, change.default_chain).await?;
    (app.on_default_chain_changed)(&principal.namespace, &change.default_chain);
    Ok(Json(access::namespace(app.db(), &principal).await?.into()))
}
