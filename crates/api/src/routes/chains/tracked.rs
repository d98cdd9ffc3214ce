//! Tracked sources: the contracts whose transfers are projected into the namespace's data model.

use super::view::TrackedSource;
use super::{TrackedRead, TrackedWrite};
use crate::access::Authorized;
use crate::extract::{Body, Path, Path2};
use crate::shapes::Items;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use index::NewScope;
use serde::Deserialize;
use types::{ChainId, Height};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The name of the projection of transfers into the data model, as the binary registers it.
const PROJECTION: &str = "tokens";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(track, untrack))
}

/// Where to start tracking a source.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrackRequest {
    /// The first block to project. Defaults to the first indexed block.
    #[serde(default)]
    from: Option<Height>,
}

/// List tracked sources.
///
/// Returns the sources of the chain whose transfers are projected into the data model.
#[utoipa::path(get, path = "/chains/{chain}/tracked", tag = "chains", params(("chain" = String, Path)),
    responses((status = 200, body = Items<TrackedSource>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<TrackedRead>,
    Path(chain): Path<ChainId>,
) -> Result<Json<Items<TrackedSource>>> {
    Ok(Items::page(
        index::scopes(&app.index, &principal, &chain).await?,
    ))
}

fn scope(app: &App, chain: &ChainId, source: String) -> Result<NewScope> {
    app.submit.chain(chain)?;
    Ok(NewScope {
        projection: PROJECTION.to_owned(),
        chain: *chain,
        source,
    })
}

/// Track a source.
///
/// Projects the transfers of a contract, or of all contracts with `*`, into the data model from a
/// block on. Repeating the request has no effect.
#[utoipa::path(put, path = "/chains/{chain}/tracked/{source}", tag = "chains", params(("chain" = String, Path), ("source" = String, Path)),
    request_body = TrackRequest, responses((status = 204), Problem))]
async fn track(
    State(app): State<App>,
    principal: Authorized<TrackedWrite>,
    Path2(chain, source): Path2<ChainId, String>,
    Body(track): Body<TrackRequest>,
) -> Result<StatusCode> {
    let scope = scope(&app, &chain, source)?;
    index::track(&app.index, &principal, &scope, track.from).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Untrack a source.
///
/// Objects and balances that were projected are kept.
#[utoipa::path(delete, path = "/chains/{chain}/tracked/{source}", tag = "chains", params(("chain" = String, Path), ("source" = String, Path)),
    responses((status = 204), Problem))]
async fn untrack(
    State(app): State<App>,
    principal: Authorized<TrackedWrite>,
    Path2(chain, source): Path2<ChainId, String>,
) -> Result<StatusCode> {
    index::untrack(&app.index, &principal, &scope(&app, &chain, source)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
