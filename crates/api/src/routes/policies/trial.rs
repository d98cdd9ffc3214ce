//! Documents, tried before they count.

use super::PolicyTry;
use super::view::{Replay, Tried};
use crate::access::May;
use crate::extract::{Body, page};
use crate::{App, Error, Problem, Result};
use axum::Json;
use axum::extract::State;
use policy::{Against, Filter, Trial};
use serde::Deserialize;
use types::{Json as Raw, Time, VersionId};
use utoipa::ToSchema;

/// A document or a version, and an input for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DryRun {
    /// A Rego text.
    #[serde(default)]
    document: Option<String>,
    /// Or a version's id.
    #[serde(default)]
    version: Option<VersionId>,
    /// The input, as policies see it; answers of lookups stand in its `lookups`.
    #[schema(value_type = Object)]
    input: Raw,
}

/// Try a document on an input. Nothing is asked, written or signed.
#[utoipa::path(post, path = "/policies/dry-run", tag = "policies", request_body = DryRun, responses((status = 200, body = Tried), Problem))]
pub(super) async fn dry_run(
    State(app): State<App>,
    who: May<PolicyTry>,
    Body(run): Body<DryRun>,
) -> Result<Json<Tried>> {
    let trial = match (run.document, run.version) {
        (Some(document), None) => Trial::Document(document),
        (None, Some(version)) => Trial::Version(version),
        _ => {
            return Err(Error::field(
                "document",
                "give a document or a version, one of the two",
            ));
        }
    };
    Ok(Json(
        policy::dry_run(&app.policy, &who, trial, run.input.as_str())
            .await?
            .into(),
    ))
}

/// Which past decisions to judge again, and by what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    /// Those that asked this policy, by its name or id.
    #[serde(default)]
    policy: Option<String>,
    /// Those of one subject.
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    since: Option<Time>,
    #[serde(default)]
    until: Option<Time>,
    /// By this version of its policy; by the versions they had, if it is left out: then nothing
    /// may differ.
    #[serde(default)]
    version: Option<VersionId>,
    /// At most so many decisions in this answer, 1 to 1000; 200 if nothing is said.
    #[serde(default)]
    limit: Option<u32>,
    /// Continue behind this cursor, which the answer before gave as `next`.
    #[serde(default)]
    after: Option<String>,
}

/// Decisions in one answer where nothing is said.
const REPLAYED: u32 = 200;

/// Judge past decisions again, newest first, a page at a time. Nothing is written.
#[utoipa::path(post, path = "/policies/replay", tag = "policies", request_body = Again, responses((status = 200, body = Replay), Problem))]
pub(super) async fn replay(
    State(app): State<App>,
    who: May<PolicyTry>,
    Body(again): Body<Again>,
) -> Result<Json<Replay>> {
    let Again {
        policy,
        subject,
        since,
        until,
        version,
        limit,
        after,
    } = again;
    let page = page(Some(limit.unwrap_or(REPLAYED)), None, after)?;
    let filter = Filter {
        subject,
        policy,
        since,
        until,
        ..Filter::default()
    };
    let against = version.map_or(Against::SameVersion, Against::Version);
    let (replay, next) = policy::replay_page(&app.policy, &who, &filter, against, &page).await?;
    Ok(Json(Replay::page(replay, next)))
}
