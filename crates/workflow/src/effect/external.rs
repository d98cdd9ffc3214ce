//! External effects: calls that are stored before they are sent.

use super::Fault;
use crate::worker::context::RunContext;
use async_trait::async_trait;
use types::Json;

/// A call, stored before it is sent. It is repeated only if its outcome is unknown, and with the
/// same key.
#[async_trait]
pub(crate) trait ExternalCall: Send + Sync {
    /// The idempotency key.
    fn key(&self) -> &str;

    /// The call as stored.
    fn to_json(&self) -> Result<Json, Fault>;

    /// The call as shown in the run. Values that may be credentials are masked here; the caller
    /// masks the secrets of variable sets.
    fn shown(&self) -> Result<Json, Fault>;

    fn timeout_ms(&self) -> u64;

    /// The fault of a call whose process died before it recorded the answer.
    fn interrupted(&self) -> Fault;

    /// Sends the call.
    async fn send(&self, run: &RunContext) -> Result<Json, Fault>;

    /// Queries the receiver whether the call happened.
    async fn query_status(&self, run: &RunContext) -> CallStatus;
}

/// The answer to the query whether a call happened.
pub(crate) enum CallStatus {
    /// It happened; contains the answer as step data.
    Happened(Json),
    DidNotHappen,
    Unclear(Fault),
}
