//! Export: off by default, for whoever holds the permission, on the record, and never the key of a
//! single child.

use crate::backend::Sealed;
use crate::keys::blocking;
use crate::secret::Secret;
use crate::table::wallet as table;
use crate::wallet::found;
use crate::{Error, Keys, Result, key};
use store::Fact;
use types::{KeyId, Permission, Principal, WalletId};
use zeroize::Zeroizing;

const EXPORT: Permission = Permission("key:export");

/// A secret that leaves. Wiped when dropped; `Debug` shows none of it.
pub enum Exported {
    /// The words of a wallet, and their passphrase or an empty one.
    Mnemonic {
        /// The words.
        words: Zeroizing<String>,
        /// The passphrase.
        passphrase: Zeroizing<String>,
    },
    /// An imported single key.
    PrivateKey(Zeroizing<[u8; 32]>),
}

/// Export a wallet's secret. The fact that says so is committed before the secret is opened.
///
/// Errors: `keys.export_off`, `keys.forbidden`, `keys.wallet_unknown`.
pub async fn export(keys: &Keys, who: &Principal, wallet: &WalletId) -> Result<Exported> {
    guard(keys, who)?;
    let (actor, id) = (who.clone(), *wallet);
    let sealed = keys
        .write(&who.namespace, move |tx| {
            found(tx, &id)?;
            let (_, bytes, version) =
                table::secrets(tx, &[(id,)])?
                    .pop()
                    .ok_or_else(|| Error::WalletUnknown {
                        wallet: id.to_string(),
                    })?;
            let raised = table::raise(tx, &id)?.unwrap_or(1);
            tx.append(
                Fact::new("wallet.exported", 1)
                    .about(&id, raised.max(0).cast_unsigned())
                    .by(&actor),
            );
            Ok::<_, Error>(Sealed { bytes, version })
        })
        .await?;
    let (engine, namespace) = (keys.clone(), who.namespace.clone());
    blocking(move || {
        Ok(match engine.software().open(&namespace, &id, &sealed)? {
            Secret::Key(key) => Exported::PrivateKey(key),
            Secret::Words(phrase) => Exported::Mnemonic {
                words: phrase.words().clone(),
                passphrase: phrase.passphrase().clone(),
            },
        })
    })
    .await
}

/// Export the private key of a named key: only where it is the whole of its wallet. A child that is
/// not hardened gives, together with the public node above it, the private key of that node away,
/// and with it every other child (BIP-32, "Implications").
///
/// Errors: `keys.export_child`, and those of [`export`].
pub async fn export_key(keys: &Keys, who: &Principal, id: &KeyId) -> Result<Exported> {
    guard(keys, who)?;
    let key = key(keys, who, id).await?;
    if key.path == "m" {
        export(keys, who, &key.wallet).await
    } else {
        Err(Error::ExportChild)
    }
}

fn guard(keys: &Keys, who: &Principal) -> Result<()> {
    if !keys.settings().export_allowed {
        return Err(Error::ExportOff);
    }
    if who.may(EXPORT) {
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
            Self::PrivateKey(_) => "PrivateKey(…)",
        })
    }
}
