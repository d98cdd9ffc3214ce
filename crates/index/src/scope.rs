//! Scopes: which sources of a chain a namespace wants projected. Each has a cursor of its own until
//! it is level with the committer.

use crate::{Error, Index, Result, table};
use chain::Watch;
use std::collections::BTreeSet;
use store::Fact;
use types::{ChainId, Height, Namespace, Principal};

/// Every source.
pub(crate) const ALL: &str = "*";
/// The longest source: no chain has longer addresses.
const MAX_SOURCE: usize = 128;

/// What a namespace wants of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The namespace.
    pub namespace: Namespace,
    /// Which projection.
    pub projection: String,
    /// The chain.
    pub chain: ChainId,
    /// The source (a contract), or `*` for all.
    pub source: String,
    /// Where it begins.
    pub from: Height,
    /// Where it goes on while it is not level.
    pub next: Height,
    /// Whether it moves with the committer.
    pub level: bool,
    /// Why it was set aside, if it was: its projection could not take what it was given.
    /// Untracking and tracking it again tries anew.
    pub quarantined: Option<String>,
    /// Raised with each change.
    pub version: i64,
}

impl Scope {
    /// What to ask a node for on behalf of this scope alone.
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

    /// Whether blocks that were fetched with this watch hold all that the scope covers.
    pub(crate) fn is_watched(&self, watch: &Watch) -> bool {
        watch.everything || (self.source != ALL && watch.sources.contains(&self.source))
    }
}

/// What of a chain a namespace asks to be projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which projection.
    pub projection: String,
    /// The chain.
    pub chain: ChainId,
    /// The source (a contract), or `*` for all.
    pub source: String,
}

/// Project a source (or `*`) of a chain for the asking namespace, from a height on, as far down as
/// the chain is stored. Doing it twice changes nothing. Whether it is new.
pub async fn track(index: &Index, who: &Principal, wanted: &Wanted, from: Height) -> Result<bool> {
    let scope = Scope {
        namespace: who.namespace.clone(),
        projection: wanted.projection.clone(),
        chain: wanted.chain.clone(),
        source: checked_source(&wanted.chain, &wanted.source)?,
        from,
        next: from,
        level: false,
        quarantined: None,
        version: 1,
    };
    let who = who.clone();
    let begun = index
        .db
        .on(&index.lease)
        .write(&who.namespace.clone(), move |tx| {
            let inserted = table::scope::insert(tx, &scope)?;
            if inserted {
                tx.append(scope_fact("index.tracked", &who, &scope));
            }
            Ok::<_, store::Error>(inserted)
        })
        .await?;
    Ok(begun)
}

/// Project a source no longer; what was projected stays. False if there was no such scope.
pub async fn untrack(index: &Index, who: &Principal, wanted: &Wanted) -> Result<bool> {
    let wanted = Wanted {
        source: checked_source(&wanted.chain, &wanted.source)?,
        ..wanted.clone()
    };
    let who = who.clone();
    let ended = index
        .db
        .on(&index.lease)
        .write(&who.namespace.clone(), move |tx| {
            let deleted =
                table::scope::delete(tx, &wanted.projection, &wanted.chain, &wanted.source)?;
            if let Some(scope) = &deleted {
                tx.append(scope_fact("index.untracked", &who, scope));
            }
            Ok::<_, store::Error>(deleted.is_some())
        })
        .await?;
    Ok(ended)
}

/// What the asking namespace tracks on a chain.
pub async fn scopes(index: &Index, who: &Principal, chain: &ChainId) -> Result<Vec<Scope>> {
    let chain = chain.clone();
    Ok(index
        .db
        .read(&who.namespace, move |tx| {
            table::scope::of_namespace(tx, &chain)
        })
        .await?)
}

fn checked_source(chain: &ChainId, source: &str) -> Result<String> {
    let refused = || Error::Source {
        chain: chain.clone(),
        source_text: source.to_owned(),
    };
    if source == ALL {
        return Ok(source.to_owned());
    }
    if source.is_empty() || source.len() > MAX_SOURCE {
        return Err(refused());
    }
    intent::parse_recipient(chain, source)
        .map(|recipient| recipient.account)
        .map_err(|_| refused())
}

pub(crate) fn scope_fact(kind: &'static str, who: &Principal, scope: &Scope) -> Fact {
    let said = serde_json::json!({
        "projection": scope.projection, "chain": scope.chain, "source": scope.source, "from": scope.from, "next": scope.next,
        "quarantined": scope.quarantined,
    });
    let version = u64::try_from(scope.version).unwrap_or(0);
    let id = format!(
        "scope:{}/{}/{}",
        scope.projection, scope.chain, scope.source
    );
    Fact::new(kind, 1).about(&id, version).by(who).says(&said)
}
