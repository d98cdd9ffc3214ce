//! Chains: how far they are read, what of them is projected, what happened on them.

mod contracts;
mod events;
mod tracked;
mod view;

use crate::access::May;
use crate::extract::{Body, Path};
use crate::wire::{Items, spoken};
use crate::{App, Error, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use types::{ChainId, Height};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::Chain;

permissions! {
    /// See chains and what happened on them.
    ChainRead = "chain:read";
    /// Let a halted chain go on.
    ChainResume = "chain:resume";
    /// See what is projected into the data model.
    TrackedRead = "listener:read";
    /// Choose what is projected into the data model.
    TrackedWrite = "listener:write";
    /// Ask contracts.
    ContractQuery = "contract:query";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(resume))
        .merge(tracked::routes())
        .merge(events::routes())
        .merge(contracts::routes())
}

/// The chains of this installation.
#[utoipa::path(get, path = "/chains", tag = "chains", responses((status = 200, body = Items<Chain>), Problem))]
async fn list(State(app): State<App>, _: May<ChainRead>) -> Result<Json<Items<Chain>>> {
    let names: Vec<ChainId> = app
        .submit
        .chains()
        .map(|chain| chain.chain().clone())
        .collect();
    let read = app.db().read_unbound(move |tx| {
        names
            .iter()
            .map(|name| index::status(tx, name))
            .collect::<store::Result<Vec<_>>>()
    });
    let shown = app
        .submit
        .chains()
        .zip(read.await?)
        .map(|(chain, status)| Chain::of(chain.as_ref(), status));
    Ok(Items::of(shown.collect::<Vec<_>>()))
}

/// A chain: how far it is read, and whether it is halted.
#[utoipa::path(get, path = "/chains/{chain}", tag = "chains", params(("chain" = String, Path)), responses((status = 200, body = Chain), Problem))]
async fn get(
    State(app): State<App>,
    _: May<ChainRead>,
    Path(name): Path<ChainId>,
) -> Result<Json<Chain>> {
    let connector = app.submit.chain(&name)?;
    let status = app
        .db()
        .read_unbound(move |tx| index::status(tx, &name))
        .await?;
    Ok(Json(Chain::of(connector.as_ref(), status)))
}

/// An operator's word that a halted chain goes on.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resume {
    /// The lowest height that may stay common, if something final is to be undone.
    #[serde(default)]
    rewind_to: Option<Height>,
    /// Why, for the record: 1 to 500 characters.
    #[serde(deserialize_with = "spoken")]
    reason: String,
}

/// Let a halted chain go on. It concerns every namespace, so it is for the operators of the
/// installation.
#[utoipa::path(post, path = "/chains/{chain}/resume", tag = "chains", params(("chain" = String, Path)), request_body = Resume,
    responses((status = 204), Problem))]
async fn resume(
    State(app): State<App>,
    who: May<ChainResume>,
    Path(chain): Path<ChainId>,
    Body(resume): Body<Resume>,
) -> Result<StatusCode> {
    if who.namespace != app.operators {
        return Err(Error::Operators);
    }
    let Resume { rewind_to, reason } = resume;
    index::resume(
        &app.index,
        &who,
        &chain,
        index::Resume { rewind_to, reason },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
