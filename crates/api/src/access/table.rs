//! The only SQL of this crate.

use super::resources::{ApiKey, KeyKind, NamespaceRow};
use policy::Lock;
use store::{Record as _, Result, ScopedTable as _, Tx, UnscopedTable as _, UnscopedTx};
use types::{ApiKeyId, ChainId, Digest, Namespace, Page, Role, Time};

#[derive(store::Record)]
#[record(table = "namespace", global, write)]
struct NewNamespace<'a> {
    name: &'a Namespace,
    default_chain: Option<&'a ChainId>,
    created_at: Time,
    version: u64,
}

/// Inserts a namespace; false if the name exists.
pub(super) fn insert_namespace(
    tx: &mut UnscopedTx,
    name: &Namespace,
    default_chain: Option<&ChainId>,
) -> Result<bool> {
    let new = NewNamespace {
        name,
        default_chain,
        created_at: tx.now(),
        version: 1,
    };
    Ok(NewNamespace::insert_unscoped(tx, &[new], "ON CONFLICT DO NOTHING")? == 1)
}

/// Every namespace, by name.
pub(super) fn namespaces(tx: &mut UnscopedTx) -> Result<Vec<NamespaceRow>> {
    tx.rows(&NamespaceRow::select("ORDER BY name"), ())
}

/// The number of namespaces and the sum of their versions. The pair differs after every change,
/// since namespaces are never deleted and versions only increase.
pub(super) fn namespaces_revision(tx: &mut UnscopedTx) -> Result<(i64, i64)> {
    let row = tx.row(
        "SELECT COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM namespace",
        (),
    )?;
    Ok(row.unwrap_or_default())
}

/// The row of the transaction's namespace.
pub(super) fn namespace(tx: &mut Tx) -> Result<Option<NamespaceRow>> {
    tx.row(&NamespaceRow::select("WHERE name = ?ns"), ())
}

/// Sets the default chain of the namespace; returns the row's new version, `None` if it has no row.
pub(super) fn set_default_chain(tx: &mut Tx, chain: &ChainId) -> Result<Option<u64>> {
    tx.value(
        "UPDATE namespace SET default_chain = ?1, version = version + 1 WHERE name = ?ns RETURNING version",
        (chain,),
    )
}

#[derive(store::Record)]
#[record(table = "api_key", write)]
struct NewApiKey<'a> {
    id: ApiKeyId,
    name: &'a str,
    kind: KeyKind,
    #[record(json)]
    roles: &'a [Role],
    secret_hash: Digest,
    created_at: Time,
    expires_at: Option<Time>,
    version: u64,
}

pub(super) fn insert_api_key(tx: &mut Tx, key: &ApiKey, secret_hash: Digest) -> Result<()> {
    let new = NewApiKey {
        id: key.id,
        name: &key.name,
        kind: key.kind,
        roles: &key.roles,
        secret_hash,
        created_at: key.created,
        expires_at: key.expires,
        version: key.version,
    };
    NewApiKey::insert(tx, &[new], "").map(drop)
}

/// An API key with what authentication needs to know of it.
#[derive(store::Record)]
pub(super) struct StoredApiKey {
    pub(super) namespace: Namespace,
    pub(super) secret_hash: Digest,
    #[record(flatten)]
    pub(super) key: ApiKey,
}

/// An API key of any namespace by its id.
pub(super) fn api_key(tx: &mut UnscopedTx, id: ApiKeyId) -> Result<Option<StoredApiKey>> {
    let columns = ApiKey::COLUMNS;
    let sql = format!("SELECT namespace, secret_hash, {columns} FROM api_key WHERE id = ?1");
    tx.row(&sql, (id,))
}

/// The API keys of the namespace, oldest first.
pub(super) fn api_keys(tx: &mut Tx, page: &Page) -> Result<Vec<ApiKey>> {
    let sql = ApiKey::select("WHERE namespace = ?ns ORDER BY created_at, id LIMIT ?1 OFFSET ?2");
    tx.rows(&sql, (page.limit, page.skip))
}

/// The keys of the namespace with these ids.
pub(super) fn api_keys_of(tx: &mut Tx, ids: &[ApiKeyId], lock: Lock) -> Result<Vec<ApiKey>> {
    let share = match lock {
        Lock::None => "",
        Lock::Shared => "{share}",
    };
    let sql = ApiKey::select(&format!(
        "WHERE namespace = ?ns AND id IN ({{rows}}) {share}"
    ));
    tx.query_rows(&sql, (), &store::list(ids))
}

/// Sets the roles of an API key of the namespace that is not revoked; returns it as it is then.
pub(super) fn set_roles(tx: &mut Tx, id: ApiKeyId, roles: &[Role]) -> Result<Option<ApiKey>> {
    let columns = ApiKey::COLUMNS;
    let sql = format!(
        "UPDATE api_key SET roles = ?2, version = version + 1
          WHERE namespace = ?ns AND id = ?1 AND revoked_at IS NULL RETURNING {columns}"
    );
    tx.row(&sql, (id, serde_json::to_string(roles).unwrap_or_default()))
}

/// Revokes an API key of the namespace; returns its new version, `None` if it does not exist or is
/// revoked already.
pub(super) fn revoke_api_key(tx: &mut Tx, id: ApiKeyId) -> Result<Option<u64>> {
    let now = tx.now();
    tx.value(
        "UPDATE api_key SET revoked_at = ?2, version = version + 1
          WHERE namespace = ?ns AND id = ?1 AND revoked_at IS NULL RETURNING version",
        (id, now),
    )
}
