//! Export of secrets: disabled by default, requires a permission, is recorded as a fact, and never
//! includes the key of a single child.

use crate::blocking::blocking;
use crate::secret::Secret;
use crate::table::wallet as table;
use crate::{Error, Keys, Result, named_key};
use serde::{Serialize, Serializer};
use store::Fact;
use types::{Permission, Principal, WalletId};
use utoipa::ToSchema;
use zeroize::Zeroizing;

const EXPORT: Permission = Permission("key:export");

// Wiped when dropped; `Debug` shows no part of it.
/// An exported secret.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[schema(as = Secret)]
pub enum Exported {
    /// The BIP-39 mnemonic of a wallet.
    Mnemonic {
        #[serde(serialize_with = "as_text")]
        #[schema(value_type = String)]
        words: Zeroizing<String>,
        /// The BIP-39 passphrase, or an empty string.
        #[serde(serialize_with = "as_text")]
        #[schema(value_type = String)]
        passphrase: Zeroizing<String>,
    },
    /// A single private key.
    PrivateKey {
        /// 32 bytes in hexadecimal.
        #[serde(serialize_with = "as_hex")]
        #[schema(value_type = String)]
        key: Zeroizing<[u8; 32]>,
    },
}

fn as_text<S: Serializer>(text: &Zeroizing<String>, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(text)
}

fn as_hex<S: Serializer>(key: &Zeroizing<[u8; 32]>, s: S) -> std::result::Result<S::Ok, S::Error> {
    let text = Zeroizing::new(format!("0x{}", hex::encode(key.as_slice())));
    s.serialize_str(&text)
}

/// Export a wallet's secret. The fact of the export is committed before the secret is decrypted.
///
/// Errors: `keys.export_disabled`, `keys.forbidden`, `keys.unknown_wallet`.
pub async fn export(keys: &Keys, principal: &Principal, wallet: &WalletId) -> Result<Exported> {
    check_allowed(keys, principal)?;
    let id = *wallet;
    let encrypted = keys.on().write_as(principal, id, |tx, principal, id| {
        let secret = table::secret(tx, id)?;
        let version = table::bump_version(tx, id)?.unwrap_or(1);
        let fact = Fact::new("wallet.exported", 1).subject(id, version);
        tx.append(fact.actor(principal));
        Ok::<_, Error>(secret)
    });
    let encrypted = encrypted.await?;
    let (engine, namespace) = (keys.clone(), principal.namespace);
    blocking(move || {
        Ok(
            match engine
                .wallet_secrets()
                .decrypt(&namespace, &id, &encrypted)?
            {
                Secret::Key(key) => Exported::PrivateKey { key },
                Secret::Words(phrase) => Exported::Mnemonic {
                    words: phrase.words().clone(),
                    passphrase: phrase.passphrase().clone(),
                },
            },
        )
    })
    .await
}

/// Export the private key of a named key, only if the key is the whole of its wallet. The private
/// key of a non-hardened child, together with the public node above it, reveals the private key of
/// that node and with it every other child (BIP-32, "Implications").
///
/// Errors: `keys.child_export_not_allowed`, and those of [`export`].
pub async fn export_key(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    name_or_id: &str,
) -> Result<Exported> {
    check_allowed(keys, principal)?;
    let key = named_key(keys, principal, wallet, name_or_id).await?;
    if key.path == "m" {
        export(keys, principal, &key.wallet).await
    } else {
        Err(Error::ChildExportNotAllowed)
    }
}

fn check_allowed(keys: &Keys, principal: &Principal) -> Result<()> {
    if !keys.settings().allow_export {
        return Err(Error::ExportDisabled);
    }
    if principal.may(EXPORT) {
        Ok(())
    } else {
        Err(Error::Forbidden {
            permission: EXPORT.0,
        })
    }
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mnemonic { .. } => "Mnemonic(…)",
            Self::PrivateKey { .. } => "PrivateKey(…)",
        })
    }
}
