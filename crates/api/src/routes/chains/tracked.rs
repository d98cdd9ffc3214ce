//! What of a chain is projected into the data model of the namespace.

use super::view::Tracked;
use super::{TrackedRead, TrackedWrite};
use crate::access::May;
use crate::extract::{Body, Path, Path2};
use crate::wire::Items;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use index::Wanted;
use serde::Deserialize;
use types::{ChainId, Height};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The projection of transfers into the data model, as the binary wires it.
const PROJECTION: &str = "tokens";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(track, untrack))
}

/// From where a source is projected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Track {
    /// The first block; that where the index begins if it is left out.
    #[serde(default)]
    from: Option<Height>,
}

/// What of a chain is projected.
#[utoipa::path(get, path = "/chains/{chain}/tracked", tag = "chains", params(("chain" = String, Path)),
    responses((status = 200, body = Items<Tracked>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<TrackedRead>,
    Path(chain): Path<ChainId>,
) -> Result<Json<Items<Tracked>>> {
    Ok(Items::of(index::scopes(&app.index, &who, &chain).await?))
}

fn wanted(app: &App, chain: &ChainId, source: String) -> Result<Wanted> {
    app.submit.chain(chain)?;
    Ok(Wanted {
        projection: PROJECTION.to_owned(),
        chain: chain.clone(),
        source,
    })
}

/// Project a contract's transfers (or `*`) from a block on. Doing it twice changes nothing.
#[utoipa::path(put, path = "/chains/{chain}/tracked/{source}", tag = "chains", params(("chain" = String, Path), ("source" = String, Path)),
    request_body = Track, responses((status = 204), Problem))]
async fn track(
    State(app): State<App>,
    who: May<TrackedWrite>,
    Path2(chain, source): Path2<ChainId, String>,
    Body(track): Body<Track>,
) -> Result<StatusCode> {
    let wanted = wanted(&app, &chain, source)?;
    let begins = app
        .db()
        .read_unbound(move |tx| index::status(tx, &chain))
        .await?
        .map_or(Height(0), |status| status.first);
    index::track(
        &app.index,
        &who,
        &wanted,
        track.from.map_or(begins, |from| from.max(begins)),
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Project a source no longer. What was projected stays.
#[utoipa::path(delete, path = "/chains/{chain}/tracked/{source}", tag = "chains", params(("chain" = String, Path), ("source" = String, Path)),
    responses((status = 204), Problem))]
async fn untrack(
    State(app): State<App>,
    who: May<TrackedWrite>,
    Path2(chain, source): Path2<ChainId, String>,
) -> Result<StatusCode> {
    index::untrack(&app.index, &who, &wanted(&app, &chain, source)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
