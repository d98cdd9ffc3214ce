//! Request and response bodies that several routes share.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use types::Page;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Items<T: ToSchema> {
    /// The number of items on this page.
    pub(crate) count: usize,
    pub(crate) items: Vec<T>,
    /// The cursor of the next page, to be passed as `after`. Absent on the last page, and on lists
    /// that are paged by `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T: ToSchema> Items<T> {
    /// A page of a list that is paged by `skip`.
    pub(crate) fn page<U: Into<T>>(items: impl IntoIterator<Item = U>) -> Json<Self> {
        Self::with_next(items, None)
    }

    /// A page whose cursor is a member of its last item. A page that is not full is the last.
    pub(crate) fn after<U: Into<T>, C: ToString>(
        page: &Page,
        items: Vec<U>,
        cursor: impl Fn(&U) -> C,
    ) -> Json<Self> {
        let last = items.last().filter(|_| items.len() == page.limit as usize);
        let next = last.map(|last| cursor(last).to_string());
        Self::with_next(items, next)
    }

    /// A page with the cursor of the next one.
    pub(crate) fn with_next<U: Into<T>>(
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

/// The response to a command with an idempotency key: `created_status` when it is new, 200 with
/// `Idempotency-Replayed: true` when the same command was sent under this key before.
pub(crate) struct Accepted<T> {
    pub(crate) body: T,
    pub(crate) replayed: bool,
    pub(crate) created_status: StatusCode,
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let status = if self.replayed {
            StatusCode::OK
        } else {
            self.created_status
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

/// The reason for an action, kept in the audit trail.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// 1 to 500 characters.
    #[serde(deserialize_with = "deserialize_reason")]
    pub(crate) reason: String,
}

/// Deserializes a reason of 1 to 500 characters that is not blank.
pub(crate) fn deserialize_reason<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> Result<String, D::Error> {
    let text: String = serde::Deserialize::deserialize(d)?;
    let length = text.trim().chars().count();
    if (1..=500).contains(&length) {
        Ok(text)
    } else {
        Err(serde::de::Error::custom(
            "expected a reason of 1 to 500 characters",
        ))
    }
}

/// Serializes a value whose shape belongs to an engine.
pub(crate) fn to_json(value: &impl Serialize) -> types::Json {
    types::Json::of(value).expect("plain data always serializes")
}
