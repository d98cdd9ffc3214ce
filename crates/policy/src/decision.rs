//! The log of decisions: exactly what was asked, of which documents, with which answers, and what
//! came of it.

use crate::outcome::{Reason, Why};
use crate::{Error, Outcome, Policy, Result, table};
use intent::Permit;
use serde::{Deserialize, Serialize};
use types::{
    ChainId, DecisionId, Digest, Json, Namespace, Page, PolicyId, Principal, Time, VersionId,
};

/// A decision. Insert-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// Where.
    pub namespace: Namespace,
    /// When; the time in the input.
    pub at: Time,
    /// What it belongs to, such as a submission's id.
    pub subject: String,
    /// Who wanted it.
    pub initiator: Principal,
    /// The chain of the intent.
    pub chain: ChainId,
    /// The account that would sign.
    pub signer: String,
    /// The intent.
    pub intent_hash: Digest,
    /// What came of it.
    pub outcome: Outcome,
    /// The documents that were asked.
    pub documents: Vec<Source>,
    /// The hash of all documents and of the library.
    pub bundle_hash: Digest,
    /// The hash of the interface that decoded the call, where one was given.
    pub interface_hash: Option<Digest>,
    /// The hash of `lookups`.
    pub lookups_hash: Digest,
    /// The hash of the approvals that were counted.
    pub approvals_hash: Digest,
    /// The input as documents saw it, but for lookups: canonical JSON.
    pub input: Json,
    /// Lookups and their answers: canonical JSON, a list of `{from, args, answer}` or `{from,
    /// args, failed}`.
    pub lookups: Json,
    /// The permit, where there is one.
    pub permit: Option<Permit>,
    /// How long it took, with the questions that were decided together.
    pub duration_ms: u64,
}

/// Where a document came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// A version of a policy.
    Version {
        /// The policy.
        policy: PolicyId,
        /// Its name at the time.
        name: String,
        /// The version.
        version: VersionId,
        /// Its label.
        label: String,
        /// SHA-256 of its text.
        hash: Digest,
    },
    /// A rule that comes with Florin.
    Shipped {
        /// Its name.
        name: String,
        /// SHA-256 of its text.
        hash: Digest,
    },
}

/// Which decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Those of one subject.
    pub subject: Option<String>,
    /// Those that asked a policy, by its name or id.
    pub policy: Option<String>,
    /// `permit`, `denied` or `needs`.
    pub result: Option<String>,
    /// Those about one signer.
    pub signer: Option<String>,
    /// Not before this moment.
    pub since: Option<Time>,
    /// Before this moment.
    pub until: Option<Time>,
}

/// A page of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decisions {
    /// Newest first.
    pub items: Vec<Decision>,
    /// Where the next page continues (`page.after`); none at the end.
    pub next: Option<String>,
}

impl Source {
    /// The policy's name.
    pub fn name(&self) -> &str {
        match self {
            Source::Version { name, .. } | Source::Shipped { name, .. } => name,
        }
    }
}

impl Decision {
    /// The reasons for a denial that no document gave: of policies that were not there to be asked.
    pub(crate) fn standing_problems(&self) -> Vec<Reason> {
        let Outcome::Denied { reasons } = &self.outcome else {
            return Vec::new();
        };
        let nobodys = |reason: &&Reason| reason.code == Why::NoAnswer && reason.policy.is_none();
        reasons
            .iter()
            .filter(|reason| reason.code == Why::Missing || nobodys(reason))
            .cloned()
            .collect()
    }
}

/// A decision by its id. Error: `policy.unknown_decision`.
pub async fn decision(policy: &Policy, who: &Principal, id: DecisionId) -> Result<Decision> {
    policy
        .db
        .read(&who.namespace, move |tx| {
            table::decision::get(tx, id)?
                .ok_or_else(|| Error::UnknownDecision { id: id.to_string() })
        })
        .await
}

/// Decisions, newest first, by `page.limit` and `page.after`. Errors: `policy.unknown_policy`,
/// `policy.cursor`.
pub async fn decisions(
    policy: &Policy,
    who: &Principal,
    filter: &Filter,
    page: &Page,
) -> Result<Decisions> {
    let after = page.after.as_deref().map(Place::parse).transpose()?;
    let (filter, limit) = (filter.clone(), page.limit);
    policy
        .db
        .read(&who.namespace, move |tx| {
            let of = filter
                .policy
                .as_deref()
                .map(|name| table::policy::require(tx, name))
                .transpose()?;
            let items = table::decision::list(tx, &filter, of.map(|found| found.id), after, limit)?;
            let full = items.len() == limit as usize;
            let next = items.last().filter(|_| full).map(|last| {
                Place {
                    at: last.at,
                    id: last.id,
                }
                .to_string()
            });
            Ok(Decisions { items, next })
        })
        .await
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: Time,
    pub(crate) id: DecisionId,
}

impl Place {
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

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at.micros(), self.id)
    }
}
