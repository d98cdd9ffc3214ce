//! Namespaces: the tenants of an installation.

use super::resources::NamespaceRow;
use super::table;
use crate::{Error, Result};
use store::{Db, Fact, Lease, UnscopedTx};
use types::{ChainId, Namespace, Principal};

/// Creates a namespace. Returns false if the name exists.
pub async fn create_namespace(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    name: &Namespace,
    chain: Option<ChainId>,
) -> Result<bool> {
    let (principal, name) = (principal.clone(), *name);
    let created = db
        .on(lease)
        .write_unscoped(move |tx| {
            let created = table::insert_namespace(tx, &name, chain.as_ref())?;
            if created {
                let payload = serde_json::json!({ "default_chain": chain });
                tx.append(
                    &name,
                    Fact::new("namespace.created", 1)
                        .subject(&name, 1)
                        .actor(&principal)
                        .payload(&payload),
                );
            }
            Ok::<_, store::Error>(created)
        })
        .await?;
    Ok(created)
}

/// Every namespace of the installation with the current revision; `None` if nothing changed since
/// `revision`. For the binary only, never on behalf of a tenant.
pub async fn namespaces_changed_since(
    db: &Db,
    revision: NamespacesRevision,
) -> Result<Option<(NamespacesRevision, Vec<NamespaceRow>)>> {
    let read = move |tx: &mut UnscopedTx| {
        let current = NamespacesRevision(Some(table::namespaces_revision(tx)?));
        if current == revision {
            Ok(None)
        } else {
            Ok(Some((current, table::namespaces(tx)?)))
        }
    };
    let changed: store::Result<_> = db.read_unscoped(read).await;
    Ok(changed?)
}

/// A revision of the set of namespaces. The default precedes every revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NamespacesRevision(Option<(i64, i64)>);

/// The principal's namespace. Error: `api.unknown_namespace`.
pub async fn namespace(db: &Db, principal: &Principal) -> Result<NamespaceRow> {
    db.read(&principal.namespace, table::namespace)
        .await?
        .ok_or(Error::UnknownNamespace)
}

/// The default chain of the principal's namespace.
pub async fn default_chain(db: &Db, principal: &Principal) -> Result<Option<ChainId>> {
    let row = db.read(&principal.namespace, table::namespace).await?;
    Ok(row.and_then(|row| row.default_chain))
}

/// The given chain, or the namespace's default chain. Error: `api.invalid_field` if there is
/// neither.
pub(crate) async fn chain_or_default(
    db: &Db,
    principal: &Principal,
    chain: Option<ChainId>,
) -> Result<ChainId> {
    if let Some(chain) = chain {
        return Ok(chain);
    }
    let missing = || Error::field("chain", "required: the namespace has no default chain");
    default_chain(db, principal).await?.ok_or_else(missing)
}

/// Sets the default chain of the principal's namespace. Error: `api.unknown_namespace`.
pub async fn set_default_chain(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    chain: ChainId,
) -> Result<()> {
    let write = db
        .on(lease)
        .write_as(principal, chain, |tx, principal, chain| {
            let version = table::set_default_chain(tx, chain)?.ok_or(Error::UnknownNamespace)?;
            let payload = serde_json::json!({ "default_chain": chain });
            let fact = Fact::new("namespace.changed", 1).subject(&principal.namespace, version);
            tx.append(fact.actor(principal).payload(&payload));
            Ok(())
        });
    write.await
}
