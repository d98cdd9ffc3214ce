//! The audit trail: every change of the namespace, with who made it.

use crate::access::May;
use crate::extract::Query;
use crate::wire::Items;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::{Cursor, StoredFact};
use types::{Digest, Json as Raw, Namespace, Time};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// Read the audit trail.
    FactRead = "fact:read";
}

/// Facts that are read at a time, of all namespaces.
const SLICE: u32 = 1_000;
/// Slices that one request reads. A page may be short for it; `next` says where it goes on.
const SLICES: usize = 20;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(partitions))
}

/// A fact.
#[derive(Serialize, ToSchema)]
struct Fact {
    partition: String,
    seq: i64,
    /// Such as `submission.received`.
    #[serde(rename = "type")]
    kind: String,
    /// The version of the payload's schema.
    schema: u32,
    at: Time,
    /// Who caused it.
    actor: String,
    /// What it is about: `{id, version}` each.
    subjects: Raw,
    causation: Option<String>,
    correlation: Option<String>,
    /// What happened; none once it was erased.
    payload: Option<Raw>,
    /// Its hash in the chain of its partition.
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
            subjects: crate::wire::shown(&fact.subjects),
            causation: fact.causation,
            correlation: fact.correlation,
            payload: fact.payload,
            hash: fact.hash,
        }
    }
}

/// Which facts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The partition; `GET /facts/partitions` names them.
    partition: String,
    /// Continue behind this number; from the beginning if it is left out.
    after: Option<i64>,
    /// How many at most, 1 to 1000; 25 if nothing is said.
    limit: Option<u32>,
}

/// Facts of the namespace in a partition, in its order. A page may hold fewer than asked for; it
/// goes on while there is a `next`.
#[utoipa::path(get, path = "/facts", tag = "audit", params(Which), responses((status = 200, body = Items<Fact>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<FactRead>,
    Query(which): Query<Which>,
) -> Result<Json<Items<Fact>>> {
    let limit = crate::extract::page(which.limit, None, None)?.limit as usize;
    let (namespace, begin) = (
        who.namespace.clone(),
        Cursor {
            partition: which.partition,
            seq: which.after.unwrap_or(0),
        },
    );
    let (facts, next) = app
        .db()
        .read_unbound(move |tx| own_facts(tx, &namespace, begin.clone(), limit))
        .await?;
    Ok(Items::continued(facts, next.map(|seq| seq.to_string())))
}

fn own_facts(
    tx: &mut store::Unbound<'_, '_>,
    namespace: &Namespace,
    mut cursor: Cursor,
    limit: usize,
) -> store::Result<(Vec<StoredFact>, Option<i64>)> {
    let mut own = Vec::new();
    for _ in 0..SLICES {
        let slice = store::facts_after(tx, &cursor, SLICE)?;
        let is_last = slice.len() < SLICE as usize;
        for fact in slice {
            cursor.seq = fact.cursor.seq;
            if fact.namespace == *namespace {
                own.push(fact);
            }
            if own.len() == limit {
                return Ok((own, Some(cursor.seq)));
            }
        }
        if is_last {
            return Ok((own, None));
        }
    }
    Ok((own, Some(cursor.seq)))
}

/// A partition of facts.
#[derive(Serialize, ToSchema)]
struct Partition {
    partition: String,
}

/// The partitions of facts.
#[utoipa::path(get, path = "/facts/partitions", tag = "audit", responses((status = 200, body = Items<Partition>), Problem))]
async fn partitions(State(app): State<App>, _: May<FactRead>) -> Result<Json<Items<Partition>>> {
    let cursors = app.db().read_unbound(store::partitions).await?;
    Ok(Items::of(
        cursors
            .into_iter()
            .map(|cursor| Partition {
                partition: cursor.partition,
            })
            .collect::<Vec<_>>(),
    ))
}
