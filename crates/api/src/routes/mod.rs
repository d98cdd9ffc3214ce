//! The routes, one module per resource.

mod api_keys;
mod bindings;
mod chains;
mod contracts;
mod data;
mod facts;
mod flattened;
mod freezes;
mod keyring;
mod listeners;
mod lists;
mod named;
mod namespaces;
mod operation_ids;
mod permits;
mod policies;
mod prelude;
mod runs;
mod signatures;
mod submissions;
mod subscriptions;
mod system;
mod tasks;
mod variable_sets;
mod wallets;

use crate::{App, Error, layers};
use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

/// The base paths below which every route is served, for compatibility with existing clients. The
/// last one has the namespace in the path.
const BASES: [&str; 4] = [
    "/api/v1",
    "/rest/api/v1",
    "/endpoint/{env}/{service}/rest/api/v1",
    "/api/v1/namespaces/{namespace}",
];

#[derive(OpenApi)]
#[openapi(info(title = "Florin", description = "Digital assets for regulated enterprises."), servers((url = "/api/v1")), components(schemas(crate::Problem)))]
struct Description;

fn api_routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(system::routes())
        .merge(api_keys::routes())
        .merge(namespaces::routes())
        .merge(submissions::routes())
        .merge(signatures::routes())
        .merge(wallets::routes())
        .merge(freezes::routes())
        .merge(permits::routes())
        .merge(keyring::routes())
        .merge(policies::routes())
        .merge(lists::routes())
        .merge(chains::routes())
        .merge(contracts::routes())
        .merge(facts::routes())
        .merge(data::routes())
        .merge(tasks::routes())
        .merge(runs::routes())
        .merge(listeners::routes())
        .merge(bindings::routes())
        .merge(variable_sets::routes())
        .merge(subscriptions::routes())
}

/// The OpenAPI 3.1 document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = api_routes().into_openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("flr_…")
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(bearer));
    operation_ids::assign(&mut document);
    flattened::merge(&mut document);
    document.security = Some(vec![SecurityRequirement::new("key", [""; 0])]);
    document
}

/// The router of everything that the server serves.
pub fn router(app: App) -> Router {
    let (routes, _) = api_routes().split_for_parts();
    let mut router = Router::new();
    for base in BASES {
        router = router.nest(base, routes.clone());
    }
    let router = router
        .merge(system::root_routes())
        .fallback(async || Error::UnknownRoute)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed);
    layers::wrap(router, &app).with_state(app)
}
