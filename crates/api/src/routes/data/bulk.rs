//! Bulk queries and bulk updates of the data model.

use super::bulk_schemas::{self, BulkOutcome, BulkPages, BulkQuery, BulkUpdate};
use super::{DataRead, DataWrite};
use crate::exact;
use crate::routes::prelude::*;
use ::data::{BulkQueryResult, BulkUpdateResult};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(query))
        .routes(routes!(update))
}

#[utoipa::path(post, path = "/bulk/query", tag = "data", summary = "Query objects in bulk.", description = bulk_schemas::query_description(),
    request_body = BulkQuery, responses((status = 200, body = BulkPages), Problem))]
async fn query(
    State(app): State<App>,
    principal: Authorized<DataRead>,
    Body(body): Body<types::Json>,
) -> Result<Json<BulkQueryResult>> {
    Ok(Json(
        ::data::bulk_query(&app.data, &principal, body.as_str())
            .await
            .map_err(Error::in_body)?,
    ))
}

/// Write objects in bulk.
///
/// The update is atomic: either every object is written or none. The body contains one list per
/// writable object type. The `updateType` of an item determines what happens if the object exists
/// or does not exist; the default is `create_or_update`. References may point to existing objects
/// and to objects of the same body, in any order; a reference to an unknown object is rejected with
/// `KA090801`. The response lists the objects that were `created`, `replaced`, `updated` and
/// `ignored`, by type.
#[utoipa::path(put, path = "/bulk/datamodel", tag = "data",
    request_body(content((BulkUpdate = "application/json"), (BulkUpdate = "application/yaml"))),
    responses((status = 200, body = BulkOutcome), Problem))]
async fn update(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    body: Text,
) -> Result<Json<BulkUpdateResult>> {
    let json = if body.is_yaml {
        exact::yaml_to_json(&body.text)?
    } else {
        body.text
    };
    Ok(Json(
        ::data::bulk_update(&app.data, &principal, &json)
            .await
            .map_err(Error::in_body)?,
    ))
}
