//! The namespace of who asks.

use crate::access::{self, May, NamespaceRow};
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
    /// See the namespace.
    NamespaceRead = "namespace:read";
    /// Change the namespace.
    NamespaceWrite = "namespace:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(current, change))
}

/// A namespace: one tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Namespace)]
struct NamespaceView {
    name: String,
    /// The chain that is meant where none is named.
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

/// A change of the namespace.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamespaceChange {
    /// The chain that is meant where none is named.
    default_chain: ChainId,
}

/// The namespace of this key.
#[utoipa::path(get, path = "/namespaces/current", tag = "access", responses((status = 200, body = NamespaceView), Problem))]
async fn current(State(app): State<App>, who: May<NamespaceRead>) -> Result<Json<NamespaceView>> {
    Ok(Json(access::namespace(app.db(), &who).await?.into()))
}

/// Say which chain is meant where none is named.
#[utoipa::path(put, path = "/namespaces/current", tag = "access", request_body = NamespaceChange, responses((status = 200, body = NamespaceView), Problem))]
async fn change(
    State(app): State<App>,
    who: May<NamespaceWrite>,
    Body(change): Body<NamespaceChange>,
) -> Result<Json<NamespaceView>> {
    app.submit
        .chain(&change.default_chain)
        .map_err(|error| crate::Error::at("defaultChain", error))?;
    access::set_default_chain(app.db(), &app.lease, &who, change.default_chain.clone()).await?;
    (app.moved)(&who.namespace, &change.default_chain);
    Ok(Json(access::namespace(app.db(), &who).await?.into()))
}
