//! API keys: `flr_<26 characters>_<64 hexadecimal digits>`. The first part identifies the key; the
//! second is a random 256-bit secret, of which only the SHA-256 hash is stored. A secret with that
//! much entropy needs no password hashing.

use super::resources::{ApiKey, KeyKind};
use super::table;
use crate::{Error, Result};
use policy::{ApiKeys, KeyStanding, Lock};
use serde::{Deserialize, Serialize};
use store::{Db, Fact, Lease, Tx};
use subtle::ConstantTimeEq as _;
use types::{
    ApiKeyId, Characters, Digest, NameRule, Page, Principal, PrincipalKind, Role, Time, Ulid,
};
use utoipa::ToSchema;

const PREFIX: &str = "flr";
const NAME: NameRule = NameRule::by_characters(128, Characters::Printable);

/// An API key to issue.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// A name of 1 to 128 characters.
    pub name: String,
    /// The kind of principal: `person`, `service` or `organisation`. Defaults to `service`.
    #[serde(default = "service")]
    #[schema(value_type = String)]
    pub kind: PrincipalKind,
    /// The roles to grant: `reader`, `operator`, `controller`, `admin`, `keyexporter`.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// When the key expires. A key without it does not expire.
    #[serde(default)]
    pub expires: Option<Time>,
}

fn service() -> PrincipalKind {
    PrincipalKind::Service
}

/// An API key at the moment it is issued: the only time its secret is shown.
#[derive(Serialize, ToSchema)]
pub struct IssuedApiKey {
    pub key: ApiKey,
    /// The complete API key. It cannot be retrieved later.
    pub secret: String,
}

/// Issues an API key in the principal's namespace. Granting `keyexporter` requires holding it; the
/// system principal is exempt. Errors: `api.invalid_field`, `api.forbidden`.
pub async fn issue_api_key(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    new: NewApiKey,
) -> Result<IssuedApiKey> {
    let name = new.name.trim().to_owned();
    if !NAME.accepts(&name) {
        return Err(Error::field("name", "expected 1 to 128 characters"));
    }
    if name.starts_with("system/") {
        return Err(Error::field(
            "name",
            "the prefix system/ is reserved for Florin's own workers",
        ));
    }
    let reserved = || Error::field("kind", "system is reserved for Florin itself");
    let kind = KeyKind::of(new.kind).ok_or_else(reserved)?;
    check_grant(principal, &new.roles)?;
    let (now, mut secret_bytes) = (db.clock().now(), [0u8; 32]);
    db.entropy().fill(&mut secret_bytes);
    let ulid = Ulid::new(now, db.entropy());
    let id = ApiKeyId::from_ulid(ulid);
    let secret = format!("{PREFIX}_{ulid}_{}", hex::encode(secret_bytes));
    let key = ApiKey {
        id,
        name,
        kind,
        roles: new.roles,
        created: now,
        expires: new.expires,
        revoked: None,
        version: 1,
    };
    let hash = Digest::of(&secret_bytes);
    let write = db
        .on(lease)
        .write_as(principal, key, move |tx, principal, key| {
            table::insert_api_key(tx, key, hash)?;
            let payload =
                serde_json::json!({ "name": key.name, "roles": key.roles, "expires": key.expires });
            tx.append(
                Fact::new("api_key.issued", 1)
                    .subject(&key.id, 1)
                    .actor(principal)
                    .payload(&payload),
            );
            Ok::<_, store::Error>(key.clone())
        });
    let key = write.await?;
    Ok(IssuedApiKey { key, secret })
}

/// Only one who holds `keyexporter` grants it; the system principal is exempt.
fn check_grant(principal: &Principal, roles: &[Role]) -> Result<()> {
    let grants_export =
        roles.contains(&Role::KeyExporter) && !principal.roles.contains(&Role::KeyExporter);
    if grants_export && principal.kind != PrincipalKind::System {
        return Err(Error::Forbidden {
            permission: "key:export",
        });
    }
    Ok(())
}

/// The API keys of the principal's namespace, oldest first.
pub(crate) async fn api_keys(db: &Db, principal: &Principal, page: Page) -> Result<Vec<ApiKey>> {
    Ok(db
        .read(&principal.namespace, move |tx| table::api_keys(tx, &page))
        .await?)
}

/// Sets the roles of an API key. Requests have them from the next one on; what was submitted with
/// the key and not signed yet is decided again. Granting `keyexporter` requires holding it. Errors:
/// `api.unknown_api_key`, `api.forbidden`.
pub(crate) async fn set_api_key_roles(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    id: ApiKeyId,
    roles: Vec<Role>,
) -> Result<ApiKey> {
    check_grant(principal, &roles)?;
    let args = (id, roles);
    let write = db
        .on(lease)
        .write_as(principal, args, |tx, principal, (id, roles)| {
            let unknown = || Error::UnknownApiKey { id: *id };
            let key = table::set_roles(tx, *id, roles)?.ok_or_else(unknown)?;
            let payload = serde_json::json!({ "roles": key.roles });
            let fact = Fact::new("api_key.changed", 1).subject(id, key.version);
            tx.append(fact.actor(principal).payload(&payload));
            Ok(key)
        });
    write.await
}

/// Revokes an API key. It is rejected from the next request on, and what was submitted with it and
/// not signed yet is denied in the same transaction. Error: `api.unknown_api_key`.
pub(crate) async fn revoke_api_key(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    id: ApiKeyId,
) -> Result<()> {
    let write = db
        .on(lease)
        .write_unscoped_with(principal.clone(), move |tx, principal| {
            let mut scoped = tx.scoped(&principal.namespace);
            let version = table::revoke_api_key(&mut scoped, id)?;
            let version = version.ok_or(Error::UnknownApiKey { id })?;
            let fact = Fact::new("api_key.revoked", 1).subject(&id, version);
            scoped.append(fact.actor(principal));
            submit::stop_submissions_of(tx, principal, id)?;
            Ok(())
        });
    write.await
}

/// Tells `policy` which API keys are live, and their roles.
pub struct StoredApiKeys;

impl ApiKeys for StoredApiKeys {
    fn standing(
        &self,
        tx: &mut Tx,
        keys: &[ApiKeyId],
        lock: Lock,
    ) -> store::Result<Vec<KeyStanding>> {
        let now = tx.now();
        let keys = table::api_keys_of(tx, keys, lock)?.into_iter();
        let standing = keys.map(|key| KeyStanding {
            id: key.id,
            is_live: key.is_live(now),
            roles: key.roles,
        });
        Ok(standing.collect())
    }
}

/// The principal of an API key. Unknown, wrong, revoked and expired keys fail with the same error,
/// so that a caller cannot tell them apart.
pub(crate) async fn authenticate(db: &Db, text: &str) -> Result<Principal> {
    let (id, secret) = parse(text).ok_or(Error::Unauthenticated)?;
    let now = db.clock().now();
    let row = db.read_unscoped(move |tx| table::api_key(tx, id)).await?;
    let stored = row.ok_or(Error::Unauthenticated)?;
    let matches = bool::from(Digest::of(&secret).0.ct_eq(&stored.secret_hash.0));
    let key = stored.key;
    if matches && key.is_live(now) {
        Ok(Principal {
            id: key.name,
            kind: key.kind.into(),
            namespace: stored.namespace,
            roles: key.roles,
            key: Some(key.id),
            chain_of: Vec::new(),
            trace: None,
        })
    } else {
        Err(Error::Unauthenticated)
    }
}

fn parse(text: &str) -> Option<(ApiKeyId, [u8; 32])> {
    let mut parts = text.split('_');
    let (prefix, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    if prefix != PREFIX || parts.next().is_some() {
        return None;
    }
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(secret, &mut bytes).ok()?;
    Some((ApiKeyId::from_ulid(id.parse::<Ulid>().ok()?), bytes))
}
