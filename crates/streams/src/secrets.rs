//! The secrets of a subscription: signing secrets and the write-only values of its delivery, such
//! as headers, encrypted in its row. A signing secret is returned once, a value never.

use crate::error::{Error, Result};
use secrets::{EncryptionContext, Keyring};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Entropy, SubscriptionId, Time, Ulid};
use utoipa::ToSchema;
use zeroize::{Zeroize, Zeroizing};

/// Live secrets at a time: the current secret and its successor.
pub(crate) const MAX_LIVE: usize = 2;

/// An active signing secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActiveSecret)]
pub struct SecretInfo {
    pub id: String,
    pub created: Time,
    /// When the secret expires. Absent unless it is being replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}

/// A signing secret at the moment it is created: the only time it is returned.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SigningSecret)]
pub struct NewSecret {
    pub id: String,
    /// The HMAC key, to be used as it is without decoding.
    pub secret: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Secret {
    id: String,
    text: String,
    created: Time,
    not_after: Option<Time>,
}

/// The write-only values of a delivery, by field and name.
pub(crate) type SecretValues = BTreeMap<String, BTreeMap<String, String>>;

/// The plaintext of the encrypted column.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Secrets {
    signing: Vec<Secret>,
    /// The write-only values of the delivery.
    pub(crate) values: SecretValues,
}

impl Secrets {
    /// Values without a signing secret; [`Secrets::rotate`] adds one.
    pub(crate) fn new(values: SecretValues) -> Self {
        Self {
            signing: Vec::new(),
            values,
        }
    }

    /// The values of a field of the delivery, by name.
    pub(crate) fn texts(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.get(field).into_iter().flatten();
        values.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The texts of the live signing secrets, oldest first.
    pub(crate) fn live(&self, now: Time) -> Vec<&str> {
        self.signing
            .iter()
            .filter(|secret| secret.is_live(now))
            .map(|secret| secret.text.as_str())
            .collect()
    }

    /// The live signing secrets, without their text.
    pub(crate) fn infos(&self, now: Time) -> Vec<SecretInfo> {
        let live = self.signing.iter().filter(|secret| secret.is_live(now));
        live.map(|secret| SecretInfo {
            id: secret.id.clone(),
            created: secret.created,
            not_after: secret.not_after,
        })
        .collect()
    }

    /// Add a secret. The previous one stays live for `overlap_ms`. Errors:
    /// [`Error::RotationInProgress`].
    pub(crate) fn rotate(
        &mut self,
        now: Time,
        overlap_ms: u64,
        entropy: &dyn Entropy,
    ) -> Result<NewSecret> {
        self.signing.retain(|secret| secret.is_live(now));
        if self.signing.len() >= MAX_LIVE {
            return Err(Error::RotationInProgress);
        }
        let until = now.plus_millis(i64::try_from(overlap_ms).unwrap_or(i64::MAX));
        self.signing
            .iter_mut()
            .for_each(|secret| secret.not_after = Some(until));
        let secret = Secret::generate(now, entropy);
        let new_secret = NewSecret {
            id: secret.id.clone(),
            secret: secret.text.clone(),
        };
        self.signing.push(secret);
        Ok(new_secret)
    }

    /// Remove a live secret. Errors: [`Error::UnknownSecret`], [`Error::LastSecret`].
    pub(crate) fn retire(&mut self, now: Time, id: &str) -> Result<()> {
        self.signing.retain(|secret| secret.is_live(now));
        if !self.signing.iter().any(|secret| secret.id == id) {
            return Err(Error::UnknownSecret { id: id.to_owned() });
        }
        if self.signing.len() == 1 {
            return Err(Error::LastSecret);
        }
        self.signing.retain(|secret| secret.id != id);
        self.signing
            .iter_mut()
            .for_each(|secret| secret.not_after = None);
        Ok(())
    }

    pub(crate) fn encrypt(
        &self,
        keyring: &Keyring,
        id: SubscriptionId,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).expect("secrets are plain data and always serialize");
        let text = Zeroizing::new(text);
        Ok(keyring.encrypt(&encryption_context(&id.to_string()), &text, entropy)?)
    }

    pub(crate) fn decrypt(keyring: &Keyring, id: SubscriptionId, encrypted: &[u8]) -> Result<Self> {
        Self::parse(&keyring.decrypt(&encryption_context(&id.to_string()), encrypted)?)
    }

    /// Like [`Secrets::decrypt`], but waits for a data key that another process has just created.
    /// Not allowed inside a transaction.
    pub(crate) async fn decrypt_waiting(
        keyring: &Keyring,
        id: SubscriptionId,
        encrypted: &[u8],
    ) -> Result<Self> {
        let row = id.to_string();
        let context = encryption_context(&row);
        Self::parse(&keyring.decrypt_or_wait(&context, encrypted).await?)
    }

    fn parse(text: &[u8]) -> Result<Self> {
        let error = secrets::Error::Undecryptable {
            why: "its plaintext has an unexpected format",
        };
        serde_json::from_slice(text).map_err(|_| error.into())
    }
}

pub(crate) fn encryption_context(row: &str) -> EncryptionContext<'_> {
    EncryptionContext {
        table: "subscription",
        row,
        column: "encrypted",
    }
}

impl Secret {
    fn generate(now: Time, entropy: &dyn Entropy) -> Self {
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
        let values = self.values.values_mut().flat_map(BTreeMap::values_mut);
        values.for_each(Zeroize::zeroize);
    }
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "secret {}", self.id)
    }
}
