//! The only SQL of this crate.

use super::api_key::ApiKey;
use super::namespace::NamespaceRow;
use store::{Error, Result, Row, RowReader, Tx, UnscopedTx};
use types::{ApiKeyId, ChainId, Digest, Namespace, Page, PrincipalKind, Role, Time};

/// Inserts a namespace; false if the name exists.
pub(super) fn insert_namespace(
    tx: &mut UnscopedTx<'_, '_>,
    name: &Namespace,
    chain: Option<&ChainId>,
    now: Time,
) -> Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO namespace (name, default_chain, created_at, version) VALUES (?1, ?2, ?3, 1) ON CONFLICT DO NOTHING",
        (name, chain, now),
    )?;
    Ok(inserted == 1)
}

/// Every namespace, by name.
pub(super) fn namespaces(tx: &mut UnscopedTx<'_, '_>) -> Result<Vec<NamespaceRow>> {
    let rows: Vec<(Namespace, Option<ChainId>, Time)> = tx.rows(
        "SELECT name, default_chain, created_at FROM namespace ORDER BY name",
        (),
    )?;
    Ok(rows
        .into_iter()
        .map(|(name, default_chain, created)| NamespaceRow {
            name,
            default_chain,
            created,
        })
        .collect())
}

/// The number of namespaces and the sum of their versions. The pair differs after every change,
/// since namespaces are never deleted and versions only increase.
pub(super) fn namespaces_revision(tx: &mut UnscopedTx<'_, '_>) -> Result<(i64, i64)> {
    let row = tx.row(
        "SELECT COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM namespace",
        (),
    )?;
    Ok(row.unwrap_or_default())
}

/// The row of the transaction's namespace.
pub(super) fn namespace(tx: &mut Tx<'_, '_>) -> Result<Option<NamespaceRow>> {
    let row: Option<(Namespace, Option<ChainId>, Time)> = tx.row(
        "SELECT name, default_chain, created_at FROM namespace WHERE name = ?ns",
        (),
    )?;
    Ok(row.map(|(name, default_chain, created)| NamespaceRow {
        name,
        default_chain,
        created,
    }))
}

/// Sets the default chain of the namespace; returns the row's new version, `None` if it has no row.
pub(super) fn set_default_chain(tx: &mut Tx<'_, '_>, chain: &ChainId) -> Result<Option<i64>> {
    let row: Option<(i64,)> = tx.row(
        "UPDATE namespace SET default_chain = ?1, version = version + 1 WHERE name = ?ns RETURNING version",
        (chain,),
    )?;
    Ok(row.map(|(version,)| version))
}

/// Inserts an API key.
pub(super) fn insert_api_key(tx: &mut Tx<'_, '_>, key: &ApiKey, secret_hash: Digest) -> Result<()> {
    let roles = serde_json::to_string(&key.roles).expect("roles always serialize");
    tx.execute(
        "INSERT INTO api_key (namespace, id, name, kind, roles, secret_hash, created_at, expires_at, revoked_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, 1)",
        (key.id, &key.name, kind_text(key.kind), roles, secret_hash, key.created, key.expires),
    )?;
    Ok(())
}

const COLUMNS: &str =
    "namespace, id, name, kind, roles, created_at, expires_at, revoked_at, version, secret_hash";

/// An API key of any namespace by its id, with its namespace and the hash of its secret.
pub(super) fn api_key(
    tx: &mut UnscopedTx<'_, '_>,
    id: ApiKeyId,
) -> Result<Option<(Namespace, ApiKey, Digest)>> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE id = ?1");
    tx.row::<Row>(&sql, (id,))?.map(decode).transpose()
}

/// The API keys of the namespace, oldest first.
pub(super) fn api_keys(tx: &mut Tx<'_, '_>, page: &Page) -> Result<Vec<ApiKey>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM api_key WHERE namespace = ?ns ORDER BY created_at, id LIMIT ?1 OFFSET ?2"
    );
    let rows: Vec<Row> = tx.rows(&sql, (page.limit, page.skip))?;
    rows.into_iter()
        .map(|row| decode(row).map(|(_, key, _)| key))
        .collect()
}

/// Revokes an API key of the namespace; returns its new version, `None` if it does not exist or is
/// revoked already.
pub(super) fn revoke_api_key(tx: &mut Tx<'_, '_>, id: ApiKeyId, now: Time) -> Result<Option<i64>> {
    let row: Option<(i64,)> = tx.row(
        "UPDATE api_key SET revoked_at = ?2, version = version + 1
          WHERE namespace = ?ns AND id = ?1 AND revoked_at IS NULL RETURNING version",
        (id, now),
    )?;
    Ok(row.map(|(version,)| version))
}

fn decode(row: Row) -> Result<(Namespace, ApiKey, Digest)> {
    let mut row = RowReader::new(row);
    let namespace = row.take()?;
    let (id, name) = (row.take()?, row.take()?);
    let kind = parse_kind(&row.take::<String>()?)?;
    let roles: Vec<Role> =
        serde_json::from_str(&row.take::<String>()?).map_err(|_| unexpected("roles", "roles"))?;
    let key = ApiKey {
        id,
        name,
        kind,
        roles,
        created: row.take()?,
        expires: row.take()?,
        revoked: row.take()?,
        version: u64::try_from(row.take::<i64>()?).unwrap_or(0),
    };
    Ok((namespace, key, row.take()?))
}

fn kind_text(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
        PrincipalKind::Organisation => "organisation",
        PrincipalKind::System => "system",
    }
}

fn parse_kind(text: &str) -> Result<PrincipalKind> {
    [
        PrincipalKind::Person,
        PrincipalKind::Service,
        PrincipalKind::Organisation,
    ]
    .into_iter()
    .find(|kind| kind_text(*kind) == text)
    .ok_or_else(|| unexpected("kind", "a principal kind"))
}

fn unexpected(column: &'static str, expected: &'static str) -> Error {
    Error::UnexpectedValue {
        column,
        found: "other text",
        expected,
    }
}
