//! API keys: `flr_<26 characters>_<64 hexadecimal digits>`. The first half finds the key, the
//! second is 256 bits of chance, of which only the hash is kept: there is nothing to stretch, and
//! nothing to steal.

use super::table;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use store::{Db, Fact, Lease};
use subtle::ConstantTimeEq as _;
use types::{ApiKeyId, Digest, Kind, Page, Principal, Role, Time, Ulid};
use utoipa::ToSchema;

const PREFIX: &str = "flr";
const MAX_NAME: usize = 128;

/// An API key, without its secret half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKey {
    /// Its public half.
    pub id: ApiKeyId,
    /// What facts call whoever acts with it.
    pub name: String,
    /// What sort of being acts with it.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// When it was issued.
    pub created: Time,
    /// When it ends by itself.
    pub expires: Option<Time>,
    /// When it was revoked.
    pub revoked: Option<Time>,
    /// Raised with each change.
    pub version: u64,
}

/// A key that is to be issued.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// 1 to 128 characters.
    pub name: String,
    /// `person` or `service`; `service` if nothing is said.
    #[serde(default = "service")]
    #[schema(value_type = String)]
    pub kind: Kind,
    /// `reader`, `operator`, `controller`, `admin`, `keyexporter`.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires: Option<Time>,
}

fn service() -> Kind {
    Kind::Service
}

/// A key as it is shown once, when it is issued.
#[derive(Serialize, ToSchema)]
pub struct Issued {
    /// The key.
    pub key: ApiKey,
    /// The whole of it, never to be seen again.
    pub secret: String,
}

/// Issue a key in the namespace of who asks. Nobody hands out a role that he does not hold, admins
/// excepted (who may hand out all but the export of keys, unless they hold it).
pub async fn issue(db: &Db, lease: &Lease, who: &Principal, new: NewApiKey) -> Result<Issued> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::Field {
            field: "name".to_owned(),
            why: "a name has 1 to 128 characters".to_owned(),
        });
    }
    if name.starts_with("system/") {
        return Err(Error::Field {
            field: "name".to_owned(),
            why: "system/ begins the names of Florin's own workers".to_owned(),
        });
    }
    if new.kind == Kind::System {
        return Err(Error::Field {
            field: "kind".to_owned(),
            why: "system is Florin itself".to_owned(),
        });
    }
    let exports = new.roles.contains(&Role::KeyExporter) && !who.roles.contains(&Role::KeyExporter);
    if exports && who.kind != Kind::System {
        return Err(Error::Forbidden {
            permission: "key:export",
        });
    }
    let (now, mut chance) = (db.clock().now(), [0u8; 32]);
    db.entropy().fill(&mut chance);
    let ulid = Ulid::new(now, db.entropy());
    let id = ApiKeyId::from_ulid(ulid);
    let secret = format!("{PREFIX}_{ulid}_{}", hex::encode(chance));
    let (kind, roles, expires) = (new.kind, new.roles, new.expires);
    let key = ApiKey {
        id,
        name,
        kind,
        roles,
        created: now,
        expires,
        revoked: None,
        version: 1,
    };
    let (kept, who) = (key.clone(), who.clone());
    db.on(lease)
        .write(&who.namespace.clone(), move |tx| {
            table::insert_key(tx, &kept, Digest::of(&chance))?;
            let said = serde_json::json!({ "name": kept.name, "roles": kept.roles, "expires": kept.expires });
            tx.append(Fact::new("api_key.issued", 1).about(&kept.id, 1).by(&who).says(&said));
            Ok::<_, store::Error>(())
        })
        .await?;
    Ok(Issued { key, secret })
}

/// The keys of the namespace.
pub async fn keys(db: &Db, who: &Principal, page: Page) -> Result<Vec<ApiKey>> {
    Ok(db
        .read(&who.namespace, move |tx| table::keys(tx, &page))
        .await?)
}

/// Revoke a key: it is refused from the next request on.
pub async fn revoke(db: &Db, lease: &Lease, who: &Principal, id: ApiKeyId) -> Result<()> {
    let who = who.clone();
    db.on(lease)
        .write(&who.namespace.clone(), move |tx| {
            let now = tx.now();
            let Some(version) = table::revoke(tx, id, now)? else {
                return Err(Error::UnknownKey { id });
            };
            tx.append(
                Fact::new("api_key.revoked", 1)
                    .about(&id, u64::try_from(version).unwrap_or(0))
                    .by(&who),
            );
            Ok(())
        })
        .await
}

/// Who comes with this key. Wrong, revoked and expired keys get one and the same answer.
pub async fn authenticate(db: &Db, text: &str) -> Result<Principal> {
    let (id, secret) = parse(text).ok_or(Error::Unauthenticated)?;
    let now = db.clock().now();
    let found = db.read_unbound(move |tx| table::key(tx, id)).await?;
    let (namespace, key, hash) = found.ok_or(Error::Unauthenticated)?;
    let right = bool::from(Digest::of(&secret).0.ct_eq(&hash.0));
    let alive = key.revoked.is_none() && key.expires.is_none_or(|expires| expires > now);
    if right && alive {
        Ok(Principal {
            id: key.name,
            kind: key.kind,
            namespace,
            roles: key.roles,
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
