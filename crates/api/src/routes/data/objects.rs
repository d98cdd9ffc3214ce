//! Objects one at a time, the same for all ten types, and balances.

use super::describe;
use super::tail::Tail;
use super::{DataRead, DataWrite};
use crate::access::May;
use crate::extract::{Body, Path, Query};
use crate::{App, Result};
use ::data::{BalancesOf, Listing, Type, View};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{self, MethodRouter};
use axum::{Extension, Json};
use serde::Serialize;
use types::Json as Text;
use utoipa_axum::router::OpenApiRouter;

/// Query parameters as they come: which ones there are depends on the type.
type Params = Vec<(String, String)>;

pub(super) fn routes() -> OpenApiRouter<App> {
    let described = OpenApiRouter::with_openapi(describe::objects());
    let balances = described
        .route("/balances", routing::get(balances))
        .route("/balances/{*ref}", routing::get(balance));
    Type::WRITABLE.into_iter().fold(balances, |router, kind| {
        let (all, one) = (
            format!("/{}", kind.plural()),
            format!("/{}/{{*ref}}", kind.plural()),
        );
        router.route(&all, many(kind)).route(&one, single(kind))
    })
}

fn many(kind: Type) -> MethodRouter<App> {
    routing::get(list).post(create).route_layer(Extension(kind))
}

fn single(kind: Type) -> MethodRouter<App> {
    routing::get(get)
        .put(put)
        .patch(patch)
        .delete(delete)
        .route_layer(Extension(kind))
}

/// What stands at a path.
#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Object(View),
    Balances(Listing),
}

async fn list(
    State(app): State<App>,
    who: May<DataRead>,
    Extension(kind): Extension<Type>,
    Query(params): Query<Params>,
) -> Result<Json<Listing>> {
    Ok(Json(::data::list(&app.data, &who, kind, &params).await?))
}

async fn get(
    State(app): State<App>,
    who: May<DataRead>,
    Extension(kind): Extension<Type>,
    Path(tail): Path<String>,
    Query(params): Query<Params>,
) -> Result<Json<Found>> {
    Ok(Json(match Tail::of(kind, &tail) {
        Tail::Object(object) => Found::Object(::data::get(&app.data, &who, kind, object).await?),
        Tail::Balances(of) => {
            Found::Balances(::data::balances(&app.data, &who, of, &params).await?)
        }
    }))
}

async fn create(
    State(app): State<App>,
    who: May<DataWrite>,
    Extension(kind): Extension<Type>,
    Body(body): Body<Text>,
) -> Result<(StatusCode, Json<View>)> {
    Ok((
        StatusCode::CREATED,
        Json(::data::create(&app.data, &who, kind, body.as_str()).await?),
    ))
}

async fn put(
    State(app): State<App>,
    who: May<DataWrite>,
    Extension(kind): Extension<Type>,
    Path(object): Path<String>,
    Body(body): Body<Text>,
) -> Result<Json<View>> {
    Ok(Json(
        ::data::put(&app.data, &who, kind, &object, body.as_str()).await?,
    ))
}

async fn patch(
    State(app): State<App>,
    who: May<DataWrite>,
    Extension(kind): Extension<Type>,
    Path(object): Path<String>,
    Body(body): Body<Text>,
) -> Result<Json<View>> {
    Ok(Json(
        ::data::patch(&app.data, &who, kind, &object, body.as_str()).await?,
    ))
}

async fn delete(
    State(app): State<App>,
    who: May<DataWrite>,
    Extension(kind): Extension<Type>,
    Path(object): Path<String>,
) -> Result<StatusCode> {
    ::data::delete(&app.data, &who, kind, &object).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn balances(
    State(app): State<App>,
    who: May<DataRead>,
    Query(params): Query<Params>,
) -> Result<Json<Listing>> {
    Ok(Json(
        ::data::balances(&app.data, &who, BalancesOf::Everyone, &params).await?,
    ))
}

async fn balance(
    State(app): State<App>,
    who: May<DataRead>,
    Path(id): Path<String>,
) -> Result<Json<View>> {
    Ok(Json(
        ::data::get(&app.data, &who, Type::Balance, &id).await?,
    ))
}
