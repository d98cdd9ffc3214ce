//! What a subscription keeps secret: signing secrets and values of headers. Sealed in its row;
//! shown once, or never.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::secret::{Keyring, Place};
use types::{Entropy, SubscriptionId, Time, Ulid};
use zeroize::{Zeroize, Zeroizing};

/// Secrets that may sign at a time: the one in use, and the one that replaces it.
pub(crate) const MAX_LIVE: usize = 2;

/// A signing secret as it is shown, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: Time,
    /// When it signs no more; none while nothing is to replace it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}

/// A signing secret as it is handed out, once.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct NewSecret {
    /// Its id.
    pub id: String,
    /// Its text: the key of the HMAC, as it stands.
    pub secret: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Secret {
    id: String,
    text: String,
    created: Time,
    not_after: Option<Time>,
}

/// All that is sealed.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Secrets {
    signing: Vec<Secret>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Secrets {
    /// With these headers, and a fresh signing secret if one is asked for.
    pub(crate) fn new(headers: BTreeMap<String, String>) -> Self {
        Self {
            signing: Vec::new(),
            headers,
        }
    }

    /// Those that sign at a moment, oldest first.
    pub(crate) fn live(&self, now: Time) -> Vec<&str> {
        self.signing
            .iter()
            .filter(|one| one.is_live(now))
            .map(|one| one.text.as_str())
            .collect()
    }

    /// Those that sign at a moment, without their text.
    pub(crate) fn shown(&self, now: Time) -> Vec<SecretInfo> {
        let live = self.signing.iter().filter(|one| one.is_live(now));
        live.map(|one| SecretInfo {
            id: one.id.clone(),
            created: one.created,
            not_after: one.not_after,
        })
        .collect()
    }

    /// Add a secret. The one before signs on for the overlap. Errors: [`Error::TwoSecrets`].
    pub(crate) fn rotate(
        &mut self,
        now: Time,
        overlap_ms: u64,
        entropy: &dyn Entropy,
    ) -> Result<NewSecret> {
        self.signing.retain(|one| one.is_live(now));
        if self.signing.len() >= MAX_LIVE {
            return Err(Error::TwoSecrets);
        }
        let until = now.plus_millis(i64::try_from(overlap_ms).unwrap_or(i64::MAX));
        self.signing
            .iter_mut()
            .for_each(|one| one.not_after = Some(until));
        let fresh = Secret::fresh(now, entropy);
        let shown = NewSecret {
            id: fresh.id.clone(),
            secret: fresh.text.clone(),
        };
        self.signing.push(fresh);
        Ok(shown)
    }

    /// Let a secret sign no more. Errors: [`Error::UnknownSecret`], [`Error::LastSecret`].
    pub(crate) fn retire(&mut self, now: Time, id: &str) -> Result<()> {
        self.signing.retain(|one| one.is_live(now));
        if !self.signing.iter().any(|one| one.id == id) {
            return Err(Error::UnknownSecret { id: id.to_owned() });
        }
        if self.signing.len() == 1 {
            return Err(Error::LastSecret);
        }
        self.signing.retain(|one| one.id != id);
        self.signing.iter_mut().for_each(|one| one.not_after = None);
        Ok(())
    }

    pub(crate) fn seal(
        &self,
        keyring: &Keyring,
        id: SubscriptionId,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).expect("secrets are plain data and always serialize");
        let text = Zeroizing::new(text);
        Ok(keyring.seal(&place(&id.to_string()), &text, entropy)?)
    }

    pub(crate) fn open(keyring: &Keyring, id: SubscriptionId, sealed: &[u8]) -> Result<Self> {
        Self::read(&keyring.open(&place(&id.to_string()), sealed)?)
    }

    /// The same, waiting for a data key that another process has begun a moment ago. Never inside a
    /// transaction.
    pub(crate) async fn open_soon(
        keyring: &Keyring,
        id: SubscriptionId,
        sealed: &[u8],
    ) -> Result<Self> {
        Self::read(&keyring.open_soon(&place(&id.to_string()), sealed).await?)
    }

    fn read(text: &[u8]) -> Result<Self> {
        let broken = store::Error::Secret {
            why: "it does not hold what it should",
        };
        serde_json::from_slice(text).map_err(|_| broken.into())
    }
}

pub(crate) fn place(row: &str) -> Place<'_> {
    Place {
        table: "subscription",
        row,
        column: "sealed",
    }
}

impl Secret {
    fn fresh(now: Time, entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0u8; 32]);
        entropy.fill(key.as_mut_slice());
        let text = format!("whsec_{}", hex::encode(key.as_slice()));
        Self {
            id: Ulid::new(now, entropy).to_string(),
            text,
            created: now,
            not_after: None,
        }
    }

    fn is_live(&self, now: Time) -> bool {
        self.not_after.is_none_or(|until| now < until)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.headers.values_mut().for_each(Zeroize::zeroize);
    }
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "secret {}", self.id)
    }
}
