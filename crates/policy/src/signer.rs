//! Who signs permits: the installation's policy key.

use crate::{Error, Result, table};
use ed25519_dalek::{Signer as _, SigningKey};
use intent::PolicyKey;
use store::secret::{Keyring, Place};
use store::{Db, Fact, Lease};
use types::{Namespace, Principal};
use zeroize::Zeroizing;

/// The name of the one key. Another would be another installation's word.
const NAME: &str = "permit";

/// What signs permits. It may be slow: it is called on threads that may wait, outside any
/// transaction.
pub trait PermitSigner: Send + Sync {
    /// The Ed25519 signature (RFC 8032) over the canonical bytes of a permit's body.
    fn sign(&self, canonical: &[u8]) -> Result<[u8; 64]>;

    /// The public half, which whoever signs transactions pins.
    fn public(&self) -> PolicyKey;
}

/// A policy key in this process's memory; at rest its seed is sealed in the database.
pub struct LocalSigner(SigningKey);

impl LocalSigner {
    /// Open the installation's policy key, or make it if there is none. Errors: `store.secret` if
    /// the keyring does not open it.
    pub async fn open(db: &Db, lease: &Lease, keyring: &Keyring) -> Result<Self> {
        let seed = Self::fresh_seed(db);
        let fresh = Self::from_seed(&seed)?;
        let sealed = keyring.seal(&place(), seed.as_slice(), db.entropy().as_ref())?;
        let (public, mine) = (fresh.public().to_bytes().to_vec(), sealed);
        let kept = db
            .on(lease)
            .write_unbound(move |tx| keep(tx, &public, &mine))
            .await?;
        let seed = keyring.open(&place(), &kept)?;
        let seed: [u8; 32] = seed
            .as_slice()
            .try_into()
            .map_err(|_| unsound("its seed has no 32 bytes"))?;
        Self::from_seed(&Zeroizing::new(seed))
    }

    /// Seal the seed under the newest data key of a rotated keyring. Says whether there was
    /// anything to do.
    pub async fn reseal(db: &Db, lease: &Lease, keyring: &Keyring) -> Result<bool> {
        let Some((public, sealed)) = db.read_unbound(|tx| table::key::get(tx, NAME)).await? else {
            return Ok(false);
        };
        if keyring.is_current(&sealed) {
            return Ok(false);
        }
        let seed = keyring.open(&place(), &sealed)?;
        let anew = keyring.seal(&place(), &seed, db.entropy().as_ref())?;
        db.on(lease)
            .write_unbound(move |tx| {
                table::key::reseal(tx, NAME, &anew)?;
                tx.append(&house(), told("policy.key_resealed", &public));
                Ok::<_, Error>(())
            })
            .await?;
        Ok(true)
    }

    /// Whether the seed is sealed under an older data key than the newest of this keyring.
    pub async fn is_outdated(db: &Db, keyring: &Keyring) -> Result<bool> {
        let kept = db.read_unbound(|tx| table::key::get(tx, NAME)).await?;
        Ok(kept.is_some_and(|(_, sealed)| !keyring.is_current(&sealed)))
    }

    /// From a seed of 32 bytes.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Result<Self> {
        let key = SigningKey::from_bytes(seed);
        match PolicyKey::from_bytes(&key.verifying_key().to_bytes()) {
            Ok(_) => Ok(Self(key)),
            Err(error) => Err(unsound(&error.to_string())),
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
            .expect("checked when the signer was made")
    }
}

/// The seed that is kept: the one that was there, or else the new one.
fn keep(tx: &mut store::Unbound<'_, '_>, public: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let now = tx.now();
    if table::key::insert(tx, NAME, public, sealed, now)? {
        tx.append(&house(), told("policy.key_made", public));
    }
    let kept = table::key::get(tx, NAME)?;
    kept.map(|(_, sealed)| sealed)
        .ok_or_else(|| unsound("it was not kept"))
}

fn told(kind: &'static str, public: &[u8]) -> Fact {
    let who = Principal::system("policy", house());
    Fact::new(kind, 1)
        .about(&"policy_key", 1)
        .by(&who)
        .says(&serde_json::json!({ "public": hex::encode(public) }))
}

/// The key is the installation's, not a tenant's; its facts stand under this name.
fn house() -> Namespace {
    "florin".parse().expect("a legal namespace")
}

fn place() -> Place<'static> {
    Place {
        table: "policy_key",
        row: NAME,
        column: "sealed",
    }
}

fn unsound(why: &str) -> Error {
    Error::Signer {
        why: why.to_owned(),
    }
}
