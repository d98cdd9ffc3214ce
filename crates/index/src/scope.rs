//! Scopes: the sources of a chain that a namespace has projected. Each has a cursor of its own
//! until it is caught up with the committer.

use crate::{Error, Index, Result, table};
use chain::Watch;
use std::collections::BTreeSet;
use store::Fact;
use types::{ChainId, Height, Namespace, Principal};

/// Matches every source.
pub(crate) const ALL: &str = "*";
/// The longest source, in bytes. No chain has longer addresses.
const MAX_SOURCE: usize = 128;

/// A source of a chain that is projected for a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub namespace: Namespace,
    pub projection: String,
    pub chain: ChainId,
    /// A contract address, or `*` for all.
    pub source: String,
    /// The height at which it starts.
    pub from: Height,
    /// The next height to read while it is not caught up.
    pub next: Height,
    /// Whether it has reached the head, so that the committer projects new blocks for it.
    pub caught_up: bool,
    /// Why its projection failed, if it did. To retry, untrack and track the source again.
    pub quarantined: Option<String>,
    /// Incremented with each change.
    pub version: i64,
}

impl Scope {
    /// The watch that fetches the events of this scope alone.
    pub(crate) fn watch(&self) -> Watch {
        let everything = self.source == ALL;
        let sources = if everything {
            BTreeSet::new()
        } else {
            BTreeSet::from([self.source.clone()])
        };
        Watch {
            everything,
            sources,
            ..Watch::default()
        }
    }

    /// Whether blocks fetched with this watch contain all events that the scope covers.
    pub(crate) fn is_watched(&self, watch: &Watch) -> bool {
        watch.everything || (self.source != ALL && watch.sources.contains(&self.source))
    }
}

/// The scope to track or untrack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewScope {
    pub projection: String,
    pub chain: ChainId,
    /// A contract address, or `*` for all.
    pub source: String,
}

/// Projects a source (or `*`) of a chain for the principal's namespace, from a height on, as far
/// down as the chain is stored. Idempotent: returns false if the scope already exists. Error:
/// `index.invalid_source`.
pub async fn track(
    index: &Index,
    principal: &Principal,
    new: &NewScope,
    from: Height,
) -> Result<bool> {
    let scope = Scope {
        namespace: principal.namespace,
        projection: new.projection.clone(),
        chain: new.chain,
        source: canonical_source(&new.chain, &new.source)?,
        from,
        next: from,
        caught_up: false,
        quarantined: None,
        version: 1,
    };
    let principal = principal.clone();
    let inserted = index
        .db
        .on(&index.lease)
        .write(&principal.namespace.clone(), move |tx| {
            let inserted = table::scope::insert(tx, &scope)?;
            if inserted {
                tx.append(scope_fact("index.tracked", &principal, &scope));
            }
            Ok::<_, store::Error>(inserted)
        })
        .await?;
    Ok(inserted)
}

/// Stops projecting a source. Data projected so far stays. Returns false if there is no such scope.
pub async fn untrack(index: &Index, principal: &Principal, scope: &NewScope) -> Result<bool> {
    let scope = NewScope {
        source: canonical_source(&scope.chain, &scope.source)?,
        ..scope.clone()
    };
    let principal = principal.clone();
    let deleted = index
        .db
        .on(&index.lease)
        .write(&principal.namespace.clone(), move |tx| {
            let deleted = table::scope::delete(tx, &scope.projection, &scope.chain, &scope.source)?;
            if let Some(scope) = &deleted {
                tx.append(scope_fact("index.untracked", &principal, scope));
            }
            Ok::<_, store::Error>(deleted.is_some())
        })
        .await?;
    Ok(deleted)
}

/// The scopes of the principal's namespace on a chain.
pub async fn scopes(index: &Index, principal: &Principal, chain: &ChainId) -> Result<Vec<Scope>> {
    let chain = *chain;
    Ok(index
        .db
        .read(&principal.namespace, move |tx| {
            table::scope::of_namespace(tx, &chain)
        })
        .await?)
}

/// The source as the chain's events name it.
fn canonical_source(chain: &ChainId, source: &str) -> Result<String> {
    let invalid = || Error::InvalidSource {
        chain: *chain,
        source_text: source.to_owned(),
    };
    if source == ALL {
        return Ok(source.to_owned());
    }
    if source.is_empty() || source.len() > MAX_SOURCE {
        return Err(invalid());
    }
    intent::parse_recipient(chain, source)
        .map(|recipient| recipient.account)
        .map_err(|_| invalid())
}

pub(crate) fn scope_fact(kind: &'static str, actor: &Principal, scope: &Scope) -> Fact {
    let payload = serde_json::json!({
        "projection": scope.projection,
        "chain": scope.chain,
        "source": scope.source,
        "from": scope.from,
        "next": scope.next,
        "quarantined": scope.quarantined,
    });
    let version = u64::try_from(scope.version).unwrap_or(0);
    let id = format!(
        "scope:{}/{}/{}",
        scope.projection, scope.chain, scope.source
    );
    Fact::new(kind, 1)
        .subject(&id, version)
        .actor(actor)
        .payload(&payload)
}
