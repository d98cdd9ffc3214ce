//! The decision log: the exact input, the documents, the answers of lookups, and the outcome.

use crate::outcome::{Reason, ReasonCode};
use crate::table::decision::{Decision, DecisionFilter, DocumentSource, LogPosition};
use crate::{Error, Outcome, Policy, Result, StoredPolicy, table};
use serde::Serialize;
use store::named::Named as _;
use types::{DecisionId, Page, Principal, Time};

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
    /// The reasons for a denial that no document gave: a policy could not be evaluated, or the
    /// initiator lacked the authority.
    pub(crate) fn selection_problems(&self) -> Vec<Reason> {
        let Outcome::Denied { reasons } = &self.outcome else {
            return Vec::new();
        };
        let nobodys =
            |reason: &&Reason| reason.code == ReasonCode::NoAnswer && reason.policy.is_none();
        reasons
            .iter()
            .filter(|reason| is_given_without_a_document(reason.code) || nobodys(reason))
            .cloned()
            .collect()
    }
}

fn is_given_without_a_document(code: ReasonCode) -> bool {
    use ReasonCode as C;
    matches!(
        code,
        C::Missing | C::NoPolicy | C::NoAuthority | C::SamePerson
    )
}

/// A decision by its id. Error: `policy.unknown_decision`.
pub async fn decision(policy: &Policy, principal: &Principal, id: DecisionId) -> Result<Decision> {
    policy
        .db()
        .read_with(&principal.namespace, id, |tx, id| {
            table::decision::get(tx, *id)?
                .ok_or_else(|| Error::UnknownDecision { id: id.to_string() })
        })
        .await
}

/// A page of decisions, newest first, by `page.limit` and `page.after`. Errors:
/// `policy.unknown_policy`, `policy.invalid_cursor`.
pub async fn decisions(
    policy: &Policy,
    principal: &Principal,
    filter: &DecisionFilter,
    page: &Page,
) -> Result<DecisionPage> {
    let after = page.after.as_deref().map(LogPosition::parse).transpose()?;
    let args = (filter.clone(), after, page.limit);
    policy
        .db()
        .read_with(&principal.namespace, args, |tx, (filter, after, limit)| {
            let of = (filter.policy.as_deref())
                .map(|name| StoredPolicy::require(tx, (), name))
                .transpose()?;
            let of = of.map(|policy| policy.id);
            let items = table::decision::list(tx, filter, of, *after, *limit)?;
            let is_full = items.len() == *limit as usize;
            let next = items.last().filter(|_| is_full).map(|last| {
                let (at, id) = (last.at, last.id);
                LogPosition { at, id }.to_string()
            });
            Ok(DecisionPage { items, next })
        })
        .await
}

impl LogPosition {
    fn parse(text: &str) -> Result<Self> {
        let (at, id) = text.split_once('/').ok_or(Error::InvalidCursor)?;
        let at = at
            .parse()
            .map(Time::from_micros)
            .map_err(|_| Error::InvalidCursor)?;
        Ok(Self {
            at,
            id: id.parse().map_err(|_| Error::InvalidCursor)?,
        })
    }
}

impl std::fmt::Display for LogPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at.micros(), self.id)
    }
}
