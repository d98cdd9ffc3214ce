//! The data model: objects of ten types, balances, bulk queries and updates, metadata fields.

mod bulk;
mod bulk_schemas;
mod metadata_fields;
mod object_path;
mod objects;
mod openapi;
mod schemas;

use crate::{App, permissions};
use utoipa_axum::router::OpenApiRouter;

permissions! {
    /// Read and query objects and balances.
    DataRead = "data:read";
    /// Write objects, declare metadata fields.
    DataWrite = "data:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    objects::routes()
        .merge(bulk::routes())
        .merge(metadata_fields::routes())
}
