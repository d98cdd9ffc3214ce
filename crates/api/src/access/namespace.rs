//! Namespaces: the tenants.

use super::table;
use crate::{Error, Result};
use serde::Serialize;
use store::{Db, Fact, Lease, Unbound};
use types::{ChainId, Namespace, Principal, Time};

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamespaceRow {
    /// Its name.
    pub name: Namespace,
    /// The chain that is meant where none is named.
    pub default_chain: Option<ChainId>,
    /// When it was made.
    pub created: Time,
}

/// Make a namespace. False if there is one of this name.
pub async fn create_namespace(
    db: &Db,
    lease: &Lease,
    who: &Principal,
    name: &Namespace,
    chain: Option<ChainId>,
) -> Result<bool> {
    let (who, name) = (who.clone(), name.clone());
    let made = db
        .on(lease)
        .write_unbound(move |tx| {
            let now = tx.now();
            let made = table::insert_namespace(tx, &name, chain.as_ref(), now)?;
            if made {
                let said = serde_json::json!({ "default_chain": chain });
                tx.append(
                    &name,
                    Fact::new("namespace.created", 1)
                        .about(&name, 1)
                        .by(&who)
                        .says(&said),
                );
            }
            Ok::<_, store::Error>(made)
        })
        .await?;
    Ok(made)
}

/// Every namespace of the installation, unless nothing has changed since a mark was given; with the
/// mark of now. For the binary, never for a tenant.
pub async fn namespaces_since(db: &Db, mark: Mark) -> Result<Option<(Mark, Vec<NamespaceRow>)>> {
    let read = move |tx: &mut Unbound<'_, '_>| {
        let now = Mark(Some(table::namespaces_mark(tx)?));
        if now == mark {
            Ok(None)
        } else {
            Ok(Some((now, table::namespaces(tx)?)))
        }
    };
    let found: store::Result<_> = db.read_unbound(read).await;
    Ok(found?)
}

/// Which changes of namespaces somebody has seen; of nobody who has seen none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark(Option<(i64, i64)>);

/// The namespace of who asks.
pub async fn namespace(db: &Db, who: &Principal) -> Result<NamespaceRow> {
    db.read(&who.namespace, table::namespace)
        .await?
        .ok_or(Error::UnknownNamespace)
}

/// The chain that is meant where none is named.
pub async fn default_chain(db: &Db, who: &Principal) -> Result<Option<ChainId>> {
    let row = db.read(&who.namespace, table::namespace).await?;
    Ok(row.and_then(|row| row.default_chain))
}

/// This chain, or the one that is meant where none is named. Error: `api.field` where there is
/// neither.
pub(crate) async fn chain_or_default(
    db: &Db,
    who: &Principal,
    chain: Option<ChainId>,
) -> Result<ChainId> {
    if let Some(chain) = chain {
        return Ok(chain);
    }
    let none = || {
        Error::field(
            "chain",
            "name a chain, or give the namespace a default chain",
        )
    };
    default_chain(db, who).await?.ok_or_else(none)
}

/// Say which chain is meant where none is named.
pub async fn set_default_chain(
    db: &Db,
    lease: &Lease,
    who: &Principal,
    chain: ChainId,
) -> Result<()> {
    let who = who.clone();
    db.on(lease)
        .write(&who.namespace.clone(), move |tx| {
            let Some(version) = table::set_default_chain(tx, &chain)? else {
                return Err(Error::UnknownNamespace);
            };
            let version = u64::try_from(version).unwrap_or(0);
            let said = serde_json::json!({ "default_chain": chain });
            tx.append(
                Fact::new("namespace.changed", 1)
                    .about(&who.namespace, version)
                    .by(&who)
                    .says(&said),
            );
            Ok(())
        })
        .await
}
