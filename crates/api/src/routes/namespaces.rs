//! The namespace of the API key.

use crate::access::{self, NamespaceRow};
use crate::routes::prelude::*;
use types::ChainId;

permissions! {
    /// Read the namespace.
    NamespaceRead = "namespace:read";
    /// Update the namespace.
    NamespaceWrite = "namespace:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(current, change))
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
#[utoipa::path(get, path = "/namespaces/current", tag = "access", responses((status = 200, body = NamespaceRow), Problem))]
async fn current(
    State(app): State<App>,
    principal: Authorized<NamespaceRead>,
) -> Result<Json<NamespaceRow>> {
    Ok(Json(access::namespace(app.db(), &principal).await?))
}

/// Update the current namespace.
///
/// Sets the default chain, which requests use when they name none.
#[utoipa::path(put, path = "/namespaces/current", tag = "access", request_body = NamespaceChange, responses((status = 200, body = NamespaceRow), Problem))]
async fn change(
    State(app): State<App>,
    principal: Authorized<NamespaceWrite>,
    Body(change): Body<NamespaceChange>,
) -> Result<Json<NamespaceRow>> {
    app.submit
        .chain(&change.default_chain)
        .map_err(|error| crate::Error::at("defaultChain", error))?;
    access::set_default_chain(app.db(), &app.lease, &principal, change.default_chain).await?;
    (app.on_default_chain_changed)(&principal.namespace, &change.default_chain);
    Ok(Json(access::namespace(app.db(), &principal).await?))
}
