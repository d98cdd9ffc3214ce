//! Signing of permits by the installation's policy key.

use crate::table::key::StoredKey;
use crate::{Error, Result, table};
use ed25519_dalek::{Signer as _, SigningKey};
use intent::PolicyKey;
use secrets::{EncryptionContext, Keyring};
use store::{Db, Fact, Lease, UnscopedTable as _, UnscopedTx};
use types::{Namespace, Principal};
use zeroize::Zeroizing;

/// The name of the key. There is exactly one per installation.
const NAME: &str = "permit";

/// Signs permits. It may be slow: it is called on pool threads, outside any transaction.
pub trait PermitSigner: Send + Sync {
    /// The Ed25519 signature (RFC 8032) over the canonical bytes of a permit's body.
    fn sign(&self, canonical: &[u8]) -> Result<[u8; 64]>;

    /// The public key, which `keys` pins.
    fn public(&self) -> PolicyKey;
}

/// A policy key in the memory of this process; its seed is encrypted at rest in the database.
pub struct LocalSigner(SigningKey);

impl LocalSigner {
    /// Load the installation's policy key, or create it if there is none. Errors:
    /// `secrets.undecryptable` if the keyring cannot decrypt it.
    pub async fn load_or_create(db: &Db, lease: &Lease, keyring: &Keyring) -> Result<Self> {
        let seed = Self::fresh_seed(db);
        let fresh = Self::from_seed(&seed)?;
        let encrypted = keyring.encrypt(
            &encryption_context(),
            seed.as_slice(),
            db.entropy().as_ref(),
        )?;
        let new = (fresh.public().to_bytes().to_vec(), encrypted);
        let stored = db
            .on(lease)
            .write_unscoped_with(new, |tx, (public, encrypted)| {
                store_if_absent(tx, public, encrypted)
            })
            .await?;
        let seed = keyring.decrypt(&encryption_context(), &stored)?;
        let seed: [u8; 32] = seed
            .as_slice()
            .try_into()
            .map_err(|_| unavailable("the seed does not have 32 bytes"))?;
        Self::from_seed(&Zeroizing::new(seed))
    }

    /// Re-encrypt the seed under the newest data key. Returns whether it was necessary.
    pub async fn reencrypt(db: &Db, lease: &Lease, keyring: &Keyring) -> Result<bool> {
        let Some(mut key) = stored_key(db).await? else {
            return Ok(false);
        };
        if keyring.is_current(&key.encrypted) {
            return Ok(false);
        }
        let seed = keyring.decrypt(&encryption_context(), &key.encrypted)?;
        key.encrypted = keyring.encrypt(&encryption_context(), &seed, db.entropy().as_ref())?;
        db.on(lease)
            .write_unscoped_with(key, |tx, key| {
                key.update_unscoped(tx)?;
                let fact = key_fact("policy.key_reencrypted", &key.public);
                tx.append(&facts_namespace(), fact);
                Ok::<_, Error>(())
            })
            .await?;
        Ok(true)
    }

    /// Whether the seed is encrypted under an older data key than the newest.
    pub async fn is_outdated(db: &Db, keyring: &Keyring) -> Result<bool> {
        let stored = stored_key(db).await?;
        Ok(stored.is_some_and(|key| !keyring.is_current(&key.encrypted)))
    }

    /// A signer from a seed of 32 bytes.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Result<Self> {
        let key = SigningKey::from_bytes(seed);
        match PolicyKey::from_bytes(&key.verifying_key().to_bytes()) {
            Ok(_) => Ok(Self(key)),
            Err(error) => Err(unavailable(&error.to_string())),
        }
    }

    fn fresh_seed(db: &Db) -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0u8; 32]);
        db.entropy().fill(seed.as_mut_slice());
        seed
    }
}

impl PermitSigner for LocalSigner {
    fn sign(&self, canonical: &[u8]) -> Result<[u8; 64]> {
        Ok(self.0.sign(canonical).to_bytes())
    }

    fn public(&self) -> PolicyKey {
        PolicyKey::from_bytes(&self.0.verifying_key().to_bytes())
            .expect("the key was checked when the signer was created")
    }
}

async fn stored_key(db: &Db) -> Result<Option<StoredKey>> {
    Ok(db.read_unscoped(|tx| table::key::get(tx, NAME)).await?)
}

/// Store the new seed unless there is one already; returns the stored one, encrypted.
fn store_if_absent(tx: &mut UnscopedTx, public: &[u8], encrypted: &[u8]) -> Result<Vec<u8>> {
    let new = StoredKey {
        name: NAME.to_owned(),
        public: public.to_owned(),
        encrypted: encrypted.to_owned(),
        created_at: tx.now(),
    };
    if table::key::insert(tx, &new)? {
        tx.append(&facts_namespace(), key_fact("policy.key_created", public));
    }
    let stored = table::key::get(tx, NAME)?;
    stored
        .map(|key| key.encrypted)
        .ok_or_else(|| unavailable("the key was not stored"))
}

fn key_fact(kind: &'static str, public: &[u8]) -> Fact {
    let actor = Principal::system("policy", facts_namespace());
    Fact::new(kind, 1)
        .subject(&"policy_key", 1)
        .actor(&actor)
        .payload(&serde_json::json!({ "public": hex::encode(public) }))
}

/// The namespace of the policy key's facts, because the key belongs to the installation.
fn facts_namespace() -> Namespace {
    "florin".parse().expect("a legal namespace")
}

fn encryption_context() -> EncryptionContext<'static> {
    EncryptionContext {
        table: "policy_key",
        row: NAME,
        column: "encrypted",
    }
}

fn unavailable(why: &str) -> Error {
    Error::SignerUnavailable {
        why: why.to_owned(),
    }
}
