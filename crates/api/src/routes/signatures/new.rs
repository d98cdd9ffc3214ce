//! The request body of a new signature, and its conversion to a command.

use crate::routes::submissions::{account, bytes};
use crate::{Error, Result};
use intent::{Act, Authorization, Intent};
use serde::Deserialize;
use std::collections::BTreeMap;
use submit::NewStatement;
use types::{ChainId, Json};
use utoipa::ToSchema;

/// A message, typed data or an authorization to sign: exactly one of `message`, `messageHex`,
/// `typedData` and `authorization`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSignature {
    /// The chain. Defaults to the namespace's default chain.
    #[serde(default)]
    pub(super) chain: Option<ChainId>,
    /// The signing account. It must belong to a key of the namespace.
    signer: String,
    /// A message (EIP-191), as text.
    #[serde(default)]
    message: Option<String>,
    /// A message (EIP-191), as bytes in hexadecimal with 0x.
    #[serde(default)]
    message_hex: Option<String>,
    /// Whether a message of 32 bytes is signed. It may be a hash of something that nobody has seen.
    #[serde(default)]
    allow_hash: bool,
    /// Typed data (EIP-712): `types`, `primaryType`, `domain` and `message`. The domain must name
    /// the chain in `chainId`.
    #[serde(default)]
    typed_data: Option<Json>,
    /// An authorization that lets the signer run another account's code (EIP-7702).
    #[serde(default)]
    authorization: Option<NewAuthorization>,
    /// Labels of the caller.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Policies to evaluate in addition to the attached ones.
    #[serde(default)]
    policies: Vec<String>,
}

/// An authorization to sign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAuthorization {
    /// The account whose code the signer runs; the zero address ends a delegation.
    delegate: String,
    /// The nonce of the signer that the authorization uses.
    nonce: u64,
    /// Whether it is valid on every chain. Defaults to false: only on this one.
    #[serde(default)]
    any_chain: bool,
}

impl NewSignature {
    /// Converts the request to a command. An error names the invalid field.
    pub(super) fn into_command(self, chain: ChainId, key: Option<String>) -> Result<NewStatement> {
        let signer = account(&chain, "signer", &self.signer)?;
        let (field, act) = self.act(&chain, &signer)?;
        let command = NewStatement {
            idempotency_key: key,
            intent: Intent { chain, signer, act },
            allow_hash: self.allow_hash,
            policies: self.policies,
            labels: self.labels,
        };
        let checked = command.check_act();
        checked.map_err(|error| Error::at(field, error))?;
        Ok(command)
    }

    /// What is signed, with the name of its field.
    fn act(&self, chain: &ChainId, signer: &str) -> Result<(&'static str, Act)> {
        let mut given = Vec::new();
        if let Some(text) = &self.message {
            let bytes = text.as_bytes().to_vec();
            given.push(("message", Ok(Act::Message { bytes })));
        }
        if let Some(text) = &self.message_hex {
            let act = bytes("messageHex", text).map(|bytes| Act::Message { bytes });
            given.push(("messageHex", act));
        }
        if let Some(data) = &self.typed_data {
            let json = intent::typed_data(chain, &data.to_value());
            let json = json.map_err(|error| Error::within("typedData", error));
            given.push(("typedData", json.map(|json| Act::TypedData { json })));
        }
        if let Some(new) = &self.authorization {
            let act = new.authorization(chain, signer).map(Act::Authorization);
            given.push(("authorization", act));
        }
        let mut given = given.into_iter();
        match (given.next(), given.next()) {
            (Some((field, act)), None) => Ok((field, act?)),
            (Some((first, _)), Some((second, _))) => {
                let reason = format!("{first} and {second} cannot be combined");
                Err(Error::field(second, reason))
            }
            _ => {
                let reason = "one of message, messageHex, typedData and authorization is required";
                Err(Error::field("body", reason))
            }
        }
    }
}

impl NewAuthorization {
    fn authorization(&self, chain: &ChainId, signer: &str) -> Result<Authorization> {
        Ok(Authorization {
            authority: signer.to_owned(),
            delegate: account(chain, "authorization.delegate", &self.delegate)?,
            nonce: self.nonce,
            any_chain: self.any_chain,
        })
    }
}
