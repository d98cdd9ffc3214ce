//! The routes, one file a noun.

mod api_keys;
mod bindings;
mod chains;
mod data;
mod facts;
mod freezes;
mod keyring;
mod listeners;
mod namespaces;
mod operations;
mod policies;
mod runs;
mod submissions;
mod subscriptions;
mod system;
mod tasks;
mod variable_sets;
mod wallets;

use crate::{App, Error, Result, layers};
use axum::Router;
use types::Page;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

/// Where outside clients look for the same routes. The last one names its namespace in the path.
const BASES: [&str; 4] = [
    "/api/v1",
    "/rest/api/v1",
    "/endpoint/{env}/{service}/rest/api/v1",
    "/api/v1/namespaces/{namespace}",
];

#[derive(OpenApi)]
#[openapi(info(title = "Florin", description = "Digital assets for regulated enterprises."), servers((url = "/api/v1")), components(schemas(crate::Problem)))]
struct Description;

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(system::routes())
        .merge(api_keys::routes())
        .merge(namespaces::routes())
        .merge(submissions::routes())
        .merge(wallets::routes())
        .merge(freezes::routes())
        .merge(keyring::routes())
        .merge(policies::routes())
        .merge(chains::routes())
        .merge(facts::routes())
        .merge(data::routes())
        .merge(tasks::routes())
        .merge(runs::routes())
        .merge(listeners::routes())
        .merge(bindings::routes())
        .merge(variable_sets::routes())
        .merge(subscriptions::routes())
}

/// The OpenAPI 3.1 document, as generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = described().into_openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("flr_…")
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(bearer));
    operations::name(&mut document);
    document.security = Some(vec![SecurityRequirement::new("key", [""; 0])]);
    document
}

/// Everything that is served.
pub fn router(app: App) -> Router {
    let (routes, _) = described().split_for_parts();
    let mut all = Router::new();
    for base in BASES {
        all = all.nest(base, routes.clone());
    }
    let all = all
        .merge(system::outside())
        .fallback(async || Error::NoRoute)
        .method_not_allowed_fallback(async || Error::Method);
    layers::around(all, &app).with_state(app)
}

/// The cursor behind a full page.
fn cursor(page: &Page, found: usize, last: Option<impl std::fmt::Display>) -> Option<String> {
    last.filter(|_| found == page.limit as usize)
        .map(|last| last.to_string())
}

/// A body may repeat the name of the path, and no other.
fn same_name(path: &str, body: Option<&str>) -> Result<()> {
    match body {
        Some(name) if name != path => {
            Err(Error::field("name", "it is another than that in the path"))
        }
        _ => Ok(()),
    }
}
