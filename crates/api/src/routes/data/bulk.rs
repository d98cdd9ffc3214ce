//! Many objects at once: one query over all types, one update of all types.

use super::bulk_shapes::{BulkOutcome, BulkPages, BulkQuery, BulkUpdate};
use super::{DataRead, DataWrite};
use crate::access::May;
use crate::extract::{Body, Text};
use crate::{App, Error, Problem, Result, exact};
use ::data::{BulkAnswer, QueryAnswer};
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(query))
        .routes(routes!(update))
}

/// Query any of the types, all in one snapshot.
///
/// The body has a query for each type that is asked for (`activities`, `addresses`, `assets`,
/// `balanceChanges`, `collections`, `data`, `events`, `fragments`, `nfts`, `pools`, `transfers`). A
/// query has lists of conditions that must all hold (`eq`, `neq`, `lt`, `lte`, `gt`, `gte`,
/// `contains`, `startsWith`, `endsWith` with `{field, value, not?, caseInsensitive?}`; `in`, `nin`
/// with `{field, values}`; `null` with `{field}`; `labels` with operators of its own; `or` with
/// nested queries), and `skip`, `limit`, `after`, `sort`, `count`, `fields`. The answer has a page
/// for each.
#[utoipa::path(post, path = "/bulk/query", tag = "data", request_body = BulkQuery, responses((status = 200, body = BulkPages), Problem))]
async fn query(
    State(app): State<App>,
    who: May<DataRead>,
    Body(body): Body<types::Json>,
) -> Result<Json<QueryAnswer>> {
    Ok(Json(
        ::data::bulk_query(&app.data, &who, body.as_str())
            .await
            .map_err(Error::of_body)?,
    ))
}

/// Write objects of any type, all or nothing.
///
/// The body has a list for each of the ten types that can be written. Each item says by
/// `updateType` what to do with an object that is, or is not, there: `create_only`,
/// `create_or_ignore`, `create_or_update` (if nothing is said), `create_or_replace`, `update_only`.
/// References may point to anything that is there or in the same body, in any order; one that
/// points to nothing is refused with `KA090801`. The answer lists by type what was `created`,
/// `replaced`, `updated` and `ignored`.
#[utoipa::path(put, path = "/bulk/datamodel", tag = "data",
    request_body(content((BulkUpdate = "application/json"), (BulkUpdate = "application/yaml"))),
    responses((status = 200, body = BulkOutcome), Problem))]
async fn update(
    State(app): State<App>,
    who: May<DataWrite>,
    body: Text,
) -> Result<Json<BulkAnswer>> {
    let json = if body.is_yaml {
        exact::yaml_to_json(&body.text)?
    } else {
        body.text
    };
    Ok(Json(
        ::data::bulk_update(&app.data, &who, &json)
            .await
            .map_err(Error::of_body)?,
    ))
}
