//! Declared metadata: paths into free JSON that can be filtered and sorted by as quickly as fields.

use super::{DataRead, DataWrite};
use crate::access::May;
use crate::extract::{Body, Path2};
use crate::wire::Items;
use crate::{App, Error, Problem, Result};
use ::data::{DeclaredField, Form, Type};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(declare, withdraw))
}

/// A declared path.
#[derive(Serialize, ToSchema)]
struct MetadataField {
    /// The type whose objects have it, such as `assets`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The path, such as `info.grade`.
    path: String,
    /// As what its values are compared: `text`, `integer`, `boolean`, `time`.
    #[schema(value_type = String)]
    form: Form,
    /// Whether the objects that were there before are entered already.
    ready: bool,
}

impl From<DeclaredField> for MetadataField {
    fn from(field: DeclaredField) -> Self {
        Self {
            kind: field.kind,
            path: field.path,
            form: field.form,
            ready: field.ready,
        }
    }
}

/// How values of a path are compared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMetadataField {
    /// `text`, `integer`, `boolean`, `time`.
    #[serde(deserialize_with = "form")]
    #[schema(value_type = String)]
    form: Form,
}

fn form<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Form, D::Error> {
    let text: String = Deserialize::deserialize(d)?;
    Form::parse(&text)
        .ok_or_else(|| serde::de::Error::custom("expected text, integer, boolean or time"))
}

fn named(kind: &str) -> Result<Type> {
    let known = Type::from_plural(kind).filter(|kind| Type::WRITABLE.contains(kind));
    known.ok_or_else(|| Error::field("type", "expected a type of object, such as assets"))
}

/// The declared paths of the namespace.
#[utoipa::path(get, path = "/metadata-fields", tag = "data", responses((status = 200, body = Items<MetadataField>), Problem))]
async fn list(State(app): State<App>, who: May<DataRead>) -> Result<Json<Items<MetadataField>>> {
    Ok(Items::of(::data::declared_fields(&app.data, &who).await?))
}

/// Declare a path. Objects that are there are entered before the answer.
#[utoipa::path(put, path = "/metadata-fields/{type}/{path}", tag = "data", params(("type" = String, Path), ("path" = String, Path)),
    request_body = NewMetadataField, responses((status = 200, body = MetadataField), Problem))]
async fn declare(
    State(app): State<App>,
    who: May<DataWrite>,
    Path2(kind, path): Path2<String, String>,
    Body(new): Body<NewMetadataField>,
) -> Result<Json<MetadataField>> {
    Ok(Json(
        ::data::declare_field(&app.data, &who, named(&kind)?, &path, new.form)
            .await?
            .into(),
    ))
}

/// Withdraw a declaration.
#[utoipa::path(delete, path = "/metadata-fields/{type}/{path}", tag = "data", params(("type" = String, Path), ("path" = String, Path)),
    responses((status = 204), Problem))]
async fn withdraw(
    State(app): State<App>,
    who: May<DataWrite>,
    Path2(kind, path): Path2<String, String>,
) -> Result<StatusCode> {
    let was_declared = ::data::withdraw_field(&app.data, &who, named(&kind)?, &path).await?;
    if was_declared {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::Unknown {
            what: "declared path",
            name: path,
        })
    }
}
