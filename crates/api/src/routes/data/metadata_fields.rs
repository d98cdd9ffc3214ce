//! Metadata fields: declared paths into an object's free-form JSON, which are indexed for filtering
//! and sorting.

use super::{DataRead, DataWrite};
use crate::routes::prelude::*;
use ::data::{DeclaredField, Type, ValueType};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(declare, withdraw))
}

/// The declaration of a metadata field.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMetadataField {
    /// How values are compared: as `text`, `integer`, `boolean` or `time`.
    #[serde(deserialize_with = "deserialize_form")]
    #[schema(value_type = String)]
    form: ValueType,
}

fn deserialize_form<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<ValueType, D::Error> {
    let text: String = Deserialize::deserialize(d)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom("expected text, integer, boolean or time"))
}

fn parse_type(kind: &str) -> Result<Type> {
    let object_type = Type::from_plural(kind).filter(|kind| Type::WRITABLE.contains(kind));
    object_type.ok_or_else(|| Error::field("type", "expected an object type, such as assets"))
}

/// List the declared metadata fields.
#[utoipa::path(get, path = "/metadata-fields", tag = "data", responses((status = 200, body = Items<DeclaredField>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<DataRead>,
) -> Result<Json<Items<DeclaredField>>> {
    Ok(Items::page(
        ::data::declared_fields(&app.data, &principal).await?,
    ))
}

/// Declare a metadata field.
///
/// Existing objects are indexed before the request returns.
#[utoipa::path(put, path = "/metadata-fields/{type}/{path}", tag = "data", params(("type" = String, Path), ("path" = String, Path)),
    request_body = NewMetadataField, responses((status = 200, body = DeclaredField), Problem))]
async fn declare(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    Path2(kind, path): Path2<String, String>,
    Body(new): Body<NewMetadataField>,
) -> Result<Json<DeclaredField>> {
    let kind = parse_type(&kind)?;
    let field = ::data::declare_field(&app.data, &principal, kind, &path, new.form).await?;
    Ok(Json(field))
}

/// Withdraw the declaration of a metadata field.
#[utoipa::path(delete, path = "/metadata-fields/{type}/{path}", tag = "data", params(("type" = String, Path), ("path" = String, Path)),
    responses((status = 204), Problem))]
async fn withdraw(
    State(app): State<App>,
    principal: Authorized<DataWrite>,
    Path2(kind, path): Path2<String, String>,
) -> Result<StatusCode> {
    let was_declared =
        ::data::withdraw_field(&app.data, &principal, parse_type(&kind)?, &path).await?;
    if was_declared {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::UnknownMetadataField { path })
    }
}
