//! Evaluation of policy documents without effect: dry runs and replays of past decisions.

use super::PolicySimulate;
use super::view::Replay;
use crate::extract::page;
use crate::routes::prelude::*;
use policy::{DecisionFilter, DryRun, DryRunTarget, ReplayTarget};
use types::{Json as Raw, Time, VersionId};

/// A policy document or version, and the input to evaluate it with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DryRunRequest {
    /// A Rego document. Required unless `version` is given.
    #[serde(default)]
    document: Option<String>,
    /// The id of a policy version. Required unless `document` is given.
    #[serde(default)]
    version: Option<VersionId>,
    /// The policy input. Results of lookups are given in its member `lookups`.
    #[schema(value_type = Object)]
    input: Raw,
}

/// Dry-run a policy document.
///
/// Evaluates the document with the input. No lookup is made, and nothing is stored or signed.
#[utoipa::path(post, path = "/policies/dry-run", tag = "policies", request_body = DryRunRequest, responses((status = 200, body = DryRun), Problem))]
pub(super) async fn dry_run(
    State(app): State<App>,
    principal: Authorized<PolicySimulate>,
    Body(request): Body<DryRunRequest>,
) -> Result<Json<DryRun>> {
    let trial = match (request.document, request.version) {
        (Some(document), None) => DryRunTarget::Document(document),
        (None, Some(version)) => DryRunTarget::Version(version),
        _ => {
            return Err(Error::field(
                "document",
                "give exactly one of document and version",
            ));
        }
    };
    let run = policy::dry_run(&app.policy, &principal, trial, request.input.as_str());
    Ok(Json(run.await?))
}

/// The past decisions to evaluate again, and the version to evaluate them with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// Only decisions that evaluated this policy, by name or id.
    #[serde(default)]
    policy: Option<String>,
    /// Only decisions about this subject.
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    since: Option<Time>,
    #[serde(default)]
    until: Option<Time>,
    /// Evaluate with this version of its policy. Defaults to the versions of the original
    /// decisions, in which case no outcome may differ.
    #[serde(default)]
    version: Option<VersionId>,
    /// The maximum number of decisions to evaluate, 1 to 1000. Defaults to 200.
    #[serde(default)]
    limit: Option<u32>,
    /// Continue after this cursor, the `next` of the previous page.
    #[serde(default)]
    after: Option<String>,
}

/// The default number of decisions per page.
const DEFAULT_REPLAY_LIMIT: u32 = 200;

/// Replay past decisions.
///
/// Evaluates past decisions again, newest first and one page at a time, and returns those with a
/// different outcome. Nothing is stored.
#[utoipa::path(post, path = "/policies/replay", tag = "policies", request_body = ReplayRequest, responses((status = 200, body = Replay), Problem))]
pub(super) async fn replay(
    State(app): State<App>,
    principal: Authorized<PolicySimulate>,
    Body(request): Body<ReplayRequest>,
) -> Result<Json<Replay>> {
    let ReplayRequest {
        policy,
        subject,
        since,
        until,
        version,
        limit,
        after,
    } = request;
    let page = page(Some(limit.unwrap_or(DEFAULT_REPLAY_LIMIT)), None, after)?;
    let filter = DecisionFilter {
        subject,
        policy,
        since,
        until,
        ..DecisionFilter::default()
    };
    let against = version.map_or(ReplayTarget::SameVersion, ReplayTarget::Version);
    let (replay, next) =
        policy::replay_page(&app.policy, &principal, &filter, against, &page).await?;
    Ok(Json(Replay::page(replay, next)))
}
