//! Scopes: the sources of a chain that a namespace has projected. Each has a cursor of its own
//! until it is caught up with the committer.

use crate::table::scope::Scope;
use crate::{Error, Index, Result, table};
use chain::Watch;
use std::collections::BTreeSet;
use store::{Fact, Tx};
use types::{ChainId, ContractId, Height, Principal};

/// Matches every source.
pub(crate) const ALL: &str = "*";
/// The longest source, in bytes. No chain has longer addresses.
const MAX_SOURCE: usize = 128;

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

/// Projects a source (or `*`) of a chain for the principal's namespace, from a height on; without
/// one, and at the earliest, from the first block that is stored. Idempotent: returns false if the
/// scope already exists. Error: `index.invalid_source`.
pub async fn track(
    index: &Index,
    principal: &Principal,
    new: &NewScope,
    from: Option<Height>,
) -> Result<bool> {
    let from = from.unwrap_or(Height(0));
    let scope = Scope {
        namespace: principal.namespace,
        projection: new.projection.clone(),
        chain: new.chain,
        source: canonical_source(&new.chain, &new.source)?,
        contract: None,
        from,
        next: from,
        caught_up: false,
        quarantined: None,
        version: 1,
    };
    let args = (*index.contracts().settings(), principal.clone(), scope);
    index
        .on()
        .write_unscoped_with(args, |tx, (limits, principal, scope)| {
            let status = table::cursor::status(tx, &scope.chain)?;
            let from = status.map_or(scope.from, |status| scope.from.max(status.first));
            let tx = &mut tx.scoped(&principal.namespace);
            let scope = Scope {
                contract: contract(limits, tx, principal, scope)?,
                from,
                next: from,
                ..scope.clone()
            };
            let inserted = table::scope::insert(tx, &scope)?;
            if inserted {
                tx.append(scope_fact("index.tracked", principal, &scope));
            }
            Ok(inserted)
        })
        .await
}

/// The contract whose events the scope covers; none if it covers all.
fn contract(
    limits: &contracts::Settings,
    tx: &mut Tx,
    principal: &Principal,
    scope: &Scope,
) -> Result<Option<ContractId>> {
    if scope.source == ALL {
        return Ok(None);
    }
    let contract = contracts::ensure(limits, tx, principal, &scope.chain, &scope.source)?;
    Ok(Some(contract.id))
}

/// Stops projecting a source. Data projected so far stays. Returns false if there is no such scope.
pub async fn untrack(index: &Index, principal: &Principal, scope: &NewScope) -> Result<bool> {
    let scope = NewScope {
        source: canonical_source(&scope.chain, &scope.source)?,
        ..scope.clone()
    };
    index
        .on()
        .write_as(principal, scope, |tx, principal, scope| {
            let NewScope {
                projection,
                chain,
                source,
            } = scope;
            let Some(mut deleted) = table::scope::delete(tx, projection, chain, source)? else {
                return Ok(false);
            };
            deleted.version += 1;
            tx.append(scope_fact("index.untracked", principal, &deleted));
            Ok(true)
        })
        .await
}

/// The scopes of the principal's namespace on a chain.
pub async fn scopes(index: &Index, principal: &Principal, chain: &ChainId) -> Result<Vec<Scope>> {
    let read = index
        .db()
        .read_with(&principal.namespace, *chain, table::scope::of_namespace);
    Ok(read.await?)
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
    contracts::canonical_address(chain, source).map_err(|_| invalid())
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
    let id = format!(
        "scope:{}/{}/{}",
        scope.projection, scope.chain, scope.source
    );
    Fact::new(kind, 1)
        .subject(&id, scope.version)
        .actor(actor)
        .payload(&payload)
}
