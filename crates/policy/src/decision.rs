//! The decision log: the exact input, the documents, the answers of lookups, and the outcome.

use crate::outcome::{Reason, ReasonCode};
use crate::{Error, Outcome, Policy, Result, table};
use intent::Permit;
use serde::{Deserialize, Serialize};
use types::{
    ChainId, DecisionId, Digest, Json, Namespace, Page, PolicyId, Principal, Time, VersionId,
};

/// A logged decision. Insert-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub id: DecisionId,
    pub namespace: Namespace,
    /// The time of the decision; the same as in the input.
    pub at: Time,
    /// What the decision is about, such as a submission's id.
    pub subject: String,
    /// The principal that requested it.
    pub initiator: Principal,
    pub chain: ChainId,
    /// The account that would sign.
    pub signer: String,
    pub intent_hash: Digest,
    pub outcome: Outcome,
    /// The evaluated documents.
    pub documents: Vec<DocumentSource>,
    /// The hash of all evaluated documents and of the library.
    pub bundle_hash: Digest,
    /// The hash of the interface that decoded the call, if one was given.
    pub interface_hash: Option<Digest>,
    /// The hash of `lookups`.
    pub lookups_hash: Digest,
    /// The hash of the approvals that were counted.
    pub approvals_hash: Digest,
    /// The input as the documents saw it, without lookups: canonical JSON.
    pub input: Json,
    /// The lookups and their answers: canonical JSON, a list of `{from, args, answer}` or `{from,
    /// args, failed}`.
    pub lookups: Json,
    /// The permit, if the outcome is one.
    pub permit: Option<Permit>,
    /// How long the decision took, including the requests decided with it.
    pub duration_ms: u64,
}

/// The origin of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum DocumentSource {
    /// A version of a policy.
    Version {
        policy: PolicyId,
        /// The policy's name at the time of the decision.
        name: String,
        version: VersionId,
        label: String,
        /// SHA-256 of the text.
        hash: Digest,
    },
    /// A document that ships with Florin.
    Shipped {
        name: String,
        /// SHA-256 of the text.
        hash: Digest,
    },
}

/// Selects decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionFilter {
    /// Decisions about this subject.
    pub subject: Option<String>,
    /// Decisions that evaluated this policy, by name or id.
    pub policy: Option<String>,
    /// `permit`, `denied` or `needs`.
    pub result: Option<String>,
    /// Decisions about this signer.
    pub signer: Option<String>,
    /// Decisions at or after this time.
    pub since: Option<Time>,
    /// Decisions before this time.
    pub until: Option<Time>,
}

/// A page of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionPage {
    /// Newest first.
    pub items: Vec<Decision>,
    /// The cursor of the next page (`page.after`); `None` at the end.
    pub next: Option<String>,
}

impl DocumentSource {
    /// The policy's name.
    pub fn name(&self) -> &str {
        match self {
            DocumentSource::Version { name, .. } | DocumentSource::Shipped { name, .. } => name,
        }
    }
}

impl Decision {
    /// The reasons for a denial that no document gave, because a policy could not be evaluated.
    pub(crate) fn selection_problems(&self) -> Vec<Reason> {
        let Outcome::Denied { reasons } = &self.outcome else {
            return Vec::new();
        };
        let nobodys =
            |reason: &&Reason| reason.code == ReasonCode::NoAnswer && reason.policy.is_none();
        reasons
            .iter()
            .filter(|reason| reason.code == ReasonCode::Missing || nobodys(reason))
            .cloned()
            .collect()
    }
}

/// A decision by its id. Error: `policy.unknown_decision`.
pub async fn decision(policy: &Policy, principal: &Principal, id: DecisionId) -> Result<Decision> {
    policy
        .db
        .read(&principal.namespace, move |tx| {
            table::decision::get(tx, id)?
                .ok_or_else(|| Error::UnknownDecision { id: id.to_string() })
        })
        .await
}

/// A page of decisions, newest first, by `page.limit` and `page.after`. Errors:
/// `policy.unknown_policy`, `policy.cursor`.
pub async fn decisions(
    policy: &Policy,
    principal: &Principal,
    filter: &DecisionFilter,
    page: &Page,
) -> Result<DecisionPage> {
    let after = page.after.as_deref().map(LogPosition::parse).transpose()?;
    let (filter, limit) = (filter.clone(), page.limit);
    policy
        .db
        .read(&principal.namespace, move |tx| {
            let policy = filter
                .policy
                .as_deref()
                .map(|name| table::policy::require(tx, name))
                .transpose()?;
            let items =
                table::decision::list(tx, &filter, policy.map(|found| found.id), after, limit)?;
            let full = items.len() == limit as usize;
            let next = items.last().filter(|_| full).map(|last| {
                LogPosition {
                    at: last.at,
                    id: last.id,
                }
                .to_string()
            });
            Ok(DecisionPage { items, next })
        })
        .await
}

/// A position in the decision log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPosition {
    pub(crate) at: Time,
    pub(crate) id: DecisionId,
}

impl LogPosition {
    fn parse(text: &str) -> Result<Self> {
        let (at, id) = text.split_once('/').ok_or(Error::Cursor)?;
        let at = at
            .parse()
            .map(Time::from_micros)
            .map_err(|_| Error::Cursor)?;
        Ok(Self {
            at,
            id: id.parse().map_err(|_| Error::Cursor)?,
        })
    }
}

impl std::fmt::Display for LogPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at.micros(), self.id)
    }
}
