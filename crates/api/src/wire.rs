//! Shapes that several routes share.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of a listing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Items<T: ToSchema> {
    /// How many are on this page.
    pub(crate) count: usize,
    /// They.
    pub(crate) items: Vec<T>,
    /// Where the next page continues (`after`); absent at the end, or where paging goes by `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T: ToSchema> Items<T> {
    /// The whole page, to be continued by `skip`.
    pub(crate) fn of<U: Into<T>>(items: impl IntoIterator<Item = U>) -> Json<Self> {
        Self::continued(items, None)
    }

    /// A page that is continued behind a cursor.
    pub(crate) fn continued<U: Into<T>>(
        items: impl IntoIterator<Item = U>,
        next: Option<String>,
    ) -> Json<Self> {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        Json(Self {
            count: items.len(),
            items,
            next,
        })
    }
}

/// An accepted command: 202 when it is new, 200 with `Idempotency-Replayed: true` when its key had
/// been used for it before.
pub(crate) struct Accepted<T> {
    /// What came of it.
    pub(crate) body: T,
    /// Whether it is the same as before.
    pub(crate) replayed: bool,
    /// The status of a new one.
    pub(crate) fresh: StatusCode,
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let status = if self.replayed {
            StatusCode::OK
        } else {
            self.fresh
        };
        let mut response = (status, Json(self.body)).into_response();
        if self.replayed {
            response
                .headers_mut()
                .insert("Idempotency-Replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

/// Why something is done, for the record.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// 1 to 500 characters.
    #[serde(deserialize_with = "spoken")]
    pub(crate) reason: String,
}

/// A reason that says something.
pub(crate) fn spoken<'de, D: serde::Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let text: String = serde::Deserialize::deserialize(d)?;
    let length = text.trim().chars().count();
    if (1..=500).contains(&length) {
        Ok(text)
    } else {
        Err(serde::de::Error::custom("say why, in 1 to 500 characters"))
    }
}

/// Plain data as JSON, for members whose inside belongs to an engine.
pub(crate) fn shown(value: &impl Serialize) -> types::Json {
    types::Json::of(value).expect("plain data always serializes")
}
