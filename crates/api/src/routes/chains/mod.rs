//! Chains: indexing status, tracked sources, stored events, contract calls.

mod contracts;
mod events;
mod tracked;
mod view;

use crate::routes::prelude::*;
use crate::shapes::deserialize_reason;
use types::{ChainId, Height};
use view::Chain;

permissions! {
    /// Read chains and their events.
    ChainRead = "chain:read";
    /// Resume halted chains.
    ChainResume = "chain:resume";
    /// Read the tracked sources.
    TrackedRead = "listener:read";
    /// Track and untrack sources.
    TrackedWrite = "listener:write";
    /// Call contracts read-only.
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

/// List the chains of the installation.
#[utoipa::path(get, path = "/chains", tag = "chains", responses((status = 200, body = Items<Chain>), Problem))]
async fn list(State(app): State<App>, _: Authorized<ChainRead>) -> Result<Json<Items<Chain>>> {
    let names: Vec<ChainId> = app.submit.chains().map(|chain| *chain.chain()).collect();
    let statuses = index::statuses(&app.index, names).await?;
    let items = app
        .submit
        .chains()
        .zip(statuses)
        .map(|(chain, status)| Chain::of(chain.as_ref(), status));
    Ok(Items::page(items.collect::<Vec<_>>()))
}

/// Retrieve a chain.
///
/// Returns how far the chain is indexed and finalized, and whether it is halted.
#[utoipa::path(get, path = "/chains/{chain}", tag = "chains", params(("chain" = String, Path)), responses((status = 200, body = Chain), Problem))]
async fn get(
    State(app): State<App>,
    _: Authorized<ChainRead>,
    Path(name): Path<ChainId>,
) -> Result<Json<Chain>> {
    let connector = app.submit.chain(&name)?;
    let status = index::status_of(&app.index, &name).await?;
    Ok(Json(Chain::of(connector.as_ref(), status)))
}

/// How to resume a halted chain.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resume {
    /// The height to rewind to, if blocks that were final must be undone. Blocks up to it are kept.
    #[serde(default)]
    rewind_to: Option<Height>,
    /// The reason for the audit trail, 1 to 500 characters.
    #[serde(deserialize_with = "deserialize_reason")]
    reason: String,
}

/// Resume a halted chain.
///
/// Affects every namespace, and therefore requires a key of the operators' namespace.
#[utoipa::path(post, path = "/chains/{chain}/resume", tag = "chains", params(("chain" = String, Path)), request_body = Resume,
    responses((status = 204), Problem))]
async fn resume(
    State(app): State<App>,
    principal: Authorized<ChainResume>,
    Path(chain): Path<ChainId>,
    Body(resume): Body<Resume>,
) -> Result<StatusCode> {
    app.require_operators(&principal)?;
    let Resume { rewind_to, reason } = resume;
    index::resume(
        &app.index,
        &principal,
        &chain,
        index::ResumeRequest { rewind_to, reason },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
