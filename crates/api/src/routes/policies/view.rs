//! Response bodies of policies that differ from what the engine returns.

use crate::shapes::to_json;
use policy::StoredVersion;
use serde::Serialize;
use types::{Json, Time};
use utoipa::ToSchema;

/// A version of a policy.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    #[serde(flatten)]
    #[schema(inline)]
    version: StoredVersion,
    // A version never changes: the time of its creation.
    updated: Time,
}

impl From<StoredVersion> for Version {
    fn from(version: StoredVersion) -> Self {
        let updated = version.created_at;
        Self { version, updated }
    }
}

/// The result of a replay.
#[derive(Serialize, ToSchema)]
pub(super) struct Replay {
    /// The number of decisions evaluated.
    evaluated: u64,
    /// The number of decisions that could not be evaluated: their input was unreadable at the time,
    /// or a document was deleted.
    skipped: u64,
    /// The number of decisions with a different outcome.
    different: u64,
    /// The differences, newest first: `{decision, was, now}`.
    differences: Json,
    /// The cursor of the next page, to be passed as `after`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Replay {
    /// A page with the cursor of the next one.
    pub(super) fn page(replay: policy::Replay, next: Option<String>) -> Self {
        let total = replay.total;
        Self {
            evaluated: total.judged,
            skipped: total.skipped,
            different: total.different,
            differences: to_json(&replay.differences),
            next,
        }
    }
}
