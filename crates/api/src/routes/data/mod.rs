//! The data model: objects of ten types, balances, bulk queries and updates, declared metadata.

mod bulk;
mod bulk_shapes;
mod describe;
mod fields;
mod objects;
mod shapes;
mod tail;

use crate::{App, permissions};
use utoipa_axum::router::OpenApiRouter;

permissions! {
    /// See objects and balances, and query them.
    DataRead = "data:read";
    /// Write objects, declare metadata.
    DataWrite = "data:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    objects::routes()
        .merge(bulk::routes())
        .merge(fields::routes())
}
