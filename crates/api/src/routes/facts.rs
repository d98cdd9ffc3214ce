//! The audit trail: the facts of the namespace.

use crate::routes::prelude::*;
use store::{Cursor, StoredFact};
use types::{Digest, Json as Raw, Time};

permissions! {
    /// Read the audit trail.
    FactRead = "fact:read";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(partitions))
}

/// A record of one change of state.
#[derive(Serialize, ToSchema)]
struct Fact {
    partition: String,
    seq: i64,
    /// The type, such as `submission.received`.
    #[serde(rename = "type")]
    kind: String,
    /// The version of the payload's schema.
    schema: u32,
    at: Time,
    /// The principal that caused the change.
    actor: String,
    /// The objects that changed: a list of `{id, version}`.
    subjects: Raw,
    causation: Option<String>,
    correlation: Option<String>,
    /// The trace that it belongs to (W3C Trace Context).
    #[schema(value_type = Option<String>)]
    traceparent: Option<types::TraceContext>,
    /// The details of the change; `null` if they were erased.
    payload: Option<Raw>,
    /// The hash of the fact in the hash chain of its partition.
    hash: Digest,
}

impl From<StoredFact> for Fact {
    fn from(fact: StoredFact) -> Self {
        Self {
            partition: fact.cursor.partition,
            seq: fact.cursor.seq,
            kind: fact.kind,
            schema: fact.schema,
            at: fact.at,
            actor: fact.actor,
            subjects: crate::shapes::to_json(&fact.subjects),
            causation: fact.causation,
            correlation: fact.correlation,
            traceparent: fact.trace,
            payload: fact.payload,
            hash: fact.hash,
        }
    }
}

/// Filter and paging of facts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FactQuery {
    /// The partition to read. `GET /facts/partitions` lists them.
    partition: String,
    /// Return the facts after this sequence number, the `next` of the previous page. Defaults to
    /// the beginning.
    after: Option<i64>,
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    limit: Option<u32>,
}

/// List facts.
///
/// Returns the facts of the namespace in one partition, in order. A page may contain fewer items
/// than `limit`; there are more as long as `next` is present.
#[utoipa::path(get, path = "/facts", tag = "audit", params(FactQuery), responses((status = 200, body = Items<Fact>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<FactRead>,
    Query(query): Query<FactQuery>,
) -> Result<Json<Items<Fact>>> {
    let limit = crate::extract::page(query.limit, None, None)?.limit as usize;
    let after = Cursor {
        partition: query.partition,
        seq: query.after.unwrap_or(0),
    };
    let page = store::audit::facts(app.db(), &principal, after, limit).await?;
    let next = page.next.map(|seq| seq.to_string());
    Ok(Items::with_next(page.facts, next))
}

/// A partition: a hash chain of facts with one writer at a time.
#[derive(Serialize, ToSchema)]
struct Partition {
    partition: String,
}

impl From<Cursor> for Partition {
    fn from(Cursor { partition, .. }: Cursor) -> Self {
        Self { partition }
    }
}

/// List the partitions of facts.
#[utoipa::path(get, path = "/facts/partitions", tag = "audit", responses((status = 200, body = Items<Partition>), Problem))]
async fn partitions(
    State(app): State<App>,
    _: Authorized<FactRead>,
) -> Result<Json<Items<Partition>>> {
    Ok(Items::page(store::audit::partitions(app.db()).await?))
}
