//! The main verb: decision requests in, verdicts out.

mod answers;
mod authority;
mod effects;
mod judge;
mod pending;
mod record;
pub(crate) mod select;
mod separation;
mod voices;

pub(crate) use answers::Answers;
pub(crate) use judge::judge;
pub(crate) use pending::SelectedDocument;

use crate::{DecisionRequest, Obligation, Policy, Reason, Result};
use authority::Authority;
use intent::Permit;
use pending::PendingDecision;
use types::{DecisionId, Digest};

/// Requests decided together: their log is written in one transaction per namespace.
const REQUESTS_PER_SLICE: usize = 500;

/// How often a request is decided again because its policies changed meanwhile.
const ATTEMPTS: u32 = 5;

/// The result of a decision request. The decision is logged in every case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The intent may be signed.
    Permit {
        /// The signed permit, which `keys` verifies.
        permit: Box<Permit>,
        decision: DecisionId,
        /// The hash of the standing set that it is good for: see [`standing`](crate::standing).
        standing: Digest,
    },
    /// The intent may not be signed.
    Denied {
        decision: DecisionId,
        /// The reasons, at least one.
        reasons: Vec<Reason>,
    },
    /// The intent may be signed once the obligations are fulfilled; then request the decision
    /// again.
    Needs {
        decision: DecisionId,
        /// At least one.
        obligations: Vec<Obligation>,
    },
}

impl Verdict {
    /// The id of the logged decision.
    pub fn decision(&self) -> DecisionId {
        match self {
            Self::Permit { decision, .. }
            | Self::Denied { decision, .. }
            | Self::Needs { decision, .. } => *decision,
        }
    }
}

/// Decide requests. Returns one verdict per request, in order. A request that cannot be evaluated
/// is denied and does not affect the others.
///
/// Every policy attached to a target of the request is evaluated, and every one must allow it. A
/// request is denied without a policy attached to the namespace, the signer, or a contract or asset
/// that follows from its effects; policies of targets and names that the caller gives only add. Cancels and fills are decided by the shipped document
/// alone. Lookups and Rego run outside any transaction; then the decisions are logged. Errors: the
/// database, or the key that signs permits; then no verdict is valid.
pub async fn decide(policy: &Policy, requests: &[DecisionRequest]) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::with_capacity(requests.len());
    for slice in requests.chunks(REQUESTS_PER_SLICE) {
        verdicts.extend(decide_slice(policy, slice).await?);
    }
    Ok(verdicts)
}

/// Decide a slice. Requests whose standing set changed meanwhile are decided again, so that no
/// decision on the old one is logged after the change has returned to its caller.
async fn decide_slice(policy: &Policy, requests: &[DecisionRequest]) -> Result<Vec<Verdict>> {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; requests.len()];
    for _ in 0..ATTEMPTS {
        let open: Vec<usize> = (0..verdicts.len())
            .filter(|index| verdicts[*index].is_none())
            .collect();
        if open.is_empty() {
            break;
        }
        let batch = open.iter().map(|index| requests[*index].clone()).collect();
        for (index, verdict) in open.into_iter().zip(attempt(policy, batch).await?) {
            verdicts[index] = verdict;
        }
    }
    let contended = || store::Error::Contended { attempts: ATTEMPTS }.into();
    verdicts
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(contended)
}

async fn attempt(policy: &Policy, requests: Vec<DecisionRequest>) -> Result<Vec<Option<Verdict>>> {
    let started_ms = policy.db().clock().monotonic_ms();
    let (requests, authorities) = authority::resolve(policy, requests).await?;
    let pending = read(policy, requests, authorities).await?;
    let pending = select::documents(policy, pending).await?;
    let pending = separation::require(policy, pending).await?;
    let mut pending = answers::request(policy, pending).await?;
    let answers = answers::gather(policy, &pending).await;
    voices::ask(policy, &mut pending).await;
    let judged = judge::all(policy, pending, answers, started_ms).await?;
    record::all(policy, judged).await
}

/// Read the effects of each intent, and build its input.
async fn read(
    policy: &Policy,
    requests: Vec<DecisionRequest>,
    authorities: Vec<Authority>,
) -> Result<Vec<PendingDecision>> {
    let (settings, now) = (policy.settings.clone(), policy.db().clock().now());
    let requests = effects::read(policy, requests).await?;
    let requests: Vec<_> = requests.into_iter().zip(authorities).collect();
    policy
        .pool
        .map(requests, move |(request, authority)| {
            PendingDecision::of(request, authority, &settings, now)
        })
        .await
}
