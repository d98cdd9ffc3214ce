//! The routes of single objects, which are the same for every object type, and of balances.

use super::object_path::ObjectPath;
use super::openapi;
use super::{DataRead, DataWrite};
use crate::routes::prelude::*;
use ::data::{BalanceFilter, Listing, Type, View};
use axum::Extension;
use axum::routing::{self, MethodRouter};
use types::Json as RawJson;

/// Unparsed query parameters. Which ones are valid depends on the object type.
type Params = Vec<(String, String)>;

pub(super) fn routes() -> OpenApiRouter<App> {
    let router = OpenApiRouter::with_openapi(openapi::objects());
    let balances = router
        .route("/balances", routing::get(balances))
        .route("/balances/{*ref}", routing::get(balance));
    Type::WRITABLE.into_iter().fold(balances, |router, kind| {
        let (collection, object) = (
            format!("/{}", kind.plural()),
            format!("/{}/{{*ref}}", kind.plural()),
        );
        router
            .route(&collection, collection_routes(kind))
            .route(&object, object_routes(kind))
    })
}

fn collection_routes(kind: Type) -> MethodRouter<App> {
    routing::get(list).post(create).route_layer(Extension(kind))
}

fn object_routes(kind: Type) -> MethodRouter<App> {
    routing::get(get)
        .put(put)
        .patch(patch)
        .delete(delete)
        .route_layer(Extension(kind))
}

/// The resource at a path.
#[derive(Serialize)]
#[serde(untagged)]
enum ObjectOrBalances {
    Object(View),
    Balances(Listing),
}

async fn list(
    State(app): State<App>,
    principal: Authorized<DataRead>,
    Extension(kind): Extension<Type>,
    Query(params): Query<Params>,
) -> Result<Json<Listing>> {
    Ok(Json(
        ::data::objects(&app.data, &principal, kind, &params).await?,
    ))
}

async fn get(
    State(app): State<App>,
    principal: Authorized<DataRead>,
    Extension(kind): Extension<Type>,
    Path(object_path): Path<String>,
    Query(params): Query<Params>,
) -> Result<Json<ObjectOrBalances>> {
    Ok(Json(match ObjectPath::of(kind, &object_path) {
        ObjectPath::Object(object) => {
            ObjectOrBalances::Object(::data::object(&app.data, &principal, kind, object).await?)
        }
        ObjectPath::Balances(of) => {
            ObjectOrBalances::Balances(::data::balances(&app.data, &principal, of, &params).await?)
        }
    }))
}

async fn create(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    Extension(kind): Extension<Type>,
    Body(body): Body<RawJson>,
) -> Result<(StatusCode, Json<View>)> {
    Ok((
        StatusCode::CREATED,
        Json(::data::create(&app.data, &principal, kind, body.as_str()).await?),
    ))
}

async fn put(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    Extension(kind): Extension<Type>,
    Path(object): Path<String>,
    Body(body): Body<RawJson>,
) -> Result<Json<View>> {
    Ok(Json(
        ::data::put(&app.data, &principal, kind, &object, body.as_str()).await?,
    ))
}

async fn patch(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    Extension(kind): Extension<Type>,
    Path(object): Path<String>,
    Body(body): Body<RawJson>,
) -> Result<Json<View>> {
    Ok(Json(
        ::data::patch(&app.data, &principal, kind, &object, body.as_str()).await?,
    ))
}

async fn delete(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    Extension(kind): Extension<Type>,
    Path(object): Path<String>,
) -> Result<StatusCode> {
    ::data::delete(&app.data, &principal, kind, &object).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn balances(
    State(app): State<App>,
    principal: Authorized<DataRead>,
    Query(params): Query<Params>,
) -> Result<Json<Listing>> {
    Ok(Json(
        ::data::balances(&app.data, &principal, BalanceFilter::All, &params).await?,
    ))
}

async fn balance(
    State(app): State<App>,
    principal: Authorized<DataRead>,
    Path(id): Path<String>,
) -> Result<Json<View>> {
    Ok(Json(
        ::data::object(&app.data, &principal, Type::Balance, &id).await?,
    ))
}
